"""Cards: issued with their file, issued again, shown, unblocked, frozen; and their PINs. Neither PIN nor number is ever shown."""

from __future__ import annotations

import datetime as dt
import re

from msgspec.structs import replace
from sqlalchemy import select

from bank import schema
from bank.authoriser.pin import with_pin
from bank.authoriser.visits import ratchet_state
from bank.cards import ratchet
from bank.commands import requests as r
from bank.commands.answers import CardMade, CardShown, time
from bank.commands.desk import Desk
from bank.control import CommandRefused
from bank.keys.decision_keys import SEALED_NUMBER
from bank.ledger.rows import Account, Card, CardAccount, Customer
from bank_link.card_file import check_digit, compose, masked
from bank_link.errors import PinError
from bank_link.pin_block import SHORTEST, Pin

#: A card is good for so many years, to the end of its month.
YEARS = 5
NUMBER_DIGITS = 16


def issue(desk: Desk, command: r.CardIssue) -> CardMade:
    """A new card for a customer's accounts, with its PIN set, and the bytes of its file."""
    customer = desk.find(Customer, command.customer, "customer")
    accounts = _accounts(desk, command, customer)
    number = _free_number(desk)
    first = ratchet.issue(desk.now_ms)
    card = Card(
        card=desk.house.ring.card_reference(number), last4=number[-4:],
        sealed_number=desk.house.ring.wrap(SEALED_NUMBER, number.encode()), customer=customer.customer,
        expiry=_expiry(desk, command.expiry), confirmed_epoch=first.confirmed[0], confirmed_n=first.confirmed[1],
        issued_epoch=first.issued[0], issued_n=first.issued[1], created_at=desk.now_ms,
    )  # fmt: skip
    desk.view.put(_with_pin(desk, card, command.pin))
    for place, account in enumerate(accounts):
        desk.view.put(CardAccount(card=card.card, account=account, place=place))
    desk.note("card-issued", f"card {card.card} for {customer.customer}")
    return _made(desk, card, number, accounts)


def reissue(desk: Desk, command: r.CardReissue) -> CardMade:
    """Another file for the card; from the next commit on, older ones are copies."""
    card = _find(desk, command.card)
    position = ratchet.reissue(ratchet_state(card), desk.now_ms)
    card = replace(
        card, confirmed_epoch=position.confirmed[0], confirmed_n=position.confirmed[1],
        issued_epoch=position.issued[0], issued_n=position.issued[1],
    )  # fmt: skip
    desk.view.put(card)
    desk.note("card-reissued", f"card {card.card}, epoch {card.issued_epoch}")
    return _made(desk, card, _number(desk, card), _linked(desk, card))


def unblock(desk: Desk, command: r.CardUnblock) -> CardShown:
    """PIN tries and their lock are gone; what made the card outdated is not."""
    card = replace(_find(desk, command.card), tries=0, lock_level=0, locked_until=0)
    desk.view.put(card)
    desk.note("card-unblocked", f"card {card.card}")
    return _shown(desk, card)


def freeze(desk: Desk, command: r.CardFreeze) -> CardShown:
    """By the bank: its customer cannot unfreeze it at a machine."""
    return _changed(desk, command.card, of={"active", "frozen"}, to="blocked")


def unfreeze(desk: Desk, command: r.CardUnfreeze) -> CardShown:
    """Whoever froze it: the bank, or its customer."""
    return _changed(desk, command.card, of={"frozen", "blocked"}, to="active")


def _changed(desk: Desk, named: str, *, of: set[str], to: str) -> CardShown:
    card = _find(desk, named)
    if card.state not in of:
        raise CommandRefused(f"card {card.card} is {card.state}")
    card = replace(card, state=to)
    desk.view.put(card)
    desk.note(f"card-{to}", f"card {card.card}")
    return _shown(desk, card)


def show(desk: Desk, command: r.CardShow) -> CardShown:
    card = _find(desk, command.card)
    desk.note("card-shown", f"card {card.card}")
    return _shown(desk, card)


def set_pin(desk: Desk, command: r.PinSet) -> CardShown:
    """A new PIN under the newest key; its tries start again."""
    card = replace(
        _with_pin(desk, _find(desk, command.card), command.pin), tries=0, lock_level=0, locked_until=0
    )  # fmt: skip
    desk.view.put(card)
    desk.note("pin-set", f"card {card.card}")
    return _shown(desk, card)


def _find(desk: Desk, named: str) -> Card:
    """By the bank's reference, or by the last four digits where only one card has them."""
    if re.fullmatch(r"[0-9]{5,}", named):
        # What was typed is not repeated: it may be a card's whole number.
        raise CommandRefused("a card is named by its reference (c…) or its last four digits, never by its number")
    if not re.fullmatch(r"[0-9]{4}", named):
        return desk.find(Card, named, "card")
    found = desk.rows(Card, select(schema.cards).where(schema.cards.c.last4 == named).limit(2))
    if len(found) != 1:
        raise CommandRefused(
            f"several cards end in {named}; name one by its reference" if found else f"no card ends in {named}"
        )
    return found[0]


def _accounts(desk: Desk, command: r.CardIssue, customer: Customer) -> tuple[str, ...]:
    accounts = schema.accounts.c
    own = desk.rows(
        Account,
        select(schema.accounts)
        .where(accounts.owner == customer.customer, accounts.kind == "customer", accounts.state == "open")
        .order_by(accounts.account),
    )
    names = tuple(account.account for account in own)
    wanted = tuple(dict.fromkeys(command.accounts)) or names
    for account in wanted:
        if account not in names:
            raise CommandRefused(f"customer {customer.customer} has no open account {account}")
    if not wanted:
        raise CommandRefused(f"customer {customer.customer} has no account yet; open one first (account open)")
    return wanted


def _free_number(desk: Desk) -> str:
    """A number that no card has: BIN, random digits, check digit (ISO/IEC 7812-1)."""
    bin_digits = desk.house.card_bin
    count = NUMBER_DIGITS - len(bin_digits) - 1
    while True:
        drawn = int.from_bytes(desk.tools.random.token_bytes(16), "big") % 10**count
        digits = f"{bin_digits}{drawn:0{count}d}"
        number = digits + check_digit(digits)
        if desk.view.get(Card, desk.house.ring.card_reference(number)) is None:
            return number


def _expiry(desk: Desk, wanted: str) -> str:
    """The month, as the books keep it: 2031-05."""
    today = dt.datetime.fromtimestamp(desk.now_ms / 1000, dt.UTC)
    if not wanted:
        return f"{today.year + YEARS}-{today:%m}"
    if wanted < f"{today:%Y-%m}":
        raise CommandRefused(f"the month {wanted} is over; a card that has expired is not issued")
    return wanted


def _with_pin(desk: Desk, card: Card, text: str) -> Card:
    try:
        pin = Pin(text)
    except PinError as error:
        raise CommandRefused(str(error)) from None
    if len(pin) < SHORTEST:
        raise CommandRefused(f"a PIN has at least {SHORTEST} digits")
    digits = pin.reveal().decode()
    pin.wipe()
    return with_pin(card, digits, desk.tools)


def _number(desk: Desk, card: Card) -> str:
    number = desk.house.ring.unwrap(SEALED_NUMBER, card.sealed_number).decode()
    if desk.house.ring.card_reference(number) != card.card:
        # Both are sealed with this bank's key: somebody has moved one card's number into another's row.
        raise CommandRefused(f"the books hold another card's number for {card.card}; restore the newest backup")
    return number


def _linked(desk: Desk, card: Card) -> tuple[str, ...]:
    linked = schema.card_accounts
    found = desk.rows(CardAccount, select(linked).where(linked.c.card == card.card).order_by(linked.c.place))
    return tuple(link.account for link in found)


def _made(desk: Desk, card: Card, number: str, accounts: tuple[str, ...]) -> CardMade:
    secret = desk.house.ring.card_secret(card.card, card.issued_epoch, card.issued_n)
    expiry = int(card.expiry.replace("-", ""))
    return CardMade(
        card=card.card, ends=masked(card.last4), customer=card.customer, accounts=accounts, expiry=card.expiry,
        file=compose(number, issuer_id(desk.house.bank), expiry, card.issued_epoch, card.issued_n, secret),
    )  # fmt: skip


def issuer_id(bank: str) -> str:
    """The bank's name as a card file spells it: up to 20 letters, digits, or any of `_ . : -`."""
    return re.sub(r"[^A-Za-z0-9_.:-]+", "-", bank)[:20].strip("-") or "bank"


def _shown(desk: Desk, card: Card) -> CardShown:
    locked = card.locked_until > desk.now_ms
    return CardShown(
        card=card.card, ends=masked(card.last4), customer=card.customer, accounts=_linked(desk, card),
        expiry=card.expiry, state=card.state, tries=card.tries, locked_until=time(card.locked_until) if locked else "",
        created_at=time(card.created_at),
    )  # fmt: skip
