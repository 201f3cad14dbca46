"""A serial line as a byte stream that may lose its cable at any moment, and its production side over pyserial."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import termios
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import serial

from drivers.devices import DeviceError, Fault

INBOX_LIMIT = 4096
WRITE_LIMIT_S = 1.0
FIRST_RETRY_S = 0.25
LAST_RETRY_S = 5.0
_JOIN_S = 1.0


class SerialLine(Protocol):
    """The seam. Every method is called on the asyncio loop."""

    name: str

    @property
    def gone(self) -> bool:
        """No bytes can pass now: not opened, closed, or the cable is out."""

    @property
    def connections(self) -> int:
        """How often the line was made. A driver that sees a new number starts its device afresh."""

    @property
    def trouble(self) -> str:
        """Why the line is gone, one sentence for the operator; empty while it is there."""

    def open(self) -> None:
        """Claim the port. From now on until `close` a lost line is made again by itself.

        Raises DeviceError when it is not there now (UNPLUGGED: missing; CONFIG: busy, not permitted, no serial port);
        the line goes on trying all the same, so a caller may take the error as a report.
        """

    def close(self) -> None:
        """Give the port back. May be called again."""

    async def read(self, count: int, timeout_ms: int) -> bytes:
        """At most `count` bytes, as soon as any are there; none after `timeout_ms`.

        Raises DeviceError (UNPLUGGED) when the line is gone, or was made again meanwhile.
        """

    async def write(self, data: bytes) -> None:
        """Hand `data` to the line, one call at a time. Raises DeviceError (UNPLUGGED; TIMEOUT: it takes no bytes)."""

    def set_lines(self, *, rts: bool | None = None, dtr: bool | None = None) -> None:
        """Set the modem lines that are named. A port that has none ignores it."""


class Inbox:
    """Bytes that have arrived and wait to be read. At `limit` the oldest are dropped: they are stale by then."""

    def __init__(self, limit: int = INBOX_LIMIT) -> None:
        self._limit = limit
        self._data = bytearray()
        self._stirred = asyncio.Event()

    def put(self, data: bytes) -> None:
        self._data += data
        del self._data[: max(0, len(self._data) - self._limit)]
        self._stirred.set()

    def interrupt(self) -> None:
        """Forget what is here and wake who waits; they get no bytes."""
        self._data.clear()
        self._stirred.set()

    async def take(self, count: int, timeout_ms: int) -> bytes:
        """At most `count` bytes; none when `timeout_ms` passed or the wait was interrupted."""
        if not self._data:
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_ms / 1000):
                    await self._stirred.wait()
        taken = bytes(self._data[:count])
        del self._data[:count]
        return taken


def open_serial_port(path: str, baud: int) -> serial.Serial:
    """A port that blocks in `read` until bytes come or `cancel_read`, locked against other programs.

    Raises OSError (serial.SerialException is one).
    """
    try:
        return serial.Serial(path, baud, timeout=None, write_timeout=WRITE_LIMIT_S, exclusive=True)
    except termios.error as error:  # no OSError, though it carries an errno
        raise OSError(*error.args) from error


class PySerialLine:
    """A port of the operating system. Give it a stable name (`/dev/serial/by-id/...` or a udev link), not `ttyUSB0`.

    One thread waits in `read` (no wake-ups while the line is silent); what it gets comes back to the loop.
    """

    def __init__(
        self, path: str, *, baud: int = 115_200, open_port: Callable[[str, int], serial.Serial] = open_serial_port
    ) -> None:
        self.name = path
        self._baud = baud
        self._open_port = open_port
        self._inbox = Inbox()
        self._port: serial.Serial | None = None
        self._pump: _Pump | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._retry_s = FIRST_RETRY_S
        self._connections = 0
        self._trouble = f"The serial port {path} is not opened."

    def __repr__(self) -> str:
        return f"PySerialLine({self.name!r}, {'gone' if self.gone else 'there'})"

    @property
    def gone(self) -> bool:
        return self._port is None

    @property
    def connections(self) -> int:
        return self._connections

    @property
    def trouble(self) -> str:
        return self._trouble

    def open(self) -> None:
        if self._writer is not None:
            return
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"write {self.name}")
        self._connect()

    def close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._drop_port()
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None
        self._trouble = f"The serial port {self.name} is closed."

    async def read(self, count: int, timeout_ms: int) -> bytes:
        self._require_port()
        data = await self._inbox.take(count, timeout_ms)
        self._require_port()  # a lost line stays lost for FIRST_RETRY_S at least: no waiting reader misses it
        return data

    async def write(self, data: bytes) -> None:
        port = self._require_port()
        try:
            rest = data[_write_at_once(port, data) :]
            if rest:
                await asyncio.get_running_loop().run_in_executor(self._writer, port.write, rest)
        except serial.SerialTimeoutException as error:
            raise DeviceError(self.name, Fault.TIMEOUT, f"The device on {self.name} takes no bytes.") from error
        except OSError as error:
            self._lost(port)
            raise DeviceError(self.name, Fault.UNPLUGGED, self._trouble) from error
        if port is not self._port:  # dropped under the write, which pyserial then ends without a word
            raise DeviceError(self.name, Fault.UNPLUGGED, self._trouble or f"The line {self.name} was interrupted.")

    def set_lines(self, *, rts: bool | None = None, dtr: bool | None = None) -> None:
        port = self._require_port()
        for line, level in (("rts", rts), ("dtr", dtr)):
            if level is not None:
                _set_modem_line(port, line, level=level)

    def _require_port(self) -> serial.Serial:
        if self._port is None:
            raise DeviceError(self.name, Fault.UNPLUGGED, self._trouble)
        return self._port

    def _connect(self) -> None:
        self._retry = None
        try:
            port = self._open_port(self.name, self._baud)
        except OSError as error:
            fault, self._trouble = _why_not_opened(self.name, error)
            self._try_again_later()
            raise DeviceError(self.name, fault, self._trouble) from error
        self._port, self._trouble, self._retry_s = port, "", FIRST_RETRY_S
        self._connections += 1
        self._start_pump(port)

    def _start_pump(self, port: serial.Serial) -> None:
        loop = asyncio.get_running_loop()

        def hop(callback: Callable[..., None], *arguments: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
                loop.call_soon_threadsafe(callback, *arguments)

        self._pump = _Pump(port, lambda data: hop(self._arrived, port, data), lambda: hop(self._lost, port))
        self._pump.start()

    def _arrived(self, port: serial.Serial, data: bytes) -> None:
        if port is self._port:
            self._inbox.put(data)

    def _lost(self, port: serial.Serial) -> None:
        if port is not self._port:
            return
        self._trouble = f"The serial line {self.name} is interrupted; check that its cable is plugged in."
        self._drop_port()
        self._try_again_later()

    def _drop_port(self) -> None:
        port, self._port = self._port, None
        self._inbox.interrupt()
        if port is None or self._pump is None or self._writer is None:
            return
        self._pump.stop()
        self._pump = None
        with contextlib.suppress(OSError):
            port.cancel_write()
        # In the writer's thread, behind a write that may still be under way: a file number that is closed
        # under a write may be somebody else's file by then.
        self._writer.submit(_close_port, port)

    def _try_again_later(self) -> None:
        if self._writer is None:
            return
        self._retry = asyncio.get_running_loop().call_later(self._retry_s, self._try_again)
        self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)

    def _try_again(self) -> None:
        with contextlib.suppress(DeviceError):  # `trouble` says it, and the next attempt is planned
            self._connect()


class _Pump(threading.Thread):
    """The reader thread: delivers what comes until it is stopped or the line fails."""

    def __init__(self, port: serial.Serial, deliver: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        super().__init__(name=f"read {port.port}", daemon=True)
        self._port = port
        self._deliver = deliver
        self._lost = lost
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopped.is_set() and (data := self._port.read(1)):
                self._deliver(data + self._port.read(self._port.in_waiting))
        except OSError:  # in_waiting raises the system's own, read pyserial's
            self._lost()

    def stop(self) -> None:
        """Ask first, then wake: whichever of its reads swallows the wake-up, the thread sees the flag after it."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._port.cancel_read()
        self.join(_JOIN_S)


def _close_port(port: serial.Serial) -> None:
    with contextlib.suppress(OSError, termios.error):
        port.reset_output_buffer()  # or closing would wait for a device that takes no bytes
    with contextlib.suppress(OSError):
        port.close()


def _write_at_once(port: serial.Serial, data: bytes) -> int:
    """What the kernel's buffer takes without waiting: a short command costs no change of thread."""
    try:
        return os.write(port.fileno(), data)
    except BlockingIOError:
        return 0


def _set_modem_line(port: serial.Serial, line: str, *, level: bool) -> None:
    try:
        setattr(port, line, level)
    except OSError as error:
        if error.errno not in (errno.ENOTTY, errno.EINVAL):  # a pty has no such lines
            raise DeviceError(str(port.port), Fault.UNPLUGGED, f"The line {port.port} does not answer.") from error


def _why_not_opened(path: str, error: OSError) -> tuple[Fault, str]:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO | errno.EIO:
            return (
                Fault.UNPLUGGED,
                f"The serial port {path} is not there; plug its cable in, or correct the port's name.",
            )
        case errno.EACCES | errno.EPERM:
            return Fault.CONFIG, f"This user may not open the serial port {path}; add it to the group dialout."
        case errno.EAGAIN | errno.EBUSY:
            return (
                Fault.CONFIG,
                f"Another program holds the serial port {path}; stop it (often a getty or ModemManager).",
            )
        case _:
            return Fault.CONFIG, f"{path} cannot be used as a serial port; correct the port's name."
