"""A slip of a post that this bank has lost (it was restored): the post is made once more, whatever the balances are now."""

from __future__ import annotations

from msgspec.structs import replace

from bank.authoriser.bills import remember
from bank.authoriser.context import Context
from bank.authoriser.maintenance import change_again
from bank.authoriser.moving import BILL, MOVES, OPENING, move, text_of
from bank.authoriser.opening import open_again
from bank.facts.common import FactUnreadable, file_case, is_known, remember_position, reopen, subject
from bank.ledger.moves import below_floor, mark_forced, suspense_account, transfer
from bank.ledger.rows import Biller, CardAccount, PostRow
from bank.ledger.view import View
from bank_link.errors import MessageRefused
from bank_link.messages import Acknowledged, Posted, Slip


def post_again(view: View, context: Context, fact: Posted) -> Acknowledged:
    """In effect once. Raises FactUnreadable for a slip that is not this terminal's, about this number."""
    slip = _slip(context, fact)
    if view.get(PostRow, slip.terminal, slip.generation, slip.number) is not None:
        return Acknowledged()
    remember_position(view, slip)
    row = _row(view, context, slip)
    if row.what == BILL:
        remember(view, row, slip.biller, _biller_name(view, slip), slip.text)
    if row.what in MOVES:
        case = _move(view, context, fact, row)
    else:
        done = _again(view, row, slip)
        case = "" if done else _cannot(view, context, fact, row)
    view.put(replace(row, case_id=case))
    context.note(view, "posted-again", f"{row.what} of {row.amount}")
    return Acknowledged(case=case)


def _slip(context: Context, fact: Posted) -> Slip:
    try:
        slip = context.tools.keys.read_slip(fact.slip)
    except MessageRefused as error:
        raise FactUnreadable(str(error)) from error
    mine = (context.terminal.terminal, fact.made_by.generation, fact.number)
    if (slip.terminal, slip.generation, slip.number) != mine or slip.nonce:
        raise FactUnreadable("the slip is about another number than this fact")
    return slip


def _row(view: View, context: Context, slip: Slip) -> PostRow:
    return PostRow(
        terminal=slip.terminal, generation=slip.generation, number=slip.number, what=slip.kind, card=slip.card,
        account=slip.account, to_account=slip.to, amount_minor=slip.amount.minor, currency=slip.amount.currency,
        day=context.tools.limits.day(slip.at), to_others=int(view.get(CardAccount, slip.card, slip.to) is None),
        at_ms=slip.at,
    )  # fmt: skip


def _biller_name(view: View, slip: Slip) -> str:
    """Nothing where its id was given to another biller after the restore."""
    biller = view.get(Biller, slip.biller)
    return biller.name if biller is not None and biller.created_at <= slip.at else ""


def _move(view: View, context: Context, fact: Posted, row: PostRow) -> str:
    """The case, where an account is not known any more or its balance is not enough."""
    owns, has = _known(view, row, row.account), _known(view, row, row.to_account)
    if not owns and not has:
        return _cannot(view, context, fact, row)
    if not owns or not has:
        return _half(view, context, fact, row, kind="unclaimed" if owns else "suspense")
    move(view, context, row)
    about = subject(context, fact, row.number)
    reopened = [reopen(view, context, about, account, row.amount) for account in (row.account, row.to_account)]
    if not below_floor(view, row.account):
        return "".join(reopened[:1]) or reopened[1]
    case = _case(view, context, fact, row, "overdrawn")
    mark_forced(view, row.account, case)
    return case


def _half(view: View, context: Context, fact: Posted, row: PostRow, *, kind: str) -> str:
    """One of the accounts was opened after the backup: what it gave or got waits in suspense."""
    case, suspense = _case(view, context, fact, row, kind), suspense_account(row.currency)
    debit, credit = (row.account, suspense) if kind == "unclaimed" else (suspense, row.to_account)
    transfer(
        view, debit=debit, credit=credit, amount=row.amount, kind=row.what, at_ms=context.now_ms, terminal=row.terminal,
        generation=row.generation, number=row.number, case_id=case, text=text_of(view, row),
    )  # fmt: skip
    if kind == "unclaimed" and below_floor(view, row.account):
        mark_forced(view, row.account, case)
    account = row.account if kind == "unclaimed" else row.to_account
    reopen(view, context, subject(context, fact, row.number), account, row.amount)
    return case


def _again(view: View, row: PostRow, slip: Slip) -> bool:
    """What moves no money; False where it cannot be done again."""
    if row.what == OPENING:
        return open_again(view, row, slip.text)
    return change_again(view, row, slip.text, account_known=_known(view, row, row.account))


def _cannot(view: View, context: Context, fact: Posted, row: PostRow) -> str:
    """A PIN is in no slip; what is not known cannot be changed, and no money moves between two unknown accounts.

    A person tells the customer.
    """
    return _case(view, context, fact, row, "post-lost")


def _case(view: View, context: Context, fact: Posted, row: PostRow, kind: str) -> str:
    about = subject(context, fact, row.number)
    return file_case(
        view, context, about, kind, row.amount,
        account=row.account if kind != "unclaimed" and _known(view, row, row.account) else "", card=row.card, detail={"what": row.what, "from": row.account, "to": row.to_account},
    )  # fmt: skip


def _known(view: View, row: PostRow, account_id: str) -> bool:
    return is_known(view, account_id, row.currency, row.at_ms)
