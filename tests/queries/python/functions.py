"""Functions of all kinds."""

import os

__all__ = ["load", "count"]

LIMIT: int = 5  # TODO: make it a setting


def load(path, /, mode="r", *args: str, strict: bool = False, **options: object) -> bytes:
    """Load a file.

    Args:
        path: Where it is.
    """
    with open(path, mode) as file:
        return file.read()


async def count(start: int = 0, *, step=1):
    """Count up 🎉."""
    yield start
    yield from count(start + step)
    await step


def outer():
    def inner():
        return 1

    return lambda: inner()


@contextmanager
@functools.lru_cache(maxsize=None)
def cached(key): return key


def bare():
    return


def _hidden(x):  # noqa: DOC101, DOC103
    pass


def test_load(tmp_path):
    assert load(tmp_path)


if os.name == "nt":
    def windows_only(): ...
else:
    def elsewhere(): ...
