"""The board: pins claimed once, safe at both ends, and edges that reach the loop with their own time."""

from __future__ import annotations

import asyncio
import pkgutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.virtual_time import run_virtual

import drivers
import drivers.simulated
from drivers.debounce import Edge
from drivers.devices import DeviceError, Fault
from drivers.gpio import Board, Gpio, InputWiring, OutputWiring, Pull, load_gpio
from drivers.simulated.pins import SimulatedPins

ROOT = Path(__file__).parents[2]


def missing(name: str) -> Gpio:
    raise ModuleNotFoundError(f"No module named '{name}'")


def no_pi(_name: str) -> Gpio:
    raise RuntimeError("This module can only be run on a Raspberry Pi!")


def test_a_machine_without_rpi_gpio_gets_the_way_out() -> None:
    """No RPi.GPIO: one sentence that names the extra to install."""
    with pytest.raises(DeviceError, match="install the extra 'pi'") as caught:
        load_gpio(missing)
    assert caught.value.fault is Fault.CONFIG


def test_a_machine_that_is_no_pi_gets_the_way_out() -> None:
    """What the library says at import is passed on inside our own sentence."""
    with pytest.raises(DeviceError, match=r"only be run on a Raspberry Pi.*atm-kiosk simulate"):
        load_gpio(no_pi)


def test_pins_without_permission_get_the_way_out() -> None:
    """A chip that may not be opened is a CONFIG error that names the group."""

    class Locked(SimulatedPins):
        def setmode(self, mode: int) -> None:
            raise OSError("can not open gpiochip")

    with pytest.raises(DeviceError, match=r"can not open gpiochip.*group 'gpio'") as caught:
        Board(Locked()).output(OutputWiring(pin=5), "lamp")
    assert caught.value.fault is Fault.CONFIG


def test_no_driver_needs_rpi_gpio() -> None:
    """Every module of `drivers` imports where RPi.GPIO does not exist."""
    names = [f"drivers.{module.name}" for module in pkgutil.iter_modules(drivers.__path__)]
    names += [f"drivers.simulated.{module.name}" for module in pkgutil.iter_modules(drivers.simulated.__path__)]
    assert "drivers.gpio" in names
    code = f"import sys; sys.modules['RPi'] = None; [__import__(name) for name in {names!r}]"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(("active_high", "safe_on", "level"), [(True, False, 0), (False, False, 1), (True, True, 1)])
def test_an_output_is_safe_before_it_is_driven(active_high: bool, safe_on: bool, level: int) -> None:
    """The safe level is handed over with the direction: there is no moment at the other one."""
    calls: list[tuple[int, int]] = []

    class Recording(SimulatedPins):
        def setup(self, channel: int, direction: int, pull_up_down: int = 20, initial: int = -1) -> None:
            calls.append((direction, initial))
            super().setup(channel, direction, pull_up_down, initial)

    pins = Recording()
    pin = Board(pins).output(OutputWiring(pin=5, active_high=active_high, safe_on=safe_on), "lock")
    assert calls == [(pins.OUT, level)]
    pin.set(on=not safe_on)
    assert pins.level(5) is not bool(level)
    pin.close()
    assert pins.level(5) is bool(level)


def test_an_output_left_on_by_someone_is_safe_once_it_is_claimed() -> None:
    """With lgpio, setup() leaves a pin that is an output already as it is: then it is brought to its safe level all the same."""

    class LikeLgpio(SimulatedPins):
        def setup(self, channel: int, direction: int, pull_up_down: int = 20, initial: int = -1) -> None:
            if direction != self.OUT or self._pin(channel).direction != self.OUT:
                super().setup(channel, direction, pull_up_down, initial)

    pins = LikeLgpio()
    pins.setmode(pins.BCM)
    pins.setup(5, pins.OUT, initial=1)
    Board(pins).output(OutputWiring(pin=5), "motor")
    assert not pins.level(5)


def test_closing_leaves_outputs_driven_at_their_safe_level() -> None:
    """After close an active-low driver still sees high: the pin is not left floating."""
    pins = SimulatedPins()
    with Board(pins) as board:
        board.output(OutputWiring(pin=6, active_high=False), "motor").set(on=True)
        assert not pins.level(6)
    assert pins.level(6)
    board.close()


def test_closing_goes_on_where_one_pin_fails() -> None:
    """One output that does not obey keeps no other from its safe level, and is named at the end."""

    class Broken(SimulatedPins):
        stuck: int | None = None

        def output(self, channel: int, value: int) -> None:
            if channel == self.stuck:
                raise RuntimeError("stuck")
            super().output(channel, value)

    pins = Broken()
    board = Board(pins)
    for number in (4, 5, 6):
        board.output(OutputWiring(pin=number), f"motor {number}").set(on=True)
    pins.stuck = 5
    with pytest.raises(DeviceError, match=r"GPIO5 \(motor 5\) does not obey: stuck"):
        board.close()
    assert [pins.level(number) for number in (4, 5, 6)] == [False, True, False]
    board.close()


def test_a_pin_wired_twice_is_refused_with_both_uses() -> None:
    """A clash is one sentence that names pin and both uses, and the first use keeps the pin."""
    board = Board(SimulatedPins())
    first = board.input(InputWiring(pin=17), "the exit sensor")
    with pytest.raises(
        DeviceError, match=r"GPIO17 is wired twice, to the exit sensor and row 1 of the keypad"
    ) as caught:
        board.open_drain(17, "row 1 of the keypad")
    assert caught.value.fault is Fault.CONFIG
    assert not first.on
    first.close()
    board.open_drain(17, "row 1 of the keypad")


@pytest.mark.parametrize("pin", [-1, 46])
def test_a_pin_that_no_board_has_is_refused(pin: int) -> None:
    """Numbers outside GPIO0 to GPIO45 are named with their use."""
    with pytest.raises(DeviceError, match="does not exist"):
        Board(SimulatedPins()).input(InputWiring(pin=pin), "the door switch")


@pytest.mark.parametrize("pull", list(Pull))
@pytest.mark.parametrize("active_high", [True, False])
def test_an_input_reads_by_its_active_level_and_its_pull(pull: Pull, active_high: bool) -> None:
    """With nothing connected the pull decides; what drives the pin wins over it."""
    pins = SimulatedPins()
    pin = Board(pins).input(InputWiring(pin=9, active_high=active_high, pull=pull), "sensor")
    assert pin.on is ((pull is Pull.UP) == active_high)
    for level in (True, False):
        pins.drive(9, level)
        assert pin.on is (level == active_high)


def test_an_open_drain_pin_never_drives_high() -> None:
    """Two of them on one net make no short circuit, whoever pulls."""
    pins = SimulatedPins()
    board = Board(pins)
    one, other = board.open_drain(5, "row 1"), board.open_drain(6, "row 2")
    pins.join(5, 6, closed=True)
    assert pins.level(5)
    one.pull_low()
    assert not pins.level(6)
    other.pull_low()
    one.release()
    assert not pins.level(5)
    other.close()
    assert pins.level(5)
    assert pins.shorts == []


def watched(changes: list[tuple[float, bool]], *, debounce_ms: int, until: float = 1.0) -> list[Edge]:
    """What a listener hears of an input (on = low) that a device drives at those times."""

    async def go() -> list[Edge]:
        pins, heard = SimulatedPins(), list[Edge]()
        pins.drive(9, True)
        Board(pins).input(InputWiring(pin=9), "sensor").watch(heard.append, debounce_ms=debounce_ms)
        loop = asyncio.get_running_loop()
        for at, on in changes:
            loop.call_at(at, pins.drive, 9, not on)
        await asyncio.sleep(until)
        return heard

    return run_virtual(go())


def test_each_edge_is_heard_with_its_time() -> None:
    """Without debouncing each change is told, on or off, at the loop's time."""
    assert watched([(0.1, True), (0.2, False)], debounce_ms=0) == [Edge(True, 0.1), Edge(False, 0.2)]


def test_a_level_is_told_once_it_has_held() -> None:
    """Chatter is left out; the change is dated from where the level came to hold."""
    chatter = [(0.1, True), (0.103, False), (0.106, True), (0.3, False), (0.302, True), (0.304, False)]
    assert watched(chatter, debounce_ms=15) == [Edge(True, 0.106), Edge(False, 0.304)]


def test_a_spike_is_nothing() -> None:
    """A pulse shorter than the debounce time is never told."""
    assert watched([(0.1, True), (0.110, False)], debounce_ms=15) == []


def test_a_loop_that_comes_late_loses_no_pulse() -> None:
    """A pulse that came and went while the loop was busy is told whole, with its own times."""

    async def go() -> list[Edge]:
        pins, heard = SimulatedPins(), list[Edge]()
        pin = Board(pins).input(InputWiring(pin=9, active_high=True, pull=Pull.DOWN), "sensor")
        pin.watch(heard.append, debounce_ms=15)
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1)
        for level in (True, False):  # as the library's own thread would, with the loop standing still
            pins.drive(9, level)
            pin._edge(9)
            loop._now += 0.080  # type: ignore[attr-defined]
        await asyncio.sleep(1)
        return heard

    assert run_virtual(go()) == [Edge(True, 1.0), Edge(False, pytest.approx(1.080))]


def test_refresh_finds_an_edge_that_was_lost() -> None:
    """A level that differs from the last one known is taken as an edge of now, once."""

    async def go() -> None:
        pins, heard = SimulatedPins(), list[Edge]()
        pin = Board(pins).input(InputWiring(pin=9), "sensor")
        pin.watch(heard.append)
        pins._pins[9].detection, hidden = None, pins._pins[9].detection
        pins.drive(9, False)
        pins._pins[9].detection = hidden
        await asyncio.sleep(2)
        assert heard == []
        pin.refresh()
        pin.refresh()
        assert heard == [Edge(True, 2.0)]

    run_virtual(go())


def test_nothing_is_heard_after_unwatch() -> None:
    """An edge under way when the listener leaves is not delivered any more; a new listener is welcome."""

    async def go() -> None:
        pins, heard, later = SimulatedPins(), list[Edge](), list[Edge]()
        pins.drive(9, True)
        pin = Board(pins).input(InputWiring(pin=9), "sensor")
        pin.watch(heard.append)
        pins.drive(9, False)
        pin.unwatch()
        await asyncio.sleep(1)
        assert heard == []
        pin.watch(later.append)
        pins.drive(9, True)
        await asyncio.sleep(1)
        assert [edge.on for edge in later] == [False]

    run_virtual(go())


def test_an_edge_that_cannot_be_read_is_not_swallowed() -> None:
    """The library's thread prints and forgets exceptions; ours come out at the next look at the pin."""

    class Deaf(SimulatedPins):
        broken = False

        def input(self, channel: int) -> int:
            if self.broken:
                raise RuntimeError("read failed")
            return super().input(channel)

    async def go() -> None:
        pins = Deaf()
        pin = Board(pins).input(InputWiring(pin=9), "the exit sensor")
        pin.watch(lambda edge: None)
        pins.broken = True
        pins.drive(9, False)
        await asyncio.sleep(0.1)
        pins.broken = False
        with pytest.raises(DeviceError, match=r"GPIO9 \(the exit sensor\) cannot be read: read failed"):
            assert pin.on

    run_virtual(go())


def test_edges_of_another_thread_reach_a_real_loop() -> None:
    """The callback comes on the library's thread, the listener is called on the loop's."""

    async def go() -> tuple[Edge, int]:
        pins = SimulatedPins()
        heard: asyncio.Future[tuple[Edge, int]] = asyncio.get_running_loop().create_future()
        pin = Board(pins).input(InputWiring(pin=9), "sensor")
        pin.watch(lambda edge: heard.set_result((edge, threading.get_ident())))
        pins._pins[9].detection = None
        pins._pins[9].level = False
        thread = threading.Thread(target=pin._edge, args=(9,))
        thread.start()
        thread.join()
        return await asyncio.wait_for(heard, 5)

    edge, ident = asyncio.run(go())
    assert edge.on
    assert ident == threading.get_ident()


def test_an_edge_after_the_loops_end_is_harmless() -> None:
    """The library's thread may outlive the loop."""
    pins = SimulatedPins()
    board = Board(pins)

    async def go() -> None:
        board.input(InputWiring(pin=9), "sensor").watch(lambda edge: None)

    asyncio.run(go())
    board._pins[9]._edge(9)  # type: ignore[attr-defined]
    board.close()
