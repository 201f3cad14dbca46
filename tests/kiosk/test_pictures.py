"""The recorded visit of the README: a whole visit, the same each time, and light enough to be looked at."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from pictures.film import RATE, SIZE, Film
from pictures.visit import SEEN, film
from PIL import Image
from support.virtual_time import run_virtual

from config.kiosk import DisplayConfig
from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.screens import catalogue
from kiosk.screens.words.load import load_words
from kiosk.simulator.page.glass import Glass

SHIPPED = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "visit.png"
MOST_BYTES = 1_500_000


def test_the_visit_is_a_whole_one_from_welcome_to_welcome(tmp_path: Path) -> None:
    """Every screen that the README promises comes, in that order, and each is in the film."""
    taken, ids = film(tmp_path)
    assert [screen for screen in dict.fromkeys(ids) if screen in SEEN] == list(SEEN)
    assert ids[-1] == "welcome"
    assert len(taken.frames) > len(SEEN)


def test_what_is_shipped_is_a_film_that_a_page_can_carry() -> None:
    """Animated, of the film's size, endless, and below a megabyte and a half."""
    assert SHIPPED.stat().st_size < MOST_BYTES
    with Image.open(SHIPPED) as shipped:
        assert (shipped.size, shipped.info["loop"]) == (SIZE, 0)
        assert shipped.n_frames > len(SEEN)


def test_a_picture_stays_as_long_as_it_was_seen(tmp_path: Path) -> None:
    """Written and read again: each picture has its time, and two that look alike are one."""

    async def filmed() -> Film:
        words = load_words()
        glass = Glass(DisplayConfig(width_px=1024, height_px=600, pixels_per_mm=4.6), Brand())
        glass.show(catalogue.pin(words), Look())
        drawing = asyncio.create_task(glass.run())
        await asyncio.sleep(1)
        taken = Film(glass)
        taken.start()
        await asyncio.sleep(1.55)
        glass.show(catalogue.pin(words, count=1), Look())
        await asyncio.sleep(0.25)
        glass.show(catalogue.pin(words, count=2), Look())
        await asyncio.sleep(0.25)
        taken.cut()
        drawing.cancel()
        return taken

    taken = run_virtual(filmed())
    ticks = [tick for tick, _ in taken.frames]
    assert ticks == [0, int(1.55 * RATE), int(1.8 * RATE)]
    taken.save(tmp_path / "film.png")
    with Image.open(tmp_path / "film.png") as written:
        lasts = []
        for number in range(written.n_frames):
            written.seek(number)
            lasts.append(written.info["duration"])
    assert lasts[:2] == [(after - tick) * 1000 / RATE for tick, after in itertools.pairwise(ticks)]
