class Store(Generic[T], metaclass=Meta):
    """A store.

    Attributes:
        size: How many.
    """

    size: int = 0
    name = "store"

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self._cache, self.other = {}, None

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
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
        """Get one."""
        return self._cache[key]

    @abc.abstractmethod
    def draw(self):
        """Draw it."""

    def _hidden(self): return None

    class Inner:
        """Inside."""

        def method(self): return 1


@dataclass(frozen=True)
class Point:
    """A point."""

    x: int
    y: int = 0


class _Private:
    def method(self): pass
