"""A deposit's one request: whose notes they will be is settled before the first one goes in."""

from __future__ import annotations

from bank.authoriser.context import Context, Refusal
from bank.authoriser.posting import spend_card
from bank.authoriser.visits import account_of, card_of, visit_of
from bank.ledger.rows import DepositRow
from bank.ledger.view import View
from bank_link.messages import Deposit, Reason, Slip, Slipped
from bank_link.money import Money

DEPOSIT = "deposit"
#: What an acceptor can hold back, as it may be said.
ESCROWS = ("nothing", "note", "bundle")


def deposit(view: View, context: Context, message: Deposit) -> Slipped:
    """Visit and card, account, currency. Leaves an open deposit; the card's number that it names is confirmed by it."""
    limits = context.tools.limits
    visit = visit_of(view, context, message.visit)
    card = spend_card(view, card_of(view, visit), visit, message.n)
    account = account_of(view, visit, message.account)
    if not limits.deposit_amount_minor or message.escrow not in ESCROWS:
        raise Refusal(Reason.UNSUPPORTED, "this bank takes no deposits of this kind")
    if account.currency != limits.currency:
        raise Refusal(Reason.CURRENCY, f"this bank takes notes of {limits.currency} only")
    terminal, most = context.terminal, Money(limits.deposit_amount_minor, limits.currency)
    view.put(
        DepositRow(
            terminal=terminal.terminal, generation=terminal.generation, number=message.number, card=card.card,
            account=account.account, currency=account.currency, escrow=message.escrow, at_ms=context.now_ms,
        )
    )  # fmt: skip
    slip = Slip(
        kind=DEPOSIT, terminal=terminal.terminal, generation=terminal.generation, boot=context.session.boot,
        number=message.number, transaction=message.number, card=card.card, account=account.account, amount=most,
        card_epoch=card.confirmed_epoch, card_n=card.confirmed_n, at=context.now_ms, expires=context.now_ms,
    )  # fmt: skip
    context.note(view, "deposit-begun", f"into {account.account}")
    return Slipped(slip=context.tools.keys.sign_slip(slip), most=most)
