"""A serial port made of a pty: its device side, and the path by which a driver opens it."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path


class PtyPort:
    """`path` is a link to the pty's terminal side, as udev makes one: it vanishes with the cable and comes back.

    Bytes from the driver go to `hear`, on the running loop; `send` sends to the driver.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hear: Callable[[bytes], None] = lambda _: None
        self._master: int | None = None

    def plug(self) -> None:
        self._master, terminal = os.openpty()
        tty.setraw(terminal)
        os.set_blocking(self._master, False)
        self.path.symlink_to(os.ttyname(terminal))
        self._terminal = terminal  # kept open, or reading the master fails until the driver opens its side
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def unplug(self) -> None:
        if self._master is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self.path.unlink()
        os.close(self._terminal)
        os.close(self._master)
        self._master = None

    def send(self, data: bytes) -> None:
        if self._master is not None:
            os.write(self._master, data)

    def stop_listening(self) -> None:
        """From now on nobody takes the driver's bytes."""
        asyncio.get_running_loop().remove_reader(self._master)

    def _readable(self) -> None:
        self.hear(os.read(self._master, 4096))
