"""An operator at the machine: real kiosk and bank code, simulated pins, virtual time; everything by the keys of the pad."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.reckoning import books_are_sound, settle
from support.service_visit import book, cash_book, come, count, counts, into, journal_says, leave, operator
from support.town import PIN, Town, run_town

from bank.commands import requests as q
from bank_link.card_file import HEADER, parse
from drivers.simulated.stick import SimulatedStick


def test_an_exchange_by_keypad_alone(tmp_path: Path) -> None:
    """Found, rejects and what is left are typed; the bank books the difference and the rest, and knows by whom."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 19, 0, 100)
        await count(town, "middle", 20, 0, 50)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await settle(town, 1)
        assert counts(town) == {"top": (100, 0), "middle": (50, 0), "bottom": (20, 0)}
        assert await cash_book(town) == 100 * 50_00 + 50 * 20_00 + 20 * 10_00
        cases = await town.bank.sql("SELECT kind, amount_minor, detail FROM cases")
        assert [(case["kind"], case["amount_minor"]) for case in cases] == [("cash-difference", -50_00)]
        assert '"by":"Olga"' in cases[0]["detail"]
        assert journal_says(town, "counts-set", "by Olga")
        assert journal_says(town, "final-totals", "ended by Olga")
        assert town.machine.service.in_service
        await books_are_sound(town)

    run_town(tmp_path, story)


def test_everything_is_journalled_with_who(tmp_path: Path) -> None:
    """Coming, leaving, switching, testing: each line names the operator, and the bank's audit log the visit."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await into(town, "cassettes")
        await town.choose("cassette:top")
        await town.see("op.cassette")
        await town.choose("switch")
        await leave(town)
        for words in (("Olga: came",), ("Olga: left",), ("cassette-switched", "top switched off by Olga")):
            assert journal_says(town, *words), words
        events = await town.bank.sql("SELECT * FROM audit_events WHERE kind = 'operator-came'")
        assert len(events) == 1

    run_town(tmp_path, story)


def test_an_operator_is_served_only_between_customers(tmp_path: Path) -> None:
    """A visit is one card: while a customer's is in, the service menu cannot come; a command is refused meanwhile, too."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card, customer = await operator(town), await town.customer(balance=100_00)
        await town.enter_pin(customer)
        await town.see("menu")
        assert not town.machine.idle
        assert "op.menu" not in town.display.ids
        await town.press("A")
        await town.see("take.card")
        town.slot.pull()
        await come(town, card)
        assert not town.machine.idle
        await leave(town)

    run_town(tmp_path, story)


def test_a_wrong_pin_opens_nothing_and_locks(tmp_path: Path) -> None:
    """Three wrong PINs lock an operator's card as any other; the menu never comes."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        town.slot.insert(card.stick)
        await town.see("pin")
        for left in ("pin.wrong", "pin.wrong", "pin.locked"):
            await town.press("0000D")
            await town.see(left)
            await asyncio.sleep(1)
        assert "op.menu" not in town.display.ids
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")

    run_town(tmp_path, story)


def test_a_closed_machine_serves_its_operator_and_nobody_else(tmp_path: Path) -> None:
    """Out of cash: a customer's card comes back without a PIN asked; the operator's opens the menu, and fills it."""

    async def story(town: Town) -> None:
        town.loaded = {"top": 0, "middle": 0, "bottom": 0}
        await town.bank.open()
        await town.enrol()
        town.start_kiosk()
        town.load_cash(**town.loaded)
        await asyncio.sleep(20)
        await town.see("out")
        customer, card = await town.customer(balance=100_00), await operator(town)
        asked = town.line.log.count("open-visit")
        town.slot.insert(customer.stick)
        await town.see("op.only")
        assert town.line.log.count("open-visit") == asked
        assert "pin" not in town.display.ids
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("out")
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 0, 0, 40)
        town.dispenser.load("top", 40)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await town.in_service()
        assert await town.withdraw(customer, 50) == "take.cash"

    run_town(tmp_path, story)


def test_a_forged_role_opens_no_menu(tmp_path: Path) -> None:
    """A customer's file that calls itself an operator's: the bank says whose card it is, and the menu stays shut."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        customer = await town.customer(balance=100_00)
        await town.bank.do(q.TerminalSuspend, terminal="T1", why="test")
        await asyncio.sleep(60)
        await town.see("out")
        forged = _as_operators(customer.stick.content)
        assert parse(forged).operator
        town.slot.insert(SimulatedStick(forged))
        await town.see("pin")
        await town.press(PIN + "D")
        await town.see("e.closed")
        assert "op.menu" not in town.display.ids
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("out")
        await town.bank.do(q.TerminalResume, terminal="T1")
        await town.in_service()
        town.slot.insert(SimulatedStick(forged))
        await town.see("pin")
        await town.press(PIN + "D")
        await town.see("menu")
        assert "op.menu" not in town.display.ids

    run_town(tmp_path, story)


def _as_operators(content: bytes) -> bytes:
    import zlib

    header = content[:5] + b"\1" + content[6 : HEADER - 4]
    return header + zlib.crc32(header).to_bytes(4, "big") + content[HEADER:]


def test_a_suspended_machine_can_be_served(tmp_path: Path) -> None:
    """The bank serves no customer there, but its operator gets in, and the exchange arrives."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await town.bank.do(q.TerminalSuspend, terminal="T1", why="test")
        await asyncio.sleep(60)
        await come(town, card)
        await town.choose("exchange")
        await count(town, "top", 20, 0, 30)
        await book(town)
        await town.press("D")
        await town.see("op.menu")
        await leave(town)
        await settle(town, 1)
        assert await cash_book(town) == 30 * 50_00 + 20 * 20_00 + 20 * 10_00

    run_town(tmp_path, story)


def test_an_operator_of_other_machines_and_one_that_left_are_refused(tmp_path: Path) -> None:
    """The card is good where the bank says; after `operator end` nowhere. No PIN try is counted for either."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        gone = await operator(town, "Ivo")
        await town.bank.do(q.OperatorEnd, name="Ivo")
        town.slot.insert(gone.stick)
        await town.see("pin")
        await town.press("0000D")
        await town.see("e.refused")
        tries = await town.bank.sql("SELECT tries FROM cards WHERE card = :c", c=gone.reference)
        assert tries[0]["tries"] == 0
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")

    run_town(tmp_path, story)


def test_without_the_bank_the_screen_says_what_can_be_done(tmp_path: Path) -> None:
    """A card cannot be judged without its bank: no menu, one sentence, and the card back."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        town.line.cut = True
        await asyncio.sleep(120)
        await town.see("out")
        town.slot.insert(card.stick)
        await town.see("pin")
        await town.press(PIN + "D")
        await town.see("op.line")
        await town.press("D")
        await town.see("take.card")
        town.slot.pull()
        assert "op.menu" not in town.display.ids
        town.line.cut = False
        await town.in_service(300)

    run_town(tmp_path, story)


def test_an_idle_menu_warns_and_ends(tmp_path: Path) -> None:
    """Nobody presses anything: the usual warning, then the card comes back and the machine is the customers' again."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await operator(town)
        await come(town, card)
        await town.see("time")
        await town.see("take.card")
        town.slot.pull()
        await town.see("welcome")
        assert journal_says(town, "Olga: was away too long")

    run_town(tmp_path, story)
