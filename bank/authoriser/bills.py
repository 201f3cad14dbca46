"""Bills: whose can be paid, and paying one."""

from __future__ import annotations

from bank.authoriser.context import Context, Refusal
from bank.authoriser.moving import move, payable, post_row
from bank.authoriser.visits import account_of
from bank.ledger.rows import Account, Bill, Biller, CardAccount, PostRow, Visit
from bank.ledger.view import View
from bank_link import messages as m
from bank_link.bills import fits
from bank_link.messages import Post, Reason

#: What customers look for a biller under, in the order of their screen.
CATEGORIES = ("water", "electricity", "school", "other")


def billers(view: View, account: Account) -> m.Billers:
    """Whose bills can be paid from `account`."""
    found = [row for row in view.all(Biller) if row.state == "open" and _pays(account, view.get(Account, row.account))]
    found.sort(key=lambda row: (CATEGORIES.index(row.category), row.name.casefold(), row.biller))
    return m.Billers(
        billers=tuple(
            m.Biller(
                biller=row.biller, name=row.name, category=row.category, account=row.account, digits=row.digits,
                check=row.check_kind,
            )
            for row in found
        )
    )  # fmt: skip


def pay(view: View, context: Context, message: Post, visit: Visit) -> PostRow:
    """From the customer's account to the biller's. Refusals NO_PAYEE, BILL_NUMBER, and those of any money sent."""
    account, biller = account_of(view, visit, message.account), view.get(Biller, message.to)
    to = view.get(Account, biller.account) if biller is not None else None
    if biller is None or to is None or biller.state != "open" or not _pays(account, to):
        raise Refusal(Reason.NO_PAYEE, "there is no such biller", events=[("biller-unknown", visit.visit)])
    if not fits(message.text, biller.digits, biller.check_kind):
        raise Refusal(Reason.BILL_NUMBER, "the biller has no bill of such a number")
    to_others = view.get(CardAccount, visit.card, to.account) is None
    amount = payable(view, context, visit, account, message, to_others=to_others)
    row = post_row(
        context, message, visit.card, amount, account=account.account, to_account=to.account, to_others=int(to_others)
    )
    remember(view, row, biller.biller, biller.name, message.text)
    move(view, context, row)
    return row


def remember(view: View, row: PostRow, biller: str, name: str, text: str) -> None:
    """What the post `row` paid, for statements and for whoever was paid."""
    view.put(
        Bill(
            terminal=row.terminal, generation=row.generation, number=row.number, biller=biller, name=name,
            account=row.to_account, text=text,
        )
    )  # fmt: skip


def _pays(account: Account, to: Account | None) -> bool:
    return to is not None and to.state == "open" and to.currency == account.currency and to.account != account.account
