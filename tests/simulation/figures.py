"""The part of the model that watches what customers are shown of their accounts: balances and statements, as the books are."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from simulation.bank_node import BankNode

from bank_link.envelope import Envelope, unseal
from kiosk.screens.model import Confirm, ListScreen, Row, Screen

_LOOKED_AT = {"balance", "statement"}
#: As many movements as a statement has.
_MOST = 10
#: A name is cut where it does not fit between the date and the amount.
_NAME = 11
#: Movements that are told with the name of whoever was on the other side.
_NAMED = {"transfer", "bill"}


@dataclass(frozen=True)
class Movement:
    """One line of an account. `minor`: less than nothing where it left."""

    minor: int
    kind: str
    at: int
    other: str

    @property
    def told(self) -> tuple[int, str, int, str]:
        return self.minor, self.kind, self.at, self.other


@dataclass(frozen=True)
class Books:
    """One account at one moment. `holds` by id: the amount, and whether it is set aside."""

    movements: tuple[Movement, ...]
    holds: dict[str, tuple[int, bool]]
    floor: int


@dataclass
class Asked:
    """What a customer wants to see now. `ends`: the digits beside the account that was chosen, "" where none was asked for."""

    what: str
    ends: str
    since: int
    pages: dict[int, tuple[Row, ...]] = field(default_factory=dict)


class Figures:
    """Told by the model of what it sees. Knows nothing of how kiosk and bank work."""

    def __init__(self, bank: BankNode, wrong: Callable[[str], None]) -> None:
        self._bank, self._wrong = bank, wrong
        self._before: dict[tuple[str, int], Books] = {}
        self._asked: dict[str, Asked] = {}
        self._answers: defaultdict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)

    def begins(self, terminal: str) -> None:
        self._asked.pop(terminal, None)
        self._answers.pop(terminal, None)

    def asks(self, terminal: str, what: str, ends: str) -> None:
        """A customer presses the key for it, or for an account; whatever was asked before is over."""
        self._asked[terminal] = Asked(what, ends, len(self._answers[terminal]))

    # ── What the bank says ──────────────────────────────────────────────────────────────────────────────────────────

    def arrived(self, request: bytes) -> None:
        """Before the bank sees it. The first copy counts: whichever it answers, it is not older than that."""
        envelope = unseal(request).envelope
        if envelope.kind != "inquire":
            return
        body = msgspec.json.decode(envelope.body)
        sent = (envelope.session, envelope.transmission)
        if body.get("what", "balance") in _LOOKED_AT and sent not in self._before:
            self._before[sent] = self._books(body["account"])

    def answered(self, asked: Envelope, answer: Envelope) -> None:
        """It must be what was true while the bank had the question."""
        body, said = msgspec.json.decode(asked.body), msgspec.json.decode(answer.body)
        before = self._before.pop((asked.session, asked.transmission), None)
        if before is None or said["type"] not in {"figures", "statement"}:
            return
        account, now = body["account"], self._books(body["account"])
        if said["type"] == "figures":
            told = (said["available"]["minor"], said["ledger"]["minor"])
            if told not in (may := set(_figures(before, now))):
                self._wrong(f"the bank says {told} of {account}; by its books it is {sorted(may)}")
        else:
            lines = tuple((line["amount"]["minor"], line["what"], line["at"], line.get("other", "")) for line in said.get("lines", ()))  # fmt: skip
            if lines not in (wanted := list(_statements(before, now))):
                self._wrong(f"the bank says {lines} of {account}; by its books it is {wanted}")
        self._answers[asked.terminal].append((account, said))

    def _books(self, account: str) -> Books:
        rows = self._bank.peek(
            "SELECT p.*, o.name FROM postings p"
            " JOIN accounts a ON a.account = iif(p.debit_account = :a, p.credit_account, p.debit_account)"
            " LEFT JOIN customers o ON o.customer = a.owner"
            " WHERE p.debit_account = :a OR p.credit_account = :a ORDER BY p.posting", a=account,
        )  # fmt: skip
        movements = (
            Movement(-row["amount_minor"] if row["debit_account"] == account else row["amount_minor"],
                     row["kind"], row["at_ms"], row["name"] or "")
            for row in rows
        )  # fmt: skip
        holds = {
            row["hold"]: (row["amount_minor"], row["state"] in {"held", "released", "case"})
            for row in self._bank.peek("SELECT * FROM holds WHERE account = :a", a=account)
        }
        floors = self._bank.peek("SELECT floor_minor FROM accounts WHERE account = :a", a=account)
        return Books(tuple(movements), holds, sum(row["floor_minor"] for row in floors))

    # ── What the customer sees ──────────────────────────────────────────────────────────────────────────────────────

    def told(self, terminal: str, screen: Screen) -> None:
        if isinstance(screen, Confirm) and screen.id == "balance.shown":
            shown = tuple(_minor(fact.value) for fact in screen.facts)
            answers = [
                (said["available"]["minor"], said["ledger"]["minor"])
                for said in self._may_be_shown(terminal, "figures")
            ]
            if shown not in answers:
                self._wrong(f"{terminal} shows a balance of {shown}; its customer was answered {answers}")
        elif isinstance(screen, ListScreen) and screen.id == "list" and terminal in self._asked:
            self._page(terminal, self._asked[terminal], screen)

    def _may_be_shown(self, terminal: str, kind: str) -> list[dict[str, Any]]:
        """What the bank has said of the chosen account since it was chosen."""
        asked = self._asked.get(terminal)
        answers = self._answers[terminal][asked.since if asked is not None else 0 :]
        ends = asked.ends if asked is not None else ""
        return [said for account, said in answers if said["type"] == kind and account.endswith(ends)]

    def _page(self, terminal: str, asked: Asked, screen: ListScreen) -> None:
        """All pages so far, one after the other, are the beginning of what was answered; with the last one, all of it."""
        if asked.pages.setdefault(screen.page, screen.rows) != screen.rows:
            self._wrong(f"{terminal} shows page {screen.page} again with other rows")
        if screen.page - 1 not in {0, *asked.pages}:
            self._wrong(f"{terminal} shows page {screen.page} without the one before")
        pages = [asked.pages.get(page, ()) for page in range(1, screen.page + 1)]
        shown = list(itertools.chain.from_iterable(pages))
        may = [said.get("lines", []) for said in self._may_be_shown(terminal, "statement")]
        if not any(
            _begins(lines, shown) and (screen.page == screen.pages) == (len(shown) == len(lines)) for lines in may
        ):
            self._wrong(f"{terminal}, page {screen.page} of {screen.pages}: {shown}; its customer was answered {may}")


def _figures(before: Books, now: Books) -> Iterator[tuple[int, int]]:
    """What is available and what is in the account: before, afterwards, and at whatever moment lies between."""
    held = {0}
    for hold, (amount, aside) in now.holds.items():
        # One that is new was not there, then set aside, and may be over by now.
        was = before.holds.get(hold, (amount, False))[1]
        new = hold not in before.holds
        options = {amount * was, amount * aside, *((amount,) if new else ())}
        held = {one + other for one in held for other in options}
    for count in range(len(before.movements), len(now.movements) + 1):
        ledger = sum(movement.minor for movement in now.movements[:count])
        yield from ((max(0, ledger - one - now.floor), ledger) for one in held)


def _statements(before: Books, now: Books) -> Iterator[tuple[tuple[int, str, int, str], ...]]:
    for count in range(len(before.movements), len(now.movements) + 1):
        yield tuple(movement.told for movement in now.movements[:count][: -_MOST - 1 : -1])


def _begins(lines: list[dict[str, Any]], rows: list[Row]) -> bool:
    return len(rows) <= len(lines) and all(map(_is_told, lines, rows))


def _is_told(line: dict[str, Any], row: Row) -> bool:
    """Its amount with its sign, and whose it was."""
    name = line.get("other", "")[:_NAME].rstrip() if line["what"] in _NAMED else ""
    return _minor(row.amount) == line["amount"]["minor"] and row.amount[0] in "+−" and name in row.words


def _minor(text: str) -> int:
    """An amount as it is read, to the cent."""
    minor = int(re.sub(r"[^0-9]", "", text) or 0)
    return -minor if set(text) & set("-−") else minor
