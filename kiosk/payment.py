"""One payment under way: note by note out of the cassettes, each in the journal before the next one moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bank_link.messages import NoteCount, Outcome
from bank_link.money import Money
from drivers.devices import DeviceError, Dispenser, Pick, PickOutcome
from kiosk import denominate
from kiosk.journal import records as r
from kiosk.journal.progress import spread
from kiosk.journal.store import Journal

#: Rejected notes of one cassette in one payment after which it is left alone.
MOST_REJECTS = 3
#: So many bunches one payment may have; each is as many notes as the exit takes.
MOST_BUNCHES = 2


#: Asks the customer, of what is in the exit: whether it is in their hand.
BunchTaken = Callable[[Money, tuple[NoteCount, ...]], Awaitable[bool]]


@dataclass(frozen=True)
class Payment:
    """What a payment came to. `paid` is what is counted and clear; `doubt` what nothing proves; `left`: a bunch of it was
    not taken in its time.
    """

    outcome: Outcome
    paid: Money
    doubt: Money
    notes: tuple[NoteCount, ...]
    sentence: str = ""
    left: bool = False


@dataclass(frozen=True)
class Hand:
    """What a payment works with. `failing`: cassettes that are left alone until the next exchange."""

    dispenser: Dispenser
    journal: Journal
    stock: Callable[[], tuple[denominate.Stock, ...]]
    failing: set[str]
    exit_notes: int


class Dispense:
    """One payment under way."""

    def __init__(
        self, hand: Hand, held: r.Held, plan: tuple[NoteCount, ...], moved: Callable[[int, int], None], taken: BunchTaken
    ) -> None:  # fmt: skip
        self._hand = hand
        self._held = held
        self._left = spread(plan)
        self._moved = moved
        self._taken = taken
        self._in_exit = 0
        self._total = len(self._left)
        self._done: Counter[tuple[str, Money]] = Counter()
        self._doubt = Money(0, held.amount.currency)
        self._rejects: Counter[str] = Counter()
        self._sentence = ""
        self._left_there = False

    async def run(self) -> Payment:
        while self._left:
            if self._in_exit >= self._hand.exit_notes and not await self._bunch_is_taken():
                break
            note = self._left[0]
            try:
                pick = await self._hand.dispenser.pick(note[0])
            except DeviceError as error:
                self._sentence = str(error)
                break
            self._keep(note, pick)
            if not self._goes_on(note, pick):
                break
        return self._present()

    async def _bunch_is_taken(self) -> bool:
        """No further note may come before these are out of the exit: it would push them back, or jam."""
        self._hand.journal.write(r.BunchOut(transaction=self._held.transaction))
        if not await self._taken(self._paid(), self._counted()):
            self._sentence, self._left_there = "the first notes were not taken", True
            return False
        # On disk before the next note moves: whatever comes now may be in doubt again.
        self._hand.journal.write(r.BunchTaken(transaction=self._held.transaction))
        self._in_exit = 0
        return True

    def _paid(self) -> Money:
        return Money(sum(value.times(count).minor for (_, value), count in self._done.items()), self._doubt.currency)

    def _counted(self) -> tuple[NoteCount, ...]:
        return tuple(
            NoteCount(cassette=cassette, value=value, count=count)
            for (cassette, value), count in sorted(self._done.items())
            if count
        )

    def _keep(self, note: tuple[str, Money], pick: Pick) -> None:
        self._hand.journal.write(
            r.NoteMoved(
                transaction=self._held.transaction, cassette=note[0], value=note[1], outcome=pick.outcome.value,
                dispensed=pick.dispensed, surplus=pick.surplus, rejected=pick.rejected, in_doubt=pick.in_doubt,
            )
        )  # fmt: skip
        self._done[note] += pick.dispensed
        self._doubt += note[1].times(pick.in_doubt)
        self._in_exit += pick.dispensed + pick.surplus
        if pick.dispensed:
            self._left.pop(0)
            self._moved(sum(self._done.values()), self._total)

    def _goes_on(self, note: tuple[str, Money], pick: Pick) -> bool:
        match pick.outcome:
            case PickOutcome.DISPENSED:
                return True
            case PickOutcome.REJECTED:
                self._rejects[note[0]] += 1
                return self._rejects[note[0]] < MOST_REJECTS or self._replan(note[0], pick)
            case PickOutcome.EMPTY:
                return self._replan(note[0], pick)
            case _:
                self._sentence = pick.sentence
                self._hand.failing.add(note[0])
                return False

    def _replan(self, cassette: str, pick: Pick) -> bool:
        """Pay what is left out of other cassettes, if they can."""
        self._sentence = pick.sentence
        self._hand.failing.add(cassette)
        due = Money(sum(value.minor for _, value in self._left), self._held.amount.currency)
        already = sum(self._done.values())
        other = denominate.fewest(due, self._hand.stock(), self._hand.exit_notes * MOST_BUNCHES - already)
        if not other:
            return False
        self._hand.journal.write(r.Replanned(transaction=self._held.transaction, plan=other))
        self._left = spread(other)
        self._total = already + len(self._left)
        return True

    def _present(self) -> Payment:
        paid = self._paid()
        outcome = Outcome.PRESENTED if paid.minor else Outcome.UNKNOWN if self._doubt.minor else Outcome.NOT_PRESENTED
        self._hand.journal.write(r.Presented(transaction=self._held.transaction, outcome=outcome))
        return Payment(outcome, paid, self._doubt, self._counted(), self._sentence, self._left_there)
