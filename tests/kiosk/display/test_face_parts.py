"""The face's parts: panels, rotation, fonts, shapes, motion."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pygame
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from kiosk.display.fonts import make_tabular
from kiosk.display.pygame import motion
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Face
from kiosk.display.pygame.paint import shapes
from kiosk.display.pygame.paint.cache import Surfaces
from kiosk.display.pygame.paint.fonts import Fonts
from kiosk.display.pygame.paint.pictures import NOTES
from kiosk.display.pygame.panel import KNOWN, Shape, panel_for
from kiosk.display.pygame.rotation import Turn
from kiosk.display.pygame.theme import colour, contrast

FONTS = Path(make_tabular.__file__).parent


def test_known_panels_have_their_classes() -> None:
    """The five panels of the design are what the design says they are."""
    shapes_of = [panel.shape for panel in KNOWN]
    assert shapes_of == [Shape.COMPACT, Shape.REGULAR, Shape.REGULAR, Shape.WIDE, Shape.PORTRAIT]
    assert [round(panel.cap_mm, 1) for panel in KNOWN] == [5.5, 7.3, 7.3, 7.3, 7.3]


@pytest.mark.parametrize(
    ("width", "height", "pitch", "shape"),
    [
        (1366, 768, None, Shape.REGULAR),
        (1366, 768, 3.97, Shape.WIDE),
        (1024, 768, None, Shape.REGULAR),
        (800, 600, None, Shape.COMPACT if 600 / 5.2 < 100 else Shape.REGULAR),
        (720, 1280, 8.2, Shape.PORTRAIT),
        (1920, 1200, None, Shape.WIDE),
        (640, 480, None, Shape.COMPACT),
    ],
)
def test_sizes_in_between_get_the_class_of_their_millimetres(
    width: int, height: int, pitch: float | None, shape: Shape
) -> None:
    """A panel's class follows from how large it is in millimetres, with the nearest panel's pitch if none is given."""
    assert panel_for(width, height, pitch=pitch).shape is shape


turns = st.builds(Turn, st.sampled_from([0, 90, 180, 270]), st.integers(2, 60), st.integers(2, 60))


@given(turns, st.data())
def test_a_touch_comes_back_from_where_the_frame_went(turn: Turn, data: st.DataObject) -> None:
    """For any panel and quarter: the middle of a box on the glass means the middle of that box in the picture."""
    x = data.draw(st.integers(0, turn.width - 1))
    y = data.draw(st.integers(0, turn.height - 1))
    box = Box(x, y, data.draw(st.integers(1, turn.width - x)), data.draw(st.integers(1, turn.height - y)))
    placed = turn.box(box)
    width, height = turn.glass
    assert Box(0, 0, width, height).holds(placed)
    middle = turn.point(placed.x + placed.w / 2, placed.y + placed.h / 2)
    assert middle == (box.x + box.w / 2, box.y + box.h / 2)


@given(turns, st.data())
def test_a_turned_frame_is_the_picture_turned(turn: Turn, data: st.DataObject) -> None:
    """Copying a part gives the same glass as turning the whole picture."""
    picture = pygame.Surface((turn.width, turn.height))
    for spot in range(min(turn.width, turn.height)):
        picture.set_at((spot, spot), (spot * 4, 255 - spot, 7))
    x = data.draw(st.integers(0, turn.width - 1))
    y = data.draw(st.integers(0, turn.height - 1))
    glass = pygame.transform.rotate(picture, -turn.degrees)
    patched = pygame.Surface(turn.glass)
    patched.blit(glass, (0, 0))
    part = Box(x, y, turn.width - x, turn.height - y)
    patched.fill((9, 9, 9), pygame.Rect(turn.box(part)))
    turn.frame(picture, patched, part)
    assert pygame.image.tobytes(patched, "RGB") == pygame.image.tobytes(glass, "RGB")


def test_only_quarters_turn() -> None:
    """Any other angle is refused by name."""
    with pytest.raises(ValueError, match="not by 45"):
        Turn(45, 10, 10)


@pytest.mark.parametrize("weight", [500, 600, 700])
def test_amounts_keep_still(weight: int) -> None:
    """All tabular digits have one width, at any size, and capitals are 0.70 em."""
    fonts = Fonts()
    pygame.font.init()
    for em in (32, 48, 79):
        widths = {fonts.measure(digit, Face(weight, em, tabular=True)) for digit in "0123456789"}
        assert len(widths) == 1
        left, right, low, high, _ = fonts.font(Face(weight, em)).metrics("H")[0]
        assert (right > left, low) == (True, 0)
        assert high == pytest.approx(em * 0.70, abs=1)


@pytest.mark.parametrize("weight", make_tabular.WEIGHTS)
def test_the_shipped_tabular_fonts_are_what_the_script_makes(weight: int, tmp_path: Path) -> None:
    """The files in the repository are the script's output from the fonts beside them: same digits, another name."""
    make_tabular.main(tmp_path)
    shipped, made = (TTFont(folder / f"FigtreeTabular-{weight}.ttf") for folder in (FONTS, tmp_path))
    assert shipped.getBestCmap() == made.getBestCmap()
    assert [shipped.getBestCmap()[ord(digit)] for digit in "09"] == ["zero.tf", "nine.tf"]
    assert shipped["name"].getDebugName(1).startswith("Figtree Tabular")
    assert (FONTS / f"FigtreeTabular-{weight}.ttf").read_bytes() == (
        tmp_path / f"FigtreeTabular-{weight}.ttf"
    ).read_bytes()


@given(st.integers(4, 80), st.integers(4, 80), st.integers(0, 30))
def test_shapes_have_exactly_their_colour(width: int, height: int, radius: int) -> None:
    """Scaling down does not darken: every opaque pixel of a shape is its colour, so no seam can show."""
    of = (251, 246, 234)
    made = shapes.rounded(width, height, radius, of)
    pixels = pygame.image.tobytes(made, "RGBA")
    assert {pixels[place : place + 3] for place in range(0, len(pixels), 4)} == {bytes(of)}
    assert made.get_at((width // 2, height // 2)).a == 255


def test_an_arc_begins_at_twelve_and_goes_clockwise() -> None:
    """A quarter of the time left is the upper right quarter of the ring."""
    size, of = 100, (245, 176, 65)
    made = shapes.arc(size, of, 10, 0.25)
    assert made.get_at((84, 15)).a == 255
    assert all(made.get_at(at).a == 0 for at in ((15, 15), (15, 84), (84, 84), (50, 50)))


def test_notes_can_be_told_and_read() -> None:
    """Each denomination has a colour of its own, and white figures are legible on it."""
    assert len(set(NOTES.values())) == len(NOTES)
    assert all(contrast(colour(paper), (255, 255, 255)) >= 4.5 for paper in NOTES.values())


def test_the_slide_ends_where_it_should() -> None:
    """Quick first, slower then, there at 240 ms and never beyond."""
    way = [motion.slid(at / 1000) for at in range(0, 300, 20)]
    assert way == sorted(way)
    assert (way[0], motion.slid(0.24), motion.slid(9)) == (0, 1, 1)
    assert way[3] > 0.5


@given(st.floats(0, 1e6, allow_nan=False))
def test_loops_stay_in_their_frames(since: float) -> None:
    """Whatever the clock says, a frame is one of the loop's."""
    assert 0 <= motion.frame_at(since, motion.LOOP_FPS) < motion.LOOP_FRAMES
    assert 0 <= motion.frame_at(since, motion.SHIMMER_FPS) < motion.SHIMMER_FRAMES
    assert math.isclose(motion.swing(0, 32), 0)


def test_the_cache_forgets_the_longest_unused() -> None:
    """It stays within its bytes, keeps what is used, and makes again what it dropped."""
    made: list[int] = []

    def make(number: int) -> pygame.Surface:
        made.append(number)
        return pygame.Surface((10, 10), pygame.SRCALPHA)

    store = Surfaces(3 * 400)
    for number in (1, 2, 3, 1, 4, 1, 2):
        store.get(number, lambda number=number: make(number))
    assert made == [1, 2, 3, 4, 2]


@pytest.mark.parametrize("path", sorted((FONTS.parent / "art").glob("*.svg")), ids=lambda path: path.stem)
def test_every_drawing_is_drawn(path: Path) -> None:
    """Each drawing that we ship can be loaded at any size and is not blank."""
    text = path.read_text(encoding="utf-8").replace("currentColor", "#ff0000")
    made = pygame.image.load_sized_svg(io.BytesIO(text.encode()), (48, 48))
    assert pygame.mask.from_surface(made).count() > 20


@pytest.mark.parametrize("family", ["", "-Mukta", "-Vazirmatn"])
def test_type_is_shipped_with_its_licence(family: str) -> None:
    """Beside each family lies the licence that it must be handed on with."""
    assert "SIL OPEN FONT LICENSE" in (FONTS / f"OFL{family}.txt").read_text(encoding="utf-8").upper()
