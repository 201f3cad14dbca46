"""Log lines about strangers: a flood of them must not become a flood of lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class LimitedLog:
    """Warnings, at most `lines_per_s`; how many more there were is said with the next line. `now_s` is monotonic."""

    def __init__(self, name: str, *, lines_per_s: int = 10, now_s: Callable[[], float] = time.monotonic) -> None:
        self._log = logging.getLogger(name)
        self._lines_per_s = lines_per_s
        self._now_s = now_s
        self._second = 0
        self._lines = 0

    def warning(self, text: str, *values: object) -> None:
        """As `logging.Logger.warning`."""
        second = int(self._now_s())
        if second != self._second:
            if (more := self._lines - self._lines_per_s) > 0:
                self._log.warning("%d more lines like these in one second were left out", more)
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines <= self._lines_per_s:
            self._log.warning(text, *values)
