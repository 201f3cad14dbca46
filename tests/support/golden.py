"""Every screen as a small picture that was looked at, and how what is drawn today compares with it.

PYTHONPATH=tests python -m support.golden      (`make golden`) writes anew what is missing or looks different

A picture is a quarter of the panel's size, in 128 colours. Two are compared by squares of 16 x 16 pixels of the panel: their
mean colours may differ by so much as another FreeType's hinting makes of them, or one pixel's shift.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pygame
from PIL import Image
from support.every_screen import every_screen

from config.kiosk import LANGUAGES
from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.panel import Panel, panel_for
from kiosk.display.pygame.render import Studio
from kiosk.screens.model import Screen
from kiosk.screens.words.load import load_words

GOLDEN = Path(__file__).parents[1] / "golden"
#: Where the test leaves what differs: as it was, as it is, and where, side by side.
SEEN = Path(__file__).parents[2] / "build" / "golden"
_SMALLER = 4
_SQUARE = 4  # pixels of a small picture
_COLOURS = 128  # no square is more than 5 of 255 away from its own picture
#: Of 255, in any of a square's three colours.
TOLERANCE = 24
_MARK = (230, 0, 120)

#: What stands for all others where not every screen is kept.
CHOSEN = (
    "welcome", "pin.wrong", "menu, six", "cash, closed", "cash.other, entered", "cash.nearest", "send.ok", "list",
    "payin.count", "take.cash, receipt", "e.jam", "help",
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A folder of pictures: one panel, language and theme."""

    name: str
    panel: Panel
    language: str = "en"
    contrast: bool = False
    names: tuple[str, ...] = CHOSEN

    def screens(self) -> dict[str, Screen]:
        words = load_words(*LANGUAGES)
        words.choose(self.language)
        return {name: screen for name, screen in every_screen(words).items() if not self.names or name in self.names}

    def drawn(self) -> Iterator[tuple[str, pygame.Surface]]:
        """Its screens by name, as they are drawn today, made small."""
        studio, look = Studio(Brand(), contrast=self.contrast), Look()
        size = self.panel.width // _SMALLER, self.panel.height // _SMALLER
        surface = pygame.Surface((self.panel.width, self.panel.height), depth=24)
        for name, screen in self.screens().items():
            studio.paint(surface, studio.plan(screen, look, self.panel))
            yield name, pygame.transform.smoothscale(surface, size)

    def file(self, name: str) -> Path:
        return GOLDEN / self.name / f"{name.replace(', ', '--').replace(' ', '-')}.png"


_REGULAR = panel_for(1024, 600)
KEPT = (
    Kept("1024x600-en", _REGULAR, names=()),
    *(Kept(f"1024x600-{language}", _REGULAR, language) for language in ("es", "de", "hi", "ar")),
    Kept("1024x600-en-contrast", _REGULAR, contrast=True),
    Kept("800x480-en", panel_for(800, 480)),
    Kept("800x480-touch-de", panel_for(800, 480, keypad=False), "de"),
    Kept("720x1280-en", panel_for(720, 1280)),
)


def load(file: Path) -> pygame.Surface:
    """Without a palette."""
    picture = pygame.image.load(file)
    plain = pygame.Surface(picture.get_size(), depth=24)
    plain.blit(picture, (0, 0))
    return plain


def squares_that_differ(was: pygame.Surface, now: pygame.Surface) -> list[pygame.Rect]:
    """In pixels of the small pictures; all of it where their sizes differ."""
    if was.get_size() != now.get_size():
        return [now.get_rect()]
    across, down = -(-now.get_width() // _SQUARE), -(-now.get_height() // _SQUARE)
    means = [pygame.image.tobytes(pygame.transform.smoothscale(one, (across, down)), "RGB") for one in (was, now)]
    apart = [abs(old - new) for old, new in zip(*means, strict=True)]
    return [
        pygame.Rect(place % across * _SQUARE, place // across * _SQUARE, _SQUARE, _SQUARE)
        for place in range(across * down)
        if max(apart[place * 3 : place * 3 + 3]) > TOLERANCE
    ]


def side_by_side(was: pygame.Surface, now: pygame.Surface, squares: list[pygame.Rect]) -> pygame.Surface:
    """As it was, as it is, and as it is with the squares that differ framed."""
    width = max(was.get_width(), now.get_width())
    sheet = pygame.Surface((width * 3 + 8, max(was.get_height(), now.get_height())), depth=24)
    marked = now.copy()
    for square in squares:
        pygame.draw.rect(marked, _MARK, square, 1)
    for place, picture in enumerate((was, now, marked)):
        sheet.blit(picture, (place * (width + 4), 0))
    return sheet


def _png(picture: pygame.Surface) -> bytes:
    image = Image.frombytes("RGB", picture.get_size(), pygame.image.tobytes(picture, "RGB"))
    out = io.BytesIO()
    few = image.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def write(kept: Kept) -> list[str]:
    """Write what is missing or looks different, and remove what is no screen any more; the names of what was changed."""
    changed, files = [], set()
    for name, picture in kept.drawn():
        file = kept.file(name)
        files.add(file)
        if not file.exists() or squares_that_differ(load(file), picture):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_png(picture))
            changed.append(name)
    for file in set((GOLDEN / kept.name).glob("*.png")) - files:
        file.unlink()
        changed.append(f"{file.stem} (removed)")
    return changed


def main() -> None:
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    changed = [f"{kept.name}: {name}" for kept in KEPT for name in write(kept)]
    print("\n".join(changed) if changed else "Every screen looks as its golden picture does.")
    if changed:
        print(f"{len(changed)} pictures in {GOLDEN} were written anew. Look at each of them before you commit it.")


if __name__ == "__main__":
    main()
