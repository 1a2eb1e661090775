"""The measure itself: it sees a change of code and does not see a change of documentation."""

import pathlib

import pytest

from code_of_files import code_of

SAMPLES = {
    "a.py": ('def f(x):\n    """Old."""\n    return x  # kept\n', "Old.", "New.\n\n    More.\n    ", "return x", "return  y"),
    "a.js": ("/** Old. */\nfunction f(x) { return x; } // kept\n", "Old.", "New.\n * @param x - The x.\n", "return x", "return y"),
    "a.rs": ('/// Old.\nfn f(x: &\'static str) -> char { \'"\' } // kept\n', "Old.", "New.\n/// More.", "char", "Char"),
    "a.go": ("// F is old.\nfunc F(x int) string { return `// x` }\n", "F is old.", "F is new.\n// More.", "// x`", "// y`"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_documentation_is_not_code(tmp_path, name):
    text, old, new, _, _ = SAMPLES[name]
    assert measured(tmp_path, name, text) == measured(tmp_path, name, text.replace(old, new))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_change_of_code_is_seen(tmp_path, name):
    text, _, _, old, new = SAMPLES[name]
    assert old in text
    assert measured(tmp_path, name, text) != measured(tmp_path, name, text.replace(old, new))


@pytest.mark.parametrize("name", ["a.py", "a.js", "a.rs"])
def test_a_lost_comment_is_seen(tmp_path, name):
    text = SAMPLES[name][0]
    assert measured(tmp_path, name, text) != measured(tmp_path, name, text.replace("kept", "lost"))


def measured(folder: pathlib.Path, name: str, text: str):
    """What is code in a file with this text."""
    file = folder / name
    file.write_text(text)
    return code_of([file])
