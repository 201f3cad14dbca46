"""The same menu as a page in headless Chromium: its touches, its memory, what it uses at rest, how soon it is there."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menu import HEIGHT, WIDTH, page, places

CHROMIUM = shutil.which("chromium")
#: As a kiosk would start it, and nothing fetched. Root needs no sandbox of the browser's own, and cannot have it.
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
_PAUSE_MS, _PATIENCE_MS = 200, 5_000
_FRAME_SHOWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


def can_measure() -> bool:
    return CHROMIUM is not None


@dataclass
class Chromium:
    """A running one with the menu on it. `first_s`: from its start until a frame of the page was shown."""

    page: Any
    first_s: float

    def touches_s(self, count: int) -> list[float]:
        """From the event's time stamp to the end of the frame that shows the press."""
        at, moment = places(), random.Random(1)
        for number in range(count):
            self.page.wait_for_timeout(_PAUSE_MS + moment.uniform(0, 1000 / 30))
            self.page.touchscreen.tap(*at[number % len(at)])
            self.page.wait_for_function(f"touches.length > {number}", timeout=_PATIENCE_MS)
        return [taken / 1000 for taken in self.page.evaluate("touches")]

    @property
    def processes(self) -> tuple[int, ...]:
        """All of its processes."""
        return tuple(process for process in below(os.getpid()) if "chrom" in _program(process))


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Chromium]:
    from playwright.sync_api import sync_playwright

    file = folder / "menu.html"
    file.write_text(page(), encoding="utf-8")
    with sync_playwright() as playwright:
        begun = time.monotonic()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True)
            shown = context.new_page()
            shown.goto(file.as_uri())
            shown.evaluate(_FRAME_SHOWN)
            yield Chromium(shown, time.monotonic() - begun)
        finally:
            browser.close()


def below(process: int) -> list[int]:
    """Every process that `process` started, and those that they started."""
    children: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has just ended
            children += map(int, task.read_text().split())
    return [one for child in children for one in (child, *below(child))]


def _program(process: int) -> str:
    try:
        return Path(f"/proc/{process}/exe").readlink().name
    except OSError:  # it has just ended
        return ""
