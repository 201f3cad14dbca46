"""The part of the model that watches transfers: who was told what, by which stick it went, and what the books say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulation.bank_node import BankNode
from simulation.world import World

from kiosk.screens.model import NoticeScreen, Screen

Name = tuple[str, int, int]

#: Says that nothing left the account, without "for this".
_NOTHING = "Nothing left your account"
_NOTHING_FOR = "Nothing left your account for"


@dataclass(eq=False)
class Sent:
    """What the world knows of one transfer. Minor units."""

    name: Name
    account: str
    to: str
    amount: int
    at: float
    told_done: bool = False
    told_nothing: bool = False
    journal_gone: bool = False
    decayed: bool = False
    bank_forgot: bool = False

    @property
    def nobody_knows(self) -> bool:
        return self.decayed or (self.journal_gone and self.bank_forgot)


class Sends:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(self, world: World, bank: BankNode, wrong: Callable[[str], None]) -> None:
        self._world, self._bank, self._wrong = world, bank, wrong
        self.all: dict[Name, Sent] = {}
        self._visit: dict[str, list[Sent]] = {}

    def begins(self, terminal: str) -> None:
        self._visit[terminal] = []

    def asked(self, name: Name, body: dict[str, Any]) -> None:
        """A kiosk asks for a transfer, once or again."""
        if body["what"] != "transfer" or name in self.all:
            return
        sent = Sent(name, body["account"], body["to"], body["amount"]["minor"], self._world.now)
        self.all[name] = sent
        self._visit.setdefault(name[0], []).append(sent)

    def told(self, terminal: str, generation: int, screen: Screen) -> None:
        """A screen is shown: what it says of money that was sent is kept."""
        of_visit = self._visit.get(terminal, [])
        if not isinstance(screen, NoticeScreen) or not of_visit:
            return
        if screen.id == "send.done":
            sent = self.all.get((terminal, generation, int(screen.reference.rpartition("-")[2])))
            if sent is None or sent not in of_visit:
                self._wrong(f"{terminal} was told of a transfer {screen.reference} that nobody asked for")
            else:
                sent.told_done = True
        elif screen.id == "e.line" and not of_visit[-1].told_done:
            of_visit[-1].told_nothing = True
        said = f"{screen.notice.bold} {screen.notice.plain}"
        if _NOTHING in said and _NOTHING_FOR not in said and any(sent.told_done for sent in of_visit):
            self._wrong(f"{terminal} says {said!r} to a customer who has sent money")

    # ── What was forgotten ──────────────────────────────────────────────────────────────────────────────────────────

    def restored(self, to: float) -> None:
        for sent in self.all.values():
            sent.bank_forgot |= sent.at > to - 600

    def journal_lost(self, terminal: str) -> None:
        for name, sent in self.all.items():
            sent.journal_gone |= name[0] == terminal

    def decayed(self, terminal: str) -> None:
        for name, sent in self.all.items():
            sent.decayed |= name[0] == terminal

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def ended(self, used_twice: set[Name]) -> None:
        """Everybody was told what the books say, and each transfer is in them once or not at all."""
        rows = {
            (row["terminal"], row["generation"], row["number"]): row
            for row in await self._bank.sql("SELECT * FROM posts WHERE what = 'transfer'")
        }
        moved = {
            (row["terminal"], row["generation"], row["number"]): row["minor"]
            for row in await self._bank.sql(
                "SELECT terminal, generation, number,"
                " SUM(CASE WHEN kind = 'transfer' THEN amount_minor ELSE -amount_minor END) AS minor"
                " FROM postings WHERE kind IN ('transfer', 'reversal') GROUP BY terminal, generation, number"
            )
        }
        for name in sorted({*rows, *moved}):
            sent = self.all.get(name)
            # A number that both memories have lost may be another transfer's now.
            if name not in used_twice and not (sent is not None and sent.nobody_knows):
                self._is_once(name, rows.get(name), moved.get(name, 0))
        told_by_staff = {
            (row["terminal"], row["generation"], row["number"])
            for row in await self._bank.sql("SELECT * FROM cases WHERE kind = 'post-unheard'")
        }
        for name, sent in self.all.items():
            if sent.nobody_knows or name in used_twice:
                continue
            posted = name in rows and rows[name]["state"] == "posted"
            if sent.told_done and not posted:
                self._wrong(f"{name}: told that {sent.amount} were sent, and they were not")
            if sent.told_nothing and posted and not (sent.journal_gone and name in told_by_staff):
                self._wrong(f"{name}: told that nothing left the account, and {sent.amount} were sent")

    def _is_once(self, name: Name, row: Any, moved: int) -> None:
        sent = self.all.get(name)
        if row is None:
            self._wrong(f"{name}: {moved} were moved, and no post says why")
        elif moved != (row["amount_minor"] if row["state"] == "posted" else 0):
            self._wrong(f"{name}: a transfer of {row['amount_minor']} that is {row['state']} has moved {moved}")
        elif sent is None:
            self._wrong(f"{name}: nobody asked for this transfer")
        elif (row["account"], row["to_account"], row["amount_minor"]) != (sent.account, sent.to, sent.amount):
            self._wrong(f"{name}: another transfer than the one that was asked for: {dict(row)}")
