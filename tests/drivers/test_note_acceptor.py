"""The note acceptor on its pins: notes by their pulses, the inhibit line, escrow, and each fault of the mechanism."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, DeviceState, Fault, Holds, NoteEvent, NoteSeen
from drivers.gpio import Board, InputWiring, OutputWiring
from drivers.note_acceptor import GpioNoteAcceptor
from drivers.note_acceptor_wiring import NoteAcceptorWiring
from drivers.pulse_trains import PulseTimings
from drivers.simulated.note_acceptor import ElectricNoteAcceptor
from drivers.simulated.pins import SimulatedPins

PULSES = {2: 1000, 4: 2000, 6: 5000}
WIRING = NoteAcceptorWiring(
    inhibit=OutputWiring(pin=4, safe_on=True), pulse=InputWiring(pin=5), stack=OutputWiring(pin=6),
    give_back=OutputWiring(pin=7), stacked=InputWiring(pin=8), returned=InputWiring(pin=9), jam=InputWiring(pin=10),
)  # fmt: skip
BARE = NoteAcceptorWiring(inhibit=OutputWiring(pin=4, active_high=False, safe_on=True), pulse=InputWiring(pin=5))
BOX = NoteAcceptorWiring(inhibit=WIRING.inhibit, pulse=WIRING.pulse, stacked=WIRING.stacked, jam=WIRING.jam)


class Stubborn(SimulatedPins):
    """Pins of which some stop obeying."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[int] = set()

    def output(self, channel: int, value: int) -> None:
        if channel in self.broken:
            raise RuntimeError("no such device")
        super().output(channel, value)


class Rig:
    """Driver and mechanism on one set of pins, and everything that was seen."""

    def __init__(
        self, holds: Holds = Holds.BUNDLE, most: int = 5, wiring: NoteAcceptorWiring = WIRING,
        pulses: dict[int, int] = PULSES,
    ) -> None:  # fmt: skip
        self.pins = Stubborn()
        self.board = Board(self.pins)
        self.hand = ElectricNoteAcceptor(self.pins, wiring, pulses=pulses, holds=holds, most=most)
        self.driver = GpioNoteAcceptor(self.board, wiring, pulses=pulses, holds=holds, most=most)
        self.seen: list[NoteSeen] = []
        self.errors: list[DeviceError] = []

    async def watch(self) -> None:
        while True:
            try:
                self.seen.append(await self.driver.seen())
            except DeviceError as error:
                self.errors.append(error)
                await asyncio.sleep(0.1)

    async def insert(self, *notes: int) -> None:
        for minor in notes:
            assert self.hand.insert(minor)
            await asyncio.sleep(3)

    @property
    def events(self) -> list[tuple[str, int]]:
        return [(seen.event.value, seen.minor) for seen in self.seen]


def told(story: Callable[[Rig], Coroutine[Any, Any, None]], **how: Any) -> Rig:
    rigs: list[Rig] = []

    async def whole() -> None:
        rig = Rig(**how)
        rigs.append(rig)
        rig.driver.open()
        watching = asyncio.create_task(rig.watch())
        try:
            await story(rig)
            await asyncio.sleep(0.5)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            rig.driver.close()
            assert rig.hand.inhibited

    run_virtual(whole())
    return rigs[0]


def test_nothing_is_taken_until_it_is_asked_for() -> None:
    """From power-on, through open, to close the line inhibits; only `accept` lets a note in, and lets none in after."""

    async def story(rig: Rig) -> None:
        assert not rig.hand.insert(1000)
        rig.driver.accept(on=True)
        await rig.insert(1000)
        rig.driver.accept(on=False)
        assert not rig.hand.insert(1000)

    rig = told(story)
    assert rig.events == [("read", 1000)]
    assert rig.hand.inhibited


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(PULSES.values())), min_size=1, max_size=5), st.booleans())
def test_a_bundle_is_read_and_then_kept_or_given_back_note_by_note(notes: list[int], keep: bool) -> None:
    """Each note is read with its value, and afterwards is in the box or at the mouth, as was said of it."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(*notes)
        await (rig.driver.stack() if keep else rig.driver.give_back())

    rig = told(story)
    after = "stacked" if keep else "returned"
    assert rig.events == [*(("read", minor) for minor in notes), *((after, minor) for minor in notes)]
    assert (rig.hand.box if keep else rig.hand.mouth) == notes
    assert not rig.hand.escrow


def test_a_full_escrow_takes_no_more_until_it_is_empty() -> None:
    """The driver inhibits by itself: a note too many would be on the floor."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000, 2000)
        assert rig.hand.inhibited
        await rig.driver.stack()
        await asyncio.sleep(2)
        assert not rig.hand.inhibited
        await rig.insert(5000)

    assert told(story, most=2).events[-1] == ("read", 5000)


def test_one_note_at_a_time() -> None:
    """An escrow of one note: it is read, given back, and the next one is read and kept."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(2000)
        await rig.driver.give_back()
        await asyncio.sleep(2)
        await rig.insert(5000)
        await rig.driver.stack()

    rig = told(story, holds=Holds.NOTE, most=1)
    assert rig.events == [("read", 2000), ("returned", 2000), ("read", 5000), ("stacked", 5000)]


@pytest.mark.parametrize("wiring", [BARE, BOX], ids=["counts only", "sensor in the box"])
def test_without_an_escrow_a_note_that_is_read_is_stacked(wiring: NoteAcceptorWiring) -> None:
    """With or without a sensor in front of the box each note is told twice; there is nothing to give back."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000, 5000)
        await rig.driver.stack()
        with pytest.raises(DeviceError) as caught:
            await rig.driver.give_back()
        assert caught.value.fault is Fault.CONFIG

    rig = told(story, holds=Holds.NOTHING, most=100, wiring=wiring)
    assert rig.events == [("read", 1000), ("stacked", 1000), ("read", 5000), ("stacked", 5000)]


def test_a_note_that_was_on_its_way_is_still_told() -> None:
    """Inhibited while a note is being drawn in: it is the customer's money, so it is reported."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        assert rig.hand.insert(5000)
        await asyncio.sleep(0.3)
        rig.driver.accept(on=False)
        await asyncio.sleep(3)

    assert told(story).events == [("read", 5000)]


@pytest.mark.parametrize(("fault", "pulses"), [("pulse-lost", 3), ("pulse-extra", 5), ("half-train", 2)])
def test_a_train_that_is_no_note_is_told_with_its_pulses(fault: str, pulses: int) -> None:
    """A pulse lost, one too many, half a train: nobody guesses a value, and a person can see what was counted."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        rig.hand.fault_once(fault)
        await rig.insert(2000)

    rig = told(story)
    if fault == "half-train":
        # Two pulses are a note of another value here: with codes that are close, half a train is another note.
        assert rig.events == [("read", 1000)]
        return
    assert [(seen.event, seen.minor, seen.pulses) for seen in rig.seen] == [(NoteEvent.GARBLED, 0, pulses)]
    assert str(pulses) in rig.seen[0].sentence


def test_a_line_that_bounces_is_counted_right() -> None:
    """Contacts chatter; a note has its value all the same."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        rig.hand.set_fault("bounce")
        await rig.insert(1000, 5000, 2000)

    assert told(story).events == [("read", 1000), ("read", 5000), ("read", 2000)]


def test_a_stuck_line_takes_no_notes_until_it_lets_go() -> None:
    """It is an error for whoever waits, the report says so, and the line inhibits; afterwards notes are read again."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        rig.hand.set_fault("stuck-line")
        await asyncio.sleep(2)
        assert rig.hand.inhibited
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR
        with pytest.raises(DeviceError) as caught:
            rig.driver.accept(on=True)
        assert caught.value.fault is Fault.SENSOR
        rig.hand.set_fault("stuck-line", on=False)
        await asyncio.sleep(1)
        rig.driver.accept(on=True)
        await rig.insert(1000)

    rig = told(story)
    assert [error.fault for error in rig.errors] == [Fault.SENSOR]
    assert rig.events == [("garbled", 0), ("read", 1000)]


def test_a_jam_is_told_and_closes_it_until_it_is_cleared() -> None:
    """A note that is stuck on its way in is a JAM, and nothing more is drawn in behind it."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        rig.hand.fault_once("jam")
        await rig.insert(1000)
        assert rig.hand.inhibited
        with pytest.raises(DeviceError) as caught:
            rig.driver.accept(on=True)
        assert caught.value.fault is Fault.JAM

    rig = told(story)
    assert rig.events == [("jam", 0)]
    assert rig.hand.path == [1000]


@pytest.mark.parametrize(("fault", "keep"), [("no-stack", True), ("no-return", False)])
def test_an_escrow_that_does_not_move_is_a_jam_and_can_be_tried_again(fault: str, keep: bool) -> None:
    """Nothing is called kept or returned that did not pass the sensor; a second try that works ends the trouble."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000, 2000)
        rig.hand.fault_once(fault)
        await (rig.driver.stack() if keep else rig.driver.give_back())
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR
        assert rig.hand.inhibited
        await rig.driver.give_back()
        assert rig.driver.report.state is DeviceState.ONLINE

    rig = told(story)
    assert rig.events == [("read", 1000), ("read", 2000), ("jam", 0), ("returned", 1000), ("returned", 2000)]


def test_a_jam_that_no_line_shows_is_over_once_an_operator_has_been_there() -> None:
    """It was told by what did not move; a reset ends it, inhibited as before. One that the line still shows goes on."""
    wiring = replace(WIRING, jam=None)

    async def unseen(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000)
        rig.hand.fault_once("no-stack")
        await rig.driver.stack()
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR
        rig.driver.reset()
        assert rig.driver.report.state is DeviceState.ONLINE
        assert rig.hand.inhibited
        await rig.driver.give_back()

    assert told(unseen, wiring=wiring).events[-1] == ("returned", 0), "what it was is not known any more"

    async def seen(rig: Rig) -> None:
        rig.driver.accept(on=True)
        rig.hand.fault_once("jam")
        await rig.insert(1000)
        rig.driver.reset()
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR

    told(seen)


def test_after_a_restart_the_escrow_is_given_back_without_values() -> None:
    """The driver remembers nothing over a power cut: what comes back is told, and that nobody knows what it was."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000, 2000)
        rig.seen.clear()
        rig.driver.close()
        rig.pins.power_off()
        assert rig.hand.inhibited
        rig.board = Board(rig.pins)
        rig.driver = GpioNoteAcceptor(rig.board, WIRING, pulses=PULSES, holds=Holds.BUNDLE, most=5)
        rig.driver.open()
        await rig.driver.give_back()

    rig = told(story)
    assert rig.events == [("returned", 0), ("returned", 0)]
    assert rig.hand.take() == [1000, 2000]
    assert rig.hand.mouth == []


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "given back"])
def test_a_note_with_strange_pulses_moves_with_the_others(keep: bool) -> None:
    """It lies in the escrow between the others: each of them is told with its own value, and it with none."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000)
        rig.hand.fault_once("pulse-extra")
        await rig.insert(2000)
        await rig.insert(5000)
        await (rig.driver.stack() if keep else rig.driver.give_back())

    rig = told(story)
    after = "stacked" if keep else "returned"
    assert rig.events[3:] == [(after, 1000), (after, 0), (after, 5000)]
    assert rig.events[1] == ("garbled", 0)
    assert (rig.hand.box if keep else rig.hand.mouth) == [1000, 2000, 5000]


def test_a_note_whose_pulses_never_came_does_not_stay_behind() -> None:
    """Nobody knew of it; it follows the others out of the escrow, and is told with no value."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        rig.hand.fault_once("pulse-lost")
        await rig.insert(1000)
        await rig.insert(2000)
        await rig.driver.give_back()
        await asyncio.sleep(3)

    rig = told(story, pulses={1: 1000, 3: 2000})
    assert [event for event, _ in rig.events] == ["read", "returned", "returned"]
    assert sorted(minor for event, minor in rig.events if event == "returned") == [0, 2000]
    assert rig.hand.mouth == [1000, 2000]
    assert not rig.hand.escrow


def test_an_inhibit_line_that_does_not_obey_is_told() -> None:
    """Asked to let notes in, it is an error at once; found out by a full escrow, whoever waits for notes is told."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        rig.pins.broken = {WIRING.inhibit.pin}
        await rig.insert(1000)
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR
        with pytest.raises(DeviceError, match="does not obey"):
            rig.driver.accept(on=False)
        rig.pins.broken = set()

    rig = told(story, holds=Holds.NOTE, most=1)
    assert [error.fault for error in rig.errors] == [Fault.UNPLUGGED]
    assert rig.events == [("read", 1000)]


def test_an_escrow_line_that_does_not_obey_is_an_error() -> None:
    """Nothing is called given back; once it obeys again it is tried anew."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000)
        rig.pins.broken = {7}
        with pytest.raises(DeviceError, match="return line"):
            await rig.driver.give_back()
        rig.pins.broken = set()
        await rig.driver.give_back()

    assert told(story).events == [("read", 1000), ("returned", 1000)]


def test_notes_of_before_a_restart_come_out_behind_a_new_one() -> None:
    """Nobody asked for them first: all of them move with the next movement, however many there are."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000, 1000, 1000)
        rig.seen.clear()
        rig.driver.close()
        rig.driver.open()
        rig.driver.accept(on=True)
        await rig.insert(1000)
        await rig.driver.give_back()
        await asyncio.sleep(6)
        assert not rig.hand.inhibited

    rig = told(story)
    assert sorted(rig.events) == [("read", 1000), ("returned", 0), ("returned", 0), ("returned", 0), ("returned", 1000)]
    assert rig.hand.mouth == [1000] * 4


def test_a_movement_that_is_broken_off_leaves_its_line_off() -> None:
    """Cancelled in the middle: the escrow stands still, and what had moved is told."""

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        await rig.insert(1000, 2000, 5000)
        moving = asyncio.create_task(rig.driver.stack())
        await asyncio.sleep(0.9)
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
        await asyncio.sleep(5)

    rig = told(story)
    assert rig.events[3:] == [("stacked", 1000)]
    assert rig.hand.places == {"mouth": [], "path": [], "escrow": [2000, 5000], "box": [1000]}


def test_notes_are_where_they_were_after_the_simulator_ends() -> None:
    """A snapshot brings escrow and box back; a note that was on its way is in the box, as after any power cut."""

    async def story() -> None:
        rig = Rig()
        rig.hand.box, rig.hand.escrow, rig.hand.path = [1000], [2000], [5000]
        again = Rig()
        again.hand.restore(rig.hand.snapshot())
        assert again.hand.places == {"mouth": [], "path": [], "escrow": [2000], "box": [1000, 5000]}

    run_virtual(story())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wiring": NoteAcceptorWiring(inhibit=OutputWiring(pin=4), pulse=InputWiring(pin=5))}, "inhibits where it is safe"),
        ({"wiring": BARE, "holds": Holds.NOTE, "most": 1}, "as it has an escrow"),
        ({"pulses": {}}, "needs notes"),
        ({"pulses": {1: 1000, 2: 1000}}, "each of another value"),
        ({"holds": Holds.NOTE, "most": 2}, "an escrow for one note"),
        ({"timings": PulseTimings(noise_ms=40)}, "noise_ms < pulse_least_ms"),
    ],
)  # fmt: skip
def test_a_wiring_that_contradicts_itself_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    """Before any pin is touched, with the rule that was broken."""
    how: dict[str, Any] = {"wiring": WIRING, "pulses": PULSES, "holds": Holds.BUNDLE, "most": 5} | change
    with pytest.raises(DeviceError, match=says) as caught:
        GpioNoteAcceptor(Board(SimulatedPins()), how.pop("wiring"), **how)
    assert caught.value.fault is Fault.CONFIG


def test_closed_it_says_so() -> None:
    """Not open: every question is answered with one sentence, and closing twice is nothing."""

    async def story() -> None:
        rig = Rig()
        for ask in (rig.driver.seen(), rig.driver.stack(), rig.driver.give_back()):
            with pytest.raises(DeviceError, match="is not open"):
                await ask
        rig.driver.open()
        rig.driver.open()
        rig.driver.close()
        rig.driver.close()
        assert rig.driver.report.state is DeviceState.OFFLINE

    run_virtual(story())


DEEDS = st.lists(
    st.one_of(
        st.sampled_from(sorted(PULSES.values())),
        st.sampled_from(["stack", "give back", "on", "off", "no-stack", "no-return", "bounce", "take"]),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(DEEDS, st.sampled_from([Holds.BUNDLE, Holds.NOTE]))
def test_whatever_happens_what_is_said_is_where_it_was_said_to_be(deeds: list[Any], holds: Holds) -> None:
    """Any order of notes, movements that work or do not, and bouncing lines: read, kept and returned agree with the notes."""
    put_in: list[int] = []
    taken: list[int] = []

    async def story(rig: Rig) -> None:
        rig.driver.accept(on=True)
        for deed in deeds:
            if isinstance(deed, int):
                if rig.hand.insert(deed):
                    put_in.append(deed)
            elif deed in ("stack", "give back"):
                await (rig.driver.stack() if deed == "stack" else rig.driver.give_back())
            elif deed == "take":
                taken.extend(rig.hand.take())
            elif deed in ("on", "off"):
                with contextlib.suppress(DeviceError):  # after a jam
                    rig.driver.accept(on=deed == "on")
            else:
                rig.hand.fault_once(deed)
            await asyncio.sleep(3)

    rig = told(story, holds=holds, most=5 if holds is Holds.BUNDLE else 1)
    said = {event: [minor for what, minor in rig.events if what == event] for event in ("read", "stacked", "returned")}
    assert said["read"] == put_in
    assert said["stacked"] == rig.hand.box
    assert said["returned"] == [*taken, *rig.hand.mouth]
    assert sorted(put_in) == sorted([*rig.hand.box, *taken, *rig.hand.mouth, *rig.hand.escrow])
    assert not any(event == "garbled" for event, _ in rig.events)
