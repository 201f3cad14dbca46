"""The line between a kiosk and the bank: it loses, delays, doubles and turns round what it carries, and is cut for days."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from simulation.bank_node import BankNode
from simulation.world import Chance, Power, World

from bank_link.envelope import Envelope, unseal
from bank_link.errors import NotSent, OutcomeUnknown


@dataclass
class LineWeather:
    """Probabilities, each for one message; `late_s` is the longest that a late one is under way."""

    lost: float = 0.0
    answer_lost: float = 0.0
    late: float = 0.0
    late_s: float = 240.0
    answer_late: float = 0.0
    repeated: float = 0.0


class Watcher(Protocol):
    """Who sees what the line carries."""

    def leaves(self, terminal: str, envelope: Envelope) -> None: ...

    def asked(self, terminal: str, envelope: Envelope) -> None: ...


class Nature(Protocol):
    """Whoever breaks things at the worst moment: it is told what the line is about to do."""

    def is_about_to(self, power: Power, effect: str) -> None: ...

    def leaves(self, terminal: str, kind: str) -> None: ...

    def is_late(self, terminal: str, kind: str) -> None: ...

    def waits_for_its_twin(self, terminal: str, request: bytes, arrive: Callable[[], None]) -> bool: ...

    def waits_to_be_overtaken(self, terminal: str, request: bytes, arrive: Callable[[], None]) -> bool: ...


class SimLine:
    """`bank_link.seams.Line` for one start of a kiosk."""

    def __init__(
        self, world: World, bank: BankNode, weather: LineWeather, power: Power, chance: Chance,
        is_cut: Callable[[], bool], watcher: Watcher, nature: Nature,
    ) -> None:  # fmt: skip
        self._world, self._bank, self._weather, self._power = world, bank, weather, power
        self._chance, self._is_cut, self._watcher, self._nature = chance, is_cut, watcher, nature
        self._sent = self._arrived = 0

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        envelope = unseal(request).envelope
        self._watcher.leaves(self._power.name, envelope)
        self._nature.is_about_to(self._power, f"sending {envelope.kind}")
        self._power.effect(f"sending {envelope.kind}")
        if self._is_cut() or not self._bank.up:
            self._world.count("line: not sent")
            await asyncio.sleep(0.05)
            raise NotSent("no line to the bank")
        self._watcher.asked(self._power.name, envelope)
        self._nature.leaves(self._power.name, envelope.kind)
        answers: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._send(envelope.kind, request, answers)
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                answer = await answers
        except TimeoutError as error:
            raise OutcomeUnknown("no answer in time") from error
        if answer is None:
            raise OutcomeUnknown("the bank closed the connection")
        return answer

    async def reset(self) -> None:
        """Nothing is kept alive here."""

    # ── What becomes of it ──────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, kind: str, request: bytes, answers: asyncio.Future[bytes | None]) -> None:
        chance, weather = self._chance, self._weather
        if chance.strikes(weather.repeated):
            self._world.count("line: repeated")
            for _ in range(chance.randint(1, 3)):
                self._world.later(self._delay(chance.strikes(0.5)), self._arrive, request, lambda _: None)
        if chance.strikes(weather.lost):
            self._note(kind, "lost")
            return
        late = chance.strikes(weather.late)
        if late:
            self._note(kind, "late")
            self._nature.is_late(self._power.name, kind)
        self._sent += 1
        arrive = functools.partial(self._arrive, request, lambda data: self._back(kind, data, answers), self._sent)
        waits = {
            "open-visit": self._nature.waits_for_its_twin, "authorise": self._nature.waits_to_be_overtaken,
            "post": self._nature.waits_to_be_overtaken,
        }.get(kind)  # fmt: skip
        if waits is None or not waits(self._power.name, request, arrive):
            self._world.later(self._delay(late), arrive)

    def _arrive(self, request: bytes, answer: Callable[[bytes | None], None], number: int = 0) -> None:
        if self._is_cut():
            return
        if number:
            if number < self._arrived:
                self._world.count("line: overtaken")
            self._arrived = max(self._arrived, number)
        self._bank.deliver(request, answer)

    def _back(self, kind: str, data: bytes | None, answers: asyncio.Future[bytes | None]) -> None:
        chance, weather = self._chance, self._weather
        if self._is_cut() or chance.strikes(weather.answer_lost):
            self._note(kind, "answer lost")
            return
        late = chance.strikes(weather.answer_late)
        if late:
            self._note(kind, "answer late")
        self._world.later(self._delay(late), self._came, answers, data)

    def _came(self, answers: asyncio.Future[bytes | None], data: bytes | None) -> None:
        if not answers.done():
            answers.set_result(data)
        else:
            self._world.count("line: answered after the kiosk gave up")

    def _delay(self, late: bool) -> float:
        if not late:
            return 0.002 + self._chance.random() * 0.05
        # A tail: most are late by seconds, some by minutes.
        seconds = 1.0 + self._chance.random() ** 3 * self._weather.late_s
        if seconds > 60:
            self._world.count("line: late by minutes")
        return seconds

    def _note(self, kind: str, what: str) -> None:
        self._world.count(f"line: {what}")
        self._world.tell(self._power.name, f"{kind}: {what}")
