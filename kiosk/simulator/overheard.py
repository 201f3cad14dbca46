"""What was said on the line, as someone beside it hears it: kinds, outcomes and times, never what a message holds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass

from bank_link import envelope
from bank_link.errors import LinkError, MessageRefused
from bank_link.seams import WallClock

REMEMBERED = 200


@dataclass(frozen=True)
class Said:
    """One send. `answer`: the kind of what came back; "" where nothing did, and then `lost` says why."""

    number: int
    at_ms: int
    kind: str
    answer: str
    lost: str
    took_ms: int


class Overheard:
    """The newest sends, oldest first. `count`: how many there ever were."""

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self.said: deque[Said] = deque(maxlen=REMEMBERED)
        self.count = 0

    def since(self, number: int) -> list[Said]:
        """Those after that number, as far as they are remembered."""
        return [one for one in self.said if one.number > number]

    async def heard(self, request: bytes, answer: Awaitable[bytes]) -> bytes:
        """The answer itself. Raises what it raises."""
        at_ms, began = self._clock.now_ms(), asyncio.get_running_loop().time()
        kind, answered, lost = _kind(request), "", "given up"
        try:
            data = await answer
            answered, lost = _kind(data), ""
            return data
        except LinkError as error:
            lost = str(error)
            raise
        finally:
            self.count += 1
            took_ms = round((asyncio.get_running_loop().time() - began) * 1000)
            self.said.append(Said(self.count, at_ms, kind, answered, lost, took_ms))


def _kind(frame: bytes) -> str:
    """What the envelope names; its body is not looked at."""
    try:
        return envelope.unseal(frame).envelope.kind
    except MessageRefused:
        return "unreadable"
