"""A sample of every construct that the model holds."""

from typing import Generic, TypeVar, overload

__all__ = ["Store", "load"]

T = TypeVar("T")
LIMIT: int = 5  # TODO: make it a setting
type Pair[A] = tuple[A, A]


def load(path, /, mode="r", *, strict: bool = False, **options: object) -> bytes:
    """Load a file.

    Args:
        path: Where it is.
    """
    if not path:
        raise ValueError("path is empty")
    try:
        with open(path, mode) as file:
            return file.read()
    except OSError as error:
        raise
    except (KeyError, TypeError) as error:
        raise RuntimeError("broken") from error


async def fetch[K: (int, str)](key: K, *keys: K) -> None:
    def inner():
        return 1

    yield key
    yield from keys


class Store(Generic[T], metaclass=Meta):
    """A store.

    Attributes:
        size: How many.
    """

    size: int = 0
    name = "store"

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self._cache = {}

    @property
    def empty(self) -> bool:
        return self.size == 0

    @empty.setter
    def empty(self, value): ...

    @staticmethod
    def make(cls, x):
        pass

    @classmethod
    def parse(cls, text: str) -> "Store":
        raise NotImplementedError

    @overload
    def get(self, key: int) -> int: ...
    @overload
    def get(self, key: str) -> str: ...
    def get(self, key):
        """Get 🎉."""
        if key == 1 and self.size > 2:
            return 1
        elif key:
            raise KeyError(key)
        else:
            raise LookupError
        return eval(key)

    def _hidden(self): return None  # noqa: DOC101


def test_store(password="hunter2xyz"):
    for x in range(3):
        if x:
            raise err
