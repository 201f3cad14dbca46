"""Screens of a withdrawal: how much, which notes, counting, taking, and what is possible where the wish is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bank_link.money import MINOR_DIGITS, SYMBOLS, Money
from kiosk.screens.common import FIRST, NO, SILENT, amount_choices, amount_key, keys, made, mixed, watching
from kiosk.screens.model import Amount, Choice, Choose, Notes, Notice, NoticeScreen, Slot, Take, Tone, Wait
from kiosk.screens.receipt import receipt_ways
from kiosk.screens.words.load import Words

#: Why a preset is disabled: not payable with the notes that are here, over the day's limit, over the balance.
REASONS = ("machine", "limit", "funds")


class Preset(NamedTuple):
    """An amount to choose at once. `reason` is one of `REASONS` where it is disabled."""

    amount: Money
    enabled: bool = True
    reason: str = ""


@made
def cash(words: Words, presets: Sequence[Preset | tuple[Money, bool, str]], *, usual: Money | None = None) -> Choose:
    """How much cash? Up to five presets, keys `amount:<minor units>`, and `other`."""
    return Choose(
        id="cash",
        title=words.say("cash", "title"),
        choices=(*(_preset(words, Preset(*preset), usual) for preset in presets), *amount_choices(words, ())),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


def _preset(words: Words, preset: Preset, usual: Money | None) -> Choice:
    second = words.say("cash", preset.reason) if preset.reason else ""
    if preset.enabled and preset.amount == usual:
        second = words.say("cash", "usual")
    return Choice(
        key=amount_key(preset.amount), label=words.whole(preset.amount), second=second, enabled=preset.enabled
    )


@made
def cash_other(words: Words, step: Money, most: Money, *, entered: str = "", refused: Money | None = None) -> Amount:
    """An amount by digits, in whole units. `refused` is the amount that was just entered and cannot be had."""
    limits = {"step": words.whole(step), "most": words.whole(most)}
    notice = None
    if refused is not None:
        notice = Notice(
            Tone.WARNING,
            words.say("cash.other", "bold", amount=words.whole(refused)),
            words.say("cash.other", "plain", **limits),
        )
    return Amount(
        id="cash.other",
        title=words.say("cash.other", "title"),
        symbol=SYMBOLS.get(step.currency, f"{step.currency} "),
        limits=words.say("cash.other", "limits", **limits),
        # One more than the most, so that too much is refused rather than cut short.
        most_digits=len(str(most.minor // 10 ** MINOR_DIGITS[most.currency])) + 1,
        entered=entered,
        locale=words.locale(step.currency),
        notice=notice,
        keys=keys(words, back="clear", main="ok"),
    )


@made
def cash_mix(words: Words, fewest: Sequence[tuple[int, Money]], small: Sequence[tuple[int, Money]]) -> Choose:
    """Which notes? Each mix is how many of which note, largest first; keys `fewest` and `small`."""
    choices = tuple(
        Choice(key=key, label=words.say("cash.mix", key), second=mixed(words, mix))
        for key, mix in (("fewest", fewest), ("small", small))
    )
    return Choose(
        id="cash.mix",
        title=words.say("cash.mix", "title"),
        choices=choices,
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def cash_receipt(words: Words, *, paper: bool) -> Choose:
    """A receipt, and anything else first? The card comes out before the cash, and the visit is over then.

    Keys `no`, `paper` (where it can be printed), `phone`, `first`.
    """
    return Choose(
        id="cash.receipt",
        title=words.say("cash.receipt", "title"),
        choices=(
            Choice(key=NO, label=words.say("cash.receipt", "no"), icon="cash"),
            *receipt_ways(words, paper=paper),
            Choice(key=FIRST, label=words.say("cash.receipt", "first"), icon="more"),
        ),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def take_bunch(words: Words, amount: Money, notes: Sequence[int], *, seen: bool = False) -> Take:
    """A first part of the notes is out; the rest comes once they are taken: key D, or `seen` by the machine itself."""
    return Take(
        id="take.bunch",
        title=words.say("take.bunch", "title"),
        value=words.whole(amount),
        left=words.say("general", "seconds_left"),
        notes=Notes(tuple(notes)),
        slot=Slot.CASH,
        keys=watching(words) if seen else keys(words, cancel="", back="", main="taken"),
    )


@made
def taking_back(words: Words) -> Wait:
    """The notes were not taken: they go into the reject bin."""
    return Wait(id="cash.back", title=words.say("cash.back", "title"), line=words.say("cash.back", "line"), keys=SILENT)


@made
def cash_count(words: Words, done: int, total: int) -> Wait:
    """The dispenser counts: `done` of `total` notes are out."""
    return Wait(
        id="cash.count",
        title=words.say("cash.count", "title"),
        line=words.say("cash.count", "line", done=str(done), total=str(total)),
        keys=SILENT,
    )


@made
def cash_nearest(words: Words, asked: Money, missing_note: Money | None, possible: Sequence[Money]) -> Choose:
    """`asked` cannot be made of the notes here; `possible` can. `missing_note` where lack of one note is the reason."""
    note = words.say("cash.nearest", "bold_any")
    if missing_note is not None:
        note = words.say("cash.nearest", "bold", note=words.whole(missing_note))
    title = words.say("cash.nearest", "title", amount=words.whole(asked))
    return _instead(words, "cash.nearest", title, note, possible)


@made
def cash_limit(words: Words, possible: Money) -> Choose:
    """More than today's limit leaves; `possible` can be had."""
    bold = words.say("cash.limit", "bold", amount=words.whole(possible))
    return _instead(words, "cash.limit", words.say("cash.limit", "title"), bold, [possible])


@made
def cash_short(words: Words, possible: Money) -> Choose:
    """More than the account holds; `possible` can be had."""
    bold = words.say("cash.short", "bold", amount=words.whole(possible))
    return _instead(words, "cash.short", words.say("cash.short", "title"), bold, [possible])


def _instead(words: Words, screen: str, title: str, bold: str, possible: Sequence[Money]) -> Choose:
    return Choose(
        id=screen,
        title=title,
        notice=Notice(Tone.WARNING, bold),
        choices=amount_choices(words, possible),
        keys=keys(words),
        more=words.say("keys", "more"),
    )


@made
def cash_limit_reached(words: Words) -> NoticeScreen:
    """Nothing more can be had today, in amount or in number of times."""
    plain = words.say("cash.limit.reached", "plain")
    return _nothing(words, "cash.limit.reached", plain)


@made
def cash_short_none(words: Words) -> NoticeScreen:
    """The account holds less than the smallest note."""
    return _nothing(words, "cash.short.none", "")


def _nothing(words: Words, screen: str, plain: str) -> NoticeScreen:
    return NoticeScreen(
        id=screen,
        title=words.say(screen, "title"),
        notice=Notice(Tone.WARNING, words.say(screen, "bold"), plain),
        keys=keys(words, main="take_card"),
    )


@made
def take_cash(words: Words, amount: Money, notes: Sequence[int], *, receipt_next: bool = False) -> Take:
    """The notes are out: `notes` by face value in whole units, one entry a note, largest first."""
    return Take(
        id="take.cash",
        title=words.say("take.cash", "title"),
        value=words.whole(amount),
        line=words.say("take.cash", "receipt") if receipt_next else "",
        left=words.say("general", "seconds_left"),
        notes=Notes(tuple(notes)),
        slot=Slot.CASH,
        keys=watching(words),
    )


@made
def take_receipt(words: Words) -> Take:
    """The receipt is printed."""
    return Take(
        id="take.receipt",
        title=words.say("take.receipt", "title"),
        left=words.say("general", "seconds_left"),
        slot=Slot.RECEIPT,
        keys=watching(words),
    )
