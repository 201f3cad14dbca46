"""Accounts: opened with what equity gives them, shown with their last postings, frozen and closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from msgspec.structs import replace
from sqlalchemy import or_, select

from bank import schema
from bank.authoriser.maintenance import unsettled
from bank.authoriser.opening import next_number
from bank.commands import requests as r
from bank.commands.answers import AccountShown, LinkedCard, PostingShown, amount, time
from bank.commands.desk import Desk, listed, money
from bank.control import CommandRefused
from bank.decision.load import LAST_ACCOUNT
from bank.ledger.moves import equity_account, transfer
from bank.ledger.rows import Account, Biller, Card, Case, Customer, DepositRow, Row
from bank_link.card_file import masked
from bank_link.money import MINOR_DIGITS

R = TypeVar("R", bound=Row)


def open_account(desk: Desk, command: r.AccountOpen) -> AccountShown:
    """A customer's account, with an opening balance where one is named."""
    customer = desk.find(Customer, command.customer, "customer")
    currency = command.currency or desk.limits.currency
    if currency not in MINOR_DIGITS:
        raise CommandRefused(f"{currency} is no currency known here; this bank can use {listed(sorted(MINOR_DIGITS))}")
    opening, overdraft = money(command.opening, currency), money(command.overdraft, currency)
    account = Account(
        account=_next_number(desk), kind="customer", owner=customer.customer, label=command.label, currency=currency,
        floor_minor=-overdraft.minor, created_at=desk.now_ms,
    )  # fmt: skip
    desk.view.put(account)
    transfer(
        desk.view, debit=equity_account(currency), credit=account.account, amount=opening, kind="opening",
        at_ms=desk.now_ms, text=f"opening balance by {desk.by}",
    )  # fmt: skip
    desk.note("account-opened", f"account {account.account} of {customer.customer} with {opening}")
    return _shown(desk.view.need(Account, account.account))


def show(desk: Desk, command: r.AccountShow) -> AccountShown:
    account = desk.find(Account, command.account, "account")
    desk.note("account-shown", f"account {account.account}")
    return _shown(account, cards=_cards(desk, account), postings=last_postings(desk, account.account, command.last))


def freeze(desk: Desk, command: r.AccountFreeze) -> AccountShown:
    """What is released to a machine already is paid; nothing else is."""
    return _changed(desk, command.account, of="open", to="frozen")


def unfreeze(desk: Desk, command: r.AccountUnfreeze) -> AccountShown:
    return _changed(desk, command.account, of="frozen", to="open")


def close(desk: Desk, command: r.AccountClose) -> AccountShown:
    account = _customers(desk, command.account)
    if account.balance_minor or account.held_minor:
        balance, held = amount(account.balance_minor, account.currency), amount(account.held_minor, account.currency)
        raise CommandRefused(f"account {account.account} stands at {balance}, {held} of it held; empty it first")
    why = unsettled(account, _of(desk, Case, account), _of(desk, Biller, account), _of(desk, DepositRow, account))
    if why:
        raise CommandRefused(f"account {account.account} cannot be closed: {why}")
    return _changed(desk, account.account, of=account.state, to="closed")


def _of(desk: Desk, kind: type[R], account: Account) -> list[R]:
    """Rows of a table that name the account."""
    return desk.rows(kind, select(kind.table).where(kind.table.c.account == account.account))


def _changed(desk: Desk, named: str, *, of: str, to: str) -> AccountShown:
    account = _customers(desk, named)
    if account.state != of or of == "closed":
        raise CommandRefused(f"account {account.account} is {account.state}")
    account = replace(account, state=to)
    desk.view.put(account)
    desk.note(f"account-{to}", f"account {account.account}")
    return _shown(account, cards=_cards(desk, account))


def _customers(desk: Desk, named: str) -> Account:
    account = desk.find(Account, named, "account")
    if account.kind != "customer":
        raise CommandRefused(f"{account.account} is the bank's own; it is always open")
    return account


def last_postings(desk: Desk, account: str, last: int) -> tuple[PostingShown, ...]:
    """The newest first, as `account` sees them."""
    found = desk.connection.execute(
        select(schema.postings)
        .where(or_(schema.postings.c.debit_account == account, schema.postings.c.credit_account == account))
        .order_by(schema.postings.c.posting.desc())
        .limit(last)
    ).mappings()
    return tuple(posting_shown(row, account) for row in found)


def posting_shown(row: Any, account: str) -> PostingShown:
    """A row of `postings` from the side of `account`."""
    debited = row["debit_account"] == account
    return PostingShown(
        posting=row["posting"], at=time(row["at_ms"]),
        amount=amount(-row["amount_minor"] if debited else row["amount_minor"], row["currency"]), kind=row["kind"],
        other=row["credit_account"] if debited else row["debit_account"], text=row["text"], case=row["case_id"],
    )  # fmt: skip


def _shown(
    account: Account, *, cards: Iterable[LinkedCard] = (), postings: tuple[PostingShown, ...] = ()
) -> AccountShown:
    currency = account.currency
    return AccountShown(
        account=account.account, kind=account.kind, customer=account.owner, label=account.label, currency=currency,
        state=account.state, balance=amount(account.balance_minor, currency),
        held=amount(account.held_minor, currency), available=amount(account.available_minor, currency),
        overdraft=amount(-account.floor_minor, currency), forced_case=account.forced_case,
        opened_at=time(account.created_at), cards=tuple(cards), postings=postings,
    )  # fmt: skip


def _cards(desk: Desk, account: Account) -> list[LinkedCard]:
    linked = (
        select(schema.cards)
        .join(schema.card_accounts, schema.card_accounts.c.card == schema.cards.c.card)
        .where(schema.card_accounts.c.account == account.account)
        .order_by(schema.cards.c.created_at, schema.cards.c.card)
    )
    return [
        LinkedCard(card=f"{card.card[:5]}…", ends=masked(card.last4), state=card.state)
        for card in desk.rows(Card, linked)
    ]


def _next_number(desk: Desk) -> str:
    return next_number(LAST_ACCOUNT.value(desk.connection) or "")
