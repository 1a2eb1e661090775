from typing import TypeVar

T = TypeVar("T")

type Pair[A] = tuple[A, A]


def first[K: (int, str), *Ts, **P](key: K, *rest: *Ts) -> K:
    return key


class Box[T: Base]:
    def get(self) -> T:
        return self.value
