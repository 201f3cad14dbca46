"""What the staff does to customers, accounts, cards and PINs: exact amounts, one card file that is good, no secret shown."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hall import PIN, STAFF, Hall, HeldCard, run_hall

from bank.commands import requests as r
from bank.commands.cards import issuer_id
from bank.commands.executing import command_of
from bank.control import CommandRefused
from bank_link.card_file import compose, luhn, parse
from bank_link.digits import check_digit
from bank_link.messages import Reason, Refused, VisitOpened


async def refused(hall: Hall, command: type[r.Command], **fields: object) -> str:
    """The sentence with which a command is refused; the books are as before."""
    before = await books(hall)
    with pytest.raises(CommandRefused) as caught:
        await hall.do(command, **fields)
    assert await books(hall) == before
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


async def books(hall: Hall) -> dict[str, list[object]]:
    tables = ("customers", "accounts", "postings", "holds", "cards", "card_accounts", "cases", "terminals", "tokens")
    return {table: await hall.sql(f"SELECT * FROM {table}") for table in tables}


def test_customers_and_accounts_are_numbered_in_order(tmp_path: Path) -> None:
    """C1001, C1002 …; account numbers of ten digits whose last one checks the others."""

    async def story(hall: Hall) -> None:
        customers = [(await hall.do(r.CustomerAdd, name="Ada", language="de-CH")).customer for _ in range(3)]
        assert customers == ["C1001", "C1002", "C1003"]
        accounts = [(await hall.do(r.AccountOpen, customer="C1002", label="Savings")).account for _ in range(12)]
        assert len(set(accounts)) == 12
        assert accounts == sorted(accounts)
        assert all(re.fullmatch("[0-9]{10}", account) and luhn(account) for account in accounts)

    run_hall(tmp_path, story)


def test_an_opening_balance_comes_out_of_equity(tmp_path: Path) -> None:
    """Both sides are posted, to the cent, and the books stay right."""

    async def story(hall: Hall) -> None:
        account = await hall.account(opening="1234.56", overdraft="100")
        shown = await hall.do(r.AccountShow, account=account)
        assert (shown.balance.amount, shown.available.amount, shown.overdraft.amount) == (
            "1234.56",
            "1334.56",
            "100.00",
        )
        (posting,) = shown.postings
        assert (posting.amount.amount, posting.other, posting.kind) == ("1234.56", "equity.EUR", "opening")
        assert (await hall.balance("equity.EUR"))[0] == "-1234.56"
        await hall.sound()

    run_hall(tmp_path, story)


def test_an_account_may_be_in_another_currency(tmp_path: Path) -> None:
    """Its own equity balances it; a yen has no cents."""

    async def story(hall: Hall) -> None:
        await hall.do(r.CustomerAdd, name="Ada")
        opened = await hall.do(r.AccountOpen, customer="C1001", label="Yen", currency="JPY", opening="5000")
        assert (opened.balance.amount, opened.currency) == ("5000", "JPY")
        assert "decimals" in await refused(
            hall, r.AccountOpen, customer="C1001", label="Yen", currency="JPY", opening="5000.1"
        )
        await hall.sound()

    run_hall(tmp_path, story)


@pytest.mark.parametrize(
    "text", ["1e3", "-5", "010", "", " 5", "5 ", "٥", "1,5", "1.234", "0x5", "9" * 1000, str(2**63)]
)
def test_an_amount_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing is guessed, rounded or cut off."""

    async def story(hall: Hall) -> None:
        await hall.do(r.CustomerAdd, name="Ada")
        for field in ("opening", "overdraft"):
            await refused(hall, r.AccountOpen, customer="C1001", label="x", **{field: text})

    run_hall(tmp_path, story)


def test_the_last_postings_are_shown_newest_first(tmp_path: Path) -> None:
    """As many as are asked for; cards by their last digits, their references masked."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        await machine.exchange(found=0, after=50)
        for units in (20, 40, 60):
            held = await machine.hold(card, units)
            await machine.complete(held, presented=units // 20)
        shown = await hall.do(r.AccountShow, account=card.account, last=2)
        assert [posting.amount.amount for posting in shown.postings] == ["-60.00", "-40.00"]
        assert {posting.other for posting in shown.postings} == {"cash.T1.EUR"}
        assert [linked.ends for linked in shown.cards] == [f"ends {card.file.card[-4:]}"]
        assert card.reference not in str(shown)

    run_hall(tmp_path, story)


def test_a_new_card_opens_a_visit_with_its_pin(tmp_path: Path) -> None:
    """The file that the command makes is one that a machine reads and this bank believes."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        assert card.file.card.startswith("999900")
        assert card.file.issuer == "Harbour"
        opened = await machine.open_visit(card)
        assert isinstance(opened, VisitOpened)
        assert [account.account for account in opened.accounts] == [card.account]

    run_hall(tmp_path, story)


def test_a_wrong_pin_is_wrong(tmp_path: Path) -> None:
    """The PIN given at the issue is the only one."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        answer = await machine.open_visit(card, pin="0000")
        assert isinstance(answer, Refused)
        assert answer.reason is Reason.WRONG_PIN

    run_hall(tmp_path, story)


def test_a_card_is_for_the_accounts_that_were_named_in_their_order(tmp_path: Path) -> None:
    """None named means all; a stranger's is refused."""

    async def story(hall: Hall) -> None:
        other = await hall.account()
        await hall.do(r.CustomerAdd, name="Bo")
        names = [(await hall.do(r.AccountOpen, customer="C1002", label=label)).account for label in "abc"]
        chosen = await hall.do(r.CardIssue, customer="C1002", pin=PIN, accounts=(names[2], names[0], names[2]))
        assert chosen.accounts == (names[2], names[0])
        assert (await hall.do(r.CardIssue, customer="C1002", pin=PIN)).accounts == tuple(names)
        assert other in await refused(hall, r.CardIssue, customer="C1002", pin=PIN, accounts=(other,))
        await hall.do(r.CustomerAdd, name="No accounts")
        assert "open one first" in await refused(hall, r.CardIssue, customer="C1003", pin=PIN)

    run_hall(tmp_path, story)


def test_a_reissued_card_makes_older_files_outdated(tmp_path: Path) -> None:
    """The old file is refused as a copy, the new one works, with the same PIN and accounts."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        made = await hall.do(r.CardReissue, card=card.reference)
        old = await machine.open_visit(card)
        assert isinstance(old, Refused)
        assert old.reason is Reason.CARD_OUTDATED
        again = HeldCard(parse(made.file), made.card, card.account)
        assert again.file.card == card.file.card
        assert isinstance(await machine.open_visit(again), VisitOpened)

    run_hall(tmp_path, story)


def test_unblocking_forgets_wrong_pins_and_nothing_else(tmp_path: Path) -> None:
    """A locked card works again at once; an outdated file stays outdated."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        stolen = HeldCard(card.file, card.reference, card.account)
        for _ in range(3):
            answer = await machine.open_visit(card, pin="0000")
        assert isinstance(answer, Refused)
        assert answer.reason is Reason.PIN_LOCKED
        shown = await hall.do(r.CardShow, card=card.reference)
        assert (shown.tries, bool(shown.locked_until)) == (3, True)
        shown = await hall.do(r.CardUnblock, card=card.reference)
        assert (shown.tries, shown.locked_until) == (0, "")
        assert isinstance(await machine.open_visit(card), VisitOpened)
        await hall.do(r.CardReissue, card=card.reference)
        await hall.do(r.CardUnblock, card=card.reference)
        outdated = await machine.open_visit(stolen)
        assert isinstance(outdated, Refused)
        assert outdated.reason is Reason.CARD_OUTDATED

    run_hall(tmp_path, story)


def test_a_new_pin_replaces_the_old_one(tmp_path: Path) -> None:
    """From the next visit on; a lock is lifted with it."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        for _ in range(3):
            await machine.open_visit(card, pin="0000")
        await hall.do(r.PinSet, card=card.reference, pin="123456789012")
        wrong = await machine.open_visit(card)
        assert isinstance(wrong, Refused)
        assert isinstance(await machine.open_visit(card, pin="123456789012"), VisitOpened)

    run_hall(tmp_path, story)


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "١٢٣٤", "12 4"])
def test_a_pin_that_is_none_is_refused_and_not_repeated(tmp_path: Path, pin: str) -> None:
    """4 to 12 ASCII digits; what was typed instead is in no sentence."""

    async def story(hall: Hall) -> None:
        card = await hall.card()
        for sentence in (
            await refused(hall, r.CardIssue, customer="C1001", pin=pin),
            await refused(hall, r.PinSet, card=card.reference, pin=pin),
        ):
            assert not pin or pin not in sentence

    run_hall(tmp_path, story)


def test_a_card_is_found_by_its_last_digits_where_only_one_ends_so(tmp_path: Path) -> None:
    """What a person sees on a receipt is enough, unless it is not."""

    async def story(hall: Hall) -> None:
        card = await hall.card()
        last4 = card.file.card[-4:]
        assert (await hall.do(r.CardShow, card=last4)).card == card.reference
        await hall.write("UPDATE cards SET last4 = '0000'")
        assert "no card ends in" in await refused(hall, r.CardShow, card=last4)
        await hall.card()
        await hall.write("UPDATE cards SET last4 = '0000'")
        assert "several" in await refused(hall, r.CardShow, card="0000")

    run_hall(tmp_path, story)


def test_no_pin_and_no_card_number_is_readable_in_what_the_bank_keeps(tmp_path: Path) -> None:
    """Database, write-ahead log and log files hold the number sealed and the PIN not at all."""

    async def story(hall: Hall) -> None:
        card = await hall.card()
        await hall.do(r.PinSet, card=card.reference, pin="739164280517")
        with pytest.raises(CommandRefused):
            await hall.do(r.PinSet, card="nobody", pin="739164280517")
        await hall.bank.seal()
        for file in hall.directory.rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                assert card.file.card.encode() not in data, file
                assert b"739164280517" not in data, file

    run_hall(tmp_path, story)


def test_a_number_moved_into_another_cards_row_makes_no_card(tmp_path: Path) -> None:
    """Whoever can write to the database still cannot have another customer's card made."""

    async def story(hall: Hall) -> None:
        card, other = await hall.card(), await hall.card()
        await hall.write(
            "UPDATE cards SET sealed_number = (SELECT sealed_number FROM cards WHERE card = :a) WHERE card = :b",
            a=card.reference, b=other.reference,
        )  # fmt: skip
        assert "another card's number" in await refused(hall, r.CardReissue, card=other.reference)

    run_hall(tmp_path, story)


def test_every_command_is_in_the_audit_log_with_who_gave_it(tmp_path: Path) -> None:
    """Those that only look, and those that were refused, too."""

    async def story(hall: Hall) -> None:
        card = await hall.card()
        for command, fields in (
            (r.AccountShow, {"account": card.account}), (r.CardShow, {"card": card.reference}),
            (r.CardUnblock, {"card": card.reference}), (r.TerminalList, {}), (r.CaseList, {}), (r.LedgerCheck, {}),
            (r.AuditVerify, {}),
        ):  # fmt: skip
            await hall.do(command, **fields)
        await refused(hall, r.CardShow, card="c404")
        rows = await hall.sql("SELECT kind, detail FROM audit_events ORDER BY event_id")
        kinds = [row["kind"] for row in rows]
        for kind in (
            "bank-founded", "customer-added", "account-opened", "card-issued", "account-shown", "card-shown",
            "card-unblocked", "terminals-listed", "cases-listed", "ledger-checked", "audit-verified", "command-refused",
        ):  # fmt: skip
            assert kind in kinds
        assert all(row["detail"].endswith(f"by {STAFF}") for row in rows)

    run_hall(tmp_path, story)


def test_expiry_is_told_in_months(tmp_path: Path) -> None:
    """Five years where nothing is said; a month that is over is refused."""

    async def story(hall: Hall) -> None:
        card = await hall.card()
        assert card.file.expiry == 203109
        made = await hall.do(r.CardIssue, customer="C1001", pin=PIN, expiry="2026-09")
        assert parse(made.file).expiry == 202609
        assert "is over" in await refused(hall, r.CardIssue, customer="C1001", pin=PIN, expiry="2026-08")
        assert "a month like" in await refused(hall, r.CardIssue, customer="C1001", pin=PIN, expiry="2026-13")

    run_hall(tmp_path, story)


def test_what_cannot_stand_in_a_field_is_said_with_what_can(tmp_path: Path) -> None:
    """One sentence that names the field, without types and patterns."""

    async def story(hall: Hall) -> None:
        assert await refused(hall, r.CustomerAdd, name="two\nlines") == (
            "the name is not one: it has to be 1 to 200 characters on one line"
        )
        assert "en or de-CH" in await refused(hall, r.CustomerAdd, name="Ada", language="English")
        assert "there is no customer" in await refused(hall, r.AccountOpen, customer="C9", label="x")
        for name, arguments in (("customer-add", {"by": "x"}), ("customer-add", {"by": "x", "name": "a", "z": 1})):
            with pytest.raises(CommandRefused, match="missing or unknown"):
                await hall.bank.execute_named(name, arguments)
        with pytest.raises(CommandRefused, match="another version"):
            await hall.bank.execute_named("rob", {})

    run_hall(tmp_path, story)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(r.COMMANDS)),
    st.dictionaries(
        st.sampled_from(["by", "name", "pin", "card", "x"]), st.none() | st.text() | st.integers(), max_size=4
    ),
)
def test_whatever_comes_over_the_socket_is_a_command_or_one_sentence(name: str, arguments: dict[str, object]) -> None:
    """Hostile arguments raise one error and never show a value."""
    sentence = ""
    try:
        assert isinstance(command_of(name, arguments), r.COMMANDS[name])
    except CommandRefused as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert all(value not in sentence for value in arguments.values() if isinstance(value, str) and len(value) > 3)


def test_a_commands_repr_shows_no_pin() -> None:
    """It may end up in a log or a failed assertion."""
    assert "4711" not in repr(r.CardIssue(by="x", customer="C1", pin="4711"))
    assert "4711" not in repr(r.PinSet(by="x", card="c1", pin="4711"))


@given(st.text(max_size=80))
def test_every_banks_name_can_stand_on_a_card(name: str) -> None:
    """Whatever it is called, the card file's field holds something that reads back."""
    number = "999900000000001"
    assert parse(compose(number + check_digit(number), issuer_id(name), 203001, 1, 1, bytes(32))).issuer == issuer_id(
        name
    )


def test_two_commands_at_the_same_time_do_not_meet(tmp_path: Path) -> None:
    """Numbers are given out once each, whatever runs beside."""

    async def story(hall: Hall) -> None:
        added = await asyncio.gather(*(hall.do(r.CustomerAdd, name=f"n{place}") for place in range(20)))
        assert len({one.customer for one in added}) == 20
        opened = await asyncio.gather(
            *(hall.do(r.AccountOpen, customer="C1001", label="x", opening="10") for _ in range(20))
        )
        assert len({one.account for one in opened}) == 20
        await hall.sound()

    run_hall(tmp_path, story)
