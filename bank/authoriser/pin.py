"""PIN tries and the lockout that grows. A try is counted and committed before anything is compared."""

from __future__ import annotations

from msgspec.structs import replace

from bank.authoriser.context import Context, Refusal, Tools
from bank.ledger.rows import Card, CodeGuard
from bank.ledger.view import View
from bank_link.errors import PinError
from bank_link.messages import OpenVisit, Reason

SALT_BYTES = 16


class CountTry(Exception):
    """Commit `row` with its counted try first, then decide the same message again."""

    def __init__(self, row: Card | CodeGuard) -> None:
        super().__init__("a try is counted before it is compared")
        self.row = row


def check_pin(view: View, context: Context, message: OpenVisit, card: Card) -> None:
    """Right: the card's tries start again. Wrong: Refusal. Not counted yet: CountTry."""
    try:
        pin = context.tools.keys.open_pin(message.pin_block, message.pin_key_id, message.card)
    except PinError as error:
        raise Refusal(Reason.PIN_BLOCK, str(error)) from error
    if not context.try_counted:
        raise CountTry(counted(card, context))
    if not context.tools.keys.pvv_matches(card.pvv, card.pvv_version, card.card, card.salt, pin):
        raise _wrong(card, context)
    view.put(replace(card, tries=0, lock_level=0, locked_until=0))


def with_pin(card: Card, pin: str, tools: Tools) -> Card:
    """The card with a new PIN: a fresh salt, and its verification value under the newest PVV key."""
    salt = tools.random.token_bytes(SALT_BYTES)
    pvv, version = tools.keys.new_pvv(card.card, salt, pin)
    return replace(card, salt=salt, pvv=pvv, pvv_version=version)


def counted(card: Card, context: Context) -> Card:
    """The card with one more try. The last one locks at once: a crash before the comparison gives no free try."""
    limits = context.tools.limits
    if card.locked_until > context.now_ms:
        raise _locked(card)
    tries = 1 if card.tries >= limits.pin_tries else card.tries + 1
    if tries < limits.pin_tries:
        return replace(card, tries=tries, locked_until=0)
    step = min(card.lock_level, len(limits.lockout_ms) - 1)
    return replace(
        card, tries=tries, lock_level=card.lock_level + 1, locked_until=context.now_ms + limits.lockout_ms[step]
    )


def _wrong(card: Card, context: Context) -> Refusal:
    left = context.tools.limits.pin_tries - card.tries
    if left <= 0:
        return _locked(card)
    return Refusal(
        Reason.WRONG_PIN, "that PIN is not right", tries_left=left, events=[("pin-wrong", f"{left} tries left")]
    )


def _locked(card: Card) -> Refusal:
    return Refusal(
        Reason.PIN_LOCKED, "the card is locked for a time", until=card.locked_until, tries_left=0,
        events=[("pin-locked", f"until {card.locked_until}")],
    )  # fmt: skip
