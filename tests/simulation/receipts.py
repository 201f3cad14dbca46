"""The part of the model that watches receipts: each is of what was done in this visit, and says of it what was told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulation.world import World

from drivers.simulated.receipt_printer import Receipt
from kiosk.screens.model import Code, NoticeScreen, Screen, Take

if TYPE_CHECKING:
    from simulation.model import Model

#: What was done, as a receipt says it.
_CASH, _NO_CASH, _SENT, _BILL, _PAID_IN = (
    "Cash taken out",
    "No cash came out",
    "Money sent",
    "Bill paid",
    "Cash paid in",
)
_OTHER = ("Account opened", "Account closed", "Balance", "Last payments", "New PIN", "Cash by code")
_TITLES = {_CASH, _NO_CASH, _SENT, _BILL, _PAID_IN, *_OTHER}
_FACT = re.compile(r"(Amount|To|Card|Account|Reference|Machine|Balance) +(\S.*)")
#: Screens that tell a doubt about cash.
_DOUBTS = {"e.doubt", "e.jam", "e.retracted"}
_DOUBT, _END = "The bank will look into it.", "Thank you"
_WHOLE_NUMBER = re.compile(r"\d{9}")
#: A receipt that somebody is told to take was cut no longer ago.
_JUST_S = 5.0


@dataclass(frozen=True)
class Said:
    """What a receipt says. `doubt`: None where it cannot be seen whether it does."""

    title: str
    facts: dict[str, str]
    doubt: bool | None

    @property
    def number(self) -> int:
        """Of what it is about, at its machine."""
        return int(self.facts.get("Reference", "").rpartition("-")[2] or 0)


class Receipts:
    """Told by the model, and by who sees the paper. Knows nothing of how a kiosk or its printer works."""

    def __init__(self, world: World, wrong: Callable[[str], None], model: Model) -> None:
        self._world, self._wrong, self._model = world, wrong, model
        self._cut_at: dict[str, float] = {}
        self._doubts: dict[str, set[str]] = {}  # references that this visit was told with a doubt
        self._bunch: dict[str, int] = {}  # what was shown of a payment that did not come to its end
        self._left: set[str] = set()  # machines with paper that was begun, and of which nobody was told to take it

    def begins(self, terminal: str) -> None:
        self._doubts[terminal] = set()
        self._bunch.pop(terminal, None)

    def printed(self, terminal: str, receipt: Receipt) -> None:
        """Paper hangs out of the slot. What was broken off, and cut off, says nothing."""
        lines = [one.text for one in receipt.printed if one.text]
        if _END not in (line.strip() for line in lines):
            return
        self._cut_at[terminal] = self._world.now
        self._world.count("receipt: on paper")
        titles = [line.strip() for line in lines if line.strip() in _TITLES]
        if len(titles) != 1:
            self._wrong(f"{terminal}: on one piece of paper stands {titles}")
            return
        facts = [found.groups() for line in lines if (found := _FACT.fullmatch(line.strip()))]
        if terminal in self._left and self._is_over(terminal, dict(facts).get("Reference", "")):
            # Blocked in the slot since; whoever mends the printer has it in hand now, and nothing else on it.
            self._world.count("receipt: cut off later")
            self._left.discard(terminal)
            return
        self._judge(terminal, Said(titles[0], dict(facts), _DOUBT in " ".join(" ".join(lines).split())), lines)

    def told(self, terminal: str, screen: Screen) -> None:
        if isinstance(screen, NoticeScreen) and screen.id in _DOUBTS:
            self._doubts.setdefault(terminal, set()).add(screen.reference)
        elif isinstance(screen, Take) and screen.id == "take.bunch":
            self._bunch[terminal] = 100 * (_minor(screen.value) or 0)
        if screen.id == "receipt.printing":
            self._left.add(terminal)
        elif screen.id == "take.receipt":
            self._left.discard(terminal)
        if screen.id == "take.receipt" and self._world.now - self._cut_at.get(terminal, -_JUST_S) >= _JUST_S:
            self._wrong(f"{terminal} tells its customer to take a receipt, and none hangs there")
        if screen.id == "receipt.qr" and isinstance(screen, Code):
            self._world.count("receipt: on the phone")
            facts = {fact.label: fact.value for fact in screen.facts}
            self._judge(terminal, Said(facts.get("What", ""), facts, None), facts.values())

    def _is_over(self, terminal: str, reference: str) -> bool:
        """What it is about is of an earlier visit."""
        visit, deposit = self._model.visits.get(terminal), self._model.deposits.last(terminal)
        now = [*(visit.payments if visit is not None else ()), *self._model.sends.of_visit(terminal)]
        names = [each.name for each in (*now, *((deposit,) if deposit is not None else ()))]
        return reference not in {f"{name[0]}-{name[2]}" for name in names}

    def _judge(self, terminal: str, said: Said, words: Iterable[str]) -> None:
        if found := [each for each in words if _WHOLE_NUMBER.search(each)]:
            self._wrong(f"{terminal}: a receipt says {found}")
        if said.facts.get("Machine") != terminal:
            self._wrong(f"{terminal}: a receipt says that it is of {said.facts.get('Machine')}")
        match said.title:
            case "Cash taken out" | "No cash came out":
                self._cash(terminal, said)
            case "Money sent" | "Bill paid":
                self._sent(terminal, said)
            case "Cash paid in":
                self._paid_in(terminal, said)
            case title if title not in _OTHER:
                self._wrong(f"{terminal}: a receipt of {title!r}")

    def _cash(self, terminal: str, said: Said) -> None:
        visit = self._model.visits.get(terminal)
        payments = [each for each in visit.payments if each.name[2] == said.number] if visit is not None else []
        if not payments:
            self._wrong(f"{terminal}: a receipt of {said.facts.get('Reference')}, which is nothing of this visit")
            return
        payment, amount = payments[0], _minor(said.facts.get("Amount", ""))
        if said.doubt is not None and said.doubt != (said.facts["Reference"] in self._doubts.get(terminal, ())):
            self._wrong(f"{payment.name}: a receipt with{'' if said.doubt else 'out'} a doubt, told was another thing")
        if said.title == _NO_CASH and (amount is not None or not payment.told_nothing):
            self._wrong(f"{payment.name}: a receipt that no cash came out, and that was not told")
        told = payment.told_paid if payment.told_paid is not None else self._bunch.get(terminal, 0)
        if said.title == _CASH and amount != told:
            self._wrong(f"{payment.name}: a receipt of {amount}, and {told} was told")

    def _sent(self, terminal: str, said: Said) -> None:
        sent = [each for each in self._model.sends.of_visit(terminal) if each.name[2] == said.number]
        what = {"transfer": _SENT, "bill": _BILL}
        amount = _minor(said.facts.get("Amount", ""))
        if not any(each.told_done and (what[each.what], each.amount) == (said.title, amount) for each in sent):
            self._wrong(f"{terminal}: a receipt of {said.facts}, and {sent} is what was sent")

    def _paid_in(self, terminal: str, said: Said) -> None:
        deposit = self._model.deposits.last(terminal)
        if deposit is None or deposit.name[2] != said.number:
            self._wrong(f"{terminal}: a receipt of {said.facts.get('Reference')}, which is nothing of this visit")
            return
        amount = _minor(said.facts.get("Amount", ""))
        if said.doubt is not None and said.doubt != deposit.told_doubt:
            self._wrong(f"{deposit.name}: a receipt with{'' if said.doubt else 'out'} a doubt, told was another thing")
        if not deposit.told_doubt and amount != deposit.told_paid:
            self._wrong(f"{deposit.name}: a receipt of {amount}, and {deposit.told_paid} was told")


def _minor(text: str) -> int | None:
    return int(re.sub(r"[^0-9]", "", text)) if text else None
