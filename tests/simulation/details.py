"""The part of the model that watches what customers change of their own, and the accounts that they open: what was told holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulation.bank_node import BankNode
from simulation.sends import Asked, Name, bank_restored, journal_decayed, journal_lost
from simulation.world import World

from kiosk.screens.model import NoticeScreen, Screen

#: By what is asked for: what it is about, and the screen that says that it is done.
_KINDS = {
    "label": ("label", "name.done"), "usual": ("usual", "usual.done"), "freeze": ("card", "freeze.done"),
    "unfreeze": ("card", "unfreeze.done"), "close": ("account", "close.done"), "opening": ("opening", "open.done"),
}  # fmt: skip
_OF_CARD = {"usual", "card"}
#: What is there before anybody changes it.
_FIRST = {"label": "Everyday", "usual": "0", "card": "active", "account": "open"}
#: A post is in effect within this time, or never.
_IN_EFFECT_S = 120
#: A person tells the customer.
_TOLD_BY_STAFF = ("taken-back", "post-lost", "post-unheard", "reopened")

About = tuple[str, str]


@dataclass(eq=False, kw_only=True)
class Changed(Asked):
    """One change. `about`: what of which account or card; `told_at`: when it was told as done."""

    what: str
    about: About
    value: str
    told_at: float = 0.0


class Details:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(self, world: World, bank: BankNode, wrong: Callable[[str], None]) -> None:
        self._world, self._bank, self._wrong = world, bank, wrong
        self.all: dict[Name, Changed] = {}
        self.references: dict[str, str] = {}  # the bank's, by a card's number
        self.products: dict[str, str] = {}  # what an account was called that was opened at a machine
        self.accounts: set[str] = set()  # that were there before anybody opened one
        self._last: dict[str, Changed] = {}
        self._frozen: set[str] = set()

    def begins(self, terminal: str) -> None:
        self._last.pop(terminal, None)

    def asked(self, name: Name, body: dict[str, Any], card: str) -> None:
        what = body["what"]
        if what not in _KINDS:
            return
        if name not in self.all:
            kind = _KINDS[what][0]
            value = {
                "label": body.get("text", ""), "usual": str((body.get("amount") or {}).get("minor", "")),
                "freeze": "frozen", "unfreeze": "active", "close": "closed", "opening": body.get("text", ""),
            }[what]  # fmt: skip
            about = (kind, card if kind in {*_OF_CARD, "opening"} else body["account"])
            self.all[name] = Changed(name, self._world.now, what=what, about=about, value=value)
        self._last[name[0]] = self.all[name]
        if what == "unfreeze":
            self._frozen.discard(card)

    def told(self, terminal: str, screen: Screen) -> None:
        change = self._last.get(terminal)
        if change is None or not isinstance(screen, NoticeScreen):
            return
        if screen.id == _KINDS[change.what][1] and not change.told_done:
            change.told_done, change.told_at = True, self._world.now
            said = f"{screen.notice.bold} {screen.reference}".replace(",", "")
            if change.what == "freeze":
                self._frozen.add(change.about[1])
            elif change.what == "opening":
                change.about = ("opening", screen.reference.replace(" ", ""))
                self.products[change.about[1]] = change.value
            shown = str(int(change.value) // 100) if change.what == "usual" else change.value
            if change.what in {"label", "usual"} and shown not in said:
                self._wrong(f"{change.name}: {change.value} was asked for, and {said!r} was told")
        elif screen.id == "e.line" and not change.told_done:
            change.told_nothing = True

    def paid(self, name: Name, card: str) -> None:
        """Cash is released for this card."""
        if card in self._frozen:
            self._wrong(f"{name} was released, and its customer was told that the card is frozen")

    # ── What was forgotten ──────────────────────────────────────────────────────────────────────────────────────────

    def restored(self, to: float) -> None:
        bank_restored(to, *self.all.values())
        self._frozen.clear()

    def journal_lost(self, terminal: str) -> None:
        journal_lost(terminal, *self.all.values())

    def decayed(self, terminal: str) -> None:
        journal_decayed(terminal, *self.all.values())

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def ended(self, used_twice: set[Name]) -> None:
        by_staff = {
            (row["terminal"], row["generation"], row["number"])
            for row in await self._bank.sql("SELECT * FROM cases")
            if row["kind"] in _TOLD_BY_STAFF
        }
        reopened = {row["account"] for row in await self._bank.sql("SELECT * FROM cases WHERE kind = 'reopened'")}
        unclear = {
            change.about
            for name, change in self.all.items()
            if change.nobody_knows or name in used_twice or name in by_staff
        } | {("account", account) for account in reopened}
        now = await self._now()
        for about in sorted({change.about for change in self.all.values()} - unclear):
            if about[0] != "opening" and about in now:
                self._holds(about, now[about])
        await self._openings(unclear, used_twice, by_staff)

    async def _now(self) -> dict[About, str]:
        """What the books say of each account and card."""
        now: dict[About, str] = {}
        numbers = {reference: number for number, reference in self.references.items()}
        for row in await self._bank.sql("SELECT account, label, state FROM accounts WHERE kind = 'customer'"):
            now["label", row["account"]], now["account", row["account"]] = row["label"], row["state"]
        for row in await self._bank.sql(
            "SELECT c.card, c.state, COALESCE(u.amount_minor, 0) AS usual FROM cards c LEFT JOIN usuals u USING (card)"
        ):
            number = numbers.get(row["card"], "")
            now["card", number], now["usual", number] = row["state"], str(row["usual"])
        return now

    def _holds(self, about: About, value: str) -> None:
        """The last word that a customer was told; what nobody was told anything about may hold after it."""
        changes = [change for change in self.all.values() if change.about == about]
        told = [change for change in changes if change.told_done]
        may = {
            change.value
            for change in changes
            if not (change.told_nothing and not change.told_done) and not any(_after(later, change) for later in told)
        }
        if not told:
            may.add(self.products.get(about[1], _FIRST["label"]) if about[0] == "label" else _FIRST[about[0]])
        if value not in may:
            self._wrong(f"the {about[0]} of {about[1]} is {value!r}; told was {sorted(may)}")

    async def _openings(self, unclear: set[About], used_twice: set[Name], by_staff: set[Name]) -> None:
        """Each account that was told as open is there once, and its asker's; no other one is."""
        rows = await self._bank.sql(
            "SELECT p.terminal, p.generation, p.number, p.state, p.card, p.to_account, a.state AS is_open,"
            " (SELECT COUNT(*) FROM card_accounts l WHERE l.account = p.to_account AND l.card = p.card) AS links"
            " FROM posts p LEFT JOIN accounts a ON a.account = p.to_account WHERE p.what = 'opening'"
        )
        posts = {(row["terminal"], row["generation"], row["number"]): row for row in rows}
        opened = Counter(row["to_account"] for name, row in posts.items() if name not in by_staff)
        for name, row in posts.items():
            if name not in self.all and name not in used_twice:
                self._wrong(f"{name}: account {row['to_account']} was opened, and nobody had asked for it")
            if opened[row["to_account"]] > 1 and name not in used_twice and name not in by_staff:
                self._wrong(f"{name}: account {row['to_account']} was opened more than once")
            if row["state"] == "reversed" and row["is_open"] == "open" and name not in by_staff | used_twice:
                self._wrong(f"{name}: account {row['to_account']} is open, and its opening was undone")
        for row in await self._bank.sql(
            "SELECT account FROM accounts WHERE kind = 'customer' AND account NOT IN"
            " (SELECT to_account FROM posts WHERE what IN ('opening', 'newcomer'))"
        ):
            if row["account"] not in self.accounts:
                self._wrong(f"account {row['account']} is there, and nothing says who opened it")
        for name, change in self.all.items():
            if change.what == "opening" and change.about not in unclear and name not in used_twice | by_staff:
                self._is_open(change, posts.get(name))

    def _is_open(self, change: Changed, row: Any) -> None:
        posted = row is not None and row["state"] == "posted"
        if change.told_done and (not posted or row["to_account"] != change.about[1] or row["links"] != 1):
            self._wrong(f"{change.name}: told that {change.about[1]} is open, and {row and dict(row)} is what there is")
        if change.told_nothing and posted:
            self._wrong(f"{change.name}: told that nothing has changed, and {row['to_account']} was opened")


def _after(later: Changed, change: Changed) -> bool:
    """Whether `later`, which was told, was asked for when nothing more could come of `change`."""
    over = change.told_at if change.told_done else change.at + _IN_EFFECT_S
    return later is not change and later.at > over
