"""A credit: what an acceptor has stacked becomes the customer's, and what nothing proves becomes a case."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from bank.authoriser.context import Context
from bank.authoriser.depositing import DEPOSIT
from bank.facts.common import FactUnreadable, Subject, file_case, is_known, remember_position, reopen, worth
from bank.ledger.moves import cash_account, suspense_account, transfer
from bank.ledger.rows import Case, DepositRow
from bank.ledger.view import View
from bank_link.errors import MessageRefused
from bank_link.messages import Acknowledged, Credit, Slip
from bank_link.money import Money


@dataclass(frozen=True)
class _PaidIn:
    """A credit as the books see it."""

    fact: Credit
    slip: Slip
    about: Subject
    stacked: Money
    doubt: Money


def credit(view: View, context: Context, fact: Credit) -> Acknowledged:
    """In effect once, also at a bank that has lost the deposit. Raises FactUnreadable for a slip of something else."""
    slip = _slip(context, fact)
    currency = slip.amount.currency
    about = Subject(slip.terminal, slip.generation, slip.number)
    paid = _PaidIn(fact, slip, about, worth(fact.notes, currency), worth(fact.in_doubt, currency))
    row = view.get(DepositRow, slip.terminal, slip.generation, slip.number)
    remember_position(view, slip)
    if row is not None and _is_over(view, row):
        # Two different words about the same notes: a person compares them with the machine.
        return Acknowledged(case=_case(view, context, paid, "conflict", paid.stacked) if paid.stacked.minor else "")
    case = _doubt(view, context, paid)
    case = _book(view, context, paid) or case
    _end(view, context, paid, row, case)
    context.note(view, "credited", f"{paid.stacked} to {slip.account}")
    return Acknowledged(case=case)


def _slip(context: Context, fact: Credit) -> Slip:
    try:
        slip = context.tools.keys.read_slip(fact.slip)
    except MessageRefused as error:
        raise FactUnreadable(str(error)) from error
    if (slip.kind, slip.terminal, slip.generation) != (DEPOSIT, context.terminal.terminal, fact.made_by.generation):
        raise FactUnreadable("the slip is not of a deposit at this terminal")
    return slip


def _is_over(view: View, row: DepositRow) -> bool:
    if row.state == "credited":
        return True
    waited = view.get(Case, row.case_id) if row.case_id else None
    return waited is not None and waited.state == "closed" and waited.resolution == "credit"


def _doubt(view: View, context: Context, paid: _PaidIn) -> str:
    fact = paid.fact
    if not paid.doubt.minor and not fact.unread:
        return ""
    return _case(view, context, paid, "deposit-doubt", paid.doubt)


def _book(view: View, context: Context, paid: _PaidIn) -> str:
    """To the account, as far as the slip goes. The rest, or all for an account that is not known any more, to suspense,
    with a case that says whose it was.
    """
    account, suspense = paid.slip.account, suspense_account(paid.stacked.currency)
    if not paid.stacked.minor:
        return ""
    if not is_known(view, account, paid.stacked.currency, paid.slip.at):
        case = _case(view, context, paid, "unclaimed", paid.stacked)
        _post(view, context, paid, suspense, paid.stacked, case=case)
        return case
    # No machine makes more money than the bank has agreed to: what is above it waits for somebody to see the notes.
    agreed = min(paid.stacked, paid.slip.amount)
    _post(view, context, paid, account, agreed)
    case = reopen(view, context, paid.about, account, agreed)
    if paid.stacked > agreed:
        case = _case(view, context, paid, "deposit-over", paid.stacked - agreed)
        _post(view, context, paid, suspense, paid.stacked - agreed, case=case)
    return case


def _post(view: View, context: Context, paid: _PaidIn, account: str, amount: Money, *, case: str = "") -> None:
    transfer(
        view, debit=cash_account(paid.about.terminal, amount.currency), credit=account, amount=amount,
        kind=DEPOSIT, at_ms=context.now_ms, terminal=paid.about.terminal, generation=paid.about.generation,
        number=paid.fact.number, case_id=case, text=paid.about.claim,
    )  # fmt: skip


def _end(view: View, context: Context, paid: _PaidIn, row: DepositRow | None, case: str) -> None:
    about, slip = paid.about, paid.slip
    known = row or DepositRow(
        terminal=about.terminal, generation=about.generation, number=about.transaction, card=slip.card,
        account=slip.account, currency=slip.amount.currency, at_ms=slip.at,
    )  # fmt: skip
    waited = view.get(Case, known.case_id) if known.case_id else None
    if waited is not None and waited.state == "open":
        view.put(
            replace(waited, state="closed", closed_at=context.now_ms, closed_by="the credit", resolution="settled")
        )
    view.put(replace(known, state="credited", amount_minor=paid.stacked.minor, case_id=case))


def _case(view: View, context: Context, paid: _PaidIn, kind: str, amount: Money) -> str:
    fact, slip = paid.fact, paid.slip
    known = kind != "unclaimed" and is_known(view, slip.account, slip.amount.currency, slip.at)
    return file_case(
        view, context, paid.about, kind, amount, account=slip.account if known else "", card=slip.card,
        detail={"account": slip.account, "notes": fact.notes, "in_doubt": fact.in_doubt, "unread": fact.unread},
    )  # fmt: skip
