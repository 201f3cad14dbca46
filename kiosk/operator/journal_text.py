"""The electronic journal as a person reads it: one line a record, with time, boot, kind and what happened.

The bank's references of cards and accounts are masked; nonces and authorities are named, never shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import msgspec

from bank_link.messages import NoteCount
from bank_link.money import plain
from bank_link.ranges import count
from config.zone import zone as zone_of
from kiosk.journal import records as r

BOOT_SHOWN = 7
REFERENCE_SHOWN = 5
_HIDDEN = ("nonce", "authority", "body", "slip")


class ShownLine(msgspec.Struct, frozen=True, kw_only=True):
    """A record as `journal show` prints it. `at`: ISO 8601 in the machine's zone, "" where bank time was not known.

    `record` holds its fields without secrets.
    """

    sequence: int
    at: str
    boot: str
    kind: str
    text: str
    record: dict[str, Any]

    def __str__(self) -> str:
        moment = self.at[:19].replace("T", " ") or "-"
        return f"{self.sequence:>6}  {moment:<19}  {self.boot:<{BOOT_SHOWN}}  {self.kind:<14}  {self.text}".rstrip()


def shown_line(line: r.Line, zone: str) -> ShownLine:
    return ShownLine(
        sequence=line.sequence,
        at=moment(line.at, zone),
        boot=line.boot[:BOOT_SHOWN],
        kind=str(type(line.record).__struct_config__.tag),
        text=_about(line.record) + text(line.record),
        record=_masked(msgspec.to_builtins(line.record)),
    )


def moment(at_ms: int, zone: str) -> str:
    """`2026-01-31T14:30:00.000+01:00`, or "" for 0."""
    if not at_ms:
        return ""
    return dt.datetime.fromtimestamp(at_ms / 1000, zone_of(zone)).isoformat(timespec="milliseconds")


def masked(reference: str) -> str:
    """A reference of the bank's, recognisable and of no use."""
    return f"{reference[:REFERENCE_SHOWN]}…" if len(reference) > REFERENCE_SHOWN else reference


def notes(counted: Sequence[NoteCount]) -> str:
    """`2 x 50.00 USD from top, 1 x 20.00 USD from middle`."""
    return ", ".join(f"{note.count} x {plain(note.value)} from {note.cassette}" for note in counted) or "nothing"


def _about(record: r.AnyRecord) -> str:
    if not isinstance(record, r.About):
        return ""
    return f"#{record.transaction.number}: "


def _masked(fields: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if name not in {*_HIDDEN, "type"}}
    for name in ("card", "account"):
        if name in kept:
            kept[name] = masked(str(kept[name]))
    return kept


# ── What each record says ───────────────────────────────────────────────────────────────────────────────────────────


@singledispatch
def text(record: r.AnyRecord) -> str:
    """The record in words, without its transaction's name."""
    raise TypeError(f"no words for {type(record).__name__}")


@text.register
def _(record: r.Booted) -> str:
    return f"started as {record.terminal}, generation {record.generation}, version {record.version}"


@text.register
def _(record: r.Event) -> str:
    return f"{record.what}: {record.detail}" if record.detail else record.what


@text.register
def _(record: r.SignedOn) -> str:
    lost = f"; the bank misses {count(record.missing)} numbers" if record.missing else ""
    return f"session {masked(record.session)}, next number {record.next_number}{lost}"


@text.register
def _(record: r.CountsSet) -> str:
    counts = ", ".join(f"{count.cassette} {count.count} x {plain(count.value)}" for count in record.after)
    return f"by {record.by}: {counts}"


@text.register
def _(record: r.ServiceSet) -> str:
    why = " for an exchange" if record.exchange else ""
    return f"{'in service again' if record.open else 'taken out of service'}{why} by {record.by}"


@text.register
def _(record: r.Counted) -> str:
    return (
        f"by {record.by}, not booked yet: {record.cassette}: found {record.found} and {record.rejected} rejects, "
        f"left {record.left}"
    )


@text.register
def _(record: r.FinalTotals) -> str:
    totals: dict[str, Any] = msgspec.json.decode(record.body)
    cassettes = ", ".join(
        f"{row['cassette']} {row['count']} and {row['rejected']} rejects" for row in totals["cassettes"]
    )
    return f"ended by {record.by}: paid {totals['paid']} in {totals['payments']} payments; {cassettes}"


@text.register
def _(record: r.CassetteSwitched) -> str:
    return f"{record.cassette} switched {'on' if record.on else 'off'} by {record.by}"


@text.register
def _(record: r.TestBegun) -> str:
    return f"by {record.by}: one note of {plain(record.value)} of {record.cassette} is to move"


@text.register
def _(record: r.TestMoved) -> str:
    said = "in doubt" if record.in_doubt else "in the reject bin" if record.rejected else record.outcome
    return f"by {record.by}: {plain(record.value)} of {record.cassette}: {said}. {record.sentence}".rstrip(". ")


@text.register
def _(record: r.Taken) -> str:
    return f"number {record.number} taken for {record.kind}"


@text.register
def _(record: r.Answered) -> str:
    why = f", {record.reason}" if record.reason else ""
    return f"number {record.number} ({record.kind}) answered: {record.answer}{why}"


@text.register
def _(record: r.FactMade) -> str:
    return f"number {record.number}: {_fact(record)}"


@text.register
def _(record: r.Acknowledged) -> str:
    case = f"; case {record.case}" if record.case else ""
    return f"the bank has number {record.number}{case}"


@text.register
def _(record: r.Parked) -> str:
    return f"number {record.number} set aside: {record.sentence}"


@text.register
def _(record: r.Resent) -> str:
    return f"the bank was restored; sent again: {', '.join(map(str, record.numbers))}"


@text.register
def _(record: r.Posted) -> str:
    if not record.to or not record.amount.minor:
        about = record.to or (record.account if record.account != "none" else "")
        return f"number {record.number}: {record.what} done" + (f", account {masked(about)}" if about else "")
    sent = f"{plain(record.amount)} from account {masked(record.account)} to {masked(record.to)}"
    return f"number {record.number}: {record.what} done, {sent}"


@text.register
def _(record: r.Held) -> str:
    return f"{plain(record.amount)} held on account {masked(record.account)}, claim {record.claim}; {notes(record.mix)}"


@text.register
def _(_record: r.CardTaken) -> str:
    return "the customer has the card"


@text.register
def _(_record: r.NonceMade) -> str:
    return "nonce made for one payment in this boot"


@text.register
def _(_record: r.AuthorityHeld) -> str:
    return "dispense authority verified"


@text.register
def _(record: r.NonceBurnt) -> str:
    return f"nonce burnt; to pay: {notes(record.plan)}" if record.plan else "nonce burnt: nothing will be paid"


@text.register
def _(record: r.Replanned) -> str:
    return f"the rest comes from elsewhere: {notes(record.plan)}"


@text.register
def _(record: r.NoteMoved) -> str:
    where = {
        "counted and out": record.dispensed, "came with it": record.surplus, "rejected": record.rejected,
        "in doubt": record.in_doubt,
    }  # fmt: skip
    said = ", ".join(f"{count} {words}" for words, count in where.items() if count) or record.outcome
    return f"{plain(record.value)} of {record.cassette}: {said}"


@text.register
def _(_record: r.BunchOut) -> str:
    return "the exit is full: the rest comes once these notes are taken"


@text.register
def _(_record: r.BunchTaken) -> str:
    return "the customer has them"


@text.register
def _(record: r.DepositBegun) -> str:
    most = plain(record.most)
    return f"notes for account {masked(record.account)}, up to {most}, claim {record.claim}; holds back: {record.holds}"


@text.register
def _(record: r.Accepting) -> str:
    return "notes may go in" if record.on else "no more notes"


@text.register
def _(record: r.NoteRead) -> str:
    return f"{plain(record.value)} read"


@text.register
def _(record: r.NoteStacked) -> str:
    return f"{plain(record.value)} in the box, {record.cassette}"


@text.register
def _(record: r.NoteReturned) -> str:
    return f"{plain(record.value)} given back"


@text.register
def _(record: r.NoteUnread) -> str:
    return f"something went in that nothing proves the value of ({record.pulses} pulses)"


@text.register
def _(record: r.Presented) -> str:
    return record.outcome.value


@text.register
def _(_record: r.InTray) -> str:
    return "the notes lie in the cash tray"


@text.register
def _(_record: r.RetractBegun) -> str:
    return "the cash was not taken: it goes into the reject bin"


@text.register
def _(record: r.HandedOver) -> str:
    return f"{record.taken.value}: {record.sentence}" if record.sentence else record.taken.value


@text.register
def _(record: r.Ended) -> str:
    return record.why


def _fact(record: r.FactMade) -> str:
    body: dict[str, Any] = msgspec.json.decode(record.body)
    if record.kind == "completion":
        given = msgspec.convert(body.get("presented", ()), tuple[NoteCount, ...])
        doubt = msgspec.convert(body.get("in_doubt", ()), tuple[NoteCount, ...])
        return f"completion, {body['outcome']}: {notes(given)}" + (f"; in doubt: {notes(doubt)}" if doubt else "")
    if record.kind == "credit":
        kept = msgspec.convert(body.get("notes", ()), tuple[NoteCount, ...])
        doubt = msgspec.convert(body.get("in_doubt", ()), tuple[NoteCount, ...])
        unread = body.get("unread", 0)
        said = (f"; in doubt: {notes(doubt)}" if doubt else "") + (f"; not read: {unread}" if unread else "")
        return f"credit: {notes(kept)}{said}"
    if record.kind == "reversal":
        return f"reversal of #{body['transaction']} ({body['why']})"
    return record.kind
