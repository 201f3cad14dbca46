"""Operators: persons whose card opens a machine's service menu. They have a card and a PIN, and no account."""

from __future__ import annotations

from msgspec.structs import replace
from sqlalchemy import select

from bank import schema
from bank.commands import requests as r
from bank.commands.answers import CardMade, OperatorLine, OperatorsListed, time
from bank.commands.cards import made, new_card
from bank.commands.customers import OPERATOR, next_id
from bank.commands.desk import Desk
from bank.control import CommandRefused
from bank.ledger.rows import Card, Customer, Operator, Terminal
from bank_link.card_file import masked

ALL = "*"


def add(desk: Desk, command: r.OperatorAdd) -> CardMade:
    """A new operator with a card and its PIN. The name is what journals and books say, so no two have the same."""
    if _named(desk, command.name) is not None:
        raise CommandRefused(f"there is an operator {command.name} already; give this one another name")
    for terminal in command.terminals:
        desk.find(Terminal, terminal, "terminal")
    person = Customer(
        customer=next_id(desk, OPERATOR), name=command.name, language=command.language, created_at=desk.now_ms
    )  # fmt: skip
    desk.view.put(person)
    card, number = new_card(desk, person, command.pin, command.expiry)
    terminals = " ".join(dict.fromkeys(command.terminals)) or ALL
    desk.view.put(Operator(card=card.card, name=command.name, terminals=terminals, created_at=desk.now_ms))
    desk.note("operator-added", f"{command.name} with card {card.card} for {_where(terminals)}")
    return made(desk, card, number, ())


def list_all(desk: Desk, _command: r.OperatorList) -> OperatorsListed:
    """All there ever were: an old journal names those that left."""
    return OperatorsListed(operators=tuple(_line(desk, one) for one in _all(desk)))


def end(desk: Desk, command: r.OperatorEnd) -> OperatorsListed:
    """Refused at every machine from the next commit on; who is at one now may finish."""
    operator = _named(desk, command.name)
    if operator is None or operator.state == "ended":
        raise CommandRefused(f"there is no operator {command.name}")
    ended = replace(operator, state="ended")
    desk.view.put(ended)
    desk.note("operator-ended", f"{command.name} with card {operator.card}")
    return OperatorsListed(operators=(_line(desk, ended),))


def _where(terminals: str) -> str:
    return "all terminals" if terminals == ALL else terminals


def _all(desk: Desk) -> list[Operator]:
    operators = schema.operators
    return desk.rows(Operator, select(operators).order_by(operators.c.created_at, operators.c.name))


def _named(desk: Desk, name: str) -> Operator | None:
    return next((one for one in _all(desk) if one.name.casefold() == name.casefold()), None)


def _line(desk: Desk, operator: Operator) -> OperatorLine:
    card = desk.view.need(Card, operator.card)
    terminals = () if operator.terminals == ALL else tuple(operator.terminals.split())
    return OperatorLine(
        name=operator.name, card=card.card, ends=masked(card.last4), terminals=terminals, state=operator.state,
        created_at=time(operator.created_at),
    )  # fmt: skip
