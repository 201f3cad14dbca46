"""Puts the parts of a kiosk together and runs them; the one file that knows them all."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bank_link.client import BankClient
from bank_link.identity import Identity
from bank_link.messages import Session
from bank_link.money import Money, major
from bank_link.seams import Line, Randomness, WallClock
from config.kiosk import KioskConfig
from drivers.devices import KeyPress, Light
from kiosk import code_visit, newcomer, visit
from kiosk.ask import Ask, Patience
from kiosk.cabinet import Devices, door_name
from kiosk.cash_in import CashIn
from kiosk.display.face import Display
from kiosk.doors import Doors
from kiosk.handover import Handover
from kiosk.health import Health
from kiosk.host import Host
from kiosk.journal import records as r
from kiosk.journal.recovery import recover
from kiosk.journal.store import Journal, JournalError
from kiosk.keys import Keys
from kiosk.line_keeper import LineKeeper
from kiosk.operator import closing, menu
from kiosk.operator.bench import Bench
from kiosk.operator.desk import Desk
from kiosk.operator.exchange import Count
from kiosk.outbox import Outbox
from kiosk.pace import Pace
from kiosk.parts import Parts, Visit
from kiosk.screens import catalogue
from kiosk.screens.model import Choice, Screen
from kiosk.screens.words.load import Words
from kiosk.service_state import Cause, ServiceState
from kiosk.standing import JournalStanding
from kiosk.vault import Bond, Vault
from kiosk.version import VERSION
from kiosk.voice.display import HeardDisplay
from kiosk.voice.voice import Voice

HEALTH_S = 1.0
#: What was waited for at rest has come.
CAME = "came"
_SERVE: dict[str, Callable[[Parts], Coroutine[Any, Any, None]]] = {
    CAME: visit.serve, newcomer.KEY: newcomer.serve, code_visit.KEY: code_visit.serve,
}  # fmt: skip
#: While the machine is being stopped, a customer who does not answer is asked once more, and not for long.
LAST_PATIENCE = {"answer_s": 10, "more_time_s": 10, "extensions": 0}


@dataclass(frozen=True, kw_only=True)
class World:
    """The seams, as this machine is given them. `clock_is_good`: whether the wall clock is synchronised.

    `ahead_ms`: how far a simulator has moved time forward, the bank's too. Certificates are judged by `clock` itself.
    """

    line: Line
    random: Randomness
    clock: WallClock
    clock_is_good: Callable[[], bool] = lambda: True
    ahead_ms: Callable[[], int] = lambda: 0


@dataclass
class Hooks:
    """What others want to be told; a simulator and the watchdog listen here.

    `alive` is called every second while all workers live. `offer` has a key of the pad first, and keeps it by True:
    on a small panel the display turns its own page with it. `contrast` changes the display to its other theme, where it
    has one; `phone` is whom a customer may call, `bank` its name on receipts. `put_in` moves the notes of an exchange
    where they are simulated. `extra` are more workers.
    """

    new_cas: Callable[[tuple[str, ...]], None] = lambda _: None
    alive: Callable[[], None] = lambda: None
    service: Callable[[ServiceState], None] = lambda _: None
    offer: Callable[[str], bool] = lambda _: False
    contrast: Callable[[], None] | None = None
    phone: str = ""
    bank: str = ""
    put_in: Callable[[Mapping[str, Count]], None] = lambda _: None
    extra: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)


class Machine:
    """One kiosk. `start()` makes it remember, recover and open its devices; `run()` serves until cancelled."""

    def __init__(
        self, *, config: KioskConfig, identity: Identity, journal: Journal, devices: Devices, display: Display,
        words: Words, world: World, hooks: Hooks | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self.journal = journal
        self.devices = devices
        self.hooks = hooks or Hooks()
        self._world = world
        self._identity = identity
        self._changed = asyncio.Event()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.service = ServiceState(self._service_changed)
        self.keys = Keys(Pace())
        self.voice = self._voice(words)
        self._display = HeardDisplay(display, self.voice) if self.voice is not None else display
        self._standing = JournalStanding(journal, identity.generation, self.service, self._session_opened)
        self.client = BankClient(
            line=world.line, identity=identity, random=world.random, clock=world.clock, standing=self._standing,
            ahead_ms=world.ahead_ms,
        )  # fmt: skip
        self.host = Host(
            client=self.client, journal=journal, terminal=identity.terminal, generation=identity.generation,
            random=world.random, fact_made=self._fact_made,
        )  # fmt: skip
        self._standing.host = self.host
        journal.now = self.host.now
        self.outbox = Outbox(journal, self.host, self._delivered)
        bond = Bond(identity.terminal, identity.generation, self._slip_keys, self.host.now)
        self.vault = Vault(
            dispenser=devices.dispenser, journal=journal, bond=bond, random=world.random,
            exit_notes=config.dispenser.exit_notes,
        )  # fmt: skip
        self.cash_in = self._cash_in()
        self.handover = self._handover()
        self.health = Health(
            config=config, devices=devices, journal=journal, vault=self.vault, service=self.service, most=self._most,
            clock_is_good=world.clock_is_good,
        )  # fmt: skip
        self.line_keeper = LineKeeper(
            client=self.client, host=self.host, journal=journal, service=self.service, devices=devices.status,
            wall_ms=lambda: world.clock.now_ms() + world.ahead_ms(), answered=self.outbox.wake,
        )  # fmt: skip
        limits = config.limits
        patience = Patience(limits.answer_s, limits.more_time_s, limits.extensions, limits.card_s, limits.cash_s)
        self.ask = Ask(
            self._display, words, self.keys, patience, phone=self.hooks.phone, contrast=self.hooks.contrast,
            voice=self.voice, door_opened=lambda: Cause.DOOR in self.service.causes,
        )  # fmt: skip
        self.doors = self._doors()
        self.parts = Parts(
            ask=self.ask, words=words, reader=devices.reader, host=self.host, vault=self.vault, journal=journal,
            service=self.service, indicators=devices.indicators,
            presets=tuple(major(value, config.terminal.currency) for value in config.presets),
            currency=config.terminal.currency, zone=config.time.zone, cash_in=self.cash_in, handover=self.handover,
            printer=devices.printer, bank=self.hooks.bank, staff=self._operate,
        )  # fmt: skip

    def _cash_in(self) -> CashIn | None:
        acceptor = self.devices.acceptor
        if acceptor is None:
            return None
        return CashIn(acceptor, self.journal, self.config.terminal.currency, failed=self._acceptor_failed)

    def _handover(self) -> Handover | None:
        tray = self.devices.tray
        if tray is None:
            return None
        return Handover(
            tray, self.journal, may_move=lambda: Cause.DOOR not in self.service.causes, nudge=self.keys.nudge
        )  # fmt: skip

    def _voice(self, words: Words) -> Voice | None:
        """What says the screens, where this machine has something to say them with."""
        config, speaker = self.config.voice, self.devices.speaker
        if config is None or speaker is None:
            return None
        voice = Voice(
            speaker, words, self.keys.pace, loudspeaker=config.loudspeaker, touched=self.keys.nudge,
            failed=self._voice_failed,
        )  # fmt: skip
        self.keys.heard = voice.pressed
        return voice

    def _doors(self) -> Doors:
        guards = {door_name(door): door.guards for door in self.config.doors}
        return Doors(
            {door: guards[door.name] for door in self.devices.doors}, journal=self.journal, service=self.service,
            opened=self.keys.nudge, changed=self.line_keeper.check,
        )  # fmt: skip

    @property
    def idle(self) -> bool:
        """No customer is being served."""
        return self._idle.is_set()

    # ── Starting ────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """The boot into the journal before anything else, then recovery, then the devices. Raises JournalError."""
        self.journal.check_owner(self._identity.terminal)
        boot = "b" + self._world.random.token_bytes(9).hex()
        self.journal.write(
            r.Booted(boot=boot, version=VERSION, terminal=self._identity.terminal, generation=self._identity.generation)
        )
        if self.handover is not None:
            self.handover.recover()
        recover(self.journal, self.host.now())
        closing.look(self.journal, self.service)
        self._display.show(catalogue.starting(self.parts.words))
        self._display.listen(self.keys.press)
        for error in self.devices.open():
            self.parts.note("device", f"{error.device}: {error}")
        self.devices.keypad.listen(self._key)
        if self.voice is not None:
            self.voice.start(self.devices.jack)
        if self.handover is not None:
            self.handover.start()
        self.doors.start()
        self.health.look()

    def _key(self, press: KeyPress) -> None:
        if not press.held and not self.hooks.offer(press.key):
            self.keys.press(press.key)

    # ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Serve until cancelled. A worker that ends takes the machine down: what is half alive must not hold money."""
        workers = [
            self._display.run(), self.line_keeper.run(), self.outbox.run(), self._look_after(), self._customers(),
            *((self.cash_in.run(),) if self.cash_in is not None else ()), *(worker() for worker in self.hooks.extra),
        ]  # fmt: skip
        tasks = [asyncio.create_task(worker) for worker in workers]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._stop(tasks)

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.handover is not None and self._stopping:
            with contextlib.suppress(JournalError):
                await self.handover.clear_now()
        if self.voice is not None:
            await self.voice.stop()
        self.devices.close()
        self._display.close()

    async def finish(self) -> None:
        """Returns when no customer is being served; none is begun any more, and the one at hand is not waited for long."""
        self._stopping = True
        self.service.close(Cause.OPERATOR, "the machine is being stopped")
        self.ask.patience = replace(self.ask.patience, **LAST_PATIENCE)
        self.ask.pace.hurried = True
        await self._idle.wait()

    async def _customers(self) -> None:
        """One customer after another; a card that is in before the machine is ready must come out first.

        After a visit there is none: it ends with its card out, so whatever is in then is the next customer's.
        """
        left_in = True
        words = self.parts.words
        while True:
            self._changed.clear()
            if not self.service.in_service:
                left_in = True
                self.parts.lamp("status", Light.SLOW)
                starting = Cause.STARTING in self.service.causes
                closed = catalogue.starting(words) if starting else catalogue.out(words, self.service.for_customers)
                if await self._rest(closed, self._operator_may_come()) == CAME:
                    await self._serve(lambda: visit.serve(self.parts, closed=True))
            elif left_in and self.devices.reader.present:
                await self._rest(catalogue.e_stick(words), self.devices.reader.removed())
            else:
                left_in = False
                self.parts.lamp("status", Light.ON)
                came = await self._rest(catalogue.welcome(words, self._offers()), self.devices.reader.inserted())
                if came:
                    await self._serve(functools.partial(_SERVE[came], self.parts))

    def _offers(self) -> tuple[Choice, ...]:
        """What can be had without a card."""
        words = self.parts.words
        opening = (catalogue.welcome_open(words),) if self.host.open_to_all else ()
        return (catalogue.by_code(words), *opening)

    async def _operator_may_come(self) -> None:
        """A card in the slot of a machine that is closed; never while it cannot keep what would be done, or is stopped."""
        causes = self.service.causes
        if self._stopping or {Cause.STARTING, Cause.JOURNAL} & causes.keys():
            await asyncio.Event().wait()
        await self.devices.reader.inserted()

    async def _operate(self, begun: Visit) -> None:
        desk = Desk(
            journal=self.journal, config=self.config, generation=self._identity.generation, now=self.host.now,
            put_in=self.hooks.put_in,
        )  # fmt: skip
        await menu.run(Bench(visit=begun, desk=desk, devices=self.devices, exchanged=self._exchanged_here))

    async def _exchanged_here(self) -> None:
        self.exchanged()
        await self.health.mend()
        self.health.look()

    async def _serve(self, customer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._idle.clear()
        try:
            await customer()
        finally:
            self._idle.set()
            self.parts.words.next_customer()
            self.ask.next_customer()
        await asyncio.sleep(visit.BARE_S)
        self.health.look()
        self.line_keeper.check()

    async def _rest(self, screen: Screen, wanted: Coroutine[Any, Any, Any]) -> str:
        """Show `screen` until `wanted` comes (CAME), one of its choices is made (its key), or the service state or the
        language changes (""); Help is served meanwhile.
        """
        self._display.show(screen)
        came, changed = asyncio.ensure_future(wanted), asyncio.ensure_future(self._changed.wait())
        helping = asyncio.ensure_future(self.ask.answer_between(screen))
        try:
            await asyncio.wait({came, changed, helping}, return_when=asyncio.FIRST_COMPLETED)
            if changed.done():
                return ""
            return CAME if came.done() else helping.result()
        finally:
            for task in (came, changed, helping):
                task.cancel()
            await asyncio.gather(came, changed, helping, return_exceptions=True)

    # ── Health ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _look_after(self) -> None:
        while True:
            if self.idle:
                # A journal that cannot be read has said so in `failed`, which closes the machine at the next look.
                with contextlib.suppress(JournalError):
                    await self.health.mend()
                    if self.cash_in is not None:
                        await self.cash_in.clear()
                    # What was waited for took its time: somebody may have come.
                    if self.handover is not None and self.idle:
                        await self.handover.clear()
                    self.health.look()
                    self.doors.look()
            self.hooks.alive()
            await asyncio.sleep(HEALTH_S)

    def _voice_failed(self, sentence: str) -> None:
        """A voice that is silent is no reason to turn anybody away."""
        with contextlib.suppress(JournalError):
            self.parts.note("device", f"voice: {sentence}")

    def _acceptor_failed(self, sentence: str) -> None:
        """Cash can be taken all the same."""
        with contextlib.suppress(JournalError):
            self.parts.note("device", f"note acceptor: {sentence}")

    def _most(self) -> Money:
        session = self.host.session
        return session.most_per_withdrawal if session else major(1_000, self.config.terminal.currency)

    # ── What the parts tell one another ─────────────────────────────────────────────────────────────────────────────

    def _slip_keys(self) -> tuple[bytes, ...]:
        return self.host.session.slip_keys if self.host.session else ()

    def _session_opened(self, session: Session) -> None:
        if session.next_cas:
            self.hooks.new_cas(session.next_cas)
        self.outbox.wake()

    def _fact_made(self) -> None:
        self.outbox.wake()

    def _delivered(self, kind: str) -> None:
        """A fact arrived: perhaps the last one that a restored bank was missing, or an exchange it waited for."""
        if kind == "exchange":
            self.service.clear(Cause.EXCHANGE)
        if self.journal.outbox_length() == 0:
            if not self.journal.named_from():
                self.service.clear(Cause.RECOVERY)
            self.line_keeper.check()

    def _service_changed(self, service: ServiceState) -> None:
        self._changed.set()
        self.hooks.service(service)
        with contextlib.suppress(JournalError):
            self.journal.write(r.Event(what="service", detail=service.sentence or "in service"))

    def exchanged(self) -> None:
        """An operator exchanged cassettes."""
        self.health.exchanged()
        if self.cash_in is not None:
            self.cash_in.exchanged()
        self.doors.look()
        closing.look(self.journal, self.service)
        self.outbox.wake()
