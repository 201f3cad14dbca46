"""How much, and in which notes: only what this machine can pay and the bank will allow is let through."""

from __future__ import annotations

from bank_link.messages import AccountView, NoteCount
from bank_link.money import MINOR_DIGITS, Money, major
from kiosk.ask import BACK, MAIN
from kiosk.leaving import Cancelled
from kiosk.parts import Visit, Wanted
from kiosk.screens import catalogue
from kiosk.screens.catalogue import Preset
from kiosk.screens.model import Choose

#: With "Other amount" as many as a page of six has.
MOST_PRESETS = 5


async def choose_amount(visit: Visit) -> Money | None:
    """An amount that this machine can pay; None for Back. Raises LeftEarly."""
    parts = visit.parts
    while True:
        usual = visit.opened.usual
        offered = [_preset(visit, amount) for amount in _presets(visit)]
        key = await parts.ask.choose(catalogue.cash(parts.words, offered, usual=usual))
        if key == BACK:
            return None
        amount = await _other_amount(visit) if key == "other" else _amount(key, parts.currency)
        if amount is not None:
            amount = await _payable(visit, amount)
        if amount is not None:
            return amount


async def instead(visit: Visit, screen: Choose) -> Money | None:
    """The amount that the customer takes instead; None to choose anew."""
    key = await visit.parts.ask.choose(screen)
    return None if key in {BACK, "other"} else _amount(key, visit.parts.currency)


async def limit_reached(visit: Visit) -> None:
    """Nothing more today: back to the question, or the card. Raises Cancelled for the latter."""
    if await visit.parts.ask.choose(catalogue.cash_limit_reached(visit.parts.words)) == MAIN:
        raise Cancelled


def most(visit: Visit) -> Money:
    """The most that one withdrawal may be: the bank's limit, and what is left of the day."""
    parts = visit.parts
    session = parts.host.session
    allowed = session.most_per_withdrawal if session is not None else Money(0, parts.currency)
    left = visit.opened.left_today
    return allowed if left is None else min(allowed, left)


def _presets(visit: Visit) -> tuple[Money, ...]:
    """The machine's, and what this customer usually takes; in place of the last one where it would be one too many."""
    presets, usual = visit.parts.presets, visit.opened.usual
    if usual is None or usual in presets or usual.currency != visit.parts.currency:
        return presets
    return (*presets[: MOST_PRESETS - 1], usual)


def _preset(visit: Visit, amount: Money) -> Preset:
    if not visit.parts.vault.can_pay(amount):
        return Preset(amount, enabled=False, reason="machine")
    if most(visit) < amount:
        return Preset(amount, enabled=False, reason="limit")
    return Preset(amount)


def _amount(key: str, currency: str) -> Money:
    return Money(int(key.removeprefix("amount:")), currency)


async def _other_amount(visit: Visit) -> Money | None:
    """Digits until they make an amount within the limits; None for Back."""
    parts = visit.parts
    limit = most(visit)
    values = [stock.value for stock in parts.vault.stock()]
    largest = parts.vault.largest(limit)
    if largest is None:
        if values and limit < min(values):
            await limit_reached(visit)
            return None
        return await instead(visit, catalogue.cash_nearest(parts.words, limit, None, ()))
    refused: Money | None = None
    while True:
        entered = await parts.ask.amount(catalogue.cash_other(parts.words, min(values), largest, refused=refused))
        if entered is None:
            return None
        refused = major(entered, parts.currency)
        if refused <= largest:
            return refused


async def _payable(visit: Visit, amount: Money) -> Money | None:
    """The amount, or one near it that the customer takes instead; None to choose anew."""
    parts = visit.parts
    if parts.vault.can_pay(amount):
        return amount
    possible = parts.vault.nearest(amount, most(visit))
    screen = catalogue.cash_nearest(parts.words, amount, _missing_note(visit, amount), possible)
    return await instead(visit, screen)


def _missing_note(visit: Visit, amount: Money) -> Money | None:
    """The note for lack of which the amount cannot be paid: one of this machine's that has run out."""
    digits = 10 ** MINOR_DIGITS[amount.currency]
    here = {stock.value for stock in visit.parts.vault.stock()}
    gone = [count.value for count in visit.parts.vault.counts() if count.value not in here]
    fitting = [value for value in gone if amount.minor % value.minor == 0 or (amount.minor // digits) % 2]
    return min(fitting, default=None)


async def choose_notes(visit: Visit, account: AccountView, amount: Money) -> Wanted | None:
    """Fewest or small notes, where there is a choice; None for Back."""
    mixes = visit.parts.vault.mixes(amount)
    if not mixes:
        return None
    if len(mixes) == 1:
        return Wanted(account, amount, mixes[0])
    key = await visit.parts.ask.choose(catalogue.cash_mix(visit.parts.words, *(_shown(mix) for mix in mixes)))
    return None if key == BACK else Wanted(account, amount, mixes[0] if key == "fewest" else mixes[1])


def _shown(mix: tuple[NoteCount, ...]) -> list[tuple[int, Money]]:
    return [(note.count, note.value) for note in mix]
