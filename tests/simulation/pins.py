"""The part of the model that watches customers change their PIN: what was typed and told, and which PIN must hold in the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from simulation.bank_node import BankNode
from simulation.sends import Asked, Name, bank_restored, journal_decayed, journal_lost
from simulation.world import World

from bank_link.envelope import Envelope
from kiosk.screens.model import NoticeScreen, Screen

#: A person tells the customer.
_TOLD_BY_STAFF = ("taken-back", "post-lost", "post-unheard")


@dataclass(eq=False, kw_only=True)
class NewPin(Asked):
    """One change, from the second typing on. `before`: what opened the visit; `sent`: it left the machine, by `name`."""

    card: str
    before: str
    new: str
    again: str
    sent: bool = False
    twice: bool = False  # its number is another one's as well: both memories had lost the first


class Pins:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(self, world: World, bank: BankNode, wrong: Callable[[str], None]) -> None:
        self._world, self._bank, self._wrong = world, bank, wrong
        self.all: list[NewPin] = []
        self._named: dict[Name, NewPin] = {}
        self._last: dict[str, NewPin] = {}
        self._unclear: set[Name] = set()

    def begins(self, terminal: str) -> None:
        self._last.pop(terminal, None)

    def typed(self, terminal: str, card: str, before: str, new: str, again: str) -> NewPin:
        """A customer presses OK after the second typing."""
        change = NewPin((terminal, 0, 0), self._world.now, card=card, before=before, new=new, again=again)
        self.all.append(change)
        self._last[terminal] = change
        return change

    def asked(self, name: Name, body: dict[str, Any]) -> None:
        if body["what"] != "pin-change":
            return
        known, last = self._named.get(name), self._last.get(name[0])
        if known is not None:
            if last is not None and not last.sent:
                known.twice = last.twice = last.sent = True
            return
        if last is None or last.sent:
            self._wrong(f"{name}: a new PIN is asked for, and nobody has typed one")
            return
        last.name, last.sent = name, True
        self._named[name] = last
        if last.new != last.again:
            self._wrong(f"{name}: a new PIN is asked for, and two different ones were typed")

    def told(self, terminal: str, screen: Screen) -> None:
        if not isinstance(screen, NoticeScreen):
            return
        change = self._last.get(terminal)
        if screen.id == "newpin.done":
            if change is None or not change.sent:
                self._wrong(f"{terminal} tells of a new PIN, and nobody has asked for one")
            else:
                change.told_done = True
        elif screen.id == "e.line" and change is not None and not change.told_done and not change.told_nothing:
            change.told_nothing = "PIN" in screen.notice.bold
            if not change.told_nothing:
                self._wrong(f"{change.name}: asked for a new PIN, and was told {screen.notice.bold!r}")

    # ── Who may see it ──────────────────────────────────────────────────────────────────────────────────────────────

    def carried(self, terminal: str, envelope: Envelope) -> None:
        """The line carries a message: no PIN of this visit stands in it as it was typed."""
        change = self._last.get(terminal)
        if change is not None and {change.new, change.before} & set(texts(msgspec.json.decode(envelope.body))):
            self._wrong(f"{terminal} sends a PIN in clear: {envelope.kind}")

    def kept(self, where: str, value: object) -> None:
        """Somebody looks at what is kept on a disk."""
        found = {change.new for change in self.all} & set(texts(value))
        if found:
            self._wrong(f"{where}: {sorted(found)} in clear, and that is a PIN")

    # ── What was forgotten ──────────────────────────────────────────────────────────────────────────────────────────

    def restored(self, to: float) -> None:
        bank_restored(to, *self.all)

    def journal_lost(self, terminal: str) -> None:
        journal_lost(terminal, *self.all)

    def decayed(self, terminal: str) -> None:
        journal_decayed(terminal, *self.all)

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def ended(self, used_twice: set[Name]) -> None:
        """No PIN is kept; and whom nobody but a person can tell which PIN holds."""
        for table in await self._bank.sql("SELECT name FROM sqlite_schema WHERE type = 'table'") if self.all else ():
            self.kept(f"the bank's {table['name']}", await self._bank.sql(f"SELECT * FROM {table['name']}"))
        by_staff = {
            (row["terminal"], row["generation"], row["number"])
            for row in await self._bank.sql("SELECT * FROM cases")
            if row["kind"] in _TOLD_BY_STAFF
        }
        self._unclear = by_staff | used_twice

    def of(self, card: str) -> list[str]:
        """All PINs that this card may ever have had, where somebody has asked for a new one."""
        changes = self._of(card)
        return list(dict.fromkeys(pin for change in changes for pin in (change.before, change.new)))

    def may_hold(self, card: str) -> set[str]:
        """One of these holds in the end, by what its customer was told last."""
        changes = self._of(card)
        last = changes[-1]
        if self._is_unclear(last):
            return set(self.of(card))
        if last.told_done:
            return {last.new}
        stays = self._settled(last.before, changes[:-1])
        return stays if last.told_nothing else {last.new, *stays}

    def _settled(self, pin: str, earlier: list[NewPin]) -> set[str]:
        """What becomes of a PIN that has opened a visit: whatever made it may have been undone afterwards."""
        for number, change in reversed(list(enumerate(earlier))):
            if change.new == pin:
                sure = change.told_done and not self._is_unclear(change)
                return {pin} if sure else {pin, *self._settled(change.before, earlier[:number])}
        return {pin}

    def _is_unclear(self, change: NewPin) -> bool:
        return change.nobody_knows or change.twice or change.name in self._unclear

    def _of(self, card: str) -> list[NewPin]:
        # In this order they took effect: a card that has opened another visit makes the posts of older ones worthless.
        return [change for change in self.all if change.card == card and change.sent]


def texts(value: object) -> Iterator[str]:
    """All that is said in words somewhere in a decoded message or record, also in those that are kept inside of it."""
    if isinstance(value, str):
        yield value
        value = value.encode()
    if isinstance(value, bytes) and value.startswith(b"{"):
        with contextlib.suppress(msgspec.DecodeError):
            yield from texts(msgspec.json.decode(value))
    elif isinstance(value, dict):
        for key, each in value.items():
            # What is printed on the card may be anybody's PIN.
            if key != "last4":
                yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)
