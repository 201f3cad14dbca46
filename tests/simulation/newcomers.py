"""The part of the model that watches who opens an account without a card: what was told, and which card works in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulation.bank_node import BankNode
from simulation.sends import Asked, Name, bank_restored, journal_decayed, journal_lost
from simulation.world import World

from kiosk.screens.model import NoticeScreen, Screen


@dataclass(eq=False, kw_only=True)
class Opened(Asked):
    """One opening. `account`: the number that the customer was told, with a card (`told_done`) or without one."""

    product: str = ""
    account: str = ""
    told_unwritten: bool = False


class Newcomers:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(self, world: World, bank: BankNode, wrong: Callable[[str], None]) -> None:
        self._world, self._bank, self._wrong = world, bank, wrong
        self.all: dict[Name, Opened] = {}
        self._last: dict[str, Opened] = {}
        self._replaced: list[Opened] = []

    def begins(self, terminal: str) -> None:
        self._last.pop(terminal, None)

    def asked(self, name: Name, product: str) -> None:
        known = self.all.get(name)
        if known is not None and known.nobody_knows and known is not self._last.get(name[0]):
            # Its number is another opening's now: neither journal nor bank remember its first use.
            self._replaced.append(self.all.pop(name))
        self._last[name[0]] = self.all.setdefault(name, Opened(name, self._world.now, product=product))

    def told(self, terminal: str, screen: Screen) -> None:
        opened = self._last.get(terminal)
        if opened is None or not isinstance(screen, NoticeScreen):
            return
        if screen.id == "e.line" and not opened.account:
            opened.told_nothing = True
        elif screen.id in {"open.done", "open.unwritten"}:
            opened.account = screen.reference.replace(" ", "")
            opened.told_done |= screen.id == "open.done"
            opened.told_unwritten |= screen.id == "open.unwritten"

    def last(self, terminal: str) -> Opened | None:
        return self._last.get(terminal)

    @property
    def products(self) -> dict[str, str]:
        """What an account was called that was opened for somebody without a card."""
        return {opened.account: opened.product for opened in (*self.all.values(), *self._replaced) if opened.account}

    @property
    def forgotten(self) -> set[str]:
        """Accounts that a restored bank may not have any more."""
        return {opened.account for opened in (*self.all.values(), *self._replaced) if opened.bank_forgot}

    # ── What was forgotten ──────────────────────────────────────────────────────────────────────────────────────────

    def restored(self, to: float) -> None:
        bank_restored(to, *self.all.values())

    def journal_lost(self, terminal: str) -> None:
        journal_lost(terminal, *self.all.values())

    def decayed(self, terminal: str) -> None:
        journal_decayed(terminal, *self.all.values())

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def ended(self, used_twice: set[Name], closing: set[str]) -> None:
        """Each account that was told is there once, with one card; nobody has one who was told that there is none.

        `closing`: accounts that their customers have asked to be closed since.
        """
        by_staff = await self._told_by_staff()
        rows = await self._bank.sql(
            "SELECT p.*, a.state AS account_state, c.state AS card_state FROM posts p"
            " LEFT JOIN accounts a ON a.account = p.to_account LEFT JOIN cards c ON c.card = p.card"
            " WHERE what = 'newcomer'"
        )
        posts = {(row["terminal"], row["generation"], row["number"]): row for row in rows}
        for name in sorted(posts.keys() - self.all.keys() - used_twice):
            self._wrong(f"{name}: an account was opened for a newcomer, and nobody had asked for it")
        for name, opened in self.all.items():
            if name not in used_twice | by_staff and not opened.nobody_knows:
                self._is_as_told(opened, posts.get(name), closing)

    async def _told_by_staff(self) -> set[Name]:
        rows = await self._bank.sql("SELECT * FROM cases WHERE kind IN ('taken-back', 'post-lost', 'post-unheard')")
        return {(row["terminal"], row["generation"], row["number"]) for row in rows}

    def _is_as_told(self, opened: Opened, row: Any, closing: set[str]) -> None:
        posted = row is not None and row["state"] == "posted"
        states = (row["account_state"], row["card_state"]) if row is not None else ("", "")
        if opened.told_nothing and posted:
            self._wrong(f"{opened.name}: told that nothing was opened, and {row['to_account']} is {states}")
        if row is not None and not posted and "closed" not in states:
            self._wrong(f"{opened.name}: its opening was undone, and account and card are {states}")
        if opened.account and (not posted or row["to_account"] != opened.account):
            self._wrong(f"{opened.name}: told of account {opened.account}, and there is {row and dict(row)}")
        may_be = {"open", "closed"} if opened.account in closing else {"open"}
        if opened.told_done and posted and (states[0] not in may_be or states[1] not in {"active", "frozen"}):
            self._wrong(f"{opened.name}: told that {opened.account} is open, and account and card are {states}")
        if opened.told_unwritten and posted and states not in {("pending", "pending"), ("open", "active")}:
            self._wrong(f"{opened.name}: told that {opened.account} waits for its card, and they are {states}")

    async def without_card(self) -> list[tuple[str, str]]:
        """Accounts whose customers were told that the staff makes their card, and that card; of those that are there."""
        found = []
        for name, opened in self.all.items():
            if opened.told_unwritten and not opened.nobody_knows:
                rows = await self._bank.sql(
                    "SELECT card FROM posts WHERE (terminal, generation, number) = (:t, :g, :n) AND state = 'posted'"
                    " AND case_id = ''",
                    t=name[0], g=name[1], n=name[2],
                )  # fmt: skip
                found += [(opened.account, row["card"]) for row in rows]
        return found
