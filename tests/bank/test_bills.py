"""Bills at the bank: whose there are, paid once, undone whole, and made again by a restored bank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hall import Hall, eur, run_hall
from support.post_desk import Desk, balances, open_desk, reason, two

from bank.commands import requests as r
from bank.control import CommandRefused
from bank_link import messages as m
from bank_link.bills import CHECKS, fits
from bank_link.digits import check_digit

#: Passes Luhn's check; the same with its last digit one higher does not.
BILL = "49927398716"


async def _biller(hall: Hall, account: str, **fields: Any) -> str:
    settings = {"name": "City Water", "category": "water", "digits": len(BILL), "check": "luhn", **fields}
    return str((await hall.do(r.PayeeAdd, account=account, **settings)).payee)


async def _with_biller(hall: Hall) -> tuple[Desk, str, str]:
    """A visit of Ada's, the account of City Water, and the biller's id."""
    desk, water = await two(hall)
    return desk, water, await _biller(hall, water)


def _bill(desk: Desk, biller: str, minor: int, text: str = BILL, **fields: Any) -> m.Post:
    amount = m.Money(minor, "EUR")
    return desk.post("bill", account=desk.card.account, to=biller, text=text, amount=amount, **fields)


@given(st.text(alphabet="0123456789", min_size=1, max_size=19), st.sampled_from("0123456789"))
def test_a_check_lets_exactly_one_last_digit_through(body: str, last: str) -> None:
    """So a bill's number with one wrong digit is not taken for another's."""
    number = body + last
    assert fits(number, len(number), "luhn") == (check_digit(body) == last)
    assert fits(number, len(number), "mod97") == (int(number) % 97 == 1)
    assert fits(number, len(number), "")
    assert not any(fits(number, len(number) + 1, check) for check in CHECKS)
    assert not fits(number, len(number), "another check")


def test_a_bill_is_paid_once_to_the_cent_and_both_statements_say_whose(tmp_path: Path) -> None:
    """The payer reads the biller's name, the biller the payer's; the biller's staff sees the bill's number."""

    async def story(hall: Hall) -> None:
        desk, water, biller = await _with_biller(hall)
        told = await desk.inquire("billers")
        assert told == m.Billers(
            billers=(
                m.Biller(
                    biller=biller, name="City Water", category="water", account=water, digits=11, check="luhn"
                ),
            )
        )  # fmt: skip
        message = _bill(desk, biller, 64_30)
        first, second = await desk.machine.ask(message), await desk.machine.ask(message)
        assert isinstance(first, m.Slipped)
        assert first == second
        slip = hall.bank.tools().keys.read_slip(first.slip)
        assert (slip.kind, slip.account, slip.to, slip.biller, slip.text, slip.amount) == (
            "bill", desk.card.account, water, biller, BILL, m.Money(64_30, "EUR"),
        )  # fmt: skip
        assert await balances(hall, desk.card.account, water) == ["135.70", "74.30"]
        told = await desk.inquire("statement")
        assert isinstance(told, m.Statement)
        assert (told.lines[0].what, told.lines[0].other) == ("bill", "City Water")
        [posting] = (await hall.do(r.AccountShow, account=water, last=1)).postings
        assert (posting.kind, posting.text) == ("bill", f"{desk.machine.name}-{message.number} bill {BILL}")
        await hall.sound()

    run_hall(tmp_path, story)


def test_the_biller_reads_who_paid(tmp_path: Path) -> None:
    """On the biller's own statement the other name is the payer's, not its own."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        water = await hall.card("10")
        biller = await _biller(hall, water.account)
        await desk.machine.ask(_bill(desk, biller, 50_00))
        theirs = await open_desk(desk.machine, water)
        told = await theirs.inquire("statement")
        assert isinstance(told, m.Statement)
        assert [(line.what, line.other, line.amount) for line in told.lines][:1] == [("bill", "Ada", eur(50))]

    run_hall(tmp_path, story)


def test_what_is_no_bill_moves_nothing(tmp_path: Path) -> None:
    """An unknown or removed biller, another's number form, one's own account, no amount, too much, another's card."""

    async def story(hall: Hall) -> None:
        desk, water, biller = await _with_biller(hall)
        own = await _biller(hall, desk.card.account)
        for nobody in ("P999", "", water, own):
            assert reason(await desk.machine.ask(_bill(desk, nobody, 5_00))) is m.Reason.NO_PAYEE
        for number in ("", BILL[:-1], f"{BILL[:-1]}7", f"{BILL}0", "4992739871x", "٤٩٩٢٧٣٩٨٧١٦"):
            assert reason(await desk.machine.ask(_bill(desk, biller, 5_00, number))) is m.Reason.BILL_NUMBER
        for minor in (0, -5_00):
            assert reason(await desk.machine.ask(_bill(desk, biller, minor))) is m.Reason.AMOUNT
        stranger = desk.post("bill", account=water, to=biller, text=BILL, amount=eur(5))
        assert reason(await desk.machine.ask(stranger)) is m.Reason.NO_ACCOUNT
        await hall.do(r.PayeeRemove, payee=biller)
        assert reason(await desk.machine.ask(_bill(desk, biller, 5_00))) is m.Reason.NO_PAYEE
        assert await desk.inquire("billers") == m.Billers()
        assert await balances(hall, desk.card.account, water) == ["200.00", "10.00"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_bills_and_transfers_share_the_limit_of_a_day(tmp_path: Path) -> None:
    """What was sent counts against what may be paid, and the other way round."""

    async def story(hall: Hall) -> None:
        desk, water, biller = await _with_biller(hall)
        maria = await hall.account("0")
        await desk.send(maria, 70)
        refused = await desk.machine.ask(_bill(desk, biller, 60_00))
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.AMOUNT_LIMIT, eur(50))
        assert isinstance(await desk.machine.ask(_bill(desk, biller, 45_50)), m.Slipped)
        assert reason(await desk.send(maria, 5)) is m.Reason.AMOUNT_LIMIT
        assert await balances(hall, desk.card.account, water) == ["84.50", "55.50"]

    run_hall(tmp_path, story, send_amount=120)


def test_a_reversal_takes_a_bill_back_whole(tmp_path: Path) -> None:
    """The payer has the money again, and the statement says from whom; what comes late is refused."""

    async def story(hall: Hall) -> None:
        desk, water, biller = await _with_biller(hall)
        message = _bill(desk, biller, 64_30)
        await desk.machine.ask(message)
        for _ in range(2):
            assert await desk.reverse(message.number) == ""
        assert reason(await desk.machine.ask(message)) is m.Reason.ENDED
        assert await balances(hall, desk.card.account, water) == ["200.00", "10.00"]
        told = await desk.inquire("statement")
        assert isinstance(told, m.Statement)
        assert [(line.what, line.other) for line in told.lines][:2] == [
            ("reversal", "City Water"), ("bill", "City Water"),
        ]  # fmt: skip
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_restored_bank_pays_again_what_it_has_lost_once(tmp_path: Path) -> None:
    """By the slip; the biller was added after the backup, so its account is not known: suspense, and a case."""

    async def story(hall: Hall) -> None:
        desk, water, biller = await _with_biller(hall)
        kept = hall.backup(tmp_path)
        light = await hall.account("0")
        newer = await _biller(hall, light, name="City Light", digits=6, check="")
        paid = [_bill(desk, biller, 64_30), _bill(desk, newer, 20_00, "123456")]
        slips = []
        for message in paid:
            answer = await desk.machine.ask(message)
            assert isinstance(answer, m.Slipped)
            slips.append(answer.slip)
        await hall.restore(kept)
        await desk.machine.sign_on()
        for _ in range(2):
            assert await desk.posted(paid[0].number, slips[0]) == ""
            assert (await desk.posted(paid[1].number, slips[1])).endswith(".unclaimed")
        assert await balances(hall, desk.card.account, water) == ["115.70", "74.30"]
        again = await open_desk(desk.machine, desk.card)
        told = await again.inquire("statement")
        assert isinstance(told, m.Statement)
        assert [(line.what, line.other) for line in told.lines][:2] == [("bill", ""), ("bill", "City Water")]
        [posting] = (await hall.do(r.AccountShow, account=water, last=1)).postings
        assert posting.text.endswith(f" bill {BILL}")
        await hall.sound()

    run_hall(tmp_path, story)


def test_the_staff_adds_lists_and_removes_payees(tmp_path: Path) -> None:
    """Ids go on counting; what cannot be paid into is no payee, and a removed one is listed only when asked for."""

    async def story(hall: Hall) -> None:
        water = await hall.account("0")
        ids = [await _biller(hall, water, name=name) for name in ("Water One", "Water Two")]
        assert ids == ["P101", "P102"]
        await hall.do(r.PayeeRemove, payee="P102")
        assert [one.payee for one in (await hall.do(r.PayeeList)).payees] == ["P101"]
        assert [(one.payee, one.state) for one in (await hall.do(r.PayeeList, removed=True)).payees] == [
            ("P101", "open"), ("P102", "removed"),
        ]  # fmt: skip
        assert await _biller(hall, water) == "P103"
        for command, fields, said in (
            (r.PayeeRemove, {"payee": "P102"}, "removed already"),
            (r.PayeeRemove, {"payee": "P999"}, "there is no payee P999"),
            (r.PayeeAdd, {"name": "X", "account": "equity.EUR", "digits": 5}, "no open account of a customer"),
            (r.PayeeAdd, {"name": "X", "account": water, "digits": 21}, "a number from 2 to 20"),
            (r.PayeeAdd, {"name": "X\ny", "account": water, "digits": 5}, "one line"),
            (r.PayeeAdd, {"name": "Harbour Water and Sewage", "account": water, "digits": 5}, "room for 20 letters"),
        ):
            with pytest.raises(CommandRefused, match=said):
                await hall.do(command, **fields)

    run_hall(tmp_path, story)
