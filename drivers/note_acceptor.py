"""A note acceptor that speaks in pulses on GPIO: so many pulses, so much; held off by an inhibit line; with or without escrow.

What it cannot know: a note whose pulses never came; two notes that come closer than a train's pause; after a restart, what
lies in the escrow and whether half a train was a note. Pulses that are no note are GARBLED, never guessed.

Wiring that has to be safe without this program: the inhibit line needs a resistor that inhibits, `stack` and `return`
ones that hold them off. The escrow's two sensors give one pulse a note, and notes leave it in the order they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from drivers.debounce import Edge
from drivers.devices import (
    ONLINE,
    DeviceError,
    DeviceReport,
    DeviceState,
    Fault,
    Holds,
    NoteEvent,
    NoteSeen,
)
from drivers.gpio import Board, InputPin, OutputPin, Pin, close_all
from drivers.note_acceptor_wiring import EscrowTimings, NoteAcceptorWiring, mistake
from drivers.pulse_trains import PulseTimings, PulseTrains, Train

#: A train is judged so long after its pause: an edge that was seen in time may come to the loop late.
LATE_S = 0.02
#: More than this that nobody has asked for is a line gone mad; the newest are dropped and the report says so.
MOST_UNSEEN = 500


class GpioNoteAcceptor:
    """A `devices.NoteAcceptor` on GPIO. `values` are face values in minor units, `pulses` how many stand for each."""

    def __init__(
        self, board: Board, wiring: NoteAcceptorWiring, *, pulses: dict[int, int], holds: Holds, most: int,
        timings: PulseTimings | None = None, escrow: EscrowTimings | None = None, name: str = "note acceptor",
    ) -> None:  # fmt: skip
        """`pulses`: count → minor units. Raises DeviceError (CONFIG) for what contradicts itself. No pin is touched yet."""
        self.name = name
        self.holds = holds
        self.most = most
        self.values = tuple(sorted(pulses.values()))
        self._pulses = dict(pulses)
        self._board = board
        self._wiring = wiring
        self._timings = timings or PulseTimings()
        self._escrow_times = escrow or EscrowTimings()
        self._outputs: dict[str, OutputPin] = {}
        self._inputs: dict[str, InputPin] = {}
        self._trains = PulseTrains(self._timings)
        self._timer: asyncio.TimerHandle | None = None
        self._escrow: deque[int] = deque()
        self._wanted = False
        self._unseen: deque[NoteSeen] = deque()
        self._stirred: asyncio.Event = asyncio.Event()
        self._moved: asyncio.Event = asyncio.Event()
        self._moving = ""
        self._tail: asyncio.TimerHandle | None = None
        self._unknown = False
        self._late: asyncio.TimerHandle | None = None
        self._early = 0
        self._troubles: dict[Fault, str] = {}
        self._lost: DeviceError | None = None
        wrong = mistake(wiring, pulses, holds, most, self._timings)
        if wrong:
            raise DeviceError(name, Fault.CONFIG, f"The {name} {wrong}.")

    def __repr__(self) -> str:
        return f"<{self.name}, {len(self._escrow)} notes in escrow, {self.report.state}>"

    # ---- Device ----

    @property
    def report(self) -> DeviceReport:
        if not self._inputs:
            return DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")
        try:
            self._check_lines()
        except DeviceError as error:
            return DeviceReport(DeviceState.HARDWARE_ERROR, str(error))
        return ONLINE

    def open(self) -> None:
        """Claim the pins, inhibited. Raises DeviceError (CONFIG); then no pin stays claimed."""
        if self._inputs:
            return
        try:
            self._claim()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Inhibited, escrow lines off, then every pin given back. May be called again."""
        self._settle_timer()
        self._stacked_in_time()
        self._no_tail()
        self._moving = ""
        pins: list[Pin] = [*self._outputs.values(), *self._inputs.values()]
        self._outputs, self._inputs, self._wanted = {}, {}, False
        self._stirred.set()  # who waits is told
        close_all(pins)

    def _claim(self) -> None:
        wiring = self._wiring
        outputs = {"inhibit": wiring.inhibit, "stack": wiring.stack, "return": wiring.give_back}
        for what, output in outputs.items():
            if output is not None:
                self._outputs[what] = self._board.output(output, f"the {self.name}'s {what} line")
        self._trains, self._lost = PulseTrains(self._timings), None
        self._troubles.clear()
        self._escrow.clear()
        self._unknown = self.holds is not Holds.NOTHING  # what it held before nobody remembers
        self._early = 0
        inputs = {"pulse": wiring.pulse, "stacked": wiring.stacked, "returned": wiring.returned, "jam": wiring.jam}
        for what, found in inputs.items():
            if found is not None:
                self._inputs[what] = self._board.input(found, f"the {self.name}'s {what} line")
        self._watch()

    def _watch(self) -> None:
        sensor_ms = self._escrow_times.sensor_ms
        # Its noise is judged with everything else of the train, by the edges' own times.
        self._inputs["pulse"].watch(self._pulse_edge)
        for what, heard in (("stacked", self._stacked), ("returned", self._returned), ("jam", self._jam_edge)):
            if what in self._inputs:
                self._inputs[what].watch(heard, debounce_ms=sensor_ms)
        if self._inputs["pulse"].on:
            self._troubles[Fault.SENSOR] = self._line_sentence()

    # ---- NoteAcceptor ----

    def accept(self, *, on: bool) -> None:
        """Take notes, or none. Raises DeviceError: UNPLUGGED (not open, a pin does not obey), SENSOR, JAM.

        While the escrow is full none is taken, whatever is wanted.
        """
        self._open_or_raise()
        self._wanted = False
        try:
            if on:
                self._check_lines()
            self._wanted = on
        finally:
            self._set_inhibit()

    def reset(self) -> None:
        """Take none; what the escrow has is not known any more; a jam is over unless its line shows one. Raises DeviceError."""
        self._open_or_raise()
        self._wanted = False
        self._escrow.clear()
        self._unknown = self.holds is not Holds.NOTHING
        jam = self._inputs.get("jam")
        if jam is None or not jam.on:
            self._troubles.pop(Fault.JAM, "")
        self._set_inhibit()

    async def seen(self) -> NoteSeen:
        """The next thing that happens to a note, however long that takes; what happened before first.

        Raises DeviceError, once each (SENSOR: the pulse line is stuck; PROTOCOL: it flickers; UNPLUGGED: not open, or a pin that cannot be read).
        """
        while not self._unseen:
            self._open_or_raise()
            lost, self._lost = self._lost, None
            if lost is not None:
                raise lost
            _ = self._inputs["pulse"].on  # raises where an edge could not be read
            self._stirred.clear()
            await self._stirred.wait()
        return self._unseen.popleft()

    async def stack(self) -> None:
        """Keep what is in escrow; returns when it has moved, or a JAM says that it did not. Raises DeviceError.

        For a moment longer no note is taken, and one that nobody knew of may follow with value 0.
        """
        if self.holds is not Holds.NOTHING:
            await self._move("stack")

    async def give_back(self) -> None:
        """Give back what is in escrow; returns when it has moved, or a JAM says that it did not.

        After a restart nobody knows what it holds: then it is tried, and each note that comes is told with value 0.
        Raises DeviceError (CONFIG: there is no escrow; UNPLUGGED).
        """
        if self.holds is Holds.NOTHING:
            raise DeviceError(
                self.name, Fault.CONFIG, f"The {self.name} keeps what it takes: it cannot give notes back."
            )
        await self._move("return")

    # ---- pulses ----

    def _pulse_edge(self, edge: Edge) -> None:
        self._take(self._trains.saw(edge.on, edge.at))

    def _settle(self) -> None:
        self._take(self._trains.settle(asyncio.get_running_loop().time()))

    def _take(self, trains: Iterable[Train]) -> None:
        for train in trains:
            self._train(train)
            while self._early:
                self._early -= 1
                self._passed(NoteEvent.STACKED)
        if self._trains.stuck and Fault.SENSOR not in self._troubles:
            self._fail(Fault.SENSOR, self._line_sentence())
        elif self._trains.quiet and self._troubles.pop(Fault.SENSOR, ""):
            self._inhibit()
        self._settle_timer()
        due = self._trains.due
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due + LATE_S, self._settle)

    def _train(self, train: Train) -> None:
        minor = 0 if train.strange else self._pulses.get(train.pulses, 0)
        if minor == 0:
            why = train.strange or f"{train.pulses} pulses, which is no note"
            sentence = f"The {self.name} took something in and nothing proves what: {why}."
            self._tell(NoteSeen(NoteEvent.GARBLED, pulses=train.pulses, sentence=sentence))
            if self.holds is not Holds.NOTHING:
                self._escrow.append(0)  # it lies there with the others
            self._inhibit()
            return
        self._tell(NoteSeen(NoteEvent.READ, minor, train.pulses))
        self._escrow.append(minor)
        if self.holds is Holds.NOTHING and self._wiring.stacked is None:
            # It counts what it has stacked: nothing else will be said of this note.
            self._tell(NoteSeen(NoteEvent.STACKED, self._escrow.popleft()))
        elif self.holds is Holds.NOTHING and self._late is None:
            loop = asyncio.get_running_loop()
            self._late = loop.call_later(self._escrow_times.move_ms / 1000, self._not_stacked)
        self._inhibit()

    def _line_sentence(self) -> str:
        return f"The {self.name}'s pulse line stays on: look for a broken wire, or for a note that is in it."

    # ---- the escrow's sensors ----

    def _stacked(self, edge: Edge) -> None:
        if not edge.on:
            return
        if not self._escrow and not self._trains.quiet:
            self._early += 1  # in the box before its pulses have been judged
        else:
            self._passed(NoteEvent.STACKED)

    def _returned(self, edge: Edge) -> None:
        # A note that was refused at the mouth was never read: it comes out with nothing in escrow and nothing asked.
        if edge.on and (self._escrow or self._moving == "return"):
            self._passed(NoteEvent.RETURNED)

    def _passed(self, event: NoteEvent) -> None:
        """The oldest note of the escrow; of one from before a restart, or with strange pulses, the value is not known."""
        self._tell(NoteSeen(event, self._escrow.popleft() if self._escrow else 0))
        self._moved.set()
        if self._tail is not None:
            self._begin_tail()  # where one followed, another may
        self._stacked_in_time()
        self._inhibit()

    def _stacked_in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _not_stacked(self) -> None:
        """A note that was read on its way into the box has not come there."""
        self._late = None
        self._escrow.clear()
        self._jammed(self._jam_sentence())

    def _jam_edge(self, edge: Edge) -> None:
        if edge.on:
            self._jammed(self._jam_sentence())

    def _jam_sentence(self) -> str:
        return f"A note is stuck in the {self.name}: open it, take the note out and count it."

    async def _move(self, line: str) -> None:
        self._open_or_raise()
        assert not self._moving or self._tail is not None, "one movement of the escrow at a time"
        self._rest()
        self._moving = line
        blind = self._unknown and not self._escrow
        try:
            self._outputs[line].set(on=True)
            while (self._escrow or blind) and await self._one_passed():
                pass
            self._moved_all(line)
        except BaseException:
            self._rest()
            raise

    def _moved_all(self, line: str) -> None:
        """Nothing more is expected: what is left is stuck, and what nobody knew of may still follow."""
        self._unknown = False
        if self._escrow:
            self._rest()
            verb = "keep" if line == "stack" else "give back"
            self._jammed(f"The {self.name} did not {verb} {len(self._escrow)} notes: open it, take them out and count.")
            return
        self._troubles.pop(Fault.JAM, "")
        if self.holds is Holds.NOTE:  # there was room for one
            self._rest()
            return
        self._begin_tail()

    def _begin_tail(self) -> None:
        self._no_tail()
        self._tail = asyncio.get_running_loop().call_later(self._escrow_times.follow_ms / 1000, self._tail_over)

    def _tail_over(self) -> None:
        try:
            self._rest()
        except DeviceError as error:
            self._tell_lost(error)

    def _no_tail(self) -> None:
        if self._tail is not None:
            self._tail.cancel()
            self._tail = None

    def _rest(self) -> None:
        """The escrow stands still."""
        line, self._moving = self._moving, ""
        self._no_tail()
        if line in self._outputs:
            self._outputs[line].safe()
        self._inhibit()

    async def _one_passed(self) -> bool:
        self._moved.clear()
        try:
            # Not wait_for: Python 3.11's loses a cancellation that meets the note.
            async with asyncio.timeout(self._escrow_times.move_ms / 1000):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    # ---- lines ----

    def _inhibit(self) -> None:
        """Where nobody waits for an answer, a line that does not obey is told to whoever waits for notes."""
        try:
            self._set_inhibit()
        except DeviceError as error:
            self._tell_lost(error)

    def _tell_lost(self, error: DeviceError) -> None:
        self._troubles[error.fault], self._lost = str(error), error
        self._stirred.set()

    def _set_inhibit(self) -> None:
        line = self._outputs.get("inhibit")
        if line is None:
            return
        full = self.holds is not Holds.NOTHING and len(self._escrow) >= self.most
        on = not (self._wanted and not full and not self._moving and not self._troubles)
        if line.on != on:
            line.set(on=on)

    def _check_lines(self) -> None:
        """Raises what keeps it from taking notes at this moment."""
        _ = self._inputs["pulse"].on
        for fault, sentence in self._troubles.items():
            raise DeviceError(self.name, fault, sentence)
        jam = self._inputs.get("jam")
        if jam is not None and jam.on:
            raise DeviceError(self.name, Fault.JAM, self._jam_sentence())

    def _jammed(self, sentence: str) -> None:
        self._troubles[Fault.JAM] = sentence
        self._tell(NoteSeen(NoteEvent.JAM, sentence=sentence))
        self._inhibit()

    def _fail(self, fault: Fault, sentence: str) -> None:
        self._tell_lost(DeviceError(self.name, fault, sentence))
        self._inhibit()

    def _tell(self, seen: NoteSeen) -> None:
        if len(self._unseen) >= MOST_UNSEEN:
            self._fail(Fault.PROTOCOL, f"The {self.name}'s pulse line flickers without an end: look at its wire.")
            return
        self._unseen.append(seen)
        self._stirred.set()

    def _settle_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _open_or_raise(self) -> None:
        if not self._inputs:
            raise DeviceError(self.name, Fault.UNPLUGGED, f"The {self.name} is not open.")
