"""A new customer's account and card, opened at a machine by somebody whom nobody knows: worth nothing until it is written."""

from __future__ import annotations

import datetime as dt

import msgspec
from msgspec.structs import replace

from bank.authoriser.context import Context, Refusal, Tools
from bank.authoriser.moving import NEWCOMER
from bank.authoriser.opening import new_number
from bank.authoriser.pin import with_pin
from bank.cards import ratchet
from bank.ledger.rows import Account, Card, CardAccount, Customer, PostRow
from bank.ledger.view import View
from bank_link.card_file import compose
from bank_link.errors import PinError
from bank_link.messages import AccountOpened, OpenAccount, Reason, Slip, pin_digits_of

#: Customers are numbered in order: C1001, C1002 …
FIRST = 1001
#: A card that is opened at a machine is good for so many years, to the end of its month.
YEARS = 5
#: So many numbers are tried for a new card; all of them taken is as likely as the end of the world.
_CANDIDATES = 4


def open_account(view: View, context: Context, message: OpenAccount) -> AccountOpened:
    """Customer, account and card, all pending. Refusals UNSUPPORTED, COUNT_LIMIT, PIN_BLOCK."""
    limits = context.tools.limits
    if not limits.open_to_all or message.product not in limits.products:
        raise Refusal(Reason.UNSUPPORTED, "this bank opens no such account for new customers at its machines")
    _not_too_many(view, context)
    number = _free_number(view, context)
    customer = _customer(view, context, message.language)
    account = Account(
        account=new_number(view), kind="customer", owner=customer.customer, label=message.product,
        currency=limits.currency, state="pending", created_at=context.now_ms,
    )  # fmt: skip
    card = with_pin(_card(context, number, customer), _pin(context, message), context.tools)
    row = PostRow(
        terminal=context.terminal.terminal, generation=context.terminal.generation, number=message.number,
        what=NEWCOMER, card=card.card, to_account=account.account, currency=limits.currency,
        day=limits.day(context.now_ms), undo=b"{}", at_ms=context.now_ms,
    )  # fmt: skip
    for made in (customer, account, card, CardAccount(card=card.card, account=account.account), row):
        view.put(made)
    context.note(view, "newcomer", f"account {account.account} of {customer.customer}, card {card.card}")
    return AccountOpened(slip=context.tools.keys.sign_slip(_slip(context, row, card, message.product)))


def with_file(view: View, context: Context, answer: AccountOpened) -> AccountOpened:
    """The answer with its card file, as it was at the opening: what was handed out since is not in it."""
    slip = msgspec.json.decode(answer.slip.signed, type=Slip)
    card, keys = view.need(Card, slip.card), context.tools.keys
    file = compose(
        keys.card_number(card.sealed_number), context.tools.limits.issuer, int(card.expiry.replace("-", "")),
        slip.card_epoch, slip.card_n, keys.card_secret(card.card, slip.card_epoch, slip.card_n),
    )  # fmt: skip
    return replace(answer, file=file)


def candidates(tools: Tools, terminal: str, generation: int, number: int) -> tuple[str, ...]:
    """Card numbers for the opening of this number, always the same: whether one is taken can be looked up beforehand."""
    bin_digits = tools.limits.card_bin
    return tuple(
        tools.keys.draw_card_number(bin_digits, f"{terminal}.{generation}.{number}.{attempt}")
        for attempt in range(_CANDIDATES)
    )


def next_customer(last: str) -> str:
    """The id after the `last` one that was given out ("" for none)."""
    return f"C{int(last[1:]) + 1 if last else FIRST}"


def _not_too_many(view: View, context: Context) -> None:
    limits, terminal = context.tools.limits, context.terminal.terminal
    today = limits.day(context.now_ms)
    opened = [
        row for row in view.all(PostRow) if row.terminal == terminal and row.what == NEWCOMER and row.day == today
    ]
    if len(opened) >= limits.open_a_day:
        raise Refusal(
            Reason.COUNT_LIMIT, "no more accounts are opened at this machine today",
            until=limits.next_day_ms(context.now_ms), events=[("limit", "newcomers")],
        )  # fmt: skip


def _free_number(view: View, context: Context) -> str:
    keys, terminal = context.tools.keys, context.terminal
    for number in candidates(context.tools, terminal.terminal, terminal.generation, context.number):
        if view.get(Card, keys.card_reference(number)) is None:
            return number
    raise Refusal(Reason.UNSUPPORTED, "no card number is free", events=[("card-numbers", "none is free")])


def _customer(view: View, context: Context, language: str) -> Customer:
    """Nobody can type a name here: the staff writes it."""
    known = (each.customer for each in view.all(Customer) if each.customer.startswith("C"))
    new = next_customer(max(known, key=lambda each: (len(each), each), default=""))
    return Customer(customer=new, name=f"Customer {new[1:]}", language=language, created_at=context.now_ms)


def _pin(context: Context, message: OpenAccount) -> str:
    try:
        return context.tools.keys.open_pin(message.pin_block, message.pin_key_id, pin_digits_of(message.number))
    except PinError as error:
        raise Refusal(Reason.PIN_BLOCK, str(error)) from error


def _card(context: Context, number: str, customer: Customer) -> Card:
    today, first = dt.datetime.fromtimestamp(context.now_ms / 1000, dt.UTC), ratchet.issue(context.now_ms)
    keys = context.tools.keys
    return Card(
        card=keys.card_reference(number), last4=number[-4:], sealed_number=keys.seal_card_number(number),
        customer=customer.customer, expiry=f"{today.year + YEARS}-{today:%m}", state="pending",
        confirmed_epoch=first.confirmed[0], confirmed_n=first.confirmed[1], issued_epoch=first.issued[0],
        issued_n=first.issued[1], created_at=context.now_ms,
    )  # fmt: skip


def _slip(context: Context, row: PostRow, card: Card, product: str) -> Slip:
    return Slip(
        kind=NEWCOMER, terminal=row.terminal, generation=row.generation, boot=context.session.boot, number=row.number,
        transaction=row.number, card=card.card, account="none", to=row.to_account, text=product, amount=row.amount,
        card_epoch=card.issued_epoch, card_n=card.issued_n, at=context.now_ms, expires=context.now_ms,
    )  # fmt: skip
