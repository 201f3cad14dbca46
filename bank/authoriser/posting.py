"""A post: one step that moves money between accounts, or changes a card's record, and is over with its answer."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from bank.authoriser.context import Context, Refusal
from bank.authoriser.pin import with_pin
from bank.authoriser.visits import account_of, card_of, ratchet_state, send_left, visit_of
from bank.cards import ratchet
from bank.ledger.moves import transfer
from bank.ledger.rows import Account, Card, CardAccount, Customer, PostRow, Visit
from bank.ledger.view import View
from bank_link.errors import PinError
from bank_link.messages import Payee, Post, Reason, Slip, Slipped
from bank_link.money import Money

TRANSFER, PIN_CHANGE = "transfer", "pin-change"


class OldPin(msgspec.Struct, frozen=True):
    """What a reversed PIN change puts back, and what it made: only that is taken back."""

    salt: bytes
    pvv: bytes
    pvv_version: int
    made: bytes


def post(view: View, context: Context, message: Post) -> Slipped:
    """Visit and card, then what is asked; in effect at once. The card's number that it names is confirmed by it."""
    visit = visit_of(view, context, message.visit)
    card = spend_card(view, card_of(view, visit), visit, message.n)
    match message.what:
        case "transfer":
            row = _transfer(view, context, message, visit)
        case "pin-change":
            row = _change_pin(view, context, message, card)
        case _:
            raise Refusal(Reason.UNSUPPORTED, f"this bank does not offer {message.what!r}")
    view.put(row)
    context.note(view, "posted", f"{row.what} of {row.amount}")
    return Slipped(slip=context.tools.keys.sign_slip(_slip(view, context, row)))


def find_payee(view: View, visit: Visit, account_id: str, account: Account) -> Payee:
    """Whose account money may go to from `account`. Refusal NO_PAYEE for none, and for the account itself."""
    to = view.get(Account, account_id)
    good = to is not None and to.kind == "customer" and to.state == "open" and to.account != account.account
    if to is None or not good or to.currency != account.currency:
        raise Refusal(Reason.NO_PAYEE, "nobody has an account of this number", events=[("payee-unknown", visit.visit)])
    name = view.need(Customer, to.owner).name
    return Payee(account=to.account, name=name, masked=f"ends {to.account[-4:]}")


def spend_card(view: View, card: Card, visit: Visit, n: int) -> Card:
    """Money and records move only by a message that names the last secret handed out, in the visit that handed it out."""
    spent = ratchet.spend(ratchet_state(card), n)
    if spent is None or visit.n != n:
        raise Refusal(
            Reason.CARD_OUTDATED, "the card was used elsewhere since this visit began",
            events=[("post-overtaken", f"visit {visit.visit}")],
        )  # fmt: skip
    card = replace(card, confirmed_epoch=spent.confirmed[0], confirmed_n=spent.confirmed[1])
    view.put(card)
    return card


# ── What a post can be ──────────────────────────────────────────────────────────────────────────────────────────────


def _transfer(view: View, context: Context, message: Post, visit: Visit) -> PostRow:
    account, amount = account_of(view, visit, message.account), message.amount
    payee = find_payee(view, visit, message.to, account)
    if account.currency != context.tools.limits.currency:
        raise Refusal(Reason.CURRENCY, f"this bank sends {context.tools.limits.currency} only")
    if amount is None or amount.currency != account.currency or amount.minor <= 0:
        raise Refusal(Reason.AMOUNT, f"a transfer moves an amount of {account.currency}")
    to_others = view.get(CardAccount, visit.card, payee.account) is None
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
    row = _row(
        context, message, visit.card, amount, account=account.account, to_account=payee.account,
        to_others=int(to_others),
    )  # fmt: skip
    move(view, context, row)
    return row


def move(view: View, context: Context, row: PostRow, *, back: bool = False, case_id: str = "") -> None:
    """The one posting of a transfer, or with `back` its opposite."""
    debit, credit = (row.to_account, row.account) if back else (row.account, row.to_account)
    transfer(
        view, debit=debit, credit=credit, amount=row.amount, kind="reversal" if back else TRANSFER,
        at_ms=context.now_ms, terminal=row.terminal, generation=row.generation, number=row.number, case_id=case_id,
        text=f"{row.terminal}-{row.number}",
    )  # fmt: skip


def _change_pin(view: View, context: Context, message: Post, card: Card) -> PostRow:
    keys = context.tools.keys
    try:
        pin = keys.open_pin(message.pin_block, message.pin_key_id, keys.card_number(card.sealed_number))
    except PinError as error:
        raise Refusal(Reason.PIN_BLOCK, str(error)) from error
    changed = with_pin(card, pin, context.tools)
    undo = OldPin(salt=card.salt, pvv=card.pvv, pvv_version=card.pvv_version, made=changed.pvv)
    view.put(changed)
    nothing = Money(0, context.tools.limits.currency)
    return _row(context, message, card.card, nothing, undo=msgspec.json.encode(undo))


def _row(context: Context, message: Post, card: str, amount: Money, **more: object) -> PostRow:
    terminal = context.terminal
    return PostRow(
        terminal=terminal.terminal, generation=terminal.generation, number=message.number, what=message.what,
        card=card, amount_minor=amount.minor, currency=amount.currency,
        day=context.tools.limits.day(context.now_ms), at_ms=context.now_ms, **more,  # type: ignore[arg-type]  # its own fields
    )  # fmt: skip


def _slip(view: View, context: Context, row: PostRow) -> Slip:
    card = view.need(Card, row.card)
    return Slip(
        kind=row.what, terminal=row.terminal, generation=row.generation, boot=context.session.boot, number=row.number,
        transaction=row.number, card=row.card, account=row.account or "none", to=row.to_account, amount=row.amount,
        card_epoch=card.confirmed_epoch, card_n=card.confirmed_n, at=context.now_ms, expires=context.now_ms,
    )  # fmt: skip
