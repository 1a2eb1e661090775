"""What is edited in every editor: files whose documentation is right, a way to break it, and what mends it.

Each file holds emoji in front of the places that change, because columns count differently there; one ends its lines as Windows does.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    """One file, and the words in its documentation to break."""

    name: str
    filename: str
    filetype: str
    text: str
    right: str
    wrong: str
    codes: frozenset = frozenset({"param-renamed", "param-not-in-signature"})

    @property
    def broken(self) -> str:
        """The text with its documentation broken, and nothing else."""
        assert self.right in self.text
        return self.text.replace(self.right, self.wrong)


PYTHON = '''"""Sums 🎉 of numbers."""


def add(first, second):
    """Add 🎉 two numbers.

    Args:
        first: The 🎉 first number.
        second: The second number.

    Returns:
        The 🎉 sum of both.
    """
    return first + second
'''

JAVASCRIPT = """/** Sums 🎉 of numbers. */
const label = "🎉";

/**
 * Adds 🎉 two numbers.
 *
 * @param {"🎉"|number} first - The 🎉 first number.
 * @param {"🎉"|number} second - The second number.
 * @returns {number} The 🎉 sum of both.
 */
export function add(first, second) {
  return first + second;
}
"""

CASES = [
    Case("python-emoji", "sums.py", "python", PYTHON, "first: The", "frist: The"),
    Case("python-crlf", "sums.py", "python", PYTHON.replace("\n", "\r\n"), "first: The", "frist: The"),
    Case("javascript-emoji", "sums.js", "javascript", JAVASCRIPT, "first - The", "frist - The"),
    Case("javascript-crlf", "sums.js", "javascript", JAVASCRIPT.replace("\n", "\r\n"), "first - The", "frist - The"),
]

UNDOCUMENTED = '''"""Sums 🎉 of numbers."""


def subtract(first, second):
    return first - second
'''
