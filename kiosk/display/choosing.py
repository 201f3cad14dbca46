"""The display and the words that a configuration names; nothing of a display is imported before it is chosen."""

from __future__ import annotations

import sys
from collections.abc import Callable

from config.kiosk import DisplayConfig, DisplayKind, Theme
from kiosk.display.face import Display
from kiosk.screens.words.load import Words, WordsError, load_words


def chosen(
    config: DisplayConfig, *, drawn: Callable[[], None], say: Callable[[str], None], fullscreen: bool = True
) -> list[Display]:
    """The display of `config`, none for kind "none". `drawn` is called after the first picture. Raises DisplayError."""
    if config.kind is DisplayKind.TOUCH:
        return [touch(config, drawn=drawn, say=say, fullscreen=fullscreen)]
    drawn()
    if config.kind is DisplayKind.NONE:
        return []
    from kiosk.display.terminal import TerminalDisplay

    return [TerminalDisplay(sys.stdout, sys.stdin)]


def touch(
    config: DisplayConfig, *, drawn: Callable[[], None], say: Callable[[str], None], fullscreen: bool,
    keyboard: bool = False, other: Callable[[str], None] | None = None, closed: Callable[[], None] | None = None,
) -> Display:  # fmt: skip
    """The touch window. What is refused of a bank's own brand is said, and the default stands."""
    from kiosk.display.pygame.brand import load_brand
    from kiosk.display.pygame.display import PygameDisplay
    from kiosk.display.pygame.panel import panel_for

    brand, refused = load_brand(config.brand)
    for sentence in refused:
        say(sentence)
    panel = panel_for(
        config.width_px, config.height_px, pitch=config.pixels_per_mm, distance_mm=config.viewing_distance_mm
    )
    return PygameDisplay(
        panel, brand, degrees=config.rotation, fullscreen=fullscreen, contrast=config.theme is Theme.CONTRAST,
        still=config.reduced_motion, keyboard=keyboard, other=other, closed=closed, drawn=drawn,
    )  # fmt: skip


def words(config: DisplayConfig, say: Callable[[str], None]) -> Words:
    """The customers' words. A bank's own that cannot be used are said, line by line, and ours stand."""
    try:
        return load_words(*config.languages, brand=config.brand)
    except WordsError as error:
        for line in str(error).splitlines():
            say(line)
        return load_words(*config.languages)


def bank_name(config: DisplayConfig) -> str:
    """The bank's name, as its brand says."""
    from kiosk.display.pygame.brand import load_brand

    return load_brand(config.brand)[0].name


def phone(config: DisplayConfig) -> str:
    """Whom a customer may call, as the bank's brand says; "" where it does not."""
    from kiosk.display.pygame.brand import load_brand

    return load_brand(config.brand)[0].phone
