"""The simulator's page in real Chromium: a person who sees, drags, clicks, touches and types."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pygame
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from support.page_guest import Guest
from support.real_processes import PATIENCE_S

from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.panel import panel_for
from kiosk.display.pygame.render import Studio, render
from kiosk.screens.model import Screen

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here (Debian's package chromium)")

#: A name of somebody else's that resolves to this computer.
STRANGER = "stranger.example"
#: Nothing but this test's page is asked for. Root needs no sandbox of the browser's own, and cannot have it.
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1",
)  # fmt: skip
PATIENCE_MS = PATIENCE_S * 1000


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Person:
    """Somebody before the page. `complaints`: what the browser had to say of the page itself."""

    def __init__(self, page: Page, guest: Guest) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.goto(guest.address)

    # ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def until_screen(self, *screens: str) -> None:
        """Until one of these is on the machine's screen."""
        wanted = re.compile(f"^(?:{'|'.join(re.escape(one) for one in screens)})$")
        expect(self.page.locator("#glass")).to_have_attribute("data-screen", wanted, timeout=PATIENCE_MS)

    def until_seen(self, where: str, words: str) -> None:
        expect(self.page.locator(where)).to_contain_text(words, timeout=PATIENCE_MS)

    @property
    def words(self) -> list[str]:
        """What a screen reader has of the machine's screen."""
        return self.page.locator("#words p").all_inner_texts()

    def glass(self) -> bytes:
        """Every pixel that the browser shows of the machine's screen."""
        url: str = self.page.evaluate("document.getElementById('glass').toDataURL('image/png')")
        return pygame.image.tobytes(
            pygame.image.load(io.BytesIO(base64.b64decode(url.partition(",")[2])), "x.png"), "RGB"
        )

    def until_glass_shows(self, screen: Screen) -> None:
        """Until the picture is, pixel by pixel, the one that the machine's own painter makes of `screen`."""
        wanted = pygame.image.tobytes(render(screen, Look(), panel_for(1024, 600), Brand()), "RGB")
        for _ in range(200):
            if self.glass() == wanted:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"the picture is not that of {screen.id}")

    # ── Doing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def key(self, keys: str) -> None:
        """By mouse, on the picture of the pad."""
        for key in keys:
            self.page.locator(f'#pad [data-key="{key}"]').click()
        expect(self.page.locator("#pad .down")).to_have_count(0, timeout=PATIENCE_MS)

    def choose(self, label: str) -> None:
        """The choice of that label, by its digit on the pad."""
        found = [line for line in self.words if re.match(r"\W?\d\s", line) and label in line]
        assert len(found) == 1, (label, self.words)
        digit = re.search(r"\d", found[0])
        assert digit is not None
        self.key(digit[0])

    def touch(self, screen: Screen, key: str) -> None:
        """A finger on the picture, where `screen` has the target of that key."""
        plan = Studio(Brand()).plan(screen, Look(), panel_for(1024, 600))
        x, y = next(target.box.centre for target in plan.targets if target.key == key)
        box = self.box(self.page.locator("#glass"))
        self.page.mouse.click(box["x"] + x / 1024 * box["width"], box["y"] + y / 600 * box["height"])

    def drag(self, what: Locator, to: Locator) -> None:
        begin, end = self.box(what), self.box(to)
        mouse = self.page.mouse
        mouse.move(begin["x"] + begin["width"] / 2, begin["y"] + begin["height"] / 3)
        mouse.down()
        mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=8)
        mouse.up()

    def box(self, of: Locator) -> Any:
        box = of.bounding_box()
        assert box is not None
        return box

    @property
    def card_in_hand(self) -> Locator:
        return self.page.locator(".place [data-card]").first

    @property
    def card_in_slot(self) -> Locator:
        return self.page.locator("#inside [data-card]")

    def insert(self) -> None:
        """By dragging."""
        self.drag(self.card_in_hand, self.page.locator("#slot"))

    def pull(self) -> None:
        """By dragging it out."""
        self.drag(self.card_in_slot, self.page.locator("#purse"))

    def sign_in(self, pin: str) -> None:
        self.until_screen("welcome")
        self.insert()
        self.until_screen("pin")
        self.key(pin + "D")
        self.until_screen("menu")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "cards").glob("*.atm"))
