"""A voice on a laptop: what is said can be read, takes as long as it would, and is heard too where there is a sound card."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import ClassVar

from drivers.devices import ONLINE, DeviceError, DeviceReport, DeviceState, Fault, Manner, Speaker
from drivers.simulated.faults import FaultMenu

REMEMBERED = 10_000
TICK_S = 0.03
#: The silence at the end of a sentence.
END_S = 0.3


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was begun at `at` (seconds of the loop's clock). A tick has no text."""

    at: float
    text: str
    manner: Manner


class SimulatedSpeaker(FaultMenu):
    """A `devices.Speaker`. `watch` is told each sentence as it begins; `said` remembers the last ten thousand.

    `aloud` is a real voice that says it as well; one that fails is left alone until the next start.
    """

    faults: ClassVar[Mapping[str, str]] = {
        "missing": "The program that speaks is not installed (noticed at the start).",
        "no-sound": "The sound card plays nothing and says so.",
        "hangs": "A sentence never comes to its end.",
    }

    def __init__(self, *, aloud: Speaker | None = None, name: str = "voice") -> None:
        super().__init__()
        self.name = name
        self.said: deque[Said] = deque(maxlen=REMEMBERED)
        self._watchers: list[Callable[[Said], None]] = []
        self._real = aloud
        self._aloud: Speaker | None = None
        self._report = DeviceReport(DeviceState.OFFLINE, f"The {name} is not open.")

    def __repr__(self) -> str:
        return f"<simulated {self.name}, {len(self.said)} sentences>"

    def watch(self, watcher: Callable[[Said], None]) -> None:
        """Call `watcher` with each sentence as it begins."""
        self._watchers.append(watcher)

    def leave_it_to_others(self) -> None:
        """Somebody else lets it be heard: the real voice is silent from now on."""
        self._real = None
        if self._aloud is not None:
            self._aloud.close()
            self._aloud = None

    @property
    def report(self) -> DeviceReport:
        return self._report

    def open(self) -> None:
        if self._has("missing"):
            sentence = "The program that speaks is not installed, so nothing can be said."
            self._report = DeviceReport(DeviceState.NO_DEVICE, sentence)
            raise DeviceError(self.name, Fault.CONFIG, sentence)
        self._report = ONLINE
        self._aloud = self._real
        if self._aloud is not None:
            try:
                self._aloud.open()
            except DeviceError:
                self._aloud = None

    def close(self) -> None:
        if self._report is ONLINE:
            self._report = DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")
        if self._aloud is not None:
            self._aloud.close()

    async def say(self, text: str, manner: Manner) -> None:
        self._begin(text, manner)
        if self._strikes("hangs"):
            await asyncio.Event().wait()
        seconds = len(text.split()) * 60 / manner.words_per_minute + END_S
        await self._sounding(lambda voice: voice.say(text, manner), seconds)

    async def tick(self, manner: Manner) -> None:
        self._begin("", manner)
        await self._sounding(lambda voice: voice.tick(manner), TICK_S)

    def _begin(self, text: str, manner: Manner) -> None:
        if self._report.state is not DeviceState.ONLINE:
            raise DeviceError(self.name, Fault.CONFIG, self._report.sentence)
        if self._strikes("no-sound"):
            raise DeviceError(self.name, Fault.UNPLUGGED, "The sound card plays nothing: check the card.")
        said = Said(asyncio.get_running_loop().time(), text, manner)
        self.said.append(said)
        for watcher in self._watchers:
            watcher(said)

    async def _sounding(self, aloud: Callable[[Speaker], Coroutine[object, object, None]], seconds: float) -> None:
        """By the real voice, or for as long as it would take."""
        if self._aloud is not None:
            try:
                await aloud(self._aloud)
                return
            except DeviceError:
                self._aloud = None
        await asyncio.sleep(seconds)
