"""What is on the panel from moment to moment: the screen that is wanted, the press that is felt, the paper that slides.

Pure of windows: it paints on a surface that it is given, and says which boxes of it changed.
"""

from __future__ import annotations

import msgspec
import pygame

from kiosk.display.face import Look
from kiosk.display.pygame import motion
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Plan, Target, changed
from kiosk.display.pygame.panel import Panel
from kiosk.display.pygame.render import Studio
from kiosk.screens.model import Attract, Choose, Out, Pin, Screen

#: Above this share of the panel, everything is painted instead of its parts.
_WHOLE_SHARE = 0.6


class Scene:
    """Follows `want` in time. `advance(now)` paints what changed; times are seconds of the loop's clock."""

    def __init__(self, studio: Studio, panel: Panel, surface: pygame.Surface, *, still: bool = False) -> None:
        self._studio = studio
        self._panel = panel
        self._surface = surface
        self._still = still
        self._wanted: tuple[Screen, Look] | None = None
        self._drawn: tuple[Screen, Look] | None = None
        self._plan: Plan | None = None
        self._page = 0
        self._since = 0.0
        self._frame = 0
        self._press = ""
        self._press_until = 0.0
        self._slide: _Slide | None = None
        self._key: tuple[Screen, Look, int] | None = None

    def restage(self, studio: Studio) -> None:
        """Paint everything anew with another theme."""
        self._studio = studio
        self._plan = None

    def want(self, screen: Screen, look: Look) -> None:
        """From now on this is the screen; it is drawn when the press that led to it has been seen."""
        self._wanted = screen, look

    @property
    def lively(self) -> bool:
        """Someone is at the machine, or something still has to be drawn."""
        waiting = self._wanted is not None and not isinstance(self._wanted[0], Attract | Out)
        return waiting or self._slide is not None or bool(self._press) or self._drawn != self._wanted

    def touched(self, x: float, y: float) -> Target | None:
        """The target at a point of the picture; None where there is none, or where what is seen is about to change."""
        if self._plan is None or self._slide is not None or self._between_screens():
            return None
        return self._plan.hit(x, y)

    def target(self, key: str) -> Target | None:
        """The target of a key on what is drawn."""
        targets = self._plan.targets if self._plan is not None else ()
        return next((target for target in targets if target.key == key), None)

    def press(self, key: str, now: float) -> None:
        """Show a key as pressed for a while; no digit of a PIN is shown."""
        if self._drawn is not None and not (isinstance(self._drawn[0], Pin) and key.isdigit()):
            self._press, self._press_until = key, now + motion.PRESS_S

    def turn_page(self, key: str) -> bool:
        """True where `key` is what turns the page of a small panel's cards; it is turned."""
        if self._drawn is None or not isinstance(self._drawn[0], Choose) or self.target(key) is None:
            return False
        if not key.isdigit() or int(key) <= len(self._drawn[0].choices):
            return False
        self._page += 1
        return True

    def advance(self, now: float) -> list[Box]:
        """Paint what `now` looks different; the boxes that changed."""
        if self._press and now >= self._press_until:
            self._press = ""
        if self._slide is not None:
            return self._sliding(now)
        if self._wanted is None or (self._between_screens() and self._press):
            return self._redraw(self._drawn, now) if self._drawn is not None else []
        return self._redraw(self._wanted, now)

    def _between_screens(self) -> bool:
        """Another screen is wanted than the customer sees."""
        if self._drawn is None or self._wanted is None:
            return self._drawn is not self._wanted
        old, new = self._drawn[0], self._wanted[0]
        return type(old) is not type(new) or old.id != new.id

    def _redraw(self, shown: tuple[Screen, Look], now: float) -> list[Box]:
        """Bring the surface to `shown` with the press and the motion of `now`."""
        if self._between_screens() and shown is self._wanted:
            self._page, self._since = 0, now
        screen, look = shown
        if self._press:
            look = msgspec.structs.replace(look, pressed=self._press)
        key = (screen, look, self._page)
        if self._plan is None or key != self._key:
            return self._replan(shown, look, now)
        return self._move(now)

    def _replan(self, shown: tuple[Screen, Look], look: Look, now: float) -> list[Box]:
        old = self._plan
        frame = self._frame_at(now, self._plan) if old is not None and not self._between_screens() else 0
        new = self._studio.plan(shown[0], look, self._panel, frame=frame, page=self._page)
        self._drawn, self._plan, self._frame = shown, new, frame
        self._key = (shown[0], look, self._page)
        if old is None:
            return self._paint(new, [self._whole])
        if old.deep and not new.deep and not self._still:
            self._slide = _Slide(self._surface.copy(), self._painted(new), now)
            return self._sliding(now)
        return self._paint(new, changed(old, new))

    def _frame_at(self, now: float, plan: Plan | None) -> int:
        fps = motion.frames_a_second(plan) if plan is not None and not self._still else 0
        return motion.frame_at(now - self._since, fps) if fps else 0

    def _move(self, now: float) -> list[Box]:
        """The loops' next frame, if it is time for it."""
        assert self._plan is not None
        frame = self._frame_at(now, self._plan)
        if frame == self._frame:
            return []
        self._frame, self._plan = frame, motion.moved(self._plan, frame)
        return self._paint(self._plan, motion.moving(self._plan))

    @property
    def _whole(self) -> Box:
        return Box(0, 0, self._panel.width, self._panel.height)

    def _paint(self, plan: Plan, boxes: list[Box]) -> list[Box]:
        merged = joined([box.cut_to(self._whole) for box in boxes])
        if sum(box.w * box.h for box in merged) > _WHOLE_SHARE * self._whole.w * self._whole.h:
            merged = [self._whole]
        for box in merged:
            self._studio.paint(self._surface, plan, box)
        return merged

    def _painted(self, plan: Plan) -> pygame.Surface:
        surface = pygame.Surface((self._panel.width, self._panel.height))
        self._studio.paint(surface, plan)
        return surface

    def _sliding(self, now: float) -> list[Box]:
        """The paper on its way over the deep, or at its end."""
        assert self._slide is not None
        assert self._plan is not None
        slide, stage = self._slide, self._plan.stage
        share = motion.slid(now - slide.since)
        if share >= 1:
            self._slide = None
            self._surface.blit(slide.after, (0, 0))
            return [self._whole]
        away = round((1 - share) * (self._panel.width - stage.x))
        band = pygame.Rect(0, stage.y, self._panel.width, self._panel.height - stage.y)
        self._surface.blit(slide.after, (0, 0), (0, 0, self._panel.width, stage.y))
        self._surface.set_clip(band)
        self._surface.blit(slide.before, band.topleft, band)
        left = stage.x - away if self._plan.rtl else stage.x + away
        self._surface.blit(slide.after, (left, stage.y), pygame.Rect(stage))
        self._surface.set_clip(None)
        return [self._whole]


class _Slide:
    """What was there, what comes over it, and since when."""

    def __init__(self, before: pygame.Surface, after: pygame.Surface, since: float) -> None:
        self.before, self.after, self.since = before, after, since


def joined(boxes: list[Box]) -> list[Box]:
    """Boxes that meet become one, so that nothing is painted twice; empty ones are left out."""
    left = [box for box in boxes if box.w and box.h]
    result: list[Box] = []
    while left:
        box = left.pop()
        meeting = next((other for other in result if other.meets(box)), None)
        if meeting is None:
            result.append(box)
        else:
            result.remove(meeting)
            x, y = min(box.x, meeting.x), min(box.y, meeting.y)
            left.append(Box(x, y, max(box.right, meeting.right) - x, max(box.bottom, meeting.bottom) - y))
    return result
