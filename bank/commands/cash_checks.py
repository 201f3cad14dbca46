"""Each machine's cash: what should be in it by the books, against what it said is in it at its last echo.

The two are of different moments and need not be equal: what was under way then, and what open cases are about, explains
a difference up to its amount. What is left is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select

from bank import schema
from bank.cases import suspense
from bank.cases.kinds import DEBITED, NOT_COUNTED, NOT_CREDITED, NOT_DEBITED, base
from bank.commands.answers import Finding, MachineCash, amount
from bank.commands.desk import Desk
from bank.ledger.moves import cash_account
from bank.ledger.rows import Account, Case, Terminal
from bank.terminals.echo import Report, read_report
from bank_link.messages import Accuracy

#: An echo may be so long on its way (ms): what it says can be older than a payment that arrived before it.
ECHO_MS = 10_000

_POSTINGS = schema.postings.c
_SIGNED = case((_POSTINGS.credit_account == bindparam("cash"), 1), else_=-1) * _POSTINGS.amount_minor
_OF_CASH = (_POSTINGS.credit_account == bindparam("cash")) | (_POSTINGS.debit_account == bindparam("cash"))
_ENTRIES: Select[Any] = select(_POSTINGS.kind, _POSTINGS.case_id, _POSTINGS.at_ms, _SIGNED.label("signed")).where(
    _OF_CASH, (_POSTINGS.at_ms > bindparam("since")) | _POSTINGS.kind.like("case-%")
)
_RELEASED: Select[Any] = select(func.coalesce(func.sum(schema.holds.c.amount_minor), 0)).where(
    schema.holds.c.terminal == bindparam("terminal"), schema.holds.c.state == "released",
    schema.holds.c.currency == bindparam("currency"),
)  # fmt: skip
_BEGUN: Select[Any] = select(func.count()).where(
    schema.deposits.c.terminal == bindparam("terminal"), schema.deposits.c.state.in_(("open", "case")),
    schema.deposits.c.currency == bindparam("currency"), schema.deposits.c.at_ms > bindparam("exchanged"),
)  # fmt: skip
#: Notes that a customer took, or put in.
_OF_CUSTOMERS = {"withdrawal", "deposit"}


@dataclass(frozen=True)
class _Compared:
    """Minor units. `missing`: positive where the machine has less than the books say. `fewer` and `more`: how much less,
    and how much more, has an explanation.
    """

    book: int
    reported: int
    missing: int
    fewer: int
    more: int

    @property
    def explained(self) -> int:
        return self.fewer if self.missing >= 0 else self.more

    @property
    def sound(self) -> bool:
        return -self.more <= self.missing <= self.fewer


def check_machines(desk: Desk) -> tuple[list[MachineCash], list[Finding]]:
    """One line a terminal, and a finding for each difference that nothing explains."""
    machines, findings = [], []
    for terminal in desk.rows(Terminal, select(schema.terminals).order_by(schema.terminals.c.terminal)):
        machine, finding = _machine(desk, terminal)
        machines.append(machine)
        findings += [finding] if finding else []
    return machines, findings


def _machine(desk: Desk, terminal: Terminal) -> tuple[MachineCash, Finding | None]:
    currency, report = desk.limits.currency, read_report(terminal)
    account = desk.view.get(Account, cash_account(terminal.terminal, currency))
    book = -account.balance_minor if account else 0
    why_not = _not_comparable(terminal, report, currency)
    if why_not or report is None:
        return _line(terminal, currency, book, None, why_not), None
    compared = _compare(desk, terminal, report, book)
    finding = None
    if not compared.sound:
        less = "less" if compared.missing > 0 else "more"
        finding = Finding(
            what="cash",
            sentence=f"{terminal.terminal} reports {amount(compared.reported, currency)}, "
            f"{amount(abs(compared.missing), currency)} {less} than the books say; "
            f"{amount(compared.explained, currency)} of it is explained",
        )
    return _line(terminal, currency, book, compared, ""), finding


def _line(terminal: Terminal, currency: str, book: int, compared: _Compared | None, why_not: str) -> MachineCash:
    return MachineCash(
        terminal=terminal.terminal, book=amount(book, currency),
        reported=amount(compared.reported, currency) if compared else None,
        missing=amount(compared.missing, currency) if compared else None,
        explained=amount(compared.explained if compared else 0, currency), compared=why_not,
    )  # fmt: skip


def _not_comparable(terminal: Terminal, report: Report | None, currency: str) -> str:
    if report is None:
        return "it has not reported yet"
    if terminal.last_exchange >= report.at:
        return "it has not reported since its last exchange"
    if report.echo.outbox:
        return f"{report.echo.outbox} of its facts were still on their way"
    if report.echo.parked:
        return f"{report.echo.parked} of its facts could not be read by the bank"
    if any(count.accuracy is Accuracy.UNKNOWN or count.value.currency != currency for count in report.echo.counts):
        return "it does not know what is in it"
    return ""


def _compare(desk: Desk, terminal: Terminal, report: Report, book: int) -> _Compared:
    currency = desk.limits.currency
    reported = sum(count.value.minor * (count.count + count.rejected) for count in report.echo.counts)
    values: dict[str, Any] = {
        "cash": cash_account(terminal.terminal, currency), "since": report.at - ECHO_MS,
        "terminal": terminal.terminal, "currency": currency, "exchanged": terminal.last_exchange,
    }  # fmt: skip
    entries = desk.connection.execute(_ENTRIES, values).all()
    moved = [entry for entry in entries if entry.kind in _OF_CUSTOMERS]
    later = [entry.signed for entry in moved if entry.at_ms > report.at]
    just_before = [entry.signed for entry in moved if entry.at_ms <= report.at]
    released = int(desk.connection.execute(_RELEASED, values).scalar_one())
    # What a deposit has in its box is told by the machine before the books have it: up to the most of each.
    begun = int(desk.connection.execute(_BEGUN, values).scalar_one()) * desk.limits.deposit_amount_minor
    fewer, more = _out(later) + released + _in(just_before), _out(just_before) + _in(later) + begun
    for one in _unsettled(desk, terminal):
        of_case = [
            entry.signed for entry in entries if entry.case_id == one.case_id and entry.kind not in _OF_CUSTOMERS
        ]
        debited, credited = sum(each for each in of_case if each > 0), -sum(each for each in of_case if each < 0)
        kind = base(one.kind)
        # What a person has decided since may be what the machine does not know: until the next exchange it explains, too.
        fewer += credited + (max(0, one.amount_minor - debited) if kind in NOT_DEBITED else 0)
        more += debited + (max(0, one.amount_minor - credited) if kind in DEBITED else 0)
    return _Compared(book, reported, book + sum(later) - reported, fewer, more)


def _out(entries: list[int]) -> int:
    """What was paid out among them."""
    return sum(each for each in entries if each > 0)


def _in(entries: list[int]) -> int:
    return -sum(each for each in entries if each < 0)


def _unsettled(desk: Desk, terminal: Terminal) -> list[Case]:
    """Cases about notes of this machine that no exchange has counted since; a closed one may have left them unposted."""
    cases = schema.cases.c
    found = desk.rows(
        Case,
        select(schema.cases).where(cases.terminal == terminal.terminal, cases.currency == desk.limits.currency),
    )
    about_notes = (one for one in found if base(one.kind) in NOT_DEBITED | DEBITED | NOT_CREDITED | NOT_COUNTED)
    return [one for one in about_notes if not suspense.exchanged_since(desk.connection, one)]
