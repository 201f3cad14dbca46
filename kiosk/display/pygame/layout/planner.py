"""From a screen to its plan on a panel: the one way into the layout."""

from __future__ import annotations

import msgspec

from kiosk.display.face import Look
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout import attract, deep, entry, frame, paper, timing
from kiosk.display.pygame.layout.plan import Ground, Plan
from kiosk.display.pygame.layout.sketch import Furniture, Measure, Sketch
from kiosk.display.pygame.panel import Panel
from kiosk.display.pygame.scripts import script_of
from kiosk.screens.model import (
    Amount,
    Attract,
    Choose,
    Code,
    Confirm,
    ListScreen,
    NoticeScreen,
    Out,
    Pin,
    Screen,
    Take,
    Wait,
)


def plan(
    screen: Screen,
    look: Look,
    panel: Panel,
    *,
    measure: Measure,
    furniture: Furniture,
    frame_number: int = 0,
    page: int = 0,
) -> Plan:
    """Everything that is drawn, and every target.

    `frame_number` is where loops of motion stand (0 is their still picture); `page` counts turns of `9 More`.
    """
    if isinstance(screen, Pin):
        look = _without_digits(look)
    sketch = Sketch(panel, measure, furniture, look, frame_number, script=script_of(screen.title))
    if look.blank:
        sketch.add(Ground(sketch.whole, "blank"))
        return sketch.done(deep=True)
    frame.deep_ground(sketch)
    if isinstance(screen, Attract | Wait | Take | Out):
        _deep(sketch, screen)
        return sketch.done(deep=True)
    stage = _paper(sketch, screen, page)
    timing.on_paper(sketch, screen)
    return sketch.done(deep=False, stage=stage)


def _without_digits(look: Look) -> Look:
    """No key of a PIN lights up: neither pressed nor in focus."""
    pressed, focus = ("" if key.isdigit() else key for key in (look.pressed, look.focus))
    return msgspec.structs.replace(look, pressed=pressed, focus=focus)


def _deep(sketch: Sketch, screen: Attract | Wait | Take | Out) -> None:
    if isinstance(screen, Attract):
        attract.attract(sketch, screen)
    elif isinstance(screen, Wait):
        deep.wait(sketch, screen)
    elif isinstance(screen, Take):
        deep.take(sketch, screen)
    else:
        deep.out(sketch, screen)


def _paper(
    sketch: Sketch, screen: Choose | Amount | Pin | Confirm | NoticeScreen | ListScreen | Code, page: int
) -> Box:
    match screen:
        case Choose():
            stage = paper.choose(sketch, screen, page)
        case Amount():
            stage = entry.amount(sketch, screen)
        case Pin():
            stage = entry.pin(sketch, screen)
        case Confirm():
            stage = paper.confirm(sketch, screen)
        case NoticeScreen():
            stage = paper.notice_screen(sketch, screen)
        case Code():
            stage = paper.code_screen(sketch, screen)
        case ListScreen():
            stage = paper.list_screen(sketch, screen)
    return stage
