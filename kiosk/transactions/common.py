"""What transactions share: choosing an account, an amount that would go, and saying that the bank cannot be reached."""

from __future__ import annotations

from bank_link.messages import AccountView, Reason, Refused
from bank_link.money import MINOR_DIGITS, Money
from kiosk.ask import BACK, MAIN
from kiosk.leaving import Cancelled
from kiosk.parts import Parts, Visit
from kiosk.screens import catalogue
from kiosk.screens.common import OTHER
from kiosk.screens.model import NoticeScreen


async def choose_account(visit: Visit, what: str) -> AccountView | None:
    """The account to use: the only one, or the chosen one; None for Back, or where there is none."""
    accounts = visit.accounts(what)
    if len(accounts) <= 1:
        return accounts[0] if accounts else None
    shown = [(account.label, account.masked.removeprefix("ends ")) for account in accounts]
    key = await visit.parts.ask.choose(catalogue.choose_account(visit.parts.words, shown))
    return None if key == BACK else accounts[int(key.removeprefix("account:"))]


def refusal(parts: Parts, answer: Refused, *, earlier: bool = False) -> NoticeScreen:
    """Why the bank does not serve this card, in a customer's words. `earlier`: money was sent before, in this visit."""
    words = parts.words
    match answer.reason:
        case Reason.PIN_LOCKED if answer.until is not None:
            return catalogue.pin_locked(words, parts.when(answer.until), today=parts.is_today(answer.until))
        case Reason.CARD_IN_USE:
            return catalogue.e_inuse(words)
        case Reason.CARD_OUTDATED | Reason.CARD_PROOF | Reason.NO_CARD | Reason.CARD_EXPIRED:
            return catalogue.e_wake(words, parts.ask.phone)
        case Reason.SUSPENDED | Reason.PENDING | Reason.NO_VISIT | Reason.UNSUPPORTED:
            # Nothing is wrong with the card: it is this machine that the bank does not serve.
            return catalogue.e_closed(words, earlier=earlier)
        case _:
            return catalogue.e_refused(words, parts.ask.phone)


async def no_line(visit: Visit, *, pin: bool = False, kept: bool = False) -> None:
    """The bank did not answer: try something again, or take the card. Raises Cancelled for the latter.

    `pin`: a new PIN was asked for; `kept`: another change that moves no money.
    """
    screen = catalogue.e_line(visit.parts.words, earlier=visit.has_posted, pin=pin, kept=kept)
    if await visit.parts.ask.choose(screen) == MAIN:
        raise Cancelled


async def instead(visit: Visit, answer: Refused) -> tuple[bool, Money | None]:
    """More was to be sent than there is, or than may be: whether it is over, or else what is sent instead (none: choose anew)."""
    ask, words = visit.parts.ask, visit.parts.words
    today = answer.reason is Reason.AMOUNT_LIMIT
    possible = whole_units(answer.possible) if answer.possible is not None else None
    if possible is None or possible.minor <= 0:
        await ask.told(catalogue.send_nothing(words, today=today), ask.patience.answer_s)
        return True, None
    screen = catalogue.send_limit(words, possible) if today else catalogue.send_short(words, possible)
    return False, None if await ask.choose(screen) in {BACK, OTHER} else possible


def whole_units(amount: Money) -> Money:
    """Without its cents."""
    unit: int = 10 ** MINOR_DIGITS[amount.currency]
    return Money(amount.minor // unit * unit, amount.currency)
