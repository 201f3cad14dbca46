"""A post: one step that moves money between accounts, or changes a card's record, and is over with its answer."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from bank.authoriser import bills, maintenance, opening
from bank.authoriser.context import Context, Refusal
from bank.authoriser.moving import UNFREEZE, move, payable, post_row, slip_of
from bank.authoriser.pin import with_pin
from bank.authoriser.visits import account_of, card_of, ratchet_state, visit_of
from bank.cards import ratchet
from bank.ledger.rows import Account, Card, CardAccount, Customer, PostRow, Visit
from bank.ledger.view import View
from bank_link.errors import PinError
from bank_link.messages import Payee, Post, Reason, Slipped
from bank_link.money import Money


class OldPin(msgspec.Struct, frozen=True):
    """What a reversed PIN change puts back, and what it made: only that is taken back."""

    salt: bytes
    pvv: bytes
    pvv_version: int
    made: bytes


def post(view: View, context: Context, message: Post) -> Slipped:
    """Visit and card, then what is asked; in effect at once. The card's number that it names is confirmed by it."""
    visit = visit_of(view, context, message.visit)
    card = spend_card(view, card_of(view, visit, frozen=message.what == UNFREEZE), visit, message.n)
    match message.what:
        case "transfer":
            row = _transfer(view, context, message, visit)
        case "bill":
            row = bills.pay(view, context, message, visit)
        case "label" | "usual" | "freeze" | "unfreeze" | "close":
            row = maintenance.change(view, context, message, visit)
        case "opening":
            row = opening.open_account(view, context, message, visit)
        case "pin-change":
            row = _change_pin(view, context, message, card)
        case _:
            raise Refusal(Reason.UNSUPPORTED, f"this bank does not offer {message.what!r}")
    view.put(row)
    context.note(view, "posted", f"{row.what} of {row.amount}")
    return Slipped(slip=context.tools.keys.sign_slip(slip_of(view, context, row, message.text)))


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
    account = account_of(view, visit, message.account)
    payee = find_payee(view, visit, message.to, account)
    to_others = view.get(CardAccount, visit.card, payee.account) is None
    amount = payable(view, context, visit, account, message, to_others=to_others)
    row = post_row(
        context, message, visit.card, amount, account=account.account, to_account=payee.account,
        to_others=int(to_others),
    )  # fmt: skip
    move(view, context, row)
    return row


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
    return post_row(context, message, card.card, nothing, undo=msgspec.json.encode(undo))
