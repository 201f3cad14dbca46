"""What a visit may ask without changing anything: a balance, the last postings, whose account a number is, whose bills there are."""

from __future__ import annotations

from collections.abc import Sequence

from bank.authoriser.bills import billers
from bank.authoriser.context import Context, Refusal
from bank.authoriser.posting import find_payee
from bank.authoriser.visits import SEES, account_of, card_of, visit_of
from bank.ledger.rows import Account
from bank.ledger.view import View
from bank_link.messages import Billers, Figures, Inquire, Payee, Reason, Statement, StatementLine
from bank_link.money import Money


def inquire(
    view: View, context: Context, message: Inquire, lines: Sequence[StatementLine]
) -> Figures | Statement | Payee | Billers:  # fmt: skip
    """`lines` are the account's last, read for a statement before it was known whether the visit may see them."""
    visit = visit_of(view, context, message.visit)
    account = account_of(view, visit, message.account, frozen=message.what in SEES)
    match message.what:
        case "billers":
            return billers(view, account)
        case "balance":
            return _figures(account)
        case "statement":
            return Statement(lines=tuple(lines))
        case "payee":
            # A name is told of a number: who asks for many is seen in the audit log.
            card_of(view, visit)
            payee = find_payee(view, visit, message.to, account)
            context.note(view, "payee-named", f"account {payee.account} in visit {visit.visit}")
            return payee
        case _:
            raise Refusal(Reason.UNSUPPORTED, f"this bank does not answer {message.what!r} here")


def _figures(account: Account) -> Figures:
    return Figures(
        available=Money(max(0, account.available_minor), account.currency),
        ledger=Money(account.balance_minor, account.currency),
    )
