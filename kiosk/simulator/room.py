"""A simulated kiosk with somebody in front of it: terminal, window, keyboard, pictures."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from config.kiosk import KioskConfig
from kiosk.display.choosing import touch, words
from kiosk.display.face import Display, Look
from kiosk.display.relay import Abilities, Relay
from kiosk.display.terminal import TerminalDisplay
from kiosk.exit_codes import Code, CommandError
from kiosk.screens import catalogue
from kiosk.simulator.page.wish import PageWish
from kiosk.simulator.scenario import Scenario
from kiosk.telling import err, out

if TYPE_CHECKING:
    from kiosk.simulator.page.glass import Glass
    from kiosk.simulator.simulation import Simulation

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for. `cards` by name; `pins` beside their cards unless `pin_of` knows them."""

    config: KioskConfig
    cards: dict[str, Path]
    window: bool = False
    scenario: Scenario | None = None
    png: Path | None = None
    quiet: bool = False
    pin_of: Callable[[str], str] | None = None
    page: PageWish | None = None


class Room:
    """A running simulation with somebody in front of it. `page`: the address of its page, "" where it has none."""

    def __init__(self, simulation: Simulation, wishes: Wishes, stop: asyncio.Event) -> None:
        from kiosk.simulator.console import Console
        from kiosk.simulator.hands import Hands

        self.simulation = simulation
        self.hands = Hands(simulation, wishes.cards)
        self.console = Console(self.hands, out, stop.set)
        self.page = ""


class Keyboard:
    """Hears the terminal before there is a room, and hands on once there is one."""

    def __init__(self) -> None:
        self.room: Room | None = None

    def pad(self, key: str) -> None:
        if self.room is not None:
            self.room.console.pad(key)

    def letter(self, letter: str) -> None:
        if self.room is not None:
            self.room.console.letter(letter)


class OwnKeys:
    """A terminal whose keys press the simulated pad: the machine does not listen to it itself."""

    def __init__(self, terminal: TerminalDisplay) -> None:
        self.show = terminal.show
        self.run = terminal.run
        self.close = terminal.close

    def listen(self, pressed: Callable[[str], None]) -> None:
        """The pad's wires are the only way in."""


@asynccontextmanager
async def running(wishes: Wishes, stop: asyncio.Event) -> AsyncIterator[Room]:
    """The first picture at once, then everything else; all of it is closed at the end."""
    keyboard = Keyboard()
    glass = _glass(wishes)
    displays = [*_displays(wishes, keyboard, stop), *([glass] if glass is not None else [])]
    relay = Relay(displays)
    said = words(wishes.config.display, err)
    relay.show(catalogue.starting(said))
    drawing = relay.start()
    await asyncio.sleep(0)
    if drawing.done():
        drawing.result()
    from kiosk.simulator.simulation import Simulation

    simulation = Simulation(wishes.config, relay, said, err, Abilities(displays))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with _pictures(wishes, simulation, relay):
            await simulation.start()
            room = keyboard.room = Room(simulation, wishes, stop)
            async with _page(wishes, room, glass):
                yield room
    finally:
        await simulation.stop()
        relay.close()
        await asyncio.gather(drawing, return_exceptions=True)


def _displays(wishes: Wishes, keyboard: Keyboard, stop: asyncio.Event) -> list[Display]:
    """The terminal, and the window where it is wished for. Raises DisplayError."""
    terminal = TerminalDisplay(
        _Silent() if wishes.quiet else sys.stdout, sys.stdin, name=_bank_name(wishes.config), other=keyboard.letter
    )
    terminal.listen(keyboard.pad)
    shown: list[Display] = [OwnKeys(terminal)]
    if wishes.window:
        shown.append(
            touch(
                wishes.config.display, drawn=lambda: None, say=err, fullscreen=False, keyboard=True,
                other=keyboard.letter, closed=stop.set,
            )
        )  # fmt: skip
    return shown


def _glass(wishes: Wishes) -> Glass | None:
    """What the page shows, where one is wished for."""
    if wishes.page is None:
        return None
    from kiosk.display.pygame.brand import load_brand
    from kiosk.simulator.page.glass import Glass

    return Glass(wishes.config.display, load_brand(wishes.config.display.brand)[0])


@asynccontextmanager
async def _page(wishes: Wishes, room: Room, glass: Glass | None) -> AsyncIterator[None]:
    if wishes.page is None or glass is None:
        yield
        return
    from kiosk.display.pygame.brand import load_brand
    from kiosk.simulator.page.opening import opened
    from kiosk.simulator.player import pins_beside

    brand, _ = load_brand(wishes.config.display.brand)
    pin_of = wishes.pin_of or pins_beside(room.hands.card)
    async with opened(room.hands, glass, brand, wishes.page, pin_of) as room.page:
        yield


class _Silent(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def _bank_name(config: KioskConfig) -> str:
    from kiosk.display.pygame.brand import load_brand

    return load_brand(config.display.brand)[0].name


@asynccontextmanager
async def _pictures(wishes: Wishes, simulation: Simulation, relay: Relay) -> AsyncIterator[None]:
    """Where pictures are wished for: drawn as time allows, the rest at the end."""
    if wishes.png is None:
        yield
        return
    from kiosk.simulator.pictures import Pictures

    pictures = Pictures(wishes.png, wishes.config.display.brand, lambda: _at_rest(simulation))
    if relay.shown is not None:
        pictures.see(relay.shown, Look())
    relay.watch(pictures.see)
    task = asyncio.create_task(pictures.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        pictures.finish()


def _at_rest(simulation: Simulation) -> bool:
    """No motor runs, so a picture's time is nobody's loss."""
    return hasattr(simulation, "laptop") and not simulation.laptop.dispenser.motors_on


async def until(stop: asyncio.Event, simulation: Simulation) -> None:
    """Returns at `stop`; raises what the machine ends with before."""
    stopped = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(simulation.until_ended())
    try:
        await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            with contextlib.suppress(asyncio.CancelledError):
                ended.result()
    finally:
        stopped.cancel()
        ended.cancel()
        await asyncio.gather(stopped, ended, return_exceptions=True)


async def unless_stopped(stop: asyncio.Event, doing: Coroutine[Any, Any, T]) -> T:
    """What `doing` returns. Raises CommandError (INTERRUPTED) at `stop`."""
    task, stopped = asyncio.create_task(doing), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise CommandError("interrupted", Code.INTERRUPTED)
    finally:
        task.cancel()
        stopped.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)
