"""Motion as arithmetic (FACE, section 9): which frame of a loop it is, how far the paper has slid."""

from __future__ import annotations

import math
from dataclasses import replace

from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.plan import Arrow, Plan, Shimmer, Waves

SLIDE_S = 0.24
PRESS_S = 0.12
LOOP_FPS, SHIMMER_FPS = 20, 10
#: Frames of a loop: 1.6 s of waves or arrow, 4.8 s of reflection.
LOOP_FRAMES, SHIMMER_FRAMES = 32, 48


def frames_a_second(plan: Plan) -> int:
    """How often a plan must be drawn again for its motion; 0: it is still."""
    if any(isinstance(element, Waves | Arrow) for element in plan.elements):
        return LOOP_FPS
    return SHIMMER_FPS if any(isinstance(element, Shimmer) for element in plan.elements) else 0


def frame_at(since_s: float, fps: int) -> int:
    """The frame of a loop, `since_s` seconds after it began."""
    frames = LOOP_FRAMES if fps == LOOP_FPS else SHIMMER_FRAMES
    return int(since_s * fps + 1e-6) % frames


def slid(since_s: float) -> float:
    """How much of its way the paper has come, 0 to 1, quick first and then slower: 1 - (1 - t)^3."""
    share = min(1.0, max(0.0, since_s / SLIDE_S))
    return 1 - (1 - share) ** 3


def swing(frame: int, frames: int) -> float:
    """0 at the loop's start, 1 in its middle, smoothly."""
    return (1 - math.cos(2 * math.pi * frame / frames)) / 2


def moved(plan: Plan, frame: int) -> Plan:
    """The same plan with its loops at `frame`."""
    return replace(
        plan,
        elements=tuple(
            replace(element, frame=frame) if isinstance(element, Waves | Arrow | Shimmer) else element
            for element in plan.elements
        ),
    )


def moving(plan: Plan) -> list[Box]:
    """Where something moves."""
    return [element.box for element in plan.elements if isinstance(element, Waves | Arrow | Shimmer)]
