"""What reaches the window: a finger or a mouse somewhere, a key of a keyboard, or news of the window itself."""

from __future__ import annotations

import enum
from typing import NamedTuple

import pygame

from drivers.devices import KEYS

_ENTER, _ESCAPE, _BACK = "D", "A", "B"


class Touch(NamedTuple):
    """A finger or the mouse, in pixels of the glass."""

    x: float
    y: float


class Typed(NamedTuple):
    """A key of a keyboard: `pad` is the key of the pad that it stands for, else "" and `letter` is what was typed."""

    pad: str
    letter: str = ""


class News(enum.Enum):
    """Of the window."""

    CLOSED = "closed"
    UNCOVERED = "uncovered"


Heard = Touch | Typed | News


def heard(event: pygame.Event, glass: tuple[int, int]) -> Heard | None:
    """What an event means; None: nothing.

    A touch screen gives FINGER events, and under X and Wayland mouse events too, marked as coming from a touch: those
    are left out, so that a touch counts once.
    """
    if event.type == pygame.FINGERDOWN:
        return Touch(event.x * glass[0], event.y * glass[1])
    if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1 and not getattr(event, "touch", False):
        return Touch(*event.pos)
    if event.type == pygame.KEYDOWN:
        return _typed(event)
    if event.type == pygame.QUIT:
        return News.CLOSED
    if event.type in {pygame.VIDEOEXPOSE, pygame.WINDOWEXPOSED}:
        return News.UNCOVERED
    return None


def _typed(event: pygame.Event) -> Typed | None:
    named = {
        pygame.K_RETURN: _ENTER,
        pygame.K_KP_ENTER: _ENTER,
        pygame.K_ESCAPE: _ESCAPE,
        pygame.K_BACKSPACE: _BACK,
    }.get(event.key)
    if named:
        return Typed(named)
    letter: str = event.unicode
    if letter.upper() in KEYS:
        return Typed(letter.upper())
    return Typed("", letter) if letter and letter.isprintable() else None
