"""The matrix keypad against a pad without diodes: one press one key, no ghosts, no repeats, nothing at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.virtual_time import run_virtual

from drivers.debounce import Edge
from drivers.devices import KEYS, DeviceError, DeviceState, Fault, KeyPress
from drivers.gpio import Board, OutputWiring
from drivers.keypad import KeypadWiring, MatrixKeypad
from drivers.simulated.keypad import ElectricKeypad
from drivers.simulated.pins import SimulatedPins

WIRING = KeypadWiring(rows=(5, 6, 13, 19), columns=(12, 16, 20, 21))


class CountingPins(SimulatedPins):
    """Counts how often the firmware looks at a pin."""

    reads = 0

    def input(self, channel: int) -> int:
        self.reads += 1
        return super().input(channel)


class PadRig:
    """Driver and pad on one set of pins, and what was heard."""

    def __init__(self) -> None:
        self.pins = CountingPins()
        self.pad = ElectricKeypad(self.pins, WIRING)
        self.board = Board(self.pins)
        self.driver = MatrixKeypad(self.board, WIRING)
        self.heard: list[KeyPress] = []
        self.driver.listen(self.heard.append)

    @property
    def typed(self) -> str:
        return "".join(press.key for press in self.heard if not press.held)


def played(play: Callable[[PadRig], Awaitable[None]]) -> PadRig:
    """Open a pad, play on it, let go for a second; whatever was played, no outputs fought."""

    async def go() -> PadRig:
        rig = PadRig()
        rig.driver.open()
        await play(rig)
        await asyncio.sleep(1)
        assert rig.pins.shorts == []
        return rig

    return run_virtual(go())


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_told_once_by_its_name(key: str) -> None:
    """One press with bouncing contacts is one KeyPress."""

    async def play(rig: PadRig) -> None:
        rig.pad.tap(key)

    assert played(play).heard == [KeyPress(key)]


def test_a_pin_is_heard_in_its_order() -> None:
    """Quick typing with a key down before the last one is up loses and swaps nothing."""

    async def play(rig: PadRig) -> None:
        for key in "19375502":
            rig.pad.tap(key, ms=90)
            await asyncio.sleep(0.070 if key != "5" else 0.150)

    assert played(play).typed == "19375502"


@pytest.mark.parametrize("fault", ["worn-contacts", "dead-contacts"])
def test_bad_contacts_never_repeat_a_key(fault: str) -> None:
    """Contacts that bounce for long make one press, dead ones none."""

    async def play(rig: PadRig) -> None:
        rig.pad.set_fault(fault)
        rig.pad.tap("5", ms=120)

    assert played(play).typed == ("5" if fault == "worn-contacts" else "")


def test_at_rest_nothing_is_read() -> None:
    """No key down: not one look at a pin, however long; the same again after a press."""

    async def play(rig: PadRig) -> None:
        for _ in range(2):
            before = rig.pins.reads
            await asyncio.sleep(3600)
            assert rig.pins.reads == before
            rig.pad.tap("7")
            await asyncio.sleep(1)
            assert rig.pins.reads > before

    assert played(play).typed == "77"


def test_a_held_key_is_told_as_held_once() -> None:
    """Held for five seconds: pressed, then held, and never again."""

    async def play(rig: PadRig) -> None:
        rig.pad.tap("8", ms=5000)
        await asyncio.sleep(6)

    assert played(play).heard == [KeyPress("8"), KeyPress("8", held=True)]


def test_a_held_key_is_looked_at_less_often_and_its_release_still_heard() -> None:
    """Once it is known as held only its release is to come; the next press counts as soon as ever."""

    async def play(rig: PadRig) -> None:
        rig.pad.press("5")
        await asyncio.sleep(1)
        quick = rig.pins.reads
        await asyncio.sleep(1)
        quick = rig.pins.reads - quick
        await asyncio.sleep(1)
        slow = rig.pins.reads
        await asyncio.sleep(1)
        assert 0 < 1.5 * (rig.pins.reads - slow) < quick
        rig.pad.release("5")
        await asyncio.sleep(0.1)
        rig.pad.tap("6", 70)

    assert played(play).typed == "56"


def test_two_keys_one_after_the_other_are_both_told() -> None:
    """A second key while the first is still down counts, and each may be held."""

    async def play(rig: PadRig) -> None:
        rig.pad.tap("1", ms=3000)
        await asyncio.sleep(0.1)
        rig.pad.tap("6", ms=3000)
        await asyncio.sleep(4)

    heard = played(play).heard
    assert heard == [KeyPress("1"), KeyPress("6"), KeyPress("1", held=True), KeyPress("6", held=True)]


def test_a_ghost_is_never_told() -> None:
    """1, 2 and 4 held show 5 as well on a pad without diodes: neither 5 nor the third key is told."""

    async def play(rig: PadRig) -> None:
        for key in "124":
            rig.pad.press(key)
            await asyncio.sleep(0.1)
        assert "5" in rig.driver._closed()
        for key in "124":
            rig.pad.release(key)
            await asyncio.sleep(0.1)
        rig.pad.tap("9")

    assert played(play).typed == "129"


def test_two_keys_at_the_same_moment_are_not_told() -> None:
    """Their order would be a guess; after both are up the pad counts again."""

    async def play(rig: PadRig) -> None:
        rig.pad.tap("3")
        rig.pad.tap("7")
        await asyncio.sleep(0.2)
        rig.pad.tap("0")

    assert played(play).typed == "0"


def test_a_palm_types_nothing() -> None:
    """Many keys at once, coming up one by one, are no presses."""

    async def play(rig: PadRig) -> None:
        for number, key in enumerate("456789"):
            rig.pad.tap(key, ms=100 + 50 * number)
        await asyncio.sleep(1)
        rig.pad.tap("2")

    assert played(play).typed == "2"


def test_a_stuck_key_is_a_fault_until_it_comes_free() -> None:
    """Down for longer than a person holds a key: the report names it; free again, it works as before."""

    async def play(rig: PadRig) -> None:
        rig.pad.fault_once("key-sticks")
        rig.pad.tap("5")
        await asyncio.sleep(14)
        assert rig.driver.report.state is DeviceState.ONLINE
        await asyncio.sleep(2)
        assert rig.driver.report.state is DeviceState.HARDWARE_ERROR
        assert "Key 5 is held down" in rig.driver.report.sentence
        reads = rig.pins.reads
        await asyncio.sleep(10)
        assert rig.pins.reads - reads < 10 * 5 * 20, "a stuck key is looked at slowly"
        rig.pad.free()
        await asyncio.sleep(1)
        assert rig.driver.report.state is DeviceState.ONLINE
        rig.pad.tap("4")

    assert played(play).heard == [KeyPress("5"), KeyPress("5", held=True), KeyPress("4")]


def test_something_that_lies_on_the_pad_is_a_fault() -> None:
    """Several keys down for long are reported too, though none was told."""

    async def play(rig: PadRig) -> None:
        for key in "789":
            rig.pad.press(key)
        await asyncio.sleep(16)
        assert "Several keys are held down" in rig.driver.report.sentence

    assert played(play).typed == ""


def test_a_key_down_at_the_start_is_no_press() -> None:
    """Nobody saw it go down, so it is not told; once it is up, it counts like any other."""

    async def go() -> None:
        rig = PadRig()
        rig.pad.press("C")
        await asyncio.sleep(1)
        rig.driver.open()
        await asyncio.sleep(1)
        rig.pad.release("C")
        await asyncio.sleep(1)
        rig.pad.tap("C")
        await asyncio.sleep(1)
        assert rig.heard == [KeyPress("C")]

    run_virtual(go())


def test_a_key_let_go_just_after_the_start_leaves_nothing_behind() -> None:
    """A key that comes up before it was even debounced does not cost the first real press."""

    async def go() -> None:
        rig = PadRig()
        rig.pad.press("C")
        await asyncio.sleep(1)
        rig.driver.open()
        rig.pad.release("C")
        await asyncio.sleep(1)
        rig.pad.tap("1")
        await asyncio.sleep(1)
        assert rig.typed == "1"

    run_virtual(go())


def deafen(rig: PadRig, after_ms: int, for_ms: int) -> None:
    """Lose every edge of the columns for a while, the last one that was delivered being 'pressed'."""
    loop = asyncio.get_running_loop()
    hidden = {pin: rig.pins._pins[pin].detection for pin in WIRING.columns}

    def hear(again: bool) -> None:
        for pin, detection in hidden.items():
            rig.pins._pins[pin].detection = detection if again else None
        for column in rig.driver._columns:
            if after_ms and not again:
                column._arrived(Edge(on=True, at=loop.time()))

    loop.call_later(after_ms / 1000, hear, False)
    loop.call_later((after_ms + for_ms) / 1000, hear, True)


@pytest.mark.parametrize(("after_ms", "typed"), [(0, "21"), (30, "121")])
def test_a_lost_edge_does_not_silence_the_pad(after_ms: int, typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If edges are lost as a key goes down or comes up, the next presses are heard, even of contacts that never bounce."""
    monkeypatch.setattr("drivers.simulated.keypad.BOUNCE_MS", ())

    async def play(rig: PadRig) -> None:
        deafen(rig, after_ms, for_ms=500)
        await asyncio.sleep(0.001)
        rig.pad.tap("1")
        await asyncio.sleep(1)
        rig.pad.tap("2")
        await asyncio.sleep(1)
        rig.pad.tap("1")

    assert played(play).typed == typed


def test_a_third_key_is_not_told_even_where_it_makes_no_ghost() -> None:
    """Three keys of one row show no ghost, but the third counts no more than any third one, now or later."""

    async def play(rig: PadRig) -> None:
        for key in "123":
            rig.pad.press(key)
            await asyncio.sleep(0.1)
        rig.pad.release("1")
        rig.pad.release("2")
        await asyncio.sleep(3)
        rig.pad.release("3")
        await asyncio.sleep(0.1)
        rig.pad.tap("3")

    assert played(play).heard == [KeyPress("1"), KeyPress("2"), KeyPress("3")]


def test_a_closed_pad_hears_nothing_and_can_be_opened_again() -> None:
    """Close twice, open twice: offline between, all pins free, and heard again after."""

    async def play(rig: PadRig) -> None:
        rig.pad.press("1")
        await asyncio.sleep(0.1)
        rig.driver.close()
        rig.driver.close()
        assert rig.driver.report.state is DeviceState.OFFLINE
        rig.pad.release("1")
        rig.pad.tap("2")
        await asyncio.sleep(1)
        rig.driver.open()
        rig.driver.open()
        rig.pad.tap("3")

    assert played(play).typed == "13"


def test_pins_that_fail_are_reported() -> None:
    """A column that cannot be read ends in the report, not in a silent pad."""

    class Failing(CountingPins):
        broken = False

        def input(self, channel: int) -> int:
            if self.broken:
                raise RuntimeError("lost")
            return super().input(channel)

    async def go() -> None:
        pins = Failing()
        driver = MatrixKeypad(Board(pins), WIRING)
        pad = ElectricKeypad(pins, WIRING)
        driver.open()
        pad.press("1")
        await asyncio.sleep(0.015)
        pins.broken = True
        await asyncio.sleep(1)
        assert driver.report.state is DeviceState.HARDWARE_ERROR
        assert "column 1 of the keypad" in driver.report.sentence
        pins.broken = False
        driver.close()

    run_virtual(go())


def test_an_open_that_fails_claims_nothing() -> None:
    """A clash is named, and the pad's other pins are free for others."""

    async def go() -> None:
        board = Board(SimulatedPins())
        board.output(OutputWiring(pin=21), "the card lamp")
        driver = MatrixKeypad(board, WIRING)
        with pytest.raises(DeviceError, match="the card lamp and column 4 of the keypad"):
            driver.open()
        for pin in (5, 6, 13, 19, 12, 16, 20):
            board.output(OutputWiring(pin=pin), "free")

    run_virtual(go())


@pytest.mark.parametrize("keys", [KEYS[:12], ("1",) * 16])
def test_keys_that_do_not_fill_the_matrix_are_refused(keys: tuple[str, ...]) -> None:
    """Each crossing needs a key of its own name."""
    with pytest.raises(DeviceError) as caught:
        MatrixKeypad(Board(SimulatedPins()), KeypadWiring(rows=WIRING.rows, columns=WIRING.columns, keys=keys))
    assert caught.value.fault is Fault.CONFIG


def test_a_pad_of_twelve_keys_works() -> None:
    """Three columns are as good as four."""

    async def go() -> None:
        wiring = KeypadWiring(rows=(5, 6, 13, 19), columns=(12, 16, 20), keys=tuple("123456789*0#"))
        pins, heard = SimulatedPins(), list[KeyPress]()
        pad, driver = ElectricKeypad(pins, wiring), MatrixKeypad(Board(pins), wiring)
        driver.listen(heard.append)
        driver.open()
        pad.tap("#")
        await asyncio.sleep(1)
        assert heard == [KeyPress("#")]

    run_virtual(go())


def test_no_key_shows_in_a_repr() -> None:
    """What is pressed may be a PIN: no repr names it."""

    async def play(rig: PadRig) -> None:
        rig.pad.press("A")
        await asyncio.sleep(0.1)
        shown = f"{rig.driver!r} {rig.driver._tracker!r} {rig.pad!r}"
        assert "A" not in shown
        rig.pad.release("A")

    assert played(play).typed == "A"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.booleans(), st.integers(0, 120)), max_size=40))
def test_no_order_of_fingers_tells_a_key_that_was_not_pressed(moves: list[tuple[str, bool, int]]) -> None:
    """Whatever is pressed and let go: only keys that were really pressed, each at most once a press."""

    async def go() -> None:
        rig = PadRig()
        rig.driver.open()
        presses: list[str] = []
        for key, down, wait_ms in moves:
            if down and key not in rig.pad._pressed:
                presses.append(key)
                rig.pad.press(key)
            elif not down:
                rig.pad.release(key)
            await asyncio.sleep(wait_ms / 1000)
        for key in KEYS:
            rig.pad.release(key)
        await asyncio.sleep(1)
        told = [press.key for press in rig.heard if not press.held]
        assert all(told.count(key) <= presses.count(key) for key in KEYS)
        assert rig.pins.shorts == []
        rig.pad.tap("5")
        await asyncio.sleep(1)
        assert rig.heard[-1] == KeyPress("5")

    run_virtual(go())
