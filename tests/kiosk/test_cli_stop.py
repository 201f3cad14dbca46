"""How a kiosk is stopped, and how it comes to trust the bank's next CA."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.link_authority import Authority, SeededRandom
from support.town import Town, run_town

from bank_link import auth_file
from bank_link.auth_secret import make_key_file
from bank_link.seams import SystemClock
from kiosk.assembly import Opened
from kiosk.running import LAST_VISIT_S


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
