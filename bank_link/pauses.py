"""Pauses between tries: small at first, doubling, never above a bound, and never in step with other terminals."""

from __future__ import annotations

from bank_link.seams import Randomness


class Pauses:
    """`next_s()` gives the seconds to wait before the next try; `reset()` after a success."""

    def __init__(self, random: Randomness, *, first_s: float, most_s: float) -> None:
        self._random = random
        self._first_s = first_s
        self._most_s = most_s
        self._tries = 0

    def next_s(self) -> float:
        pause = min(self._most_s, self._first_s * 2 ** min(self._tries, 16))
        self._tries += 1
        spread = self._random.token_bytes(1)[0] / 255
        return float(pause * (0.75 + 0.25 * spread))

    def reset(self) -> None:
        self._tries = 0
