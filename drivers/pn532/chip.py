"""The PN532's commands over a serial line in HSU mode: sent, acknowledged, answered, tried again (UM0701-02)."""

from __future__ import annotations

import asyncio
import enum
import math
from collections import deque
from dataclasses import dataclass

from drivers.devices import DeviceError, Fault
from drivers.pn532.frames import ACK, CHIP_TO_HOST, HOST_TO_CHIP, MAX_BODY, Frame, FrameParser, Signal, frame
from drivers.serial_line import SerialLine

WAKE = b"\x55\x55" + bytes(14)  # rising edges wake it, the zeros give its oscillator time (UM0701-02, 7.2.11)
WAKE_MS = 20
ACK_MS = 100  # 15 ms by the manual, and what a USB adapter may hold back
REPLY_MS = 500
QUIET_MS = 50  # more than the flush takes on its way (24 ms at 115200 baud) and an adapter holds back (16 ms)
TRIES = 3
IC_PN532 = 0x32
_FLUSH = bytes(MAX_BODY + 8)
_DRAIN_ROUNDS = 64
_READ_AT_ONCE = 256


class Code(enum.IntEnum):
    """Command codes (UM0701-02, 7). The answer's code is one higher."""

    GET_FIRMWARE_VERSION = 0x02
    SAM_CONFIGURATION = 0x14
    RF_CONFIGURATION = 0x32
    IN_DATA_EXCHANGE = 0x40
    IN_COMMUNICATE_THRU = 0x42
    IN_LIST_PASSIVE_TARGET = 0x4A
    IN_RELEASE = 0x52


class TagError(Exception):
    """The tag did not answer, refused, or was not understood; `status` is the chip's code (UM0701-02, 7.1)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the tag failed with status 0x{status:02X}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Target:
    """A type A tag in the field, as InListPassiveTarget reports it (UM0701-02, 7.3.5)."""

    number: int
    sens_res: bytes
    sel_res: int
    uid: bytes


class Pn532Chip:
    """One command at a time. Every command may be sent twice without harm, so a doubtful one is sent again.

    Raises DeviceError: UNPLUGGED from the line; TIMEOUT where the chip stays silent; PROTOCOL where its answers
    make no sense.
    """

    def __init__(self, line: SerialLine, *, device: str) -> None:
        self._line = line
        self._device = device
        self._parser = FrameParser()
        self._events: deque[Signal | Frame] = deque()
        self._settled = False

    async def start(self) -> None:
        """Wake the chip and set it up as a reader, with the field off. Anything but a PN532 is refused."""
        await self._line.write(WAKE)
        await asyncio.sleep(WAKE_MS / 1000)
        self._settled = False
        # Normal mode, no SAM, no IRQ pin. It must come first: the chip starts in low battery mode (AN10609, 3.1.3).
        await self.command(Code.SAM_CONFIGURATION, b"\x01\x00\x00")
        version = await self.command(Code.GET_FIRMWARE_VERSION)
        if version[:1] != bytes((IC_PN532,)):
            raise self._nonsense("is no PN532")
        # Two attempts to activate a tag, then "none"; the chip's default would look for one for ever.
        await self.command(Code.RF_CONFIGURATION, b"\x05\xff\x01\x01")
        await self.field_off()

    async def targets(self) -> list[Target]:
        """The type A tags in the field at 106 kbit/s, two at most. Switches the field on."""
        reply = await self.command(Code.IN_LIST_PASSIVE_TARGET, b"\x02\x00")
        try:
            return _parse_targets(reply)
        except IndexError:
            raise self._nonsense("lists tags that cannot be") from None

    async def exchange(self, target: int, data: bytes) -> bytes:
        """Send `data` to a listed tag, by the rules the chip knows for its kind. Raises TagError."""
        return self._tag_answer(await self.command(Code.IN_DATA_EXCHANGE, bytes((target,)) + data))

    async def through(self, data: bytes) -> bytes:
        """Send `data` as it is to the tag that is selected. Raises TagError."""
        return self._tag_answer(await self.command(Code.IN_COMMUNICATE_THRU, data))

    async def release_targets(self) -> None:
        """Forget the tags that were listed."""
        await self.command(Code.IN_RELEASE, b"\x00")

    async def field_off(self) -> None:
        """Switch the field off: the tags lose power and start afresh."""
        await self.command(Code.RF_CONFIGURATION, b"\x01\x00")

    async def command(self, code: Code, data: bytes = b"", *, reply_ms: int = REPLY_MS) -> bytes:
        """The data of the chip's answer to one command."""
        understood = True
        for attempt in range(TRIES):
            if not self._settled:
                await self._settle()
            self._settled = False  # stays so when this attempt fails or is cancelled
            await self._line.write(frame(bytes((HOST_TO_CHIP, code)) + data))
            reply = await self._answer(code, reply_ms)
            if isinstance(reply, bytes):
                self._settled = attempt == 0  # an answer to the first attempt may still follow
                return reply
            understood = reply is not Signal.SYNTAX_ERROR
        if understood:
            raise DeviceError(
                self._device,
                Fault.TIMEOUT,
                f"The {self._device} on {self._line.name} does not answer; check its power, its wires (TX to RX) "
                "and that its switches say HSU.",
            )
        raise self._nonsense(f"does not know the command 0x{code:02X}")

    async def _answer(self, code: Code, reply_ms: int) -> bytes | Signal | None:
        """The answer's data; SYNTAX_ERROR or NACK where the chip said so; None where the time passed."""
        first = await self._next_of((Signal.ACK, Signal.NACK), ACK_MS)
        if first is not Signal.ACK:
            return first
        expected = bytes((CHIP_TO_HOST, code + 1))
        limit = asyncio.get_running_loop().time() + reply_ms / 1000
        while (event := await self._next_event(limit)) is not None:
            if event is Signal.SYNTAX_ERROR:
                return event
            if isinstance(event, Frame) and event.body.startswith(expected):
                return event.body[2:]
        return None

    async def _next_of(self, wanted: tuple[Signal, ...], timeout_ms: int) -> Signal | None:
        limit = asyncio.get_running_loop().time() + timeout_ms / 1000
        while (event := await self._next_event(limit)) is not None:
            if isinstance(event, Signal) and event in wanted:
                return event
        return None

    async def _next_event(self, limit_s: float) -> Signal | Frame | None:
        loop = asyncio.get_running_loop()
        while not self._events:
            left_ms = math.ceil((limit_s - loop.time()) * 1000)
            data = await self._line.read(_READ_AT_ONCE, left_ms) if left_ms > 0 else b""
            if not data:
                return None
            self._events.extend(self._parser.feed(data))
        return self._events.popleft()

    async def _settle(self) -> None:
        """Abort what the chip may be doing (an ACK does, UM0701-02, 6.2.1.3) and let stale bytes run out.

        Else a late answer could be taken for that of the next command, and one page's bytes for another's. The zeros
        end a frame that the chip still waits for because noise announced it.
        """
        await self._line.write(_FLUSH + ACK)
        for _ in range(_DRAIN_ROUNDS):
            if not await self._line.read(_READ_AT_ONCE, QUIET_MS):
                break
        self._parser.reset()
        self._events.clear()

    def _tag_answer(self, reply: bytes) -> bytes:
        if not reply:
            raise self._nonsense("leaves the status out")
        status = reply[0] & 0x3F  # the upper bits are NAD and "more"
        if status:
            raise TagError(status)
        return reply[1:]

    def _nonsense(self, what: str) -> DeviceError:
        sentence = f"The {self._device} on {self._line.name} {what}; check that the port is the reader's."
        return DeviceError(self._device, Fault.PROTOCOL, sentence)


_ISO14443_4 = 0x20


def _parse_targets(reply: bytes) -> list[Target]:
    """UM0701-02, 7.3.5, for type A. Raises IndexError where bytes are missing."""
    found, at = [], 1
    for _ in range(reply[0]):
        end = at + 5 + reply[at + 4]
        target = Target(reply[at], reply[at + 1 : at + 3], reply[at + 3], reply[at + 5 : end])
        if end > len(reply):
            raise IndexError(end)
        found.append(target)
        at = end + (reply[end] if target.sel_res & _ISO14443_4 else 0)  # its ATS counts itself
    return found
