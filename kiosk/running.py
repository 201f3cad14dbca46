"""A kiosk in production: the first picture at once, then everything else; out of service rather than dark; a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.kiosk import DisplayKind, KioskConfig
from kiosk.display.choosing import bank_name, phone
from kiosk.display.face import Display
from kiosk.display.relay import Abilities, Lent, Relay
from kiosk.exit_codes import Code, code_of
from kiosk.screens import catalogue
from kiosk.screens.words.load import Words
from kiosk.supervision import Supervisor

if TYPE_CHECKING:
    from kiosk.assembly import Seams
    from kiosk.journal.store import Journal
    from kiosk.machine import Machine

#: A machine that cannot start tries again after so many seconds, then less and less often.
FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
#: How long a customer at hand may keep the machine from being stopped. systemd waits for 90 s.
LAST_VISIT_S = 80.0
#: So often the watchdog is fed while the journal is looked through.
FEED_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """`say` writes a line for the operator. `displays` opens what is drawn on, and calls what it is given once it drew.

    `words` and `seams` are called late: what they import is needed only after the first picture.
    """

    say: Callable[[str], None]
    supervisor: Supervisor
    displays: Callable[[Callable[[], None]], Sequence[Display]]
    words: Callable[[], Words]
    seams: Callable[[], Seams]


async def run(config: KioskConfig, around: Surroundings) -> Code:
    """Serve until SIGTERM or SIGINT. Returns the exit code; raises DisplayError, and what kills the machine."""
    drawn = asyncio.Event()
    displays = around.displays(drawn.set)
    relay = Relay(displays)
    words = around.words()
    relay.show(catalogue.starting(words))
    with _stop_signals() as stop, contextlib.closing(relay):
        await relay.first(drawn)
        around.supervisor.ready()
        runner = _Runner(config, around, relay, words, Abilities(displays))
        return await runner.run(stop)


class _Runner:
    def __init__(
        self, config: KioskConfig, around: Surroundings, relay: Relay, words: Words, abilities: Abilities
    ) -> None:  # fmt: skip
        self._config = config
        self._around = around
        self._relay = relay
        self._words = words
        self._abilities = abilities
        self._stack = ExitStack()
        self._machine: Machine | None = None

    async def run(self, stop: asyncio.Event) -> Code:
        """Start and serve, again and again, until `stop`. Raises what there is no sentence for, or no screen to say it on."""
        pause_s = FIRST_RETRY_S
        while True:
            try:
                await self._bring_up(stop)
                pause_s = FIRST_RETRY_S
                await self._serve(stop)
                return Code.DONE
            except Exception as error:
                self._stack.close()
                code = code_of(error)
                if code in {None, Code.DISPLAY} or self._config.display.kind is DisplayKind.NONE:
                    raise
                if await self._closed_for(str(error), pause_s, stop):
                    return code or Code.FAILED
            pause_s = min(LONGEST_RETRY_S, pause_s * 2)

    async def _bring_up(self, stop: asyncio.Event) -> None:
        """Everything that the first picture did without; no machine where it was stopped meanwhile."""
        from kiosk.assembly import assemble, unseal
        from kiosk.machine import Hooks

        self._stack, self._machine = ExitStack(), None
        seams = self._around.seams()
        opened = unseal(self._config, seams.clock)
        journal = await self._journal(seams)
        self._stack.callback(journal.close)
        if stop.is_set():
            return
        supervisor = self._around.supervisor
        hooks = Hooks(
            alive=supervisor.alive, offer=self._abilities.offer, contrast=self._abilities.contrast,
            phone=phone(self._config.display), bank=bank_name(self._config.display),
            service=lambda service: supervisor.status(service.sentence or "in service"),
        )  # fmt: skip
        self._machine = machine = assemble(
            self._stack, self._config, opened, seams, display=Lent(self._relay), words=self._words, hooks=hooks,
            journal=journal,
        )  # fmt: skip
        self._with_control(machine, opened.identity.terminal, opened.identity.generation)

    async def _journal(self, seams: Seams) -> Journal:
        """The journal, looked through from its first record, in a thread that hands it over when it is done.

        With months in it that takes longer than systemd's watchdog waits. It is fed as long as the thread lives: that
        is one pass over one file, which ends by itself, and a kiosk that is killed for it would begin it anew at every
        start. What the watchdog is there for, a loop that stands still, starves it here as everywhere.
        """
        from kiosk.assembly import open_journal

        opening = asyncio.create_task(asyncio.to_thread(open_journal, self._config, seams.random))
        try:
            while not opening.done():
                self._around.supervisor.alive()
                await asyncio.wait({opening}, timeout=FEED_S)
            return opening.result()
        finally:
            # Else a failure and its own trace would keep each other, and the file open, beyond the next try.
            del opening

    def _with_control(self, machine: Machine, terminal: str, generation: int) -> None:
        from kiosk.control import KioskControl, serve_control
        from kiosk.operator.desk import Desk

        desk = Desk(journal=machine.journal, config=self._config, generation=generation, now=machine.host.now)
        control = KioskControl(machine, desk, terminal)
        machine.hooks.extra.append(lambda: serve_control(self._config, control, self._around.say))

    async def _closed_for(self, sentence: str, seconds: float, stop: asyncio.Event) -> bool:
        """Show that the machine is closed and say why; True where it was stopped meanwhile."""
        self._relay.show(catalogue.out(self._words, "service"))
        self._around.say(f"out of service: {sentence}")
        self._around.supervisor.status(f"out of service: {sentence}")
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0 and not stop.is_set():
            self._around.supervisor.alive()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(1.0, left)):
                    await stop.wait()
        return stop.is_set()

    async def _serve(self, stop: asyncio.Event) -> None:
        """Until `stop`; then no new customer, and the one at hand is served to the end, within limits."""
        machine = self._machine
        if machine is None:
            self._stack.close()
            return
        self._around.say("started")
        running = asyncio.create_task(machine.run(), name="machine")
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await self._finish(machine, running)
            running.result()
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        finally:
            stopped.cancel()
            running.cancel()
            await asyncio.gather(running, stopped, return_exceptions=True)
            self._stack.close()

    async def _finish(self, machine: Machine, running: asyncio.Task[None]) -> None:
        self._around.supervisor.stopping()
        self._around.say("stopping")
        finished = asyncio.create_task(machine.finish())
        await asyncio.wait({finished, running}, timeout=LAST_VISIT_S, return_when=asyncio.FIRST_COMPLETED)
        finished.cancel()
        running.cancel()
        await asyncio.gather(finished, running, return_exceptions=True)


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Set by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
