"""Screens of a deposit: notes in, what was counted, kept or given back."""

from __future__ import annotations

from collections.abc import Sequence

from bank_link.money import Money
from kiosk.screens.common import keys, made, mixed, watching
from kiosk.screens.model import Choice, Confirm, Fact, Notes, Notice, NoticeScreen, Slot, Take, Tone, Wait
from kiosk.screens.words.load import Words

#: More kinds of notes than this are told by their number alone: a line has room for no more.
_MOST_KINDS = 3


@made
def payin(words: Words, most: int, *, kept: bool, so_far: Money | None = None) -> Wait:
    """Notes go in. `most` notes at once; `kept`: none of them can come back, which is said before the first one."""
    line = words.say("payin", "kept" if kept else "line", count=str(most))
    if so_far is not None:
        line = words.say("payin", "so_far", amount=words.whole(so_far))
    return Wait(
        id="payin",
        title=words.say("payin", "title"),
        line=line,
        keys=keys(words, cancel="" if kept and so_far else "cancel", back="", main="done" if so_far else ""),
    )


@made
def payin_keep(words: Words, done: int = 0, total: int = 0) -> Wait:
    """The acceptor works; `done` of `total` notes are out of its escrow."""
    return Wait(
        id="payin.keep",
        title=words.say("payin.keep", "title"),
        line=words.say("payin.keep", "line", done=str(done), total=str(total)) if total else "",
        keys=keys(words, cancel="", back=""),
    )


@made
def payin_count(
    words: Words, counted: Sequence[tuple[int, Money]], total: Money, *, may_return: bool, may_add: bool
) -> Confirm:  # fmt: skip
    """`counted` is how many of which note, the largest first. Keys `more`, `back`, MAIN."""
    line = mixed(words, counted) if len(counted) <= _MOST_KINDS else str(sum(count for count, _ in counted))
    choices = [Choice(key="more", label=words.say("payin.count", "more"), icon="pay-in")] if may_add else []
    choices += [Choice(key="back", label=words.say("payin.count", "back"), icon="again")] if may_return else []
    return Confirm(
        id="payin.count",
        title=words.say("payin.count", "title", amount=words.whole(total)),
        facts=(Fact(words.say("payin.count", "notes"), line),),
        choices=tuple(choices),
        keys=keys(words, cancel="cancel" if may_return else "", back="", main="pay_in"),
    )


@made
def payin_back(words: Words, notes: Sequence[int], *, whole: bool = True) -> Take:
    """The notes are at the mouth again: by face value in whole units, one entry a note, largest first. `whole`: all."""
    return Take(
        id="payin.back",
        title=words.say("payin.back", "title"),
        line=words.say("payin.back", "line") if whole else "",
        left=words.say("general", "seconds_left"),
        slot=Slot.CASH,
        notes=Notes(tuple(notes)),
        keys=watching(words),
    )


@made
def payin_done(words: Words, paid: Money, claim: str) -> NoticeScreen:
    """It is credited; `claim` is what the journal and the bank know it by."""
    return _notice(words, "payin.done", Notice(Tone.OK, words.say("payin.done", "bold")), claim, paid)


@made
def payin_jam(words: Words, paid: Money, claim: str) -> NoticeScreen:
    """Something went in that nothing proves the worth or the place of."""
    plain = words.say("payin.jam", "paid", amount=words.whole(paid)) if paid.minor else words.say("payin.jam", "plain")
    return _notice(words, "payin.jam", Notice(Tone.DANGER, words.say("payin.jam", "bold"), plain), claim, paid)


@made
def payin_full(words: Words) -> NoticeScreen:
    """No deposit can be begun now."""
    notice = Notice(Tone.WARNING, words.say("payin.full", "bold"))
    return _notice(words, "payin.full", notice, "", None)


def _notice(words: Words, screen: str, notice: Notice, claim: str, paid: Money | None) -> NoticeScreen:
    return NoticeScreen(
        id=screen,
        title=words.say(screen, "title", **({"amount": words.whole(paid)} if screen == "payin.done" and paid else {})),
        notice=notice,
        reference=claim,
        reference_label=words.say("general", "reference") if claim else "",
        keys=keys(words, cancel="", back="", main="done"),
    )
