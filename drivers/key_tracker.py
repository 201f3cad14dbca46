"""Turns scans of a key matrix into key presses: debounce, ghosts, held and stuck keys. Knows nothing of pins."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.devices import KeyPress

MOST_KEYS = 2  # without diodes three keys can show a fourth; two never show a third


@dataclass(slots=True)
class _Down:
    """A key that is down: since when, and what was said of it."""

    since: float
    told: bool
    held_told: bool = False


class KeyTracker:
    """One press, one `KeyPress`. Times in milliseconds, moments in seconds of one clock.

    Nothing new is told while more than two keys show, nor when two go down in the same scan (their order, and so a
    PIN's, would be a guess). After either the pad has to be let go wholly before it counts again: a palm or a leaning
    child types nothing.
    """

    def __init__(self, *, debounce_ms: int, hold_ms: int, stuck_ms: int) -> None:
        self._debounce_s = debounce_ms / 1000
        self._hold_s = hold_ms / 1000
        self._stuck_s = stuck_ms / 1000
        self._seen: frozenset[str] = frozenset()
        self._seen_since = 0.0
        self._down: dict[str, _Down] = {}
        self._locked = False

    def __repr__(self) -> str:
        return f"<key tracker, {len(self._down)} keys down>"  # never which: they may be a PIN's

    @property
    def at_rest(self) -> bool:
        """No key is down, and none bounces."""
        return not self._seen and not self._down

    def lock(self) -> None:
        """What is down now was not seen going down: tell nothing until the pad was let go."""
        self._locked = True

    def scanned(self, keys: frozenset[str], now: float) -> list[KeyPress]:
        """One scan's closed keys. Returns what is to be told because of it."""
        if keys != self._seen:
            self._seen, self._seen_since = keys, now
        presses = self._settled(now) if now - self._seen_since >= self._debounce_s else []
        if self.at_rest:
            self._locked = False
        return presses

    def stuck(self, now: float) -> tuple[str, ...]:
        """The keys that have been down for longer than a person holds one."""
        return tuple(key for key, down in self._down.items() if now - down.since >= self._stuck_s)

    def held(self, now: float) -> tuple[str, ...]:
        """The keys that have been down for so long that they are held, whether or not that was told."""
        return tuple(key for key, down in self._down.items() if now - down.since >= self._hold_s)

    def _settled(self, now: float) -> list[KeyPress]:
        for key in [key for key in self._down if key not in self._seen]:
            del self._down[key]
        fresh = [key for key in self._seen if key not in self._down]
        if len(self._seen) > MOST_KEYS or len(fresh) > 1:
            self._locked = True
        told = not self._locked
        for key in fresh:
            self._down[key] = _Down(since=self._seen_since, told=told)
        presses = [KeyPress(key) for key in fresh if told]
        return presses + ([] if self._locked else self._held(now))

    def _held(self, now: float) -> list[KeyPress]:
        held = []
        for key, down in self._down.items():
            if down.told and not down.held_told and now - down.since >= self._hold_s:
                down.held_told = True
                held.append(KeyPress(key, held=True))
        return held
