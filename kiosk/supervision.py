"""What systemd is told (sd_notify), and what is known of the machine's clock."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
_STA_UNSYNC = 0x40
#: struct timex is 208 bytes on 64-bit, less on 32-bit; `modes` is its first int, `status` follows four longs.
_TIMEX_BYTES = 512


class Supervisor:
    """systemd's watchdog and status. Without NOTIFY_SOCKET in `environment` it is silent."""

    def __init__(self, notify: Callable[[str], None], *, watchdog_s: float, now: Callable[[], float]) -> None:
        self._notify = notify
        self._watchdog_s = watchdog_s
        self._now = now
        self._fed = float("-inf")
        self._status = ""

    def ready(self) -> None:
        self._notify("READY=1")

    def stopping(self) -> None:
        self._notify("STOPPING=1")

    def alive(self) -> None:
        """Called often; passed on four times in a watchdog's time."""
        now = self._now()
        if self._watchdog_s and now - self._fed >= self._watchdog_s / 4:
            self._fed = now
            self._notify("WATCHDOG=1")

    def status(self, sentence: str) -> None:
        if sentence != self._status:
            self._status = sentence
            self._notify(f"STATUS={sentence}")


def of_systemd(environment: Mapping[str, str], now: Callable[[], float]) -> Supervisor:
    """As NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID in `environment` say."""
    address = environment.get("NOTIFY_SOCKET", "")
    watchdog_us = environment.get("WATCHDOG_USEC", "")
    ours = environment.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
    watchdog_s = int(watchdog_us) / 1e6 if address and watchdog_us.isdecimal() and ours else 0.0
    return Supervisor(partial(_send, address) if address else lambda _: None, watchdog_s=watchdog_s, now=now)


def _send(address: str, state: str) -> None:
    """A supervisor that is gone is no reason to stop; one that is busy must not hold up the loop."""
    where = "\0" + address[1:] if address.startswith("@") else address
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line,
    ):
        line.setblocking(False)
        line.sendto(state.encode(), where)


def clock_is_synchronised() -> bool:
    """systemd-timesyncd says so by a file; of any other time service the kernel knows it (adjtimex, 2)."""
    return SYNCHRONISED.exists() or _kernel_says_so()


def _kernel_says_so() -> bool:
    """False where the system call is not allowed, too: then only timesyncd's file counts."""
    if not sys.platform.startswith("linux"):
        return True
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    if ctypes.CDLL(None).adjtimex(timex) < 0:
        return False
    place = ctypes.sizeof(ctypes.c_long) * 5
    status = int.from_bytes(timex.raw[place : place + 4], sys.byteorder)
    return not status & _STA_UNSYNC
