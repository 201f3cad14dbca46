"""Ends a case by what a person found out: once, in one posting at most, and never in a way that makes no sense for it."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace
from sqlalchemy import func, select

from bank import schema
from bank.cases import suspense
from bank.cases.kinds import (
    CREDIT,
    DEBIT,
    IN_SUSPENSE,
    NOT_CREDITED,
    NOTHING,
    OF_ONE_DEBIT,
    OF_RELEASE,
    VOID,
    WRITE_OFF,
    base,
    is_held,
    kind_of,
    may,
)
from bank.commands.desk import Desk, listed, money
from bank.commands.requests import CaseResolve
from bank.control import CommandRefused
from bank.ledger.moves import (
    below_floor,
    cash_account,
    equity_account,
    free_hold,
    mark_forced,
    suspense_account,
    transfer,
)
from bank.ledger.rows import Account, Case, Hold
from bank_link.money import Money


@dataclass(frozen=True)
class _Matter:
    """A case with what belongs to it. `waiting`: what lies in suspense for it, signed."""

    case: Case
    hold: Hold | None
    waiting: int
    command: CaseResolve

    @property
    def held(self) -> Hold | None:
        return self.hold if is_held(self.case, self.hold) else None

    @property
    def currency(self) -> str:
        return self.case.currency


def resolve(desk: Desk, command: CaseResolve) -> Case:
    """The closed case. Raises CommandRefused where it is closed already, or where this resolution makes no sense."""
    case = desk.find(Case, command.case, "case")
    hold = desk.view.get(Hold, case.hold) if case.hold else None
    matter = _Matter(case, hold, suspense.remainder(desk.connection, case), command)
    _check(matter)
    _DO[command.resolution](desk, matter)
    _mark_decided(desk, matter)
    closed = replace(
        case, state="closed", closed_at=desk.now_ms, closed_by=desk.by, resolution=command.resolution,
        note=command.note,
    )  # fmt: skip
    desk.view.put(closed)
    said = f" {command.amount} {case.currency}" if command.amount else ""
    desk.note(
        "case-resolved", f"case {case.case_id}: {command.resolution}{said}", terminal=case.terminal, number=case.number
    )
    return closed


def _check(matter: _Matter) -> None:
    case, command = matter.case, matter.command
    if case.state != "open":
        raise CommandRefused(f"case {case.case_id} was closed by {case.closed_by}: {case.resolution}")
    allowed = may(case, matter.hold)
    if command.resolution not in allowed:
        raise CommandRefused(
            f"{command.resolution} makes no sense for case {case.case_id} ({_about(matter)}); it can be "
            f"{listed([f'--{each}' for each in allowed])}"
        )
    if command.amount and command.resolution not in {DEBIT, CREDIT}:
        raise CommandRefused(f"{command.resolution} takes no amount: it is about all that the case is about")


def _mark_decided(desk: Desk, matter: _Matter) -> None:
    """A hold that was voided before its release was known: what a machine says of it later is a conflict from now on."""
    hold, case = matter.hold, matter.case
    if hold is not None and hold.state == "voided" and not hold.case_id and case.kind in OF_RELEASE:
        desk.view.put(replace(hold, case_id=case.case_id))


def _about(matter: _Matter) -> str:
    if matter.held is not None:
        return f"{matter.held.amount} of the customer's money is held for it"
    return kind_of(matter.case).meaning


# ── What each resolution does ───────────────────────────────────────────────────────────────────────────────────────


def _debit(desk: Desk, matter: _Matter) -> None:
    """The customer got the notes: he pays for them, and what stood for them is cleared."""
    amount = _amount(desk, matter)
    account = _account(desk, matter)
    if matter.held is not None:
        free_hold(desk.view, matter.held, state="posted", posted=amount, case_id=matter.case.case_id)
    other, case_id = _other_side(desk, matter, amount.minor)
    _post(desk, matter, debit=account.account, credit=other, amount=amount, case_id=case_id)
    if below_floor(desk.view, account.account):
        mark_forced(desk.view, account.account, matter.case.case_id)


def _credit(desk: Desk, matter: _Matter) -> None:
    """The customer did not get what he was debited for: he has it back."""
    amount = _amount(desk, matter)
    account = _account(desk, matter)
    other, case_id = _other_side(desk, matter, -amount.minor)
    _post(desk, matter, debit=other, credit=account.account, amount=amount, case_id=case_id)


def _void(desk: Desk, matter: _Matter) -> None:
    """The customer got nothing: what was held is his again."""
    assert matter.held is not None
    free_hold(
        desk.view, matter.held, state="voided", posted=Money(0, matter.currency), case_id=matter.case.case_id
    )  # fmt: skip


def _write_off(desk: Desk, matter: _Matter) -> None:
    """The bank bears it, or keeps it: out of suspense (or out of the machine's cash) into equity."""
    in_suspense = base(matter.case.kind) in IN_SUSPENSE
    signed = -matter.waiting if in_suspense else matter.case.amount_minor
    if not signed:
        raise CommandRefused(f"nothing is left of case {matter.case.case_id} to write off")
    other, case_id = _other_side(desk, matter, signed)
    equity, amount = equity_account(matter.currency), Money(abs(signed), matter.currency)
    debit, credit = (equity, other) if signed > 0 else (other, equity)
    _post(desk, matter, debit=debit, credit=credit, amount=amount, case_id=case_id)


def _nothing(_desk: Desk, _matter: _Matter) -> None:
    """The books are right as they are."""


_DO = {DEBIT: _debit, CREDIT: _credit, VOID: _void, WRITE_OFF: _write_off, NOTHING: _nothing}


# ── Whose, how much, and against what ───────────────────────────────────────────────────────────────────────────────


def _amount(desk: Desk, matter: _Matter) -> Money:
    amount = money(matter.command.amount, matter.currency or desk.limits.currency)
    if not amount.minor:
        raise CommandRefused(f"an amount of nothing is no {matter.command.resolution}")
    if base(matter.case.kind) in IN_SUSPENSE:
        whole = Money(abs(matter.waiting), matter.currency)
        if amount != whole:
            raise CommandRefused(f"name all of the {whole} that are in suspense: no part may stay there without a case")
        return amount
    most = Money(_most(desk, matter), amount.currency)
    if amount.minor > most.minor:
        raise CommandRefused(f"{amount} is more than this case is about: at most {most}")
    return amount


def _most(desk: Desk, matter: _Matter) -> int:
    """No more than is held, was debited, or is in doubt."""
    if matter.held is not None:
        return matter.held.amount_minor
    if matter.command.resolution == CREDIT and base(matter.case.kind) == "conflict" and matter.hold is not None:
        return max(matter.hold.posted_minor, matter.case.amount_minor)
    if base(matter.case.kind) in NOT_CREDITED:
        # What the notes are worth is seen by whoever opens the box.
        return desk.limits.deposit_amount_minor
    most = abs(matter.case.amount_minor)
    if matter.command.resolution == CREDIT and base(matter.case.kind) in OF_ONE_DEBIT:
        most = min(most, matter.hold.posted_minor if matter.hold is not None else most) - _credited(desk, matter.case)
    return max(0, most)


def _credited(desk: Desk, case: Case) -> int:
    """What was credited already for the same payment, under whichever of its cases."""
    postings = schema.postings.c
    found = select(func.coalesce(func.sum(postings.amount_minor), 0)).where(
        postings.kind == f"case-{CREDIT}", postings.terminal == case.terminal, postings.generation == case.generation,
        postings.number == case.number,
    )  # fmt: skip
    return int(desk.connection.execute(found).scalar_one())


def _account(desk: Desk, matter: _Matter) -> Account:
    """The customer's account: the case's own, or the one that was named because the case knows none."""
    own = desk.view.get(Account, matter.case.account) if matter.case.account else None
    named = matter.command.account
    if own is not None and named not in {"", own.account}:
        raise CommandRefused(f"this case is about account {own.account}, not {named}")
    if own is None and not named:
        raise CommandRefused(f"case {matter.case.case_id} names no account of this bank; say which one (--account)")
    account = own or desk.find(Account, named, "account")
    if account.kind != "customer":
        raise CommandRefused(f"{account.account} is no customer's account")
    if account.currency != matter.currency:
        raise CommandRefused(f"account {account.account} is in {account.currency}, the case in {matter.currency}")
    return _open_again(desk, account)


def _open_again(desk: Desk, account: Account) -> Account:
    """Money moves in it: no closed account has a balance."""
    if account.state != "closed":
        return account
    account = replace(account, state="open")
    desk.view.put(account)
    desk.note("account-open", f"account {account.account}, by a case")
    return account


def _other_side(desk: Desk, matter: _Matter, signed: int) -> tuple[str, str]:
    """The account that stands for the notes, and the case that its posting belongs to.

    `signed`: positive where notes have left the bank for good. They are missing from the machine's cash, until an
    exchange finds them missing: from then on they are in suspense, under the case of that difference.
    """
    case = matter.case
    if base(case.kind) in IN_SUSPENSE:
        return suspense_account(matter.currency), case.case_id
    if not suspense.exchanged_since(desk.connection, case):
        return cash_account(case.terminal, matter.currency), case.case_id
    return suspense_account(matter.currency), _explained(desk, matter, signed) or _unexplained(desk, matter, signed)


def _explained(desk: Desk, matter: _Matter, signed: int) -> str:
    """The difference that this accounts for, closed where nothing of it is left; "" where there is none."""
    for case_id in suspense.differences_since(desk.connection, matter.case):
        difference = desk.view.need(Case, case_id)
        waiting = suspense.remainder(desk.connection, difference)
        if waiting * signed < 0 and abs(waiting) >= abs(signed):
            if waiting + signed == 0:
                _settle(desk, difference, f"explained by case {matter.case.case_id}")
            return case_id
    return ""


def _settle(desk: Desk, case: Case, note: str) -> None:
    desk.view.put(
        replace(case, state="closed", closed_at=desk.now_ms, closed_by=desk.by, resolution="settled", note=note)
    )


def _unexplained(desk: Desk, matter: _Matter, signed: int) -> str:
    """No exchange has found it missing: what goes into suspense waits there under a case of its own."""
    case = matter.case
    opened = Case(
        case_id=f"{case.case_id}.u", kind="unexplained", terminal=case.terminal, generation=case.generation,
        number=case.number, claim=case.claim, amount_minor=signed, currency=case.currency, opened_at=desk.now_ms,
        detail=f'{{"because_of":"{case.case_id}"}}',
    )  # fmt: skip
    desk.view.put(opened)
    desk.note("case-opened", f"{opened.case_id} about {Money(signed, case.currency)}", terminal=case.terminal)
    return opened.case_id


def _post(desk: Desk, matter: _Matter, *, debit: str, credit: str, amount: Money, case_id: str) -> None:
    case = matter.case
    transfer(
        desk.view, debit=debit, credit=credit, amount=amount, kind=f"case-{matter.command.resolution}",
        at_ms=desk.now_ms, terminal=case.terminal, generation=case.generation, number=case.number, case_id=case_id,
        text=f"case {case.case_id}",
    )  # fmt: skip
