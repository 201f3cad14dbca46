"""Operators at the bank: a card without an account, good where it says, and what its coming does to its copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hall import PIN, Hall, HeldCard, Machine, run_hall, with_slot

from bank.commands import requests as r
from bank.control import CommandRefused
from bank_link import messages as m
from bank_link.card_file import parse


async def operator(hall: Hall, name: str = "Olga", terminals: tuple[str, ...] = ()) -> HeldCard:
    made = await hall.do(r.OperatorAdd, name=name, pin=PIN, terminals=terminals)
    return HeldCard(parse(made.file), made.card, "")


async def opened(machine: Machine, card: HeldCard) -> m.VisitOpened:
    """The visit, its secret on the card."""
    answer = await machine.open_visit(card)
    assert isinstance(answer, m.VisitOpened), answer
    card.file = with_slot(card.file, answer)
    return answer


def test_an_operators_card_names_its_holder_and_has_no_account(tmp_path: Path) -> None:
    """The visit says role and name and offers nothing of a customer's; the file says that it is an operator's."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await operator(hall)
        assert card.file.operator
        visit = await opened(machine, card)
        assert (visit.role, visit.name, visit.accounts, visit.left_today) == ("operator", "Olga", (), None)
        account = await hall.account()
        refused = await machine.ask(
            m.Authorise(
                number=machine.number(), deadline=machine.until(), visit=visit.visit, account=account,
                amount=m.Money(20_00, "EUR"), mix=(),
            )
        )  # fmt: skip
        assert isinstance(refused, m.Refused)
        assert refused.reason is m.Reason.NO_ACCOUNT
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_card_is_good_where_the_bank_says(tmp_path: Path) -> None:
    """Another terminal refuses it before its PIN is looked at; an ended operator is refused everywhere."""

    async def story(hall: Hall) -> None:
        first, second = await hall.machine(), await hall.machine()
        card = await operator(hall, terminals=(first.name,))
        await opened(first, card)
        answers = [await second.open_visit(card, "0000")]
        await hall.do(r.OperatorEnd, name="olga")
        answers.append(await first.open_visit(card))
        assert [answer.reason for answer in answers if isinstance(answer, m.Refused)] == [m.Reason.NOT_HERE] * 2
        assert (await hall.do(r.CardShow, card=card.reference)).tries == 0

    run_hall(tmp_path, story)


def test_only_an_operator_is_let_in_at_a_suspended_terminal_and_nobody_at_an_unconfirmed_one(tmp_path: Path) -> None:
    """Suspended: the customer is refused for the terminal, the operator is not. Pending: both are."""

    async def story(hall: Hall) -> None:
        machine, card, customer = await hall.machine(), await operator(hall), await hall.card()
        await hall.do(r.TerminalSuspend, terminal=machine.name)
        refused = await machine.open_visit(customer)
        assert isinstance(refused, m.Refused)
        assert refused.reason is m.Reason.SUSPENDED
        await opened(machine, card)
        await hall.write("UPDATE terminals SET state = 'pending'")
        refused = await machine.open_visit(card)
        assert isinstance(refused, m.Refused)
        assert refused.reason is m.Reason.PENDING

    run_hall(tmp_path, story)


def test_a_copy_of_an_operators_card_grows_old(tmp_path: Path) -> None:
    """No money confirms an operator's secret, its coming does: once the original has come twice, the copy is outdated."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await operator(hall)
        copy = HeldCard(card.file, card.reference, "")
        await opened(machine, card)
        await opened(machine, card)
        refused = await machine.open_visit(copy)
        assert isinstance(refused, m.Refused)
        assert refused.reason is m.Reason.CARD_OUTDATED
        await opened(machine, card)

    run_hall(tmp_path, story)


def test_names_are_unique_and_an_operator_is_no_customer(tmp_path: Path) -> None:
    """Journals name operators, so no two have one name; no account is opened for one, and customers' numbers go on."""

    async def story(hall: Hall) -> None:
        await operator(hall)
        for command, fields, words in (
            (r.OperatorAdd, {"name": "OLGA", "pin": PIN}, "already"),
            (r.OperatorAdd, {"name": "Ivo", "pin": PIN, "terminals": ("T9",)}, "no terminal T9"),
            (r.OperatorEnd, {"name": "Ivo"}, "no operator Ivo"),
            (r.AccountOpen, {"customer": "O1001", "label": "x"}, "operator"),
            (r.CardIssue, {"customer": "O1001", "pin": PIN}, "no account"),
        ):
            with pytest.raises(CommandRefused, match=words):
                await hall.do(command, **fields)
        assert (await hall.do(r.CustomerAdd, name="Ada")).customer == "C1001"
        [line] = (await hall.do(r.OperatorList)).operators
        assert (line.name, line.terminals, line.state) == ("Olga", (), "active")

    run_hall(tmp_path, story)


def test_a_new_file_for_an_operator_is_an_operators(tmp_path: Path) -> None:
    """Reissued, the file still says whose it is, and the older one is outdated."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await operator(hall)
        made = await hall.do(r.CardReissue, card=card.reference)
        assert parse(made.file).operator
        refused = await machine.open_visit(card)
        assert isinstance(refused, m.Refused)
        assert refused.reason is m.Reason.CARD_OUTDATED
        await opened(machine, HeldCard(parse(made.file), card.reference, ""))

    run_hall(tmp_path, story)
