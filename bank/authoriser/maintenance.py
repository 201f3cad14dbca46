"""What customers change of their own cards and accounts: a label, the usual amount, frozen or not, closed. And undoing it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from bank.authoriser.context import Context, Refusal
from bank.authoriser.moving import CLOSE, FREEZE, LABEL, UNFREEZE, post_row
from bank.authoriser.visits import account_of
from bank.ledger.rows import Account, Biller, Card, Case, DepositRow, PostRow, Usual, Visit
from bank.ledger.view import View
from bank_link.messages import Post, Reason
from bank_link.money import Money

#: A screen has room for so much of an account's label.
LONGEST_LABEL = 20
_FROZEN_OR_NOT = frozenset({FREEZE, UNFREEZE})


class Change(msgspec.Struct, frozen=True):
    """What was there and what was made of it: a reversal puts back the first where it still finds the second."""

    before: str
    made: str


def change(view: View, context: Context, message: Post, visit: Visit) -> PostRow:
    """One change of a record. Refusals NO_ACCOUNT, AMOUNT, CURRENCY, NOT_EMPTY, NOT_SETTLED, MALFORMED."""
    amount, account = Money(0, context.tools.limits.currency), ""
    match message.what:
        case "label":
            account = account_of(view, visit, message.account, frozen=True).account
            made = _label(message.text)
        case "usual":
            amount = _usual(context, message)
            made = str(amount.minor)
        case "close":
            account = _to_close(view, visit, message.account).account
            made = "closed"
        case _:
            made = "frozen" if message.what == FREEZE else "active"
    row = post_row(context, message, visit.card, amount, account=account)
    changed = Change(before=_now(view, row), made=made)
    _set(view, row, made)
    return replace(row, undo=msgspec.json.encode(changed))


def change_back(view: View, row: PostRow) -> None:
    """As it was before, unless it was changed again since: then it is the later change that leads back to before this one."""
    changed, later = msgspec.json.decode(row.undo, type=Change), _next_change(view, row)
    if later is not None and later.undo:
        onward = msgspec.json.decode(later.undo, type=Change)
        view.put(replace(later, undo=msgspec.json.encode(replace(onward, before=changed.before))))
    elif later is None and _now(view, row) == changed.made:
        _set(view, row, changed.before)


def _next_change(view: View, row: PostRow) -> PostRow | None:
    """The first change of the same thing after `row` that was not undone."""
    later = [
        other
        for other in view.all(PostRow)
        if _same_thing(other, row) and other.state == "posted" and _order(other) > _order(row)
    ]
    return min(later, key=_order, default=None)


def _same_thing(other: PostRow, row: PostRow) -> bool:
    kinds = _FROZEN_OR_NOT if row.what in _FROZEN_OR_NOT else {row.what}
    if row.what in {LABEL, CLOSE}:
        return other.what in kinds and other.account == row.account
    return other.what in kinds and other.card == row.card


def _order(row: PostRow) -> tuple[int, int]:
    return row.at_ms, row.number


def change_again(view: View, row: PostRow, text: str, *, account_known: bool) -> bool:
    """What a restored bank has lost; False where it cannot be made again. What has changed otherwise since, stays: so does
    a later change that another machine was first to tell of.
    """
    if _next_change(view, row) is not None:
        return True
    match row.what:
        case "label" if account_known:
            _set(view, row, text)
        case "close" if account_known and _is_empty(view.need(Account, row.account)):
            _set(view, row, "closed")
        case "usual" if view.get(Card, row.card) is not None:
            _set(view, row, str(row.amount_minor))
        case "freeze" | "unfreeze" if view.get(Card, row.card) is not None:
            if view.need(Card, row.card).state in {"active", "frozen"}:
                _set(view, row, "frozen" if row.what == FREEZE else "active")
        case _:
            return False
    return True


def unsettled(
    account: Account, cases: Iterable[Case], billers: Iterable[Biller], deposits: Iterable[DepositRow]
) -> str:  # fmt: skip
    """Why an account cannot be closed, although it is empty; "" where it can."""
    if account.forced_case:
        return f"case {account.forced_case} took it below its limit"
    for case in cases:
        if case.account == account.account and case.state == "open":
            return f"case {case.case_id} is open"
    for begun in deposits:
        if begun.account == account.account and begun.state in {"open", "case"}:
            return f"notes may have been paid in at {begun.terminal}"
    for biller in billers:
        if biller.account == account.account and biller.state == "open":
            return f"bills of payee {biller.biller} are paid into it"
    return ""


# ── What is asked ───────────────────────────────────────────────────────────────────────────────────────────────────


def _label(text: str) -> str:
    if not 0 < len(text.strip()) <= len(text) <= LONGEST_LABEL or not text.isprintable():
        raise Refusal(Reason.MALFORMED, f"a label has 1 to {LONGEST_LABEL} letters on one line")
    return text


def _usual(context: Context, message: Post) -> Money:
    limits, amount = context.tools.limits, message.amount
    if amount is None or amount.currency != limits.currency:
        raise Refusal(Reason.CURRENCY, f"a usual amount is in {limits.currency}")
    if not 0 <= amount.minor <= limits.most_per_withdrawal_minor:
        most = Money(limits.most_per_withdrawal_minor, limits.currency)
        raise Refusal(Reason.AMOUNT, "more than one withdrawal may be", possible=most)
    return amount


def _to_close(view: View, visit: Visit, account_id: str) -> Account:
    account = account_of(view, visit, account_id)
    if not _is_empty(account):
        inside = Money(account.balance_minor, account.currency)
        raise Refusal(Reason.NOT_EMPTY, "the account does not stand at nothing", possible=inside)
    why = unsettled(account, view.all(Case), view.all(Biller), view.all(DepositRow))
    if why:
        raise Refusal(Reason.NOT_SETTLED, why, events=[("not-settled", f"account {account.account}: {why}")])
    return account


def _is_empty(account: Account) -> bool:
    return not account.balance_minor and not account.held_minor


# ── Where each is kept ──────────────────────────────────────────────────────────────────────────────────────────────


def _now(view: View, row: PostRow) -> str:
    match row.what:
        case "label":
            return view.need(Account, row.account).label
        case "close":
            return view.need(Account, row.account).state
        case "usual":
            usual = view.get(Usual, row.card)
            return str(usual.amount_minor if usual else 0)
        case _:
            return view.need(Card, row.card).state


def _set(view: View, row: PostRow, value: str) -> None:
    match row.what:
        case "label":
            view.put(replace(view.need(Account, row.account), label=value))
        case "close":
            view.put(replace(view.need(Account, row.account), state=value))
        case "usual":
            view.put(Usual(card=row.card, amount_minor=int(value), currency=row.currency))
        case _:
            view.put(replace(view.need(Card, row.card), state=value))
