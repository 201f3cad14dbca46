"""The clocks of a demonstration, moved forward by its page: kiosk and bank alike, and everything goes on by then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.demo_guest import BANK, demonstrated
from support.page_guest import Guest, Listener
from support.virtual_time import run_virtual

from bank.control import call
from kiosk.simulator.line import Pause


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    with demonstrated(tmp_path) as guest:
        yield guest


def bank(folder: Path, command: str, **arguments: Any) -> Any:
    return asyncio.run(call(folder / BANK, command, {"by": "teller", **arguments}))


def looks(guest: Guest, listener: Listener, card: str) -> None:
    """A visit that only signs in."""
    guest.done({"do": "insert", "card": card})
    listener.until_screen("pin")
    for key in guest.done({"do": "pin", "card": card})["pin"] + "D":
        guest.done({"do": "press", "key": key})
    listener.until_screen("menu")
    guest.done({"do": "pull"})
    listener.until_screen("welcome")


def test_a_day_forward(guest: Guest, tmp_path: Path) -> None:
    """A cash code is over, both sides write the next day's date, and the next customer is served in the same session."""
    with guest.listening() as listener:
        listener.until_screen("welcome")
        listener.until(lambda one: one.now.get("ledger", {}).get("accounts"), "the books")
        account = listener.now["ledger"]["accounts"][0]["account"]
        bank(tmp_path, "code-make", account=account, amount="20", minutes=30)
        assert [one["state"] for one in bank(tmp_path, "code-list", every=True)["codes"]] == ["open"]
        listener.until(lambda one: "line" in one.heard, "the line")
        told = len(listener.heard["line"])
        said = guest.done({"do": "forward", "minutes": 1440})["said"]
        assert said == "Both clocks are 1 d ahead now."
        listener.until(lambda one: one.now["clocks"] == {"ahead": "1 d ahead"}, "how far ahead")
        assert [one["state"] for one in bank(tmp_path, "code-list", every=True)["codes"]] == ["expired"]
        looks(guest, listener, "ada")
        looks(guest, listener, "ben")
        listener.until(lambda one: one.now["service"]["open"], "it is open")
        assert "sign-on" not in [one["kind"] for one in listener.heard["line"][told:]]
    [posted] = bank(tmp_path, "account-show", account=_opened(tmp_path))["postings"]
    assert str(posted["at"])[:10] == time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
    assert bank(tmp_path, "ledger-check")["findings"] == []
    assert bank(tmp_path, "audit-verify")["sound"]


def _opened(folder: Path) -> str:
    """An account that is opened by then."""
    customer = bank(folder, "customer-add", name="Cy")["customer"]
    return str(bank(folder, "account-open", customer=customer, label="Everyday", opening="5")["account"])


def test_a_cut_keeps_the_clocks_where_they_are(guest: Guest) -> None:
    """After a power cut, and after the clocks moved while the power was off, the machine opens by itself."""
    with guest.listening() as listener:
        listener.until_screen("welcome")
        guest.done({"do": "forward", "minutes": 60})
        guest.done({"do": "power", "on": False})
        guest.done({"do": "forward", "minutes": 60})
        guest.done({"do": "power", "on": True})
        listener.until(lambda one: one.now["clocks"] == {"ahead": "2 h ahead"}, "how far ahead")
        listener.until_screen("welcome")
        looks(guest, listener, "ada")
        assert guest.do({"do": "forward", "minutes": -1}).status == 400


def test_clocks_move_between_two_messages() -> None:
    """What is under way is waited for; what is sent meanwhile goes out afterwards."""
    happened: list[str] = []

    async def story() -> None:
        pause = Pause()

        async def message(name: str, seconds: float) -> None:
            async with pause.passing():
                happened.append(f"{name} goes")
                await asyncio.sleep(seconds)
                happened.append(f"{name} is answered")

        async def move() -> None:
            async with pause.quiet():
                happened.append("quiet")
                await asyncio.sleep(1)
                happened.append("moved")

        first = asyncio.create_task(message("first", 5))
        await asyncio.sleep(1)
        moving = asyncio.create_task(move())
        await asyncio.sleep(1)
        await asyncio.gather(first, moving, message("second", 1))

    run_virtual(story())
    assert happened == [
        "first goes", "first is answered", "quiet", "moved", "second goes", "second is answered",
    ]  # fmt: skip
