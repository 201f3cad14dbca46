"""A simulated kiosk that runs: the electricity stays while the firmware is started, stopped and started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from bank_link.identity import Identity
from bank_link.seams import MovedClock, SystemClock, SystemRandomness
from config.kiosk import KioskConfig
from kiosk.assembly import Opened, Seams, TrustingLine, assemble, https_line, open_journal, unseal
from kiosk.control import KioskControl, Load, Loaded, serve_control
from kiosk.display.choosing import bank_name, phone
from kiosk.display.relay import Abilities, Lent, Relay
from kiosk.machine import Hooks, Machine
from kiosk.operator.desk import Desk
from kiosk.operator.exchange import Count
from kiosk.screens.words.load import Words
from kiosk.simulator.laptop import Laptop
from kiosk.simulator.line import Pause, SwitchedLine
from kiosk.simulator.notes_file import exchange_notes
from kiosk.simulator.overheard import Overheard

#: A customer who is being served may finish for so long when the simulator is ended.
LAST_VISIT_S = 5.0


class Simulation:
    """`start` raises AuthFileError, JournalError, StateError, DeviceError; `ended` is what the machine ended with."""

    def __init__(
        self, config: KioskConfig, relay: Relay, words: Words, say: Callable[[str], None], abilities: Abilities
    ) -> None:  # fmt: skip
        self.config = config
        self.relay = relay
        self.words = words
        self._say = say
        self._abilities = abilities
        self._random = SystemRandomness()
        self._dates = SystemClock()
        self.clock = MovedClock(self._dates)
        self.pause = Pause()
        self._stack = ExitStack()
        self._power = ExitStack()
        self._task: asyncio.Task[None] | None = None
        self._began = asyncio.Event()
        self.overheard = Overheard(self.clock)
        self.opened: Opened
        self.machine: Machine
        self.control: KioskControl
        self.laptop: Laptop
        self.line: SwitchedLine

    @property
    def identity(self) -> Identity:
        return self.opened.identity

    async def start(self) -> None:
        """Power on. Notes and card are where they were left."""
        self.opened = unseal(self.config, self._dates)
        journal = open_journal(self.config, self._random)
        self._power.callback(journal.close)
        if not hasattr(self, "laptop"):
            self.laptop = Laptop(self.config)
            self._stack.callback(self.laptop.close)
        seams = Seams(
            gpio=self.laptop.pins, devices=self.laptop.devices, line=self._line, random=self._random, clock=self._dates,
            ahead_ms=lambda: self.clock.ahead_ms,
        )  # fmt: skip
        self.machine = assemble(
            self._power, self.config, self.opened, seams, display=Lent(self.relay), words=self.words,
            hooks=self._hooks(), journal=journal,
        )  # fmt: skip
        desk = Desk(
            journal=journal, config=self.config, generation=self.identity.generation, now=self.machine.host.now,
            put_in=self._exchange_notes,
        )  # fmt: skip
        self.control = KioskControl(self.machine, desk, self.identity.terminal)
        self.machine.hooks.extra.append(lambda: serve_control(self.config, self.control, self._say))
        self._task = asyncio.create_task(self.machine.run(), name="machine")
        self._began.set()

    def _hooks(self) -> Hooks:
        able = self._abilities
        display = self.config.display
        return Hooks(
            offer=able.offer, contrast=able.contrast, phone=phone(display), bank=bank_name(display),
            put_in=self._exchange_notes,
        )  # fmt: skip

    def _exchange_notes(self, loaded: Mapping[str, Count]) -> None:
        exchange_notes(self.laptop.dispenser, loaded, self.laptop.acceptor)

    def _line(self, identity: Identity) -> TrustingLine:
        cut = self.line.is_cut if hasattr(self, "line") else False
        self.line = SwitchedLine(https_line(self.config.line, self._random)(identity), self.overheard, self.pause)
        if cut:
            self.line.cut()
        return self.line

    async def load(self, notes: dict[str, int], by: str) -> Loaded:
        """An operator's exchange, notes and all. Raises CommandRefused."""
        return await self.control.load(Load(loaded=notes, by=by))

    @property
    def ended(self) -> bool:
        """The machine has ended, though nobody stopped it."""
        return self._task is not None and self._task.done()

    @property
    def powered(self) -> bool:
        return self._task is not None

    async def until_ended(self) -> None:
        """Raises what the machine ended with. A power cut is no end: the next start is waited for."""
        while True:
            self._began.clear()
            task = self._task
            if task is None:
                await self._began.wait()
                continue
            await asyncio.wait({task})
            if task is self._task:
                task.result()
                return

    async def power_cut(self) -> None:
        """Whatever was under way is gone; motors stop, files stay as they are."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._power.close()
        if hasattr(self, "laptop"):
            self.laptop.power_off()

    async def restart(self) -> None:
        await self.power_cut()
        await self.start()

    async def stop(self) -> None:
        """The visit at hand may end, then everything is closed. May be called again."""
        if self._task is not None and not self._task.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_VISIT_S):
                    await self.machine.finish()
        await self.power_cut()
        self._stack.close()
