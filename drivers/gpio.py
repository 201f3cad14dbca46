"""The board's pins: who uses which, at what level they are safe, and how their edges reach the loop.

`Board` works on any object with the API of the module `RPi.GPIO` (BCM numbers): `RPi.GPIO` itself, `rpi-lgpio` under
the same name, or `drivers.simulated.pins.SimulatedPins`.

Two things that a cabinet's builder must know:

- From power-on until `open()`, and after the process is killed, a pin is an input. Whatever can move money or people
  needs a resistor on its driver board that holds it off then.
- The libraries' own `bouncetime` is not used: RPi.GPIO reports the first edge and is deaf afterwards, rpi-lgpio waits
  for a level to hold. Debouncing is done here, alike for both.
"""

from __future__ import annotations

import asyncio
import enum
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

from drivers.debounce import Debounce, Edge
from drivers.devices import DeviceError, Fault

HIGHEST_PIN = 45  # of a Compute Module 3; the 40-pin header ends at 27. In BCM numbers


class Gpio(Protocol):
    """The part of RPi.GPIO's module API that is used here. Edge callbacks come on a thread of the library's own."""

    BCM: int
    OUT: int
    IN: int
    HIGH: int
    LOW: int
    PUD_OFF: int
    PUD_UP: int
    PUD_DOWN: int
    BOTH: int

    def setmode(self, mode: int, /) -> None: ...
    def setwarnings(self, value: bool, /) -> None: ...
    def setup(self, channel: int, direction: int, /, pull_up_down: int = ..., initial: int = ...) -> None: ...
    def input(self, channel: int, /) -> int: ...
    def output(self, channel: int, value: int, /) -> None: ...
    def add_event_detect(self, channel: int, edge: int, /, callback: Callable[[int], None] = ...) -> None: ...
    def remove_event_detect(self, channel: int, /) -> None: ...
    def cleanup(self, channel: int, /) -> None: ...


def load_gpio(load: Callable[[str], Any] = importlib.import_module) -> Gpio:
    """The Pi's own pins. Raises DeviceError (CONFIG) with the way out where there are none."""
    try:
        return cast("Gpio", load("RPi.GPIO"))
    except ImportError as error:
        raise DeviceError(
            "pins",
            Fault.CONFIG,
            "RPi.GPIO is not installed, so the pins cannot be used: install the extra 'pi' "
            "(rpi-lgpio, which a Pi 5 or a kernel from 6.6 on needs), or run `atm-kiosk simulate`.",
        ) from error
    except Exception as error:
        raise DeviceError("pins", Fault.CONFIG, _no_access(error)) from error


def _no_access(error: Exception) -> str:
    return (
        f"The pins cannot be used ({error}): on a Raspberry Pi let the kiosk's user belong to the group 'gpio'; "
        "on a Pi 5 or a kernel from 6.6 on install rpi-lgpio (extra 'pi'); elsewhere run `atm-kiosk simulate`."
    )


class Pull(enum.StrEnum):
    """The resistor inside the board that holds an input while nothing drives it."""

    UP = "up"
    DOWN = "down"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputWiring:
    """An output by BCM number: the level that switches it on, and whether it is on or off where it is safe."""

    pin: int
    active_high: bool = True
    safe_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InputWiring:
    """An input by BCM number: the level at which it is on, and the resistor that holds it otherwise."""

    pin: int
    active_high: bool = False
    pull: Pull = Pull.UP


class Pin:
    """A claimed pin. `close` gives it back and may be called again."""

    def __init__(self, board: Board, pin: int, use: str) -> None:
        self.pin = pin
        self.use = use
        self._board = board
        self._gpio = board.gpio

    def close(self) -> None:
        try:
            self._make_safe()
        finally:
            self._board.forget(self)

    def _make_safe(self) -> None:
        raise NotImplementedError

    def _named(self, what: str, fault: Fault = Fault.UNPLUGGED) -> _Named:
        return _Named(self, what, fault)

    def error(self, what: str, fault: Fault, error: Exception) -> DeviceError:
        """The library's error as one that names the pin and its use."""
        return DeviceError("pins", fault, f"GPIO{self.pin} ({self.use}) {what}: {error}")


class _Named:
    """Around each touch of a pin, some hundred a second: a class, since a generator would cost three times as much."""

    __slots__ = ("_fault", "_pin", "_what")

    def __init__(self, pin: Pin, what: str, fault: Fault) -> None:
        self._pin, self._what, self._fault = pin, what, fault

    def __enter__(self) -> None:
        """Nothing to begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, Exception):
            raise self._pin.error(self._what, self._fault, error) from error


class OutputPin(Pin):
    """An output, on or off whatever its active level. It is left driven at its safe level when it is closed."""

    def __init__(self, board: Board, wiring: OutputWiring, use: str) -> None:
        super().__init__(board, wiring.pin, use)
        self._wiring = wiring
        self.on = wiring.safe_on
        with self._named("cannot be made an output", Fault.CONFIG):
            self._gpio.setup(self.pin, self._gpio.OUT, initial=self._level(wiring.safe_on))
        self.safe()  # lgpio does nothing at all for a pin that is an output already

    def __repr__(self) -> str:
        return f"<output GPIO{self.pin}, {self.use}, {'on' if self.on else 'off'}>"

    def set(self, *, on: bool) -> None:
        """Raises DeviceError (UNPLUGGED) where the level cannot be set."""
        with self._named("does not obey"):
            self._gpio.output(self.pin, self._level(on))
        self.on = on

    def safe(self) -> None:
        self.set(on=self._wiring.safe_on)

    def _make_safe(self) -> None:
        # no cleanup(): as an input it would float, and an active-low driver might switch on
        self.safe()

    def _level(self, on: bool) -> int:
        return self._gpio.HIGH if on == self._wiring.active_high else self._gpio.LOW


class OpenDrainPin(Pin):
    """An output that only ever pulls low, or lets go: two of them joined by a closed key are no short circuit."""

    def __init__(self, board: Board, pin: int, use: str) -> None:
        super().__init__(board, pin, use)
        self.low = False
        with self._named("cannot be set up", Fault.CONFIG):
            self._release()

    def __repr__(self) -> str:
        return f"<open drain GPIO{self.pin}, {self.use}, {'low' if self.low else 'released'}>"

    def pull_low(self) -> None:
        with self._named("cannot be driven"):
            self._gpio.setup(self.pin, self._gpio.OUT, initial=self._gpio.LOW)
        self.low = True

    def release(self) -> None:
        with self._named("cannot be released"):
            self._release()

    def _release(self) -> None:
        self._gpio.setup(self.pin, self._gpio.IN, pull_up_down=self._gpio.PUD_UP)
        self.low = False

    def _make_safe(self) -> None:
        with self._named("cannot be released"):
            self.low = False
            self._gpio.cleanup(self.pin)


class InputPin(Pin):
    """An input, on or off whatever its active level, with its edges brought into the loop that `watch` ran on."""

    def __init__(self, board: Board, wiring: InputWiring, use: str) -> None:
        super().__init__(board, wiring.pin, use)
        self._wiring = wiring
        self._loop: asyncio.AbstractEventLoop | None = None
        self._debounce: Debounce | None = None
        self._trouble: DeviceError | None = None
        with self._named("cannot be made an input", Fault.CONFIG):
            self._gpio.setup(self.pin, self._gpio.IN, pull_up_down=self._pull())

    def __repr__(self) -> str:
        watched = "watched" if self._debounce else "not watched"
        return f"<input GPIO{self.pin}, {self.use}, {watched}>"

    @property
    def on(self) -> bool:
        """The level at this moment. Raises DeviceError (UNPLUGGED), also where an edge before could not be read."""
        if self._trouble is not None:
            raise self._trouble
        return self._read()

    @property
    def steady(self) -> bool:
        """While watched: the level that last held for the debounce time; else False."""
        return self._debounce is not None and self._debounce.on

    def watch(self, heard: Callable[[Edge], None], *, debounce_ms: int = 0) -> None:
        """Call `heard` on the loop for each change that holds for `debounce_ms` from now on."""
        assert self._debounce is None, f"{self!r} has its one listener"
        self._loop = asyncio.get_running_loop()
        with self._named("cannot be watched", Fault.CONFIG):
            self._gpio.add_event_detect(self.pin, self._gpio.BOTH, callback=self._edge)
        self._debounce = Debounce(hold_s=debounce_ms / 1000, on=self._read(), heard=heard)

    def refresh(self) -> None:
        """Look now, in case an edge was lost: what differs from the last one is taken as an edge of this moment."""
        if self._debounce is None or self._loop is None:
            return
        now = Edge(self.on, self._loop.time())
        if now.on != self._debounce.latest:
            self._debounce.seen(now)

    def unwatch(self) -> None:
        if self._debounce is not None:
            self._debounce.cancel()
            self._debounce = None
            with self._named("cannot be left alone"):
                self._gpio.remove_event_detect(self.pin)

    def _edge(self, _channel: int) -> None:
        """On the library's thread: what is to be known is read here, before the loop has time."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        at = loop.time()
        try:
            self._hop(loop, self._arrived, Edge(self._read(), at))
        except DeviceError as error:
            self._hop(loop, self._lost, error)

    @staticmethod
    def _hop(loop: asyncio.AbstractEventLoop, call: Callable[[Any], None], value: object) -> None:
        try:
            loop.call_soon_threadsafe(call, value)
        except RuntimeError:
            if not loop.is_closed():  # the loop may end between an edge and its delivery
                raise

    def _arrived(self, edge: Edge) -> None:
        if self._debounce is not None:
            self._debounce.seen(edge)

    def _lost(self, error: DeviceError) -> None:
        self._trouble = error

    def _read(self) -> bool:
        try:
            return bool(self._gpio.input(self.pin)) == self._wiring.active_high
        except Exception as error:
            raise self.error("cannot be read", Fault.UNPLUGGED, error) from error

    def _pull(self) -> int:
        pulls = {Pull.UP: self._gpio.PUD_UP, Pull.DOWN: self._gpio.PUD_DOWN, Pull.OFF: self._gpio.PUD_OFF}
        return pulls[self._wiring.pull]

    def _make_safe(self) -> None:
        try:
            self.unwatch()
        finally:
            with self._named("cannot be given back"):
                self._gpio.cleanup(self.pin)


P = TypeVar("P", bound=Pin)


class Board:
    """All pins of one machine. Claims them once, and leaves each output at its safe level when it is closed."""

    def __init__(self, gpio: Gpio) -> None:
        self.gpio = gpio
        self._pins: dict[int, Pin] = {}
        self._ready = False

    def __repr__(self) -> str:
        return f"<board with {len(self._pins)} pins in use>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def output(self, wiring: OutputWiring, use: str) -> OutputPin:
        """Claim an output, at its safe level from the first moment. Raises DeviceError (CONFIG)."""
        self._check(wiring.pin, use)
        return self._claimed(OutputPin(self, wiring, use))

    def open_drain(self, pin: int, use: str) -> OpenDrainPin:
        """Claim an output that pulls low or lets go; it starts released. Raises DeviceError (CONFIG)."""
        self._check(pin, use)
        return self._claimed(OpenDrainPin(self, pin, use))

    def input(self, wiring: InputWiring, use: str) -> InputPin:
        """Claim an input. Raises DeviceError (CONFIG)."""
        self._check(wiring.pin, use)
        return self._claimed(InputPin(self, wiring, use))

    def close(self) -> None:
        """Give every pin back; may be called again. Where one fails, the others still are, and then it is raised."""
        close_all(list(self._pins.values()))

    def forget(self, pin: Pin) -> None:
        """`pin` is free again."""
        if self._pins.get(pin.pin) is pin:
            del self._pins[pin.pin]

    def _claimed(self, pin: P) -> P:
        self._pins[pin.pin] = pin
        return pin

    def _check(self, pin: int, use: str) -> None:
        if not 0 <= pin <= HIGHEST_PIN:
            raise DeviceError(
                "pins",
                Fault.CONFIG,
                f"GPIO{pin} ({use}) does not exist: use GPIO0 to GPIO27, or to GPIO45 on a Compute Module.",
            )
        if pin in self._pins:
            uses = f"{self._pins[pin].use} and {use}"
            raise DeviceError("pins", Fault.CONFIG, f"GPIO{pin} is wired twice, to {uses}: give one another pin.")
        if not self._ready:
            self._open()

    def _open(self) -> None:
        try:
            self.gpio.setmode(self.gpio.BCM)
            self.gpio.setwarnings(False)
        except Exception as error:
            raise DeviceError("pins", Fault.CONFIG, _no_access(error)) from error
        self._ready = True


def close_all(pins: list[Pin]) -> None:
    """Close each of `pins`, whatever happens to the others; the first DeviceError is raised at the end."""
    errors: list[DeviceError] = []
    for pin in pins:
        try:
            pin.close()
        except DeviceError as error:
            errors.append(error)
    if errors:
        raise errors[0]
