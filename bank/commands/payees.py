"""Whose bills customers can pay at the machines: added, listed, removed."""

from __future__ import annotations

from msgspec.structs import replace
from sqlalchemy import func, select

from bank import schema
from bank.commands import requests as r
from bank.commands.answers import BillerShown, BillersListed, time
from bank.commands.desk import Desk
from bank.control import CommandRefused
from bank.ledger.rows import Account, Biller

FIRST = 101
LONGEST_NAME = 20
#: A machine is told of all of them in one message.
MOST_OPEN = 200


def add(desk: Desk, command: r.PayeeAdd) -> BillerShown:
    """Under the next id: P101, P102 …"""
    account = desk.find(Account, command.account, "account")
    if len(command.name) > LONGEST_NAME:
        raise CommandRefused(f"a machine's screen has room for {LONGEST_NAME} letters of a payee's name")
    if account.kind != "customer" or account.state != "open":
        raise CommandRefused(f"{account.account} is no open account of a customer; open one for the payee first")
    if len(_found(desk, removed=False)) >= MOST_OPEN:
        raise CommandRefused(f"a machine can offer {MOST_OPEN} payees and no more; remove one first (payee remove)")
    biller = Biller(
        biller=_next_id(desk), name=command.name, category=command.category, account=account.account,
        digits=command.digits, check_kind=command.check, created_at=desk.now_ms,
    )  # fmt: skip
    desk.view.put(biller)
    desk.note("payee-added", f"payee {biller.biller} with account {biller.account}")
    return _shown(biller)


def list_all(desk: Desk, command: r.PayeeList) -> BillersListed:
    found = _found(desk, removed=command.removed)
    desk.note("payees-listed", "")
    return BillersListed(payees=tuple(_shown(biller) for biller in found))


def remove(desk: Desk, command: r.PayeeRemove) -> BillerShown:
    biller = desk.find(Biller, command.payee, "payee")
    if biller.state != "open":
        raise CommandRefused(f"payee {biller.biller} is removed already")
    biller = replace(biller, state="removed")
    desk.view.put(biller)
    desk.note("payee-removed", f"payee {biller.biller}")
    return _shown(biller)


def _found(desk: Desk, *, removed: bool) -> list[Biller]:
    billers = schema.billers.c
    wanted = select(schema.billers).order_by(billers.category, billers.name, billers.biller)
    return desk.rows(Biller, wanted if removed else wanted.where(billers.state == "open"))


def _shown(biller: Biller) -> BillerShown:
    return BillerShown(
        payee=biller.biller, name=biller.name, category=biller.category, account=biller.account,
        digits=biller.digits, check=biller.check_kind, state=biller.state, added_at=time(biller.created_at),
    )  # fmt: skip


def _next_id(desk: Desk) -> str:
    column = schema.billers.c.biller
    last = desk.connection.execute(
        select(column).order_by(func.length(column).desc(), column.desc()).limit(1)
    ).scalar_one_or_none()
    return f"P{int(last[1:]) + 1 if last else FIRST}"
