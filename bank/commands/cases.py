"""Cases: listed, shown with all that belongs to them, and resolved."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import or_, select

from bank import schema
from bank.cases import suspense
from bank.cases.kinds import is_held, kind_of, may
from bank.commands import requests as r
from bank.commands.answers import Booking, CaseLine, CaseShown, CasesListed, amount, time
from bank.commands.desk import Desk
from bank.commands.resolving import resolve
from bank.ledger.rows import Card, Case, Hold
from bank_link.card_file import masked


def list_cases(desk: Desk, command: r.CaseList) -> CasesListed:
    """The open ones, or all of them; the oldest first."""
    statement = select(schema.cases).order_by(schema.cases.c.opened_at, schema.cases.c.case_id)
    if not command.closed:
        statement = statement.where(schema.cases.c.state == "open")
    desk.note("cases-listed", "")
    return CasesListed(cases=tuple(_line(case) for case in desk.rows(Case, statement)))


def show(desk: Desk, command: r.CaseShow) -> CaseShown:
    case = desk.find(Case, command.case, "case")
    desk.note("case-shown", f"case {case.case_id}", terminal=case.terminal)
    return _shown(desk, case)


def resolve_case(desk: Desk, command: r.CaseResolve) -> CaseShown:
    """Ends it; what was posted for it is shown."""
    case = resolve(desk, command)
    desk.flush()
    return _shown(desk, case)


def _shown(desk: Desk, case: Case) -> CaseShown:
    hold = desk.view.get(Hold, case.hold) if case.hold else None
    card = desk.view.get(Card, case.card) if case.card else None
    waiting = suspense.remainder(desk.connection, case)
    return CaseShown(
        case=_line(case), meaning=kind_of(case).meaning, may=may(case, hold), hold=hold.hold if hold else "",
        held=amount(hold.amount_minor, hold.currency) if hold and is_held(case, hold) else None,
        card_ends=masked(card.last4) if card else "", in_suspense=amount(waiting, case.currency) if waiting else None,
        detail=_detail(case), postings=_postings(desk, case),
    )  # fmt: skip


def _line(case: Case) -> CaseLine:
    return CaseLine(
        case=case.case_id, kind=case.kind, state=case.state, terminal=case.terminal, generation=case.generation,
        number=case.number, claim=case.claim,
        amount=amount(case.amount_minor, case.currency) if case.currency else None, account=case.account,
        opened_at=time(case.opened_at), closed_at=time(case.closed_at), closed_by=case.closed_by,
        resolution=case.resolution, note=case.note,
    )  # fmt: skip


def _detail(case: Case) -> Any:
    """What the machine said, as it was kept."""
    try:
        return msgspec.json.decode(case.detail) if case.detail else None
    except msgspec.DecodeError:
        return case.detail


def _postings(desk: Desk, case: Case) -> tuple[Booking, ...]:
    """Those that name the case, and what its resolution posted under another one."""
    postings = schema.postings.c
    found = desk.connection.execute(
        select(schema.postings)
        .where(or_(postings.case_id == case.case_id, postings.text == f"case {case.case_id}"))
        .order_by(postings.posting)
    ).mappings()
    return tuple(
        Booking(
            posting=row["posting"], at=time(row["at_ms"]), debit=row["debit_account"], credit=row["credit_account"],
            amount=amount(row["amount_minor"], row["currency"]), kind=row["kind"], case=row["case_id"],
        )
        for row in found
    )  # fmt: skip
