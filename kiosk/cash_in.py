"""The only one who asks the note acceptor for anything: each note is on disk as it is read, and again as it is stacked.

Between deposits the acceptor is inhibited. What it tells then belongs to nobody: it is journalled, and no deposit is
begun until an operator has looked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bank_link.money import Money
from drivers.devices import DeviceError, DeviceState, Holds, NoteAcceptor, NoteEvent, NoteSeen
from kiosk.journal import records as r
from kiosk.journal.progress import box
from kiosk.journal.records import ESCROW_CLEARED, NOTE_OUTSIDE
from kiosk.journal.store import Journal, JournalError

#: A note that was pulled in before the inhibit line was is read within so long (s); then nothing is on its way.
SETTLE_S = 3.0
#: So long (s) may one note take from the escrow to the box, or back to the mouth.
MOVE_S = 10.0
#: Notes in one deposit where each waits for the one before to be kept.
MOST_ONE_BY_ONE = 50
#: After the last known note an unknown one leaves the escrow within so long (s).
FOLLOW_S = 2.5
#: Something that is seen so often while rest is waited for will not come to rest.
MOST_STIRS = 20
#: Where the acceptor itself cannot be heard, it is tried again after so long (s), and ever longer.
AGAIN_S, LONGEST_AGAIN_S = 5.0, 60.0
#: So long after an exchange an operator is still there: later, what comes out at the mouth is a passer-by's.
OPERATOR_S = 600.0


@dataclass
class Intake:
    """One deposit's notes by where they are. `stuck`: one sentence, where something is not as it should be."""

    begun: r.DepositBegun
    escrow: Counter[Money] = field(default_factory=Counter)
    stacked: Counter[Money] = field(default_factory=Counter)
    unread: int = 0
    stuck: str = ""
    told: Callable[[], None] = lambda: None

    @property
    def transaction(self) -> r.Transaction:
        return self.begun.transaction

    def _sum(self, counted: Counter[Money]) -> Money:
        return Money(sum(value.minor * count for value, count in counted.items()), self.begun.most.currency)

    @property
    def paid(self) -> Money:
        """What is in the box: the customer's credit."""
        return self._sum(self.stacked)

    @property
    def total(self) -> Money:
        return self.paid + self._sum(self.escrow)

    @property
    def notes(self) -> int:
        return self.stacked.total() + self.escrow.total()

    @property
    def in_doubt(self) -> bool:
        """Something went in that is neither stacked nor back."""
        return bool(self.unread or +self.escrow)

    def counted(self) -> list[tuple[int, Money]]:
        """How many of which note, the largest first."""
        both = self.stacked + self.escrow
        return [(both[value], value) for value in sorted(both, key=lambda value: -value.minor) if both[value]]


class CashIn:
    """One acceptor, and the deposit that is under way, if one is."""

    def __init__(
        self, acceptor: NoteAcceptor, journal: Journal, currency: str, failed: Callable[[str], None] = lambda _: None
    ) -> None:  # fmt: skip
        """`failed` is told in one sentence what an operator should know of."""
        self._acceptor = acceptor
        self._journal = journal
        self._currency = currency
        self._failed = failed
        self._intake: Intake | None = None
        self._changed = asyncio.Event()
        self._exchanged = self._clearing = False
        self._due_since: float | None = None
        self._said = ""
        self._not_before = 0.0

    @property
    def holds(self) -> Holds:
        return self._acceptor.holds

    @property
    def most(self) -> int:
        """Notes that one deposit may have."""
        return MOST_ONE_BY_ONE if self.holds is Holds.NOTE else self._acceptor.most

    def ready(self) -> bool:
        """Whether a deposit may be begun: the device is well, and nothing that went in is in doubt, or still in there."""
        online = self._acceptor.report.state is DeviceState.ONLINE
        return online and not self._exchanged and not self._journal.box_in_doubt() and not self._is_unclear()

    def fills(self, intake: Intake) -> bool:
        """Another note might be more than the bank wants at once, or than one deposit may have."""
        left = intake.begun.most.minor - intake.total.minor
        return intake.notes >= self.most or left < max(self._acceptor.values, default=0)

    def _is_unclear(self) -> bool:
        """A doubt, or a note of nobody's, since the escrow was last seen to be empty: also over a restart."""
        return self.holds is not Holds.NOTHING and self._journal.escrow_in_doubt()

    def exchanged(self) -> None:
        """An operator has looked into the box: `clear` is due."""
        self._exchanged, self._due_since = True, None

    async def clear(self) -> None:
        """After an exchange: what a power cut left in the escrow comes out, in front of the operator, whose it is. What
        cannot be moved then stays until the next exchange.
        """
        due = self._exchanged or (self._is_unclear() and not self._journal.box_in_doubt())
        now = asyncio.get_running_loop().time()
        if not due or self._intake is not None or now < self._not_before:
            return
        self._due_since = now if self._due_since is None else self._due_since
        if now - self._due_since > OPERATOR_S:
            return
        self._clearing = True
        try:
            self._acceptor.reset()
            if self._is_unclear():
                await self._acceptor.give_back()
                await self._settled(FOLLOW_S)
            self._journal.write(r.Event(what=ESCROW_CLEARED))
            self._exchanged, self._due_since = False, None
        except DeviceError as error:
            self._not_before = asyncio.get_running_loop().time() + LONGEST_AGAIN_S
            self._tell(str(error))
        finally:
            self._clearing = False

    # ── What the acceptor tells ─────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Listen until cancelled. Once the journal fails no further note is taken; the machine is closed by then."""
        pause_s = AGAIN_S
        while True:
            try:
                await self._hear(await self._acceptor.seen())
                pause_s = AGAIN_S
            except (DeviceError, JournalError) as error:
                self._trouble(str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_AGAIN_S, pause_s * 2)

    async def _hear(self, seen: NoteSeen) -> None:
        intake = self._intake
        if intake is None:
            self._belongs_to_nobody(seen)
            return
        self._keep(intake, seen)
        self._changed.set()
        intake.told()
        if seen.event is NoteEvent.READ and self.holds is Holds.NOTE:
            await self._stack_or_return(intake)
        if intake.stuck or self.fills(intake):
            self._shut()

    def _keep(self, intake: Intake, seen: NoteSeen) -> None:
        name = intake.transaction
        value = Money(seen.minor, self._currency) if seen.minor else None
        match seen.event:
            case NoteEvent.READ if value is not None:
                self._journal.write(r.NoteRead(transaction=name, value=value))
                intake.escrow[value] += 1
            case NoteEvent.STACKED if value is not None and intake.escrow[value] > 0:
                self._journal.write(r.NoteStacked(transaction=name, cassette=box(value), value=value))
                intake.escrow[value] -= 1
                intake.stacked[value] += 1
            case NoteEvent.RETURNED if value is not None and intake.escrow[value] > 0:
                self._journal.write(r.NoteReturned(transaction=name, value=value))
                intake.escrow[value] -= 1
            case NoteEvent.STACKED | NoteEvent.RETURNED if value is None and intake.unread:
                # What could not be read has moved with the others: counted already, worth nothing that is known.
                self._journal.write(
                    r.Event(what="note-unread-moved", detail=f"{intake.begun.claim}: {seen.event.value}")
                )
            case NoteEvent.JAM if intake.stuck:
                """One that goes on."""
            case _:
                # A jam, too: the note may have been stuck before anything could read it.
                self._journal.write(r.NoteUnread(transaction=name, pulses=seen.pulses, sentence=seen.sentence))
                intake.unread += 1
                intake.stuck = seen.sentence or "something went in that is no note that this machine knows"

    async def _stack_or_return(self, intake: Intake) -> None:
        """One note at a time: on disk by now, so it may be the machine's; unless the bank wants no more."""
        if intake.total > intake.begun.most:
            await self._acceptor.give_back()
        else:
            await self._acceptor.stack()

    def _belongs_to_nobody(self, seen: NoteSeen) -> None:
        what = f"{seen.event.value} {seen.minor or 'of no known value'}"
        if self._clearing:
            self._journal.write(r.Event(what="note-cleared", detail=what))
            return
        sentence = f"{what} while no deposit was open; an operator must look into it"
        if sentence == self._said and self._journal.box_in_doubt():
            # A line that chatters: it is known, and would fill the journal.
            return
        self._journal.write(r.Event(what=NOTE_OUTSIDE, detail=sentence))
        self._tell(sentence)

    def _trouble(self, sentence: str) -> None:
        """The acceptor failed; a note that was on its way is in doubt."""
        self._tell(sentence)
        intake = self._intake
        if intake is None:
            return
        if not intake.stuck:
            intake.stuck = sentence
            with contextlib.suppress(JournalError):
                self._journal.write(r.NoteUnread(transaction=intake.transaction, pulses=0, sentence=sentence))
                intake.unread += 1
        self._changed.set()
        intake.told()
        self._shut()

    def _tell(self, sentence: str) -> None:
        """Once, as long as it is the same."""
        if sentence != self._said:
            self._said = sentence
            self._failed(sentence)

    # ── A deposit ───────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, begun: r.DepositBegun, told: Callable[[], None]) -> Intake:
        """The deposit that notes belong to from here on; `told` is called whenever something of it changed."""
        assert self._intake is None, "one deposit at a time"
        self._intake = Intake(begun, told=told)
        return self._intake

    def end(self) -> None:
        """No more notes belong to it."""
        self._intake = None

    def open(self, intake: Intake) -> None:
        """Notes may go in; on disk before the first one can. Raises DeviceError, JournalError."""
        self._journal.write(r.Accepting(transaction=intake.transaction, on=True))
        self._acceptor.accept(on=True)

    async def close(self, intake: Intake) -> None:
        """No note can go in any more, and none is on its way. Raises JournalError."""
        if not self._shut():
            # It may go on taking notes: what it took is in doubt until somebody looks.
            intake.stuck = intake.stuck or "the acceptor cannot be shut"
            return
        if not await self._settled(SETTLE_S):
            intake.stuck = intake.stuck or "the acceptor does not come to rest"
            return
        if self.holds is not Holds.BUNDLE:
            await self._wait_for_moves(intake)
        report = self._acceptor.report
        if report.state is not DeviceState.ONLINE and not intake.stuck:
            self._trouble(report.sentence or "the acceptor cannot be heard")
        self._journal.write(r.Accepting(transaction=intake.transaction, on=False))

    async def pay_in(self, intake: Intake, moved: Callable[[int, int], None]) -> None:
        """Everything that is in escrow goes into the box. `moved(done, total)` as it does. Raises JournalError."""
        await self._move(intake, self._acceptor.stack, moved)

    async def give_back(self, intake: Intake, moved: Callable[[int, int], None]) -> None:
        """Everything that is in escrow goes back to the mouth. Raises JournalError."""
        await self._move(intake, self._acceptor.give_back, moved)

    async def _move(self, intake: Intake, move: Callable[[], object], moved: Callable[[int, int], None]) -> None:
        total = intake.escrow.total()
        if not total:
            return
        try:
            await move()  # type: ignore[misc]  # one of the acceptor's two coroutines
        except DeviceError as error:
            self._trouble(str(error))
            return
        await self._wait_for_moves(intake, lambda: moved(total - intake.escrow.total(), total))
        # A note whose pulses never came follows those that are known.
        await self._settled(FOLLOW_S)
        if intake.escrow.total():
            intake.stuck = intake.stuck or "a note did not arrive where it was sent"
            self._failed(intake.stuck)

    async def _wait_for_moves(self, intake: Intake, moved: Callable[[], None] = lambda: None) -> None:
        """Until the escrow is empty, or nothing has moved for too long."""
        while intake.escrow.total() and not self._journal.failed:
            if not await self._something_happens(MOVE_S):
                return
            moved()
            if intake.stuck:
                return

    async def _settled(self, seconds: float) -> bool:
        """Returns once nothing was seen for so long; False where something goes on and on."""
        for _ in range(MOST_STIRS):
            if not await self._something_happens(seconds):
                return True
        return False

    async def _something_happens(self, seconds: float) -> bool:
        """False where nothing was seen for so long."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _shut(self) -> bool:
        """Whether the inhibit line could be pulled."""
        try:
            self._acceptor.accept(on=False)
        except DeviceError as error:
            self._failed(str(error))
            return False
        return True
