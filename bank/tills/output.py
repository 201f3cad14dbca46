"""What `bank` prints, by a thread of its own: whoever does not read its lines holds up nobody."""

from __future__ import annotations

import logging
import os
import queue
import threading
from contextlib import suppress

_STDOUT, _STDERR = 1, 2
#: Lines for people that wait; more of them are left out. The rules' own lines never are.
_MOST_COMPLAINTS = 200


class Output:
    """Lines leave in the order in which they were said. Straight to the descriptors: no stream keeps anything back."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="output", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """One line of the rules' on stdout."""
        self._lines.put((_STDOUT, f"{line}\n".encode()))

    def complain(self, sentence: object) -> None:
        """One for people on stderr."""
        if self._lines.qsize() < _MOST_COMPLAINTS:
            self._lines.put((_STDERR, f"bank: {sentence}\n".encode(errors="backslashreplace")))

    def finish(self, seconds: float) -> None:
        """Let what was said leave, for so long."""
        self._lines.put(None)
        self._thread.join(seconds)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # That nobody is there to read it is no reason to stop.
            with suppress(OSError):
                _whole(*line)


class Complaints(logging.Handler):
    """The program's own warnings, one line each, without their stacks."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.complain(record.getMessage())


def _whole(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
