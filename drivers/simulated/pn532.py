"""A PN532 as electricity: it hears and sends bytes in HSU mode and has tags in its field; with its fault menu."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.pn532.frames import ACK, CHIP_TO_HOST, HOST_TO_CHIP, NACK, Frame, FrameParser, Signal, frame, syntax_error
from drivers.simulated.line import VirtualWire
from drivers.simulated.ntag import Left, Lost, Nak, Ntag21x

ACK_S = 0.0003
SETUP_S = 0.001
NO_TAG_S = 0.010
FOUND_S = 0.006
EXCHANGE_S = 0.005
SILENT_S = 0.051  # the chip's default time limit for a tag's answer (UM0701-02, 7.3.1)
_WAKING_EDGES = 2


@dataclass
class ChipFaults:
    """What may go wrong with the chip. A number says how many of the next commands it happens to."""

    dead: bool = False  # no power, or wires swapped
    mute: int = 0  # neither acknowledged nor answered
    no_reply: int = 0  # acknowledged, never answered
    nacks: int = 0  # not understood
    wrong_checksums: int = 0  # answered with a wrong DCS
    syntax_errors: int = 0  # answered with the error frame
    air_errors: int = 0  # exchanges that end with a CRC error (status 0x02) though the tag did its part
    noise: bytes = b""  # sent before every answer
    late_s: float = 0.0  # added to every answer's time
    ic: int = 0x32

    def spend(self, name: str) -> bool:
        """Whether this fault happens now; one fewer is left then."""
        left = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return bool(left)


class ElectricPn532:
    """The chip. `send` carries its bytes to the host; `hear` takes the host's."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.faults = ChipFaults()
        self.field_is_on = False
        self.field_s = 0.0  # how long the field was on, in all
        self._send = send
        self._tags: list[Ntag21x] = []
        self._selected: dict[int, Ntag21x] = {}
        self._field_since = 0.0
        self._pending: list[asyncio.TimerHandle] = []
        self._commands: dict[int, tuple[int, Callable[[bytes], bytes]]] = {  # code: least data, what it does
            0x02: (0, lambda _: bytes((self.faults.ic, 1, 6, 7))),
            0x14: (1, self._configure_sam),
            0x32: (2, self._configure_rf),
            0x40: (2, lambda data: self._exchange(data[0], data[1:])),
            0x42: (1, lambda data: self._exchange(min(self._selected, default=0), data)),
            0x4A: (2, self._list),
            0x52: (1, self._release),
        }
        self._power_up()

    def _power_up(self) -> None:
        self._parser = FrameParser()
        self._powered = True
        self._awake = False
        self._edges = 0
        self._normal_mode = False
        self._searches_for_ever = True  # the default of MxRtyPassiveActivation (UM0701-02, 7.3.1)
        self._selected = {}
        self._last_answer = b""

    @classmethod
    def on(cls, wire: VirtualWire) -> ElectricPn532:
        """A chip at the wire's end, powered by it."""
        chip = cls(wire.device.send)
        wire.device.connect(chip.hear, chip.power)
        return chip

    def place(self, tag: Ntag21x) -> None:
        """Lay a tag on the antenna."""
        if tag not in self._tags:
            self._tags.append(tag)

    def take(self, tag: Ntag21x) -> None:
        """Take it away, whatever is under way."""
        self._tags = [other for other in self._tags if other is not tag]
        self._selected = {number: held for number, held in self._selected.items() if held is not tag}

    def lies_there(self, tag: Ntag21x) -> bool:
        return any(other is tag for other in self._tags)

    def power(self, on: bool, /) -> None:
        """Power lost or back: it forgets everything and sleeps until it is woken."""
        if self.field_is_on:
            self._field(on=False)
        self._abort()
        self._power_up()
        self._powered = on

    def hear(self, data: bytes) -> None:
        """Bytes from the host."""
        if self.faults.dead or not self._powered:
            return
        if not self._awake:
            self._edges += data.count(0x55)
            self._awake = self._edges >= _WAKING_EDGES
        if self._awake:
            for event in self._parser.feed(data):
                self._react(event)

    def _react(self, event: Signal | Frame) -> None:
        if event is Signal.ACK:
            self._abort()
        elif event is Signal.NACK:
            self._send(self._last_answer)
        elif isinstance(event, Frame) and event.body[0] == HOST_TO_CHIP and len(event.body) > 1:
            self._abort()
            self._accept(event.body[1], event.body[2:])

    def _abort(self) -> None:
        for timer in self._pending:
            timer.cancel()
        self._pending = []

    def _accept(self, code: int, data: bytes) -> None:
        if self.faults.spend("mute") or not (self._normal_mode or code == 0x14):
            return
        if self.faults.spend("nacks"):
            self._later(ACK_S, lambda: self._send(NACK))
            return
        self._later(ACK_S, lambda: self._send(ACK))
        unanswered = code == 0x4A and not self._tags and self._searches_for_ever
        if not self.faults.spend("no_reply") and not unanswered:
            self._later(ACK_S + self._duration(code) + self.faults.late_s, lambda: self._finish(code, data))

    def _later(self, delay_s: float, do: Callable[[], None]) -> None:
        self._pending.append(asyncio.get_running_loop().call_later(delay_s, do))

    def _duration(self, code: int) -> float:
        if code == 0x4A:
            return FOUND_S * len(self._tags) or NO_TAG_S
        if code in (0x40, 0x42):
            return EXCHANGE_S if self._selected else SILENT_S
        return SETUP_S

    def _finish(self, code: int, data: bytes) -> None:
        reply = None if self.faults.spend("syntax_errors") else self._carry_out(code, data)
        answer = syntax_error() if reply is None else frame(bytes((CHIP_TO_HOST, code + 1)) + reply)
        self._last_answer = answer
        if self.faults.spend("wrong_checksums"):
            answer = answer[:-2] + bytes((answer[-2] ^ 0x10, 0))
        self._send(self.faults.noise + answer)

    def _carry_out(self, code: int, data: bytes) -> bytes | None:
        """The answer's data; None where the command cannot be understood."""
        least, carry_out = self._commands.get(code, (0, None))
        return None if carry_out is None or len(data) < least else carry_out(data)

    def _configure_sam(self, data: bytes) -> bytes:
        self._normal_mode = data[0] == 1
        return b""

    def _configure_rf(self, data: bytes) -> bytes:
        if data[0] == 1:
            self._field(on=bool(data[1] & 1))
        if data[0] == 5:
            self._searches_for_ever = data[-1] == 0xFF
        return b""

    def _release(self, _: bytes) -> bytes:
        self._selected = {}
        return b"\x00"

    def _field(self, *, on: bool) -> None:
        now = asyncio.get_running_loop().time()
        if self.field_is_on:
            self.field_s += now - self._field_since
        self.field_is_on, self._field_since = on, now
        if not on:
            self._selected = {}

    def _list(self, data: bytes) -> bytes:
        self._field(on=True)
        self._selected = dict(enumerate(self._tags[: data[0]], start=1))
        listed = b"".join(
            bytes((number,)) + tag.sens_res + bytes((tag.sel_res, len(tag.uid))) + tag.uid + _ats(tag)
            for number, tag in self._selected.items()
        )
        return bytes((len(self._selected),)) + listed

    def _exchange(self, number: int, command: bytes) -> bytes:
        tag = self._selected.get(number)
        if tag is None:
            return b"\x01" if number else b"\x27"
        try:
            answer = tag.answer(command)
        except Nak:
            del self._selected[number]
            return b"\x05"
        except Left:
            self.take(tag)
            return b"\x01"
        except Lost:
            return b"\x01"
        return b"\x02" if self.faults.spend("air_errors") else b"\x00" + answer


def _ats(tag: Ntag21x) -> bytes:
    return b"\x05\x78\x80\x70\x02" if tag.sel_res & 0x20 else b""
