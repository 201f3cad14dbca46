"""The board's pins without a board: RPi.GPIO's API on one side, electrical devices on the other.

What decides a level, strongest first: an output or a device that drives; a resistor of the device; the board's own
pull; nothing (then it reads low). Pins that are joined by a closed switch are one net.

Everything happens in the time of the running asyncio loop, real or virtual. Watchers of a level are called at once,
edge callbacks a moment later (`call_soon_threadsafe`), as those of the library's own thread are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Watcher = Callable[[bool], None]

NO_BOUNCETIME = -666  # RPi.GPIO's own default
HIGHEST_CHANNEL = 53


@dataclass(slots=True)
class _Detection:
    """One call of `add_event_detect`."""

    edge: int
    callback: Callable[[int], None] | None
    bounce_s: float
    loop: asyncio.AbstractEventLoop
    last: float | None = None


@dataclass(slots=True)
class _Pin:
    """What is known of one pin, from both sides of it."""

    direction: int | None = None
    out: bool = False
    board_pull: bool | None = None
    driven: bool | None = None
    resistor: bool | None = None
    level: bool = False
    detection: _Detection | None = None
    watchers: list[Watcher] = field(default_factory=list)


class SimulatedPins:
    """RPi.GPIO's module API over nets. As strict as the module: a use that would raise there raises here."""

    BCM = 11
    BOARD = 10
    OUT = 0
    IN = 1
    LOW = 0
    HIGH = 1
    PUD_OFF = 20
    PUD_DOWN = 21
    PUD_UP = 22
    RISING = 31
    FALLING = 32
    BOTH = 33

    def __init__(self) -> None:
        self.shorts: list[str] = []
        self.tell: Callable[..., object] = _at_once
        """How what lies behind the pins is told of a change: in a simulation, without the firmware's own context."""
        self._mode: int | None = None
        self._pins: dict[int, _Pin] = {}
        self._joined: dict[int, set[int]] = {}

    def __repr__(self) -> str:
        used = {channel: int(pin.level) for channel, pin in sorted(self._pins.items()) if pin.direction is not None}
        return f"<simulated pins {used}>"

    # ---- the side of the firmware: RPi.GPIO ----

    def setmode(self, mode: int) -> None:
        if mode != self.BCM:
            raise ValueError("An invalid mode was passed to setmode(): the simulated pins know BCM numbers only")
        self._mode = mode

    def getmode(self) -> int | None:
        return self._mode

    def setwarnings(self, value: bool) -> None:
        """There is nothing to warn of."""

    def setup(self, channel: int, direction: int, pull_up_down: int = PUD_OFF, initial: int = -1) -> None:
        pin = self._channel(channel)
        if direction == self.OUT:
            if pull_up_down != self.PUD_OFF:
                raise ValueError("pull_up_down parameter is not valid for outputs")
            pin.detection = None
            pin.out = pin.level if initial == -1 else bool(initial)
            pin.board_pull = None
        elif direction == self.IN:
            if initial != -1:
                raise ValueError("initial parameter is not valid for inputs")
            pin.board_pull = _PULLS[pull_up_down]
        else:
            raise ValueError("An invalid direction was passed to setup()")
        pin.direction = direction
        self._changed(channel)

    def input(self, channel: int) -> int:
        pin = self._pins.get(channel)
        if pin is None or pin.direction is None:
            self._channel(channel)
            raise RuntimeError("You must setup() the GPIO channel first")
        return int(pin.level)

    def output(self, channel: int, value: int) -> None:
        pin = self._channel(channel)
        if pin.direction != self.OUT:
            raise RuntimeError("The GPIO channel has not been set up as an OUTPUT")
        pin.out = bool(value)
        self._changed(channel)

    def add_event_detect(
        self, channel: int, edge: int, callback: Callable[[int], None] | None = None, bouncetime: int = NO_BOUNCETIME
    ) -> None:
        pin = self._channel(channel)
        if pin.direction != self.IN:
            raise RuntimeError("You must setup() the GPIO channel as an input first")
        if edge not in (self.RISING, self.FALLING, self.BOTH):
            raise ValueError("The edge must be set to RISING, FALLING or BOTH")
        if pin.detection is not None:
            raise RuntimeError("Conflicting edge detection already enabled for this GPIO channel")
        if bouncetime != NO_BOUNCETIME and bouncetime <= 0:
            raise ValueError("Bouncetime must be greater than 0")
        bounce_s = 0.0 if bouncetime == NO_BOUNCETIME else bouncetime / 1000
        pin.detection = _Detection(edge, callback, bounce_s, asyncio.get_running_loop())

    def remove_event_detect(self, channel: int) -> None:
        self._channel(channel).detection = None

    def cleanup(self, channel: int | None = None) -> None:
        """Inputs without pull and without detection again: one channel, or all of them and the mode with them."""
        channels = [channel] if channel is not None else list(self._pins)
        for each in channels:
            pin = self._channel(each)
            pin.direction = pin.board_pull = pin.detection = None
            self._changed(each)
        if channel is None:
            self._mode = None

    # ---- the side of the electricity ----

    def power_off(self) -> None:
        """What the end of the process, or a power cut, does to the pins: nothing drives them any more."""
        if self._mode is not None:
            self.cleanup()

    def level(self, channel: int) -> bool:
        """The level on the pin's net now."""
        return self._pin(channel).level

    def drive(self, channel: int, level: bool | None) -> None:
        """A device drives the pin to `level`; None lets go of it."""
        self._pin(channel).driven = level
        self._changed(channel)

    def resistor(self, channel: int, level: bool | None) -> None:
        """A resistor of the device pulls the pin to `level`, stronger than the board's own; None takes it away."""
        self._pin(channel).resistor = level
        self._changed(channel)

    def watch(self, channel: int, watcher: Watcher) -> None:
        """Call `watcher` with the new level at each change of the pin's net."""
        self._pin(channel).watchers.append(watcher)

    def join(self, one: int, other: int, closed: bool) -> None:
        """Close or open a switch between two pins."""
        for here, there in ((one, other), (other, one)):
            switches = self._joined.setdefault(here, set())
            if closed:
                switches.add(there)
            else:
                switches.discard(there)
        self._changed(one)
        self._changed(other)

    # ---- nets ----

    def _pin(self, channel: int) -> _Pin:
        pin = self._pins.get(channel)
        return self._pins.setdefault(channel, _Pin()) if pin is None else pin

    def _channel(self, channel: int) -> _Pin:
        if self._mode is None:
            raise RuntimeError("Please set pin numbering mode using GPIO.setmode(GPIO.BOARD) or GPIO.setmode(GPIO.BCM)")
        if not 0 <= channel <= HIGHEST_CHANNEL:
            raise ValueError("The channel sent is invalid on a Raspberry Pi")
        return self._pin(channel)

    def _net(self, channel: int) -> list[int]:
        found = [channel]
        if not self._joined.get(channel):
            return found
        for each in found:
            found.extend(there for there in self._joined.get(each, ()) if there not in found)
        return found

    def _changed(self, channel: int) -> None:
        net = self._net(channel)
        level = _alone(self._pin(channel)) if len(net) == 1 else None
        if level is None:
            level = self._resolve(net)
        elif level == self._pin(channel).level:
            return
        turned = [each for each in net if self._pin(each).level != level]
        for each in turned:
            self._pin(each).level = level
        for each in turned:
            pin = self._pin(each)
            if pin.watchers or pin.detection is not None:
                self.tell(self._announce, each, level)

    def _resolve(self, net: list[int]) -> bool:
        pins = [self._pin(each) for each in net]
        driven = {pin.out for pin in pins if pin.direction == self.OUT}
        driven |= _known(pin.driven for pin in pins)
        if len(driven) > 1:
            self.shorts.append(f"outputs fight on {', '.join(f'GPIO{each}' for each in sorted(net))}")
        for strength in (driven, _known(pin.resistor for pin in pins), _known(pin.board_pull for pin in pins)):
            if strength:
                return all(strength)  # where two fight, the one to ground wins
        return False

    def _announce(self, channel: int, level: bool) -> None:
        pin = self._pin(channel)
        for watcher in pin.watchers:
            watcher(level)
        if pin.detection is not None and pin.detection.edge in (self.BOTH, self.RISING if level else self.FALLING):
            self._detect(channel, pin.detection)

    @staticmethod
    def _detect(channel: int, detection: _Detection) -> None:
        now = detection.loop.time()
        if detection.bounce_s and detection.last is not None and now - detection.last <= detection.bounce_s:
            return
        detection.last = now
        if detection.callback is not None:
            detection.loop.call_soon_threadsafe(detection.callback, channel)


_PULLS = {SimulatedPins.PUD_OFF: None, SimulatedPins.PUD_UP: True, SimulatedPins.PUD_DOWN: False}


def _at_once(call: Callable[..., object], *args: object) -> None:
    call(*args)


def _known(levels: Iterable[bool | None]) -> set[bool]:
    return {level for level in levels if level is not None}


def _alone(pin: _Pin) -> bool | None:
    """What `_resolve` says of a pin that is joined to no other, as nearly all are; None where a device drives it."""
    if pin.driven is not None:
        return None
    if pin.direction == SimulatedPins.OUT:
        return pin.out
    pulled = pin.board_pull if pin.resistor is None else pin.resistor
    return bool(pulled)
