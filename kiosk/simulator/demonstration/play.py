"""`atm-kiosk simulate --demo`: set up, a scripted visit, the account of both sides, then it is yours."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bank_link import enrolment
from bank_link.keys import signing_public
from bank_link.seams import SystemClock, SystemRandomness
from kiosk.display.face import DisplayError
from kiosk.exit_codes import Code, CommandError
from kiosk.provisioning.commands import run as system_tool
from kiosk.provisioning.place import Place
from kiosk.provisioning.steps import Wishes as Provision
from kiosk.provisioning.steps import World, provision
from kiosk.simulator.demonstration.bank_process import BankProcess, free_ports
from kiosk.simulator.demonstration.both_sides import tell
from kiosk.simulator.demonstration.people import CODE_UNITS, CURRENCY, Set, make_code, settle
from kiosk.simulator.demonstration.place import fresh
from kiosk.simulator.page.wish import PageWish
from kiosk.simulator.player import Player
from kiosk.simulator.room import Room, Wishes, running, unless_stopped, until
from kiosk.simulator.scenario import Step, read
from kiosk.telling import err, out
from kiosk.where import laptop

NOTES = {"top": 20, "middle": 20, "bottom": 20}
DELIVERED_S = 15.0


@dataclass(frozen=True)
class Stage:
    """Where it is seen. `person`: somebody sits at this terminal. It stays for them, and for whoever asked for a page."""

    person: bool
    window: bool
    png: Path | None
    page: PageWish | None

    @property
    def stays(self) -> bool:
        return self.person or self.page is not None


def demonstrate(folder: Path, *, window: bool | None, png: Path | None, page: PageWish | None = None) -> Code:
    """Everything lies in `folder`. `window`: None where a display and a person decide; a person has a page as well.

    Raises CommandError and others.
    """
    person = sys.stdin.isatty() and sys.stdout.isatty()
    shown = window if window is not None else person and bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    stage = Stage(person, shown, png, page if page is not None or not person else PageWish())
    with fresh(folder.absolute()) as place:
        return asyncio.run(_demonstrate(place, stage))


async def _demonstrate(place: Path, stage: Stage) -> Code:
    port, enrol_port = free_ports(2)
    bank = BankProcess(place / "bank", port, enrol_port)
    try:
        ready = await _set_up(place, bank, tells_secrets=stage.person)
        try:
            return await _played(ready, stage)
        except DisplayError as error:
            if not stage.window:
                raise
            err(f"{error} This goes on in the terminal.")
            return await _played(ready, replace(stage, window=False))
    finally:
        bank.stop()


# ── Setting up ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _set_up(place: Path, bank: BankProcess, *, tells_secrets: bool) -> Set:
    out(f"The demonstration. Everything lies in {place}, and is made anew each time.\n")
    bank.found("Harbour Credit Union", CURRENCY)
    bank.open_to_all()
    await bank.start()
    out(f"1. A bank with empty books runs: terminals on port {bank.port}, enrolment on port {bank.enrol_port}.")
    kiosk = place / "kiosk"
    _enrol(kiosk, bank)
    ready = Set(bank, kiosk, tells_secrets)
    settle(ready)
    return ready


def _enrol(kiosk: Path, bank: BankProcess) -> None:
    """By one string with a pinned CA and a token, and a fingerprint that a person compares."""
    opened = bank.ask("enrol")
    wishes = Provision(place=Place.of_directory(kiosk), string=lambda: str(opened["string"]))
    for _ in provision(wishes, World(clock=SystemClock(), random=SystemRandomness(), run=system_tool)):
        pass
    from kiosk.assembly import unseal

    identity = unseal(laptop(kiosk).config, SystemClock()).identity
    fingerprint = enrolment.fingerprint(signing_public(identity.signing_key))
    bank.ask("terminal", "confirm", identity.terminal, "--fingerprint", fingerprint)
    out(f"2. The kiosk is enrolled as {identity.terminal}; its fingerprint {fingerprint} is confirmed at the bank.")


# ── The visit ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _played(ready: Set, stage: Stage) -> Code:
    stop = asyncio.Event()
    wishes = Wishes(
        config=laptop(ready.kiosk).config, cards=ready.cards, window=stage.window, png=stage.png,
        pin_of=ready.pin_of, page=_page(ready, stage),
    )  # fmt: skip
    async with running(wishes, stop) as room:
        if room.page:
            out(f"\nSee it in a browser on this computer: {room.page}\n")
        await unless_stopped(stop, _story(ready, room))
        if stage.stays:
            await unless_stopped(stop, _welcoming(room))
            _invite(ready, room, stage)
            await until(stop, room.simulation)
    out(f"\nIt stays in {ready.kiosk.parent}: atm-kiosk journal show --state {ready.kiosk}")
    return Code.DONE


def _page(ready: Set, stage: Stage) -> PageWish | None:
    """The page that was asked for, with the bank's books in reach."""
    if stage.page is None:
        return None
    accounts = {account.owner: account.number for account in ready.accounts.values()}
    return replace(stage.page, bank=ready.bank.control, accounts=accounts)


async def _story(ready: Set, room: Room) -> None:
    """Cash in, one visit, and what both sides say of it."""
    await room.hands.load(NOTES, "Olga")
    out(f"4. An operator loads {', '.join(f'{count} notes in {name}' for name, count in NOTES.items())}.")
    await _visit(ready, room)
    tell(room.simulation, ready.bank, ready.accounts["ada"], out)


async def _visit(ready: Set, room: Room) -> None:
    """The scripted part. Raises CommandError where it does not go as its file says."""
    scenario = read("demo")
    out(f"5. {scenario.title}.\n")
    mismatches = await Player(room.hands, ready.pin_of, _narrate).play(scenario)
    ready.bank.check()
    if mismatches:
        raise CommandError("\n".join(mismatches), Code.MISMATCH)
    await _delivered(room)


def _narrate(step: Step) -> None:
    if step.hands:
        out(f"      {step.hands}")


async def _delivered(room: Room) -> None:
    """The completion is with the bank, or does not get there in time: the checks will then say so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DELIVERED_S
    while room.simulation.machine.journal.outbox_length() and loop.time() < end:  # noqa: ASYNC110 - the journal sets no event
        await asyncio.sleep(0.05)


async def _welcoming(room: Room) -> None:
    """The machine is ready for the next card."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DELIVERED_S
    while loop.time() < end:
        shown = room.simulation.relay.shown
        if shown is not None and shown.id == "welcome":
            return
        await asyncio.sleep(0.05)


def _invite(ready: Set, room: Room, stage: Stage) -> None:
    if stage.person:
        pins = ", ".join(f"{name}'s PIN is {pin}" for name, pin in ready.pins.items())
        out(f"\nNow it is yours. {pins[0].upper()}{pins[1:]}.")
        out(f"Whoever enters the code {make_code(ready)} gets {CODE_UNITS} dollars of Ada's, without a card.")
        room.console.letter("h")
    out(f"In a browser on this computer: {room.page}")
