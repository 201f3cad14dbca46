"""How far a visit had come when something died: the journal's last word, in the order of a visit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.evidence import copied
from support.real_processes import RealKiosk

#: In the order in which a visit goes through them.
PHASES = (
    "starting", "booted, signing on", "signed on, or the past is told", "card and PIN are at the bank", "visit open",
    "authorising", "held, the card goes out", "card taken, nonce made", "releasing", "released, nonce not burnt",
    "paying, no note counted", "paying, notes counted", "paid, to be told", "told, all over",
)  # fmt: skip
(
    _STARTING, _BOOTED, _SIGNED_ON, _PIN, _OPEN, _AUTHORISING, _HELD, _TAKEN, _RELEASING, _RELEASED, _PAYING, _COUNTED, _PAID,
    _OVER,
) = PHASES  # fmt: skip

_BY_WORD = {
    "booted": _BOOTED, "signed-on": _SIGNED_ON, "taken:open-visit": _PIN, "answered:open-visit": _OPEN,
    "taken:authorise": _AUTHORISING, "answered:authorise": _HELD, "held": _HELD, "card-taken": _TAKEN,
    "nonce-made": _TAKEN, "taken:release": _RELEASING, "answered:release": _RELEASED, "authority-held": _RELEASED,
    "nonce-burnt": _PAYING, "note-moved": _COUNTED, "presented": _PAID,
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A record of a journal. `at`: bank time in ms, 0 before it was known. `boot`: of a `booted` alone."""

    sequence: int
    at: int
    name: str
    boot: str


def words_since(kiosk: RealKiosk, sequence: int) -> list[Word]:
    """What the journal says after that record; the program that wrote it must have ended."""
    with copied(kiosk.directory.glob("journal.sqlite*"), "journal.sqlite") as connection:
        found = connection.execute(
            "SELECT sequence, at_ms, kind, body, boot FROM records WHERE sequence > ? ORDER BY sequence", (sequence,)
        )
        return [
            Word(int(number), int(at), _name(str(kind), str(body)), str(boot) if kind == "booted" else "")
            for number, at, kind, body, boot in found
        ]


def _name(kind: str, body: str) -> str:
    return f"{kind}:{json.loads(body)['kind']}" if kind in {"taken", "answered", "fact-made"} else kind


def phase(words: Iterable[Word], until: int) -> str:
    """Where the program was that wrote `words`, at wall clock `until` (ms); bank and kiosk have one clock here."""
    now = _STARTING
    for word in words:
        if word.at > until:
            break
        now = _BY_WORD.get(word.name, now)
        if word.name.startswith("fact-made") and now not in {_STARTING, _BOOTED, _SIGNED_ON}:
            now = _PAID
        if word.name == "acknowledged" and now == _PAID:
            now = _OVER
    return now
