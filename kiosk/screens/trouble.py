"""Screens for what went otherwise: line, card, cash, time, and help."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bank_link.money import Money
from kiosk.screens.common import SILENT, keys, made, watching
from kiosk.screens.model import Choice, Choose, Keys, Notice, NoticeScreen, Tone
from kiosk.screens.words.load import Words

#: What `help_` can offer, with icons, in the order of the digits.
HELP = {
    "again": "ear", "slower": "slower", "language": "language", "contrast": "contrast", "person": "person",
    "blank": "eye",
}  # fmt: skip


@made
def e_line(words: Words, *, earlier: bool = False, pin: bool = False, kept: bool = False) -> NoticeScreen:
    """The bank cannot be reached and nothing has moved. Key `again`, or the card back.

    `earlier`, here and below: money was sent earlier in this visit, and did leave the account. `pin`: a new PIN was asked
    for, and the old one holds; `kept`: so does whatever else was to be changed.
    """
    said = _nothing_left(words, "e.line", "bold", earlier=earlier)
    if pin or kept:
        said = words.say("e.line", "pin" if pin else "kept")
    return _notice(
        words,
        "e.line",
        Notice(Tone.WARNING, said),
        main="take_card",
        choices=(Choice(key="again", label=words.say("e.line", "again"), icon="again"),),
    )


@made
def e_card(words: Words) -> NoticeScreen:
    """The card cannot be read, or is none of ours."""
    return _notice(words, "e.card", _said(words, "e.card"), main="take_card")


@made
def e_refused(words: Words, phone: str = "") -> NoticeScreen:
    """The bank will not have this card (blocked, expired, closed)."""
    return _notice(words, "e.refused", _call(words, "e.refused", phone), main="take_card")


@made
def e_nocash(words: Words, reference: str, *, earlier: bool = False, code: bool = False) -> NoticeScreen:
    """Proven that no note came out; the card is already back. `code`: there was none."""
    plain = words.say("e.nocash", "plain_code" if code else "plain")
    said = Notice(Tone.WARNING, _nothing_left(words, "e.nocash", "bold", earlier=earlier), plain)
    return _notice(words, "e.nocash", said, main="done", reference=reference)


@made
def e_nottaken(words: Words, *, earlier: bool = False) -> NoticeScreen:
    """The card was not taken in time, so no cash; it waits to be taken."""
    plain = words.say("e.nottaken", "plain_earlier" if earlier else "plain")
    return _notice(words, "e.nottaken", _said(words, "e.nottaken", plain))


@made
def e_inuse(words: Words) -> NoticeScreen:
    """The card has a withdrawal open elsewhere."""
    return _notice(words, "e.inuse", _said(words, "e.inuse", words.say("e.inuse", "plain")), main="take_card")


@made
def e_wake(words: Words, phone: str = "") -> NoticeScreen:
    """The card must be issued again (an old copy, or one that was overtaken)."""
    return _notice(words, "e.wake", _call(words, "e.wake", phone, Tone.INFO), main="take_card")


@made
def e_stick(words: Words) -> NoticeScreen:
    """A memory stick that is no card was left in."""
    return _notice(words, "e.stick", _said(words, "e.stick"))


@made
def e_left(words: Words) -> NoticeScreen:
    """A card was left in after its visit."""
    return _notice(words, "e.left", _said(words, "e.left"))


@made
def e_jam(words: Words, amount_paid: Money | None, reference: str) -> NoticeScreen:
    """Notes are stuck: `amount_paid` came out for certain (None or zero: nothing did); a person checks the rest."""
    plain = words.say("e.jam", "plain")
    if amount_paid is not None and amount_paid.minor:
        plain = words.say("e.jam", "paid", amount=words.whole(amount_paid))
    return _notice(words, "e.jam", _said(words, "e.jam", plain, Tone.DANGER), main="done", reference=reference)


@made
def e_retracted(words: Words, reference: str) -> NoticeScreen:
    """Notes lay in the tray for too long: they are in the machine again, and are counted before they are credited."""
    said = _said(words, "e.retracted", words.say("e.retracted", "plain"))
    return _notice(words, "e.retracted", said, main="done", reference=reference)


@made
def e_partial(words: Words, amount_paid: Money, reference: str) -> NoticeScreen:
    """The notes ran out in mid-payment: `amount_paid` came out and is all that leaves the account."""
    said = Notice(
        Tone.WARNING, words.say("e.partial", "bold", amount=words.whole(amount_paid)), words.say("e.partial", "plain")
    )
    return _notice(words, "e.partial", said, main="done", reference=reference)


@made
def e_closed(words: Words, *, earlier: bool = False) -> NoticeScreen:
    """The bank does not serve this machine now; nothing is wrong with the card."""
    plain = _nothing_left(words, "e.closed", "plain", earlier=earlier)
    return _notice(words, "e.closed", _said(words, "e.closed", plain), main="take_card")


@made
def e_doubt(words: Words, reference: str) -> NoticeScreen:
    """What came out is not known yet: told as a doubt, with its reference."""
    said = _said(words, "e.doubt", words.say("e.doubt", "plain"))
    return _notice(words, "e.doubt", said, main="done", reference=reference)


@made
def time_more(words: Words, seconds: int, *, card: bool = True, cash: bool = False) -> NoticeScreen:
    """Nothing was pressed for a while. D is yes, A is no. `card`: there is one that comes back; `cash`: it goes back."""
    bold = words.count("time", "cash" if cash else "bold" if card else "ends", seconds, "seconds")
    return NoticeScreen(
        id="time",
        title=words.say("time", "title"),
        notice=Notice(Tone.INFO, bold),
        keys=keys(words, cancel="no", back="", main="yes"),
    )


@made
def cancelled(words: Words, *, code: bool = False) -> NoticeScreen:
    """The customer cancelled before anything moved."""
    said = Notice(Tone.INFO, words.say("cancelled", "bold_code" if code else "bold"))
    return _notice(words, "cancelled", said, silent=True)


@made
def help_(words: Words, offered: Sequence[str], on: Collection[str] = ()) -> Choose:
    """Help: `offered` are keys of `HELP`. Those that are `on` already ("slower", "blank") say how they are ended."""
    choices = tuple(
        Choice(key=key, label=words.say("help", f"{key}_off" if key in on else key), icon=HELP[key]) for key in offered
    )
    return Choose(
        id="help",
        title=words.say("help", "title"),
        choices=choices,
        keys=Keys(cancel=words.say("keys", "cancel"), back=words.say("keys", "back")),
        more=words.say("keys", "more"),
    )


@made
def help_person(words: Words, phone: str = "") -> NoticeScreen:
    """Whom to talk to."""
    return NoticeScreen(
        id="help.person",
        title=words.say("help.person", "title"),
        notice=_call(words, "help.person", phone, Tone.INFO),
        keys=Keys(cancel=words.say("keys", "cancel"), back=words.say("keys", "back")),
    )


def _said(words: Words, screen: str, plain: str = "", tone: Tone = Tone.WARNING) -> Notice:
    return Notice(tone, words.say(screen, "bold"), plain)


def _nothing_left(words: Words, screen: str, name: str, *, earlier: bool) -> str:
    return words.say("general", "earlier") if earlier else words.say(screen, name)


def _call(words: Words, screen: str, phone: str, tone: Tone = Tone.WARNING) -> Notice:
    unbroken = phone.replace(" ", "\u00a0")  # a number stays on one line
    return Notice(tone, words.say(screen, "bold", phone=unbroken) if phone else words.say(screen, "bold_plain"))


def _notice(
    words: Words,
    screen: str,
    notice: Notice,
    *,
    main: str = "",
    reference: str = "",
    choices: tuple[Choice, ...] = (),
    silent: bool = False,
) -> NoticeScreen:
    """A notice on which only D, the numbered cards and Help work: what it tells cannot be undone."""
    return NoticeScreen(
        id=screen,
        title=words.say(screen, "title"),
        notice=notice,
        reference=reference,
        reference_label=words.say("general", "reference") if reference else "",
        choices=choices,
        keys=SILENT if silent else keys(words, cancel="", back="", main=main) if main else watching(words),
    )
