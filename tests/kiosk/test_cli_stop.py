"""How a kiosk is stopped, goes on after a part of it failed, and comes to trust the bank's next CA."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from support.link_authority import Authority, SeededRandom
from support.town import Town, run_town

from bank_link import auth_file
from bank_link.auth_secret import make_key_file
from bank_link.errors import NotSent
from bank_link.seams import SystemClock, SystemRandomness
from config.kiosk import KioskConfig
from kiosk.assembly import Opened, Seams
from kiosk.display.face import Display, Look
from kiosk.exit_codes import Code
from kiosk.running import LAST_VISIT_S, Surroundings, run
from kiosk.screens.model import Screen
from kiosk.screens.words.load import load_words
from kiosk.simulator.laptop import Laptop
from kiosk.supervision import Supervisor
from kiosk.where import laptop


def test_the_customer_at_hand_gets_the_card_back(tmp_path: Path) -> None:
    """Stopped in mid-visit, a kiosk asks a silent customer once more, gives the card back, and takes no new one."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        await town.enter_pin(card)
        await town.see("menu")
        finished = asyncio.create_task(town.machine.finish())
        await town.see("time", seconds=LAST_VISIT_S)
        await town.see("take.card", seconds=LAST_VISIT_S)
        town.slot.pull()
        async with asyncio.timeout(LAST_VISIT_S):
            await finished
        await town.see("out")
        town.slot.insert(card.stick)
        await asyncio.sleep(5)
        assert town.display.shown is not None
        assert town.display.shown.id == "out"

    run_town(tmp_path, story)


def test_a_withdrawal_under_way_is_paid_before_the_end(tmp_path: Path) -> None:
    """Stopped between card and cash, a kiosk still hands out what was authorised."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        visit = asyncio.create_task(town.withdraw(card, 100))
        await town.see("cash.count")
        await asyncio.wait_for(town.machine.finish(), LAST_VISIT_S)
        assert await visit == "take.cash"
        assert sum(town.customers_notes.values()) == 2
        assert (await town.balance(card)) == (400_00, 0)

    run_town(tmp_path, story)


def test_the_next_ca_is_kept_and_trusted(tmp_path: Path) -> None:
    """What a sign-on hands out is in the auth file before it is needed; the same again changes nothing."""
    bank, following = Authority(), Authority("Next CA")
    random = SeededRandom()
    secret = make_key_file(tmp_path / "key", random)
    path = tmp_path / "terminal.auth"
    auth_file.write(path, bank.identity(), secret, random)
    opened = Opened(path=path, identity=auth_file.read(path, secret, SystemClock().now_ms()), secret=secret)
    assert opened.adopt((following.pem,), random)
    kept = auth_file.read(path, secret, SystemClock().now_ms())
    assert kept.cas == (bank.pem, following.pem)
    assert kept.signing_key == opened.identity.signing_key
    before = path.read_bytes()
    assert not opened.adopt((following.pem, bank.pem), random)
    assert path.read_bytes() == before


class Glass:
    """A display that draws at once and keeps the screens' ids."""

    def __init__(self, drawn: Callable[[], None]) -> None:
        self.ids: list[str] = []
        drawn()

    def show(self, screen: Screen, look: Look = Look()) -> None:
        if self.ids[-1:] != [screen.id]:
            self.ids.append(screen.id)

    def listen(self, pressed: Callable[[str], None]) -> None: ...

    async def run(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None: ...


class NoLine:
    """No bank."""

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        raise NotSent("there is no bank")

    async def reset(self) -> None: ...

    def trust(self, cas: tuple[str, ...]) -> None: ...

    def close(self) -> None: ...


def test_a_part_that_fails_closes_the_machine_and_it_starts_again(tmp_path: Path) -> None:
    """Its control socket cannot be made: closed, said, started anew once it can; a stop then ends it in order."""
    config = laptop(tmp_path).config
    auth_file.write(
        config.terminal.auth_file, Authority().identity(),
        make_key_file(tmp_path / "terminal.key", SeededRandom()), SeededRandom(),
    )  # fmt: skip
    in_the_way = tmp_path / "control.sock"
    in_the_way.write_text("a file of somebody else's")
    said: list[str] = []
    shown: list[Glass] = []

    def displays(drawn: Callable[[], None]) -> Sequence[Display]:
        shown.append(Glass(drawn))
        return shown

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("out of service"):
            in_the_way.unlink()
        if said.count("started") == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    around = Surroundings(
        say=say, supervisor=Supervisor(said.append, watchdog_s=0, now=lambda: 0), displays=displays,
        words=load_words, seams=lambda: _seams(config),
    )  # fmt: skip
    assert asyncio.run(run(config, around)) is Code.DONE
    assert [line for line in said if "=" not in line] == [
        "started", f"out of service: {in_the_way} is in the way of the control socket; move it elsewhere",
        "started", "stopping",
    ]  # fmt: skip
    assert said[0] == "READY=1"
    assert shown[0].ids[:3] == ["starting", "out", "starting"]


def _seams(config: KioskConfig) -> Seams:
    machine = Laptop(config)
    return Seams(
        gpio=machine.pins, devices=machine.devices, line=lambda _: NoLine(), random=SystemRandomness(),
        clock=SystemClock(),
    )  # fmt: skip
