"""Everything that customers can do, by touch, keypad and terminal, in two languages and mirrored: one table of journeys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.journeys import JOURNEYS, TRANSFER, WITHDRAWAL, Journey
from support.reckoning import reckon, settle
from support.town import Town, run_town
from support.town_ways import SMALL, ByKeypad, ByTerminal, ByTouch, Way, WayTown

WAYS: dict[str, Callable[[], Way]] = {
    "touch": ByTouch, "touch-800x480": partial(ByTouch, SMALL), "keypad": ByKeypad, "terminal": ByTerminal,
}  # fmt: skip


def all_of(tmp_path: Path, way: Callable[[], Way], journeys: tuple[Journey, ...], language: str) -> None:
    """One customer after another at one machine; then everything agrees, and nobody has a claim."""

    async def story(town: Town) -> None:
        assert isinstance(town, WayTown)
        await town.open_for_business()
        for journey in journeys:
            await town.travel(journey, language)
        await settle(town)
        assert (await reckon(town))["doubt"] == 0
        assert not await town.bank.sql("SELECT * FROM cases")

    run_town(tmp_path, story, kind=lambda *more, **limits: WayTown(way(), *more, **limits))


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window is SDL's own, without a screen."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("way", WAYS)
def test_every_journey_leads_to_its_end(tmp_path: Path, way: str, language: str) -> None:
    """What is read on the way is in the customer's language, the machine is at rest afterwards, the books have it once."""
    all_of(tmp_path, WAYS[way], JOURNEYS, language)


@pytest.mark.parametrize("way", ["touch", "touch-800x480"])
def test_a_mirrored_screen_is_touched_where_its_targets_are(tmp_path: Path, way: str) -> None:
    """In Arabic everything lies on the other side: cash with a receipt, and money sent, by fingers."""
    all_of(tmp_path, WAYS[way], (WITHDRAWAL, TRANSFER), "ar")
