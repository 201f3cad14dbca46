"""A serial wire in virtual time: two ends, the bytes' own pace, and everything that can happen to a wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from drivers.devices import DeviceError, Fault
from drivers.serial_line import Inbox

BITS_A_BYTE = 10  # start bit, eight of data, stop bit

Mangler = Callable[[int, int], bytes]
"""What becomes of one byte: (its number on this direction from 0, the byte) -> none, one or more bytes."""


def clean(_number: int, byte: int) -> bytes:
    """Nothing happens to it."""
    return bytes((byte,))


def dropping(*numbers: int) -> Mangler:
    """These bytes get lost."""
    return lambda number, byte: b"" if number in numbers else bytes((byte,))


def flipping(number: int, mask: int) -> Mangler:
    """The bits of `mask` are flipped in byte `number`."""
    return lambda at, byte: bytes((byte ^ mask if at == number else byte,))


def inserting(number: int, noise: bytes) -> Mangler:
    """`noise` comes before byte `number`."""
    return lambda at, byte: (noise if at == number else b"") + bytes((byte,))


def noisy(random: Random, share: float) -> Mangler:
    """That share of the bytes is lost, flipped or preceded by noise, as `random` decides."""

    def mangle(_number: int, byte: int) -> bytes:
        if random.random() >= share:
            return bytes((byte,))
        return random.choice((b"", bytes((byte ^ 1 << random.randrange(8),)), bytes((random.randrange(256), byte))))

    return mangle


class Direction:
    """One way along the wire. Chunks arrive as a whole when their last byte has; a cut delivers the bytes before it."""

    def __init__(self, byte_s: float, deliver: Callable[[bytes], None], cut: Callable[[], None]) -> None:
        self.mangle: Mangler = clean
        self.cut_at: int | None = None  # the wire is cut when this byte (number from 0) would leave
        self.sent = 0
        self._byte_s = byte_s
        self._deliver = deliver
        self._cut = cut
        self._free_at = 0.0
        self._under_way: dict[asyncio.TimerHandle, tuple[float, bytes]] = {}

    def send(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        begin = max(loop.time(), self._free_at)
        if self.cut_at is not None and self.sent + len(data) > self.cut_at:
            loop.call_at(begin + (self.cut_at - self.sent) * self._byte_s, self._cut)
            data = data[: self.cut_at - self.sent]
            self.cut_at = None
        self._free_at = begin + len(data) * self._byte_s
        first, self.sent = self.sent, self.sent + len(data)
        mangled = (
            data if self.mangle is clean else b"".join(self.mangle(first + at, byte) for at, byte in enumerate(data))
        )
        timer = loop.call_at(self._free_at, self._arrive)
        self._under_way[timer] = (begin, mangled)

    def stop(self) -> None:
        """What has arrived by now is delivered, the rest is lost."""
        now = asyncio.get_running_loop().time()
        for timer, (begin, data) in self._under_way.items():
            timer.cancel()
            arrived = data[: max(0, int((now - begin) / self._byte_s + 1e-6))]
            if arrived:
                self._deliver(arrived)
        self._under_way.clear()
        self._free_at = 0.0

    def _arrive(self) -> None:
        timer = next(iter(self._under_way))  # they arrive in the order they were sent
        _, data = self._under_way.pop(timer)
        if data:
            self._deliver(data)


class VirtualWire:
    """A cable between `host`, a SerialLine for the driver, and `device`, where the electrical device listens."""

    def __init__(self, *, baud: int = 115_200, name: str = "virtual wire") -> None:
        byte_s = BITS_A_BYTE / baud
        self.host = HostEnd(self, name)
        self.device = DeviceEnd(self)
        self.to_host = Direction(byte_s, self.host.arrived, self.cut)
        self.to_device = Direction(byte_s, self.device.arrived, self.cut)
        self.plugged_in = True

    def cut(self) -> None:
        """Pull the cable. A device that lives on the cable's power loses it."""
        if not self.plugged_in:
            return
        self.plugged_in = False
        self.to_host.stop()
        self.to_device.stop()
        self.host.lost()
        self.device.power(on=False)

    def plug(self) -> None:
        if self.plugged_in:
            return
        self.plugged_in = True
        self.device.power(on=True)
        self.host.found()


class DeviceEnd:
    """Where the simulated device is connected: it hears bytes and its power, and sends."""

    def __init__(self, wire: VirtualWire) -> None:
        self._wire = wire
        self._hear: Callable[[bytes], None] = lambda _: None
        self._power: list[Callable[[bool], None]] = []

    def connect(self, hear: Callable[[bytes], None], power: Callable[[bool], None] | None = None) -> None:
        """`hear` gets the bytes; `power` is told False when the cable is cut and True when it is plugged again."""
        self._hear = hear
        self._power = [power] if power else []

    def send(self, data: bytes) -> None:
        """Bytes for the host; they are lost while the cable is out."""
        if self._wire.plugged_in:
            self._wire.to_host.send(data)

    def arrived(self, data: bytes) -> None:
        self._hear(data)

    def power(self, *, on: bool) -> None:
        for told in self._power:
            told(on)


class HostEnd:
    """The driver's end: a drivers.serial_line.SerialLine. `rts` and `dtr` are what the driver set."""

    def __init__(self, wire: VirtualWire, name: str) -> None:
        self.name = name
        self.rts = False
        self.dtr = False
        self._wire = wire
        self._open = False
        self._connections = 0
        self._inbox = Inbox()

    @property
    def gone(self) -> bool:
        return not (self._open and self._wire.plugged_in)

    @property
    def connections(self) -> int:
        return self._connections

    @property
    def trouble(self) -> str:
        if not self._open:
            return f"The {self.name} is not opened."
        return f"The {self.name} is cut; plug it in." if self.gone else ""

    def open(self) -> None:
        if self._open:
            return
        self._open = True
        self._require()
        self._connections += 1

    def close(self) -> None:
        self._open = False
        self._inbox.interrupt()

    async def read(self, count: int, timeout_ms: int) -> bytes:
        made = self._connections
        self._require()
        data = await self._inbox.take(count, timeout_ms)
        if self.gone or self._connections != made:
            raise DeviceError(self.name, Fault.UNPLUGGED, self.trouble or f"The {self.name} was interrupted.")
        return data

    async def write(self, data: bytes) -> None:
        self._require()
        self._wire.to_device.send(data)

    def set_lines(self, *, rts: bool | None = None, dtr: bool | None = None) -> None:
        self._require()
        self.rts = self.rts if rts is None else rts
        self.dtr = self.dtr if dtr is None else dtr

    def arrived(self, data: bytes) -> None:
        if self._open:
            self._inbox.put(data)

    def lost(self) -> None:
        self._inbox.interrupt()

    def found(self) -> None:
        if self._open:
            self._connections += 1

    def _require(self) -> None:
        if self.gone:
            raise DeviceError(self.name, Fault.UNPLUGGED, self.trouble)
