"""Surfaces made once and kept while they are used: a bounded store, the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from pygame import Surface


class Surfaces:
    """Keeps up to `most_bytes` of surfaces by key."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held: OrderedDict[Hashable, Surface] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, make: Callable[[], Surface]) -> Surface:
        """The surface of `key`, made by `make` where it is not held."""
        held = self._held.get(key)
        if held is not None:
            self._held.move_to_end(key)
            return held
        made = make()
        self._held[key] = made
        self._bytes += _size(made)
        while self._bytes > self._most and len(self._held) > 1:
            _, dropped = self._held.popitem(last=False)
            self._bytes -= _size(dropped)
        return made


def _size(surface: Surface) -> int:
    return surface.get_width() * surface.get_height() * surface.get_bytesize()
