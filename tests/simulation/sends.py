"""The part of the model that watches money that is sent, to people or for bills: who was told what, by which stick it went,
and what the books say of it.
"""

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
class Asked:
    """What the world knows of one thing that was asked for and is over in one step."""

    name: Name
    at: float
    told_done: bool = False
    told_nothing: bool = False
    journal_gone: bool = False
    decayed: bool = False
    bank_forgot: bool = False

    @property
    def nobody_knows(self) -> bool:
        return self.decayed or (self.journal_gone and self.bank_forgot)


def bank_restored(to: float, *asked: Asked) -> None:
    for each in asked:
        each.bank_forgot |= each.at > to - 600


def journal_lost(terminal: str, *asked: Asked) -> None:
    for each in asked:
        each.journal_gone |= each.name[0] == terminal


def journal_decayed(terminal: str, *asked: Asked) -> None:
    for each in asked:
        each.decayed |= each.name[0] == terminal


@dataclass(eq=False, kw_only=True)
class Sent(Asked):
    """Money that goes `to` an account, or a biller's for the bill `text`. Minor units."""

    what: str
    account: str
    to: str
    text: str
    amount: int


class Sends:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(self, world: World, bank: BankNode, wrong: Callable[[str], None]) -> None:
        self._world, self._bank, self._wrong = world, bank, wrong
        self.all: dict[Name, Sent] = {}
        self._visit: dict[str, list[Sent]] = {}

    def begins(self, terminal: str) -> None:
        self._visit[terminal] = []

    def asked(self, name: Name, body: dict[str, Any]) -> None:
        """A kiosk asks for a transfer or pays a bill, once or again."""
        if body["what"] not in {"transfer", "bill"} or name in self.all:
            return
        sent = Sent(
            name, self._world.now, what=body["what"], account=body["account"], to=body["to"],
            text=body.get("text", ""), amount=body["amount"]["minor"],
        )  # fmt: skip
        self.all[name] = sent
        self._visit.setdefault(name[0], []).append(sent)

    def of_visit(self, terminal: str) -> list[Sent]:
        """What this machine's customer has asked for so far."""
        return self._visit.get(terminal, [])

    def told(self, terminal: str, generation: int, screen: Screen) -> None:
        """A screen is shown: what it says of money that was sent is kept."""
        of_visit = self._visit.get(terminal, [])
        if not isinstance(screen, NoticeScreen) or not of_visit:
            return
        if screen.id in {"send.done", "bill.done"}:
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
        bank_restored(to, *self.all.values())

    def journal_lost(self, terminal: str) -> None:
        journal_lost(terminal, *self.all.values())

    def decayed(self, terminal: str) -> None:
        journal_decayed(terminal, *self.all.values())

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def ended(self, used_twice: set[Name]) -> None:
        """Everybody was told what the books say, and what was sent is in them once or not at all."""
        rows = {
            (row["terminal"], row["generation"], row["number"]): row
            for row in await self._bank.sql(
                "SELECT p.*, b.biller, b.text FROM posts p LEFT JOIN bills b USING (terminal, generation, number)"
                " WHERE what IN ('transfer', 'bill')"
            )
        }
        moved = {
            (row["terminal"], row["generation"], row["number"]): row["minor"]
            for row in await self._bank.sql(
                "SELECT terminal, generation, number,"
                " SUM(CASE WHEN kind = 'reversal' THEN -amount_minor ELSE amount_minor END) AS minor"
                " FROM postings WHERE kind IN ('transfer', 'bill', 'reversal') GROUP BY terminal, generation, number"
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
            self._wrong(f"{name}: a {row['what']} of {row['amount_minor']} that is {row['state']} has moved {moved}")
        elif sent is None:
            self._wrong(f"{name}: nobody asked for this {row['what']}")
        elif not _is_what_was_asked(row, sent):
            self._wrong(f"{name}: another {sent.what} than the one that was asked for: {dict(row)}")


def _is_what_was_asked(row: Any, sent: Sent) -> bool:
    """A bill goes to whom the biller's id stands for; that the money came there, its account says."""
    to = (row["biller"], row["text"]) if sent.what == "bill" else (row["to_account"], "")
    text = sent.text if sent.what == "bill" else ""
    return (row["what"], row["account"], row["amount_minor"], *to) == (
        sent.what, sent.account, sent.amount, sent.to, text,
    )  # fmt: skip
