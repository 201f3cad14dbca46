"""A finished plan for who reads from the right: everything on the other side, what has its own order left in it.

One decision for all layouts (FACE, section 12): they are made from the left, and the plan is mirrored about the panel's
middle. The pad, PIN rings and notes keep their insides and only change places; so do words, which know their direction.
"""

from __future__ import annotations

from dataclasses import replace

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Element, Icon, Picture, Target, Text

#: Drawings that point somewhere or are a letter of a script.
_TURNED = frozenset({"back", "question", "again", "ear", "send", "slower", "bill"})


def box(of: Box, across: int, kept: Box | None = None) -> Box:
    """Where a box of a panel `across` pixels wide goes; inside of `kept` it goes with that."""
    if kept is not None:
        return of.moved(across - kept.right - kept.x)
    return Box(across - of.right, of.y, of.w, of.h)


def element(of: Element, across: int, kept: Box | None = None) -> Element:
    """The same element on the other side."""
    if isinstance(of, Text):
        line = box(Box(of.x, of.baseline, of.width, 0), across, kept)
        return replace(of, x=line.x, room=box(of.room, across, kept))
    if isinstance(of, Icon):
        return replace(of, box=box(of.box, across, kept), turned=kept is None and of.name in _TURNED)
    if isinstance(of, Picture):
        return replace(of, box=box(of.box, across, kept), turned=of.name != "mark")
    return replace(of, box=box(of.box, across, kept))


def target(of: Target, across: int, kept: Box | None = None) -> Target:
    return replace(of, box=box(of.box, across, kept))
