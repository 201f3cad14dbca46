"""The PN532's frames on a serial line: built, and found again in whatever bytes arrive (UM0701-02, 6.2.1)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

ACK = bytes.fromhex("0000ff00ff00")
NACK = bytes.fromhex("0000ffff0000")
HOST_TO_CHIP = 0xD4
CHIP_TO_HOST = 0xD5
MAX_BODY = 265  # TFI and 264 bytes of data, the largest extended frame
_START = b"\x00\xff"
_SYNTAX_ERROR = b"\x7f"


class Signal(enum.Enum):
    """A frame that carries no data."""

    ACK = "ack"
    NACK = "nack"
    SYNTAX_ERROR = "syntax-error"  # the chip did not understand the last command (UM0701-02, 6.2.1.5)


@dataclass(frozen=True, slots=True)
class Frame:
    """An information frame whose checksums hold. `body` is TFI, command code and data."""

    body: bytes


def frame(body: bytes) -> bytes:
    """`body` (TFI, code, data; 1 to 265 bytes) as it goes on the line: normal up to 255 bytes, else extended."""
    if not 1 <= len(body) <= MAX_BODY:
        raise ValueError(f"A frame's body has 1 to {MAX_BODY} bytes, not {len(body)}.")
    if len(body) <= 0xFF:
        head = bytes((len(body), -len(body) & 0xFF))
    else:
        high, low = divmod(len(body), 256)
        head = bytes((0xFF, 0xFF, high, low, -(high + low) & 0xFF))
    return b"\x00" + _START + head + body + bytes((-sum(body) & 0xFF, 0x00))


def syntax_error() -> bytes:
    """The chip's error frame."""
    return frame(_SYNTAX_ERROR)


class FrameParser:
    """Takes bytes as they come, in any pieces; gives the frames among them and skips the rest.

    It never raises. What it keeps between calls is shorter than one largest frame. A damaged head may make it wait
    for bytes of the next frame, which is found again inside once the damaged one did not add up; a caller whose
    time limit passed before that calls `reset`.
    """

    def __init__(self) -> None:
        self._data = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes kept of a frame that is not complete."""
        return len(self._data)

    def reset(self) -> None:
        self._data.clear()

    def feed(self, data: bytes) -> list[Signal | Frame]:
        self._data += data
        found: list[Signal | Frame] = []
        while self._find_start():
            match _frame_at_start(self._data):
                case None:
                    break
                case (None, used):
                    del self._data[:used]
                case (event, used):
                    found.append(event)
                    del self._data[:used]
        return found

    def _find_start(self) -> bool:
        """Drop what precedes the next start code; keep a last 0x00, which may be its first half."""
        start = self._data.find(_START)
        if start < 0:
            start = len(self._data) - (1 if self._data.endswith(b"\x00") else 0)
        del self._data[:start]
        return self._data.startswith(_START)


def _frame_at_start(data: bytearray) -> tuple[Signal | Frame | None, int] | None:
    """The frame at a start code and the bytes it takes; (None, 1) where there is none; None: more bytes are needed."""
    if len(data) < 4:
        return None
    match data[2], data[3]:
        case 0x00, 0xFF:
            return Signal.ACK, 4
        case 0xFF, 0x00:
            return Signal.NACK, 4
        case 0xFF, 0xFF:
            if len(data) < 7:
                return None
            return _body_at(data, 7, 256 * data[4] + data[5], sum(data[4:7]))
        case length, check:
            return _body_at(data, 4, length, length + check)


def _body_at(data: bytearray, begin: int, length: int, length_sum: int) -> tuple[Signal | Frame | None, int] | None:
    if length_sum & 0xFF or not 1 <= length <= MAX_BODY:
        return None, 1
    end = begin + length
    if len(data) < end + 2:
        return None
    body = bytes(data[begin:end])
    # Without the postamble, a frame that lost a zero would add up, one byte shifted: its own checksum taken for data.
    if (sum(body) + data[end]) & 0xFF or data[end + 1] != 0x00:
        return None, 1
    return (Signal.SYNTAX_ERROR if body == _SYNTAX_ERROR else Frame(body)), end + 2
