"""The part of the model that watches deposits: which notes went into which machine for whom, and what the books say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulation.bank_node import BankNode
from simulation.world import World

from kiosk.screens.model import NoticeScreen, Screen

Name = tuple[str, int, int]


@dataclass(eq=False)
class PaidIn:
    """What the world knows of one deposit. Minor units."""

    name: Name
    at: float
    inserted: int = 0
    back: int = 0
    told_paid: int | None = None
    told_doubt: bool = False
    journal_gone: bool = False
    decayed: bool = False
    bank_forgot: bool = False

    @property
    def inside(self) -> int:
        return self.inserted - self.back

    @property
    def nobody_knows(self) -> bool:
        return self.decayed or (self.journal_gone and self.bank_forgot)


class Deposits:
    """Told by the model, and by who holds the notes. Knows nothing of how kiosk and bank work."""

    def __init__(self, world: World, bank: BankNode, wrong: Callable[[str], None]) -> None:
        self._world, self._bank, self._wrong = world, bank, wrong
        self.all: dict[Name, PaidIn] = {}
        self._last: dict[str, PaidIn] = {}
        self._mouth: Counter[str] = Counter()

    def asked(self, name: Name) -> None:
        """A kiosk asks for a deposit, once or again: what goes in from now on is this one's."""
        if name not in self.all:
            self.all[name] = PaidIn(name, self._world.now)
        self._last[name[0]] = self.all[name]

    def last(self, terminal: str) -> PaidIn | None:
        return self._last.get(terminal)

    def inserted(self, terminal: str, minor: int) -> None:
        """The machine has drawn a note in."""
        deposit = self._last.get(terminal)
        if deposit is None:
            self._wrong(f"{terminal} drew a note in, and nobody had asked for a deposit")
            return
        deposit.inserted += minor

    def moved(self, terminal: str, given_back: int) -> None:
        """So much has ever come back to the mouth of this machine."""
        came = given_back - self._mouth[terminal]
        self._mouth[terminal] = given_back
        if came > 0 and terminal in self._last:
            self._last[terminal].back += came

    def told(self, terminal: str, screen: Screen, amount: int | None) -> None:
        deposit = self._last.get(terminal)
        if deposit is None or not isinstance(screen, NoticeScreen) or screen.id not in {"payin.done", "payin.jam"}:
            return
        if screen.reference != f"{deposit.name[0]}-{deposit.name[2]}":
            self._wrong(f"{deposit.name} was told the reference {screen.reference}")
        if screen.id == "payin.jam":
            deposit.told_doubt = True
        else:
            deposit.told_paid = amount

    # ── What was forgotten ──────────────────────────────────────────────────────────────────────────────────────────

    def restored(self, to: float) -> None:
        for deposit in self.all.values():
            deposit.bank_forgot |= deposit.at > to - 600

    def journal_lost(self, terminal: str) -> None:
        for name, deposit in self.all.items():
            deposit.journal_gone |= name[0] == terminal

    def decayed(self, terminal: str) -> None:
        for name, deposit in self.all.items():
            deposit.decayed |= name[0] == terminal

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def differences(self) -> dict[Name, int]:
        """By deposit: credited, less what is inside the machine for it (negative: the customer is owed)."""
        credited: Counter[Name] = Counter()
        for row in await self._bank.sql(
            "SELECT p.terminal, p.generation, p.text, p.amount_minor AS minor, p.kind, c.number, c.kind AS about"
            " FROM postings p LEFT JOIN cases c ON c.case_id = p.case_id"
            " WHERE p.kind IN ('deposit', 'case-credit')"
        ):
            if row["kind"] == "deposit":
                credited[row["terminal"], row["generation"], int(row["text"].rpartition("-")[2])] += row["minor"]
        for row in await self._bank.sql(
            "SELECT c.terminal, c.generation, c.number, p.amount_minor AS minor FROM postings p"
            " JOIN cases c ON p.text = 'case ' || c.case_id WHERE p.kind = 'case-credit' AND c.kind <> 'unclaimed'"
        ):
            name = (row["terminal"], row["generation"], row["number"])
            if name in self.all:
                credited[name] += row["minor"]
        return {
            name: credited[name] - (self.all[name].inside if name in self.all else 0)
            for name in sorted({*self.all, *credited})
            if credited[name] != (self.all[name].inside if name in self.all else 0)
        }

    async def ended(self, named: Counter[Name], used_twice: set[Name]) -> None:
        """Every note is credited, or a case names its deposit; nobody was told otherwise."""
        differences = await self.differences()
        for name, difference in differences.items():
            if not named[name] and not self._unknown(name, used_twice):
                self._wrong(f"{name}: {difference} more credited than paid in, and no case names it")
        for name, deposit in self.all.items():
            if named[name] or deposit.told_doubt or self._unknown(name, used_twice) or deposit.told_paid is None:
                continue
            if deposit.told_paid != deposit.inside:
                self._wrong(f"{name}: told that {deposit.told_paid} are paid in, {deposit.inside} went in")

    async def resolved(self, used_twice: set[Name]) -> None:
        """After people closed the cases by what they found."""
        for name, difference in (await self.differences()).items():
            if not self._unknown(name, used_twice):
                self._wrong(f"{name}: {difference} more credited than paid in after its cases were closed")

    def _unknown(self, name: Name, used_twice: set[Name]) -> bool:
        deposit = self.all.get(name)
        return name in used_twice or (deposit is not None and deposit.nobody_knows)

    def notes(self, terminal: str, places: dict[str, Any], emptied: int, taken: int) -> None:
        """Every note that was drawn in is somewhere."""
        inserted = sum(deposit.inserted for name, deposit in self.all.items() if name[0] == terminal)
        somewhere = sum(map(sum, places.values())) + emptied + taken
        if inserted != somewhere:
            self._wrong(f"{terminal}: {inserted} were paid in, {somewhere} are somewhere")
