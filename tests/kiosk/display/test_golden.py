"""Each screen looks as it did when somebody looked at it: golden pictures, by squares, with a tolerance."""

from __future__ import annotations

import pygame
import pytest
from support.golden import GOLDEN, KEPT, SEEN, Kept, load, side_by_side, squares_that_differ

WAY_OUT = f"look at {SEEN} (as it was, as it is, where); if it is meant, run `make golden` and look at the new ones"


@pytest.mark.parametrize("kept", KEPT, ids=[kept.name for kept in KEPT])
def test_screens_look_as_they_did(kept: Kept) -> None:
    """Whoever changes how a screen looks is told which, and sees both."""
    different = []
    for name, picture in kept.drawn():
        file = kept.file(name)
        was = load(file) if file.exists() else pygame.Surface((1, 1), depth=24)
        squares = squares_that_differ(was, picture)
        if squares:
            different.append(name)
            SEEN.mkdir(parents=True, exist_ok=True)
            pygame.image.save(side_by_side(was, picture, squares), SEEN / f"{kept.name}-{file.stem}.png")
    assert not different, f"{kept.name} does not look as it did: {'; '.join(different)}. {WAY_OUT}"


def test_no_picture_is_left_of_what_is_no_screen() -> None:
    """What nobody can see any more is not kept as if it could be."""
    known = {kept.file(name) for kept in KEPT for name in kept.screens()}
    assert set(GOLDEN.rglob("*.png")) == known


@pytest.fixture(scope="module")
def now() -> dict[str, pygame.Surface]:
    return dict(KEPT[0].drawn())


def test_a_changed_screen_is_seen(now: dict[str, pygame.Surface]) -> None:
    """One ring more of a PIN, one digit of an amount, another choice's state, a tenth of a card moved: each is found."""
    for one, other in (
        ("pin", "pin, three"), ("newpin.again", "pin.wrong"), ("send.number", "send.number, entered"),
        ("op.machine", "op.machine, closed"), ("cash.other", "cash.other, entered"), ("payin", "payin, so far"),
    ):  # fmt: skip
        assert squares_that_differ(now[one], now[other]), (one, other)
    moved = now["menu, six"].copy()
    moved.scroll(0, 1)  # four pixels of the panel
    assert squares_that_differ(now["menu, six"], moved)


def test_a_missing_or_different_one_is_shown_beside_the_other(now: dict[str, pygame.Surface]) -> None:
    """The picture for whoever looks has all three: before, now, and the squares framed."""
    was, drawn = now["pin"], now["pin, three"]
    squares = squares_that_differ(was, drawn)
    sheet = side_by_side(was, drawn, squares)
    assert sheet.get_size() == (256 * 3 + 8, 150)
    assert not squares_that_differ(sheet.subsurface((0, 0, 256, 150)).copy(), was)
    assert squares_that_differ(sheet.subsurface((520, 0, 256, 150)).copy(), drawn)
