"""Screens of cash by code: the digits, and what goes otherwise. There is no card to give back."""

from __future__ import annotations

from bank_link.money import Money
from kiosk.screens.common import keys, made
from kiosk.screens.model import Amount, Choice, Confirm, Fact, Notice, NoticeScreen, Tone
from kiosk.screens.words.load import Words

CODE_DIGITS = 8


@made
def code(
    words: Words, *, wrong: bool = False, tries_left: int | None = None, short: bool = False, entered: str = ""
) -> Amount:  # fmt: skip
    """Asks for the code; `wrong`: the one before opened nothing, with so many tries left here. `short`: it was no whole one."""
    notice = Notice(Tone.WARNING, words.say("code", "short", digits=str(CODE_DIGITS))) if short else None
    if wrong:
        plain = words.say("code", "plain") if tries_left is None else words.count("code", "tries", tries_left, "tries")
        notice = Notice(Tone.DANGER, words.say("code", "bold"), plain)
    return Amount(
        id="code", title=words.say("code", "title"), symbol="", limits=words.say("code", "limits", digits=str(CODE_DIGITS)),
        most_digits=CODE_DIGITS, entered=entered, grouped=False, notice=notice,
        keys=keys(words, back="clear", main="ok")
    )  # fmt: skip


@made
def code_ok(words: Words, amount: Money) -> Confirm:
    """What the code is for; from the main key on it is paid."""
    return Confirm(
        id="code.ok", title=words.say("code.ok", "title"), facts=(Fact(words.say("code.ok", "amount"), words.whole(amount)),),
        keys=keys(words, back="", main="take_cash")
    )  # fmt: skip


@made
def code_locked(words: Words, until: str, *, today: bool = True) -> NoticeScreen:
    """Too many wrong codes here. `until`: the time of day, or with `today` false the day too."""
    bold = words.say("code.locked", "bold_today" if today else "bold", time=until)
    return _notice(words, "code.locked", Notice(Tone.DANGER, bold, words.say("code.locked", "plain")))


@made
def code_nopay(words: Words, amount: Money) -> NoticeScreen:
    """The notes for it are not here: the code was not used."""
    bold = words.say("code.nopay", "bold", amount=words.whole(amount))
    return _notice(words, "code.nopay", Notice(Tone.WARNING, bold, words.say("code.nopay", "plain")))


@made
def code_refused(words: Words) -> NoticeScreen:
    """The bank does not pay it now."""
    said = Notice(Tone.WARNING, words.say("code.refused", "bold"), words.say("code.refused", "plain"))
    return _notice(words, "code.refused", said)


@made
def code_in_use(words: Words) -> NoticeScreen:
    """Somebody is being paid with it elsewhere."""
    return _notice(
        words, "code.inuse", Notice(Tone.WARNING, words.say("code.inuse", "bold"), words.say("code.inuse", "plain"))
    )


@made
def code_line(words: Words, *, again: bool = True) -> NoticeScreen:
    """The bank did not answer, and nothing was paid. Key `again`, where it can be tried at once."""
    said = Notice(Tone.WARNING, words.say("code.line", "bold"), words.say("code.line", "plain"))
    choices = (Choice(key="again", label=words.say("e.line", "again"), icon="again"),) if again else ()
    return _notice(words, "code.line", said, choices)


def _notice(words: Words, screen: str, notice: Notice, choices: tuple[Choice, ...] = ()) -> NoticeScreen:
    return NoticeScreen(
        id=screen, title=words.say(screen, "title"), notice=notice, choices=choices,
        keys=keys(words, cancel="", back="", main="done")
    )  # fmt: skip
