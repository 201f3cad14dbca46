"""Opening an account at a machine: another one for a card's customer. And undoing it."""

from __future__ import annotations

from msgspec.structs import replace

from bank.authoriser.context import Context, Refusal
from bank.authoriser.moving import post_row
from bank.ledger.rows import Account, Card, CardAccount, PostRow, Visit
from bank.ledger.view import View
from bank_link.card_file import check_digit
from bank_link.messages import Post, Reason
from bank_link.money import Money

#: Account numbers have nine digits and a check digit (the cards' own kind); they are given out in order.
FIRST = 100_000_001


def open_account(view: View, context: Context, message: Post, visit: Visit) -> PostRow:
    """Another account for the visit's card, with nothing in it. Refusals UNSUPPORTED, ACCOUNT_LIMIT."""
    limits = context.tools.limits
    if message.text not in limits.products:
        raise Refusal(Reason.UNSUPPORTED, f"this bank opens no {message.text[:20]!r} at its machines")
    if len(_open_ones(view, visit.card)) >= limits.most_accounts:
        raise Refusal(Reason.ACCOUNT_LIMIT, "the card has as many accounts as can be opened at machines")
    customers = (account.account for account in view.all(Account) if account.kind == "customer")
    number = next_number(max(customers, default=""))
    row = post_row(context, message, visit.card, Money(0, limits.currency), to_account=number, undo=b"{}")
    _put(view, row, message.text)
    context.note(view, "account-opened", f"account {number} in visit {visit.visit}")
    return row


def unopen(view: View, row: PostRow) -> bool:
    """Nobody was told of it: closed, unless there is something in it already (then False)."""
    account = view.get(Account, row.to_account)
    if account is None or account.state == "closed":
        return True
    if account.balance_minor or account.held_minor:
        return False
    view.put(replace(account, state="closed"))
    return True


def open_again(view: View, row: PostRow, label: str) -> bool:
    """At a restored bank, under the number that the customer was told; False where it is somebody else's by now."""
    if view.get(Card, row.card) is None or view.get(Account, row.to_account) is not None:
        return False
    _put(view, row, label)
    return True


def next_number(last: str) -> str:
    """The number after the `last` one that was given out ("" for none)."""
    digits = str(int(last[:-1]) + 1 if last else FIRST)
    return digits + check_digit(digits)


def _put(view: View, row: PostRow, label: str) -> None:
    places = [link.place for link in view.all(CardAccount) if link.card == row.card]
    view.put(
        Account(
            account=row.to_account, kind="customer", owner=view.need(Card, row.card).customer, label=label,
            currency=row.currency, created_at=row.at_ms,
        )
    )  # fmt: skip
    view.put(CardAccount(card=row.card, account=row.to_account, place=max(places, default=-1) + 1))


def _open_ones(view: View, card: str) -> list[Account]:
    linked = (view.need(Account, link.account) for link in view.all(CardAccount) if link.card == card)
    return [account for account in linked if account.state != "closed"]
