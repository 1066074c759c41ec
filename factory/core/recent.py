"""A cache by bytes: the most recently used values stay in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The most recently used values, up to `room` bytes; `size` returns the bytes of a value."""

    def __init__(self, room: int, size: Callable[[Value], int]) -> None:
        self._room, self._size, self._bytes = room, size, 0
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return the value of a key, or None; counts as a use of the value."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Keep a value; evict the least recently used values when over budget."""
        if key not in self._values:
            self._values[key] = value
            self._bytes += self._size(value)
        while self._bytes > self._room:
            self._bytes -= self._size(self._values.popitem(last=False)[1])
