"""Which script each letter of a line is of, and in which order its parts stand: what a font alone does not know.

The display's part of the Unicode bidirectional algorithm (UAX 9): a line is Arabic with figures and names in it, or the
other way round; nothing is nested deeper.
"""

from __future__ import annotations

import enum
import itertools
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple


class Script(enum.StrEnum):
    """By the code that a shaper knows it by (ISO 15924)."""

    LATIN = "Latn"
    DEVANAGARI = "Deva"
    ARABIC = "Arab"


class Run(NamedTuple):
    """Neighbours of one script, in reading order."""

    text: str
    script: Script


_BLOCKS = (
    (0x0600, 0x06FF, Script.ARABIC), (0x0750, 0x077F, Script.ARABIC), (0x08A0, 0x08FF, Script.ARABIC),
    (0xFB50, 0xFDFF, Script.ARABIC), (0xFE70, 0xFEFE, Script.ARABIC), (0x0900, 0x097F, Script.DEVANAGARI),
)  # fmt: skip
#: Join letters, keep them apart or stand for more of them: they belong to what is before them.
_JOINERS = "\u200c\u200d…"
_SIGNS = "+-\u2212%#"


def script_of(text: str) -> Script:
    """Of the first letter; a text without letters is Latin."""
    return next((_own(letter) or Script.LATIN for letter in text if letter.isalpha()), Script.LATIN)


def runs(text: str, *, rtl: bool) -> tuple[Run, ...]:
    """The parts of a line from left to right. `rtl`: the line as a whole is read from the right, unless it is all Latin."""
    rtl = rtl and not _all_latin(text)
    scripts = _resolved(text, rtl=rtl)
    parts = [
        Run("".join(letter for letter, _ in group), script)
        for script, group in itertools.groupby(zip(text, scripts, strict=True), key=lambda pair: pair[1])
    ]
    return tuple(reversed(parts) if rtl else parts)


def _all_latin(text: str) -> bool:
    """A line of a device's English among Arabic ones: its brackets and full stops are English too."""
    own = {_own(letter) for letter in text} - {None}
    return own == {Script.LATIN} and any(letter.isalpha() for letter in text)


def _own(letter: str) -> Script | None:
    """A letter's own script; None for what takes that of its neighbours."""
    number = ord(letter)
    if number < 0x0600:
        return Script.LATIN if letter.isalnum() else _money(letter)
    for first, last, script in _BLOCKS:
        if first <= number <= last:
            return script
    return Script.LATIN if letter.isalnum() else _money(letter)


def _money(letter: str) -> Script | None:
    return Script.LATIN if _is_currency(letter) else None


def _is_currency(letter: str) -> bool:
    return unicodedata.category(letter) == "Sc"


def _resolved(text: str, *, rtl: bool) -> list[Script]:
    """Each letter's script. A sign stays with its figure; what is between two parts of one script joins them."""
    own = [_own(letter) for letter in text]
    for place, letter in enumerate(text):
        if letter in _SIGNS and any(_figure(text, own, beside) for beside in (place - 1, place + 1)):
            own[place] = Script.LATIN
        if letter in _JOINERS and place:
            own[place] = own[place - 1]
    base = Script.ARABIC if rtl else None
    return [script or _between(text, own, place, base) for place, script in enumerate(own)]


def _figure(text: str, own: Sequence[Script | None], place: int) -> bool:
    return 0 <= place < len(text) and own[place] is Script.LATIN and not text[place].isalpha()


def _between(text: str, own: Sequence[Script | None], place: int, base: Script | None) -> Script:
    """Whoever reads from the right finds the currency's sign after the figures, so to their left."""
    before = next((script for script in reversed(own[:place]) if script), None)
    after = next((script for script in own[place + 1 :] if script), None)
    apart = base is not None and _is_currency(text[place + 1 : place + 2] or " ")
    if before is after and before is not None and not apart:
        return before
    return base or before or after or Script.LATIN
