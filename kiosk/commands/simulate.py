"""`atm-kiosk simulate`: a kiosk on this machine, for a person, a scenario, or the demonstration."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from kiosk.exit_codes import Code, CommandError
from kiosk.simulator.page.wish import PageWish
from kiosk.simulator.room import Room, Wishes, running, unless_stopped, until
from kiosk.simulator.scenario import read
from kiosk.telling import err, out
from kiosk.where import CARDS, laptop, sealed


def start(options: argparse.Namespace) -> Code:
    """Raises what keeps the machine from starting; a person at a laptop is told at once."""
    page = PageWish(port=options.page) if options.page is not None else None
    if options.demo:
        from kiosk.simulator.demonstration.play import demonstrate

        return demonstrate(Path("demo"), window=None if not options.window else True, png=options.png, page=page)
    if options.state is None:
        raise CommandError("say which directory holds the simulated kiosk: --state DIR (or --demo)")
    folder = options.state.absolute()
    config = sealed(laptop(folder, options.config).config, options)
    wishes = Wishes(
        config=config, cards=cards(folder / CARDS, options.card), window=options.window, scenario=read(options.scenario) if options.scenario else None,
        png=options.png, quiet=options.quiet, page=page,
    )  # fmt: skip
    return asyncio.run(simulate(wishes))


def cards(folder: Path, more: list[Path]) -> dict[str, Path]:
    """Every card file by its name: those of `folder`, then those that were named. Raises CommandError."""
    found = {path.stem: path.absolute() for path in sorted(folder.glob("*.atm"))}
    for path in more:
        if not path.is_file():
            raise CommandError(f"there is no card file {path}")
        found[path.stem] = path.absolute()
    return found


async def simulate(wishes: Wishes) -> Code:
    """Until the person quits, the scenario is over, or the window is closed."""
    stop = asyncio.Event()
    async with running(wishes, stop) as room:
        if room.page:
            out(f"The page, for a browser on this computer: {room.page}")
        if wishes.scenario is not None:
            return await unless_stopped(stop, _play(wishes, room))
        if sys.stdin.isatty() and not wishes.quiet:
            room.console.letter("h")
        await until(stop, room.simulation)
    return Code.DONE


async def _play(wishes: Wishes, room: Room) -> Code:
    from kiosk.simulator.player import Player, pins_beside

    scenario = wishes.scenario
    assert scenario is not None
    out(f"scenario: {scenario.title}")
    player = Player(
        room.hands, wishes.pin_of or pins_beside(room.hands.card), lambda step: out(f"{step.number:>3}  {step}")
    )
    mismatches = await player.play(scenario)
    for mismatch in mismatches:
        err(mismatch)
    if mismatches:
        return Code.MISMATCH
    out(f"{scenario.name}: as the file says, {len(scenario.steps)} steps")
    return Code.DONE
