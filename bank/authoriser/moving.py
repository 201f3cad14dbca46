"""What every post is made of: its row and slip, and the one posting of those that move money."""

from __future__ import annotations

from bank.authoriser.context import Context, Refusal
from bank.authoriser.visits import send_left
from bank.ledger.moves import transfer
from bank.ledger.rows import Account, Bill, Card, PostRow, Visit
from bank.ledger.view import View
from bank_link.messages import Post, Reason, Slip
from bank_link.money import Money

TRANSFER, PIN_CHANGE, BILL = "transfer", "pin-change", "bill"
OPENING, NEWCOMER = "opening", "newcomer"
LABEL, USUAL = "label", "usual"
FREEZE, UNFREEZE, CLOSE = "freeze", "unfreeze", "close"
#: Posts that move money between two accounts.
MOVES = frozenset({TRANSFER, BILL})
#: Posts that change what is there: of one thing, one after another.
CHANGES = frozenset({LABEL, USUAL, FREEZE, UNFREEZE, CLOSE})


def payable(view: View, context: Context, visit: Visit, account: Account, message: Post, *, to_others: bool) -> Money:
    """The amount that `message` moves out of `account`. Refusals CURRENCY, AMOUNT, AMOUNT_LIMIT, FUNDS."""
    amount = message.amount
    if account.currency != context.tools.limits.currency:
        raise Refusal(Reason.CURRENCY, f"this bank sends {context.tools.limits.currency} only")
    if amount is None or amount.currency != account.currency or amount.minor <= 0:
        raise Refusal(Reason.AMOUNT, f"a {message.what} moves an amount of {account.currency}")
    possible = Money(max(0, account.available_minor), account.currency)
    if to_others:
        left = send_left(view, context, visit.card)
        possible = min(possible, left)
        if amount > left:
            raise Refusal(
                Reason.AMOUNT_LIMIT, "more than may be sent in a day", possible=possible,
                until=context.tools.limits.next_day_ms(context.now_ms), events=[("limit", "send")],
            )  # fmt: skip
    if account.available_minor < amount.minor:
        raise Refusal(Reason.FUNDS, "not enough in the account", possible=possible, events=[("funds", "")])
    return amount


def move(view: View, context: Context, row: PostRow, *, back: bool = False, case_id: str = "") -> None:
    """The one posting of a transfer or a bill, or with `back` its opposite."""
    debit, credit = (row.to_account, row.account) if back else (row.account, row.to_account)
    transfer(
        view, debit=debit, credit=credit, amount=row.amount, kind="reversal" if back else row.what,
        at_ms=context.now_ms, terminal=row.terminal, generation=row.generation, number=row.number, case_id=case_id,
        text=text_of(view, row),
    )  # fmt: skip


def text_of(view: View, row: PostRow) -> str:
    """The reference that the customer was shown; whoever is paid also reads for which bill."""
    bill = view.get(Bill, row.terminal, row.generation, row.number)
    reference = f"{row.terminal}-{row.number}"
    return reference if bill is None else f"{reference} bill {bill.text}"


def post_row(context: Context, message: Post, card: str, amount: Money, **more: object) -> PostRow:
    terminal = context.terminal
    return PostRow(
        terminal=terminal.terminal, generation=terminal.generation, number=message.number, what=message.what,
        card=card, amount_minor=amount.minor, currency=amount.currency,
        day=context.tools.limits.day(context.now_ms), at_ms=context.now_ms, **more,  # type: ignore[arg-type]  # its own fields
    )  # fmt: skip


def slip_of(view: View, context: Context, row: PostRow, text: str) -> Slip:
    """`text`: as the post had it."""
    card, bill = view.need(Card, row.card), view.get(Bill, row.terminal, row.generation, row.number)
    return Slip(
        kind=row.what, terminal=row.terminal, generation=row.generation, boot=context.session.boot, number=row.number,
        transaction=row.number, card=row.card, account=row.account or "none", to=row.to_account,
        biller=bill.biller if bill else "", text=text, amount=row.amount,
        card_epoch=card.confirmed_epoch, card_n=card.confirmed_n, at=context.now_ms, expires=context.now_ms,
    )  # fmt: skip
