"""The menu that is measured: as the kiosk's own screen, and the same places, words and colours as a page of HTML."""

from __future__ import annotations

import html

from kiosk.display.face import Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.panel import panel_for
from kiosk.display.pygame.render import Studio
from kiosk.screens import catalogue
from kiosk.screens.model import Choose
from kiosk.screens.words.load import load_words

WIDTH, HEIGHT = 1024, 600
OFFERED = ("cash", "balance", "send", "more")
PANEL = panel_for(WIDTH, HEIGHT)


def menu() -> Choose:
    return catalogue.menu(load_words(), OFFERED)


def places() -> list[tuple[int, int]]:
    """The middle of each choice."""
    return [box.centre for _, box in _choices(menu(), Studio(Brand()))]


def _choices(screen: Choose, studio: Studio) -> list[tuple[str, Box]]:
    """Label and place of each."""
    targets = {target.key: target.box for target in studio.plan(screen, Look(), PANEL).targets}
    return [(choice.label, targets[str(digit)]) for digit, choice in enumerate(screen.choices, start=1)]


#: A press is a class and its painting, as any page does it. What is noted: the event's own time stamp, and the first
#: task after the frame that shows it.
_SCRIPT = """
const touches = [];
for (const choice of document.querySelectorAll('button')) {
  choice.addEventListener('pointerdown', event => {
    choice.classList.add('pressed');
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => touches.push(performance.now() - event.timeStamp);
      port2.postMessage(null);
    });
    setTimeout(() => choice.classList.remove('pressed'), 120);
  });
}
"""


def page() -> str:
    """The menu as one HTML file without anything to fetch."""
    screen, studio = menu(), Studio(Brand())
    colour = {
        name: "#{:02x}{:02x}{:02x}".format(*studio.theme[name]) for name in ("paper", "deep", "card", "ink", "mist")
    }
    buttons = "\n".join(
        f'<button style="left:{box.x}px;top:{box.y}px;width:{box.w}px;height:{box.h}px">{html.escape(label)}</button>'
        for label, box in _choices(screen, studio)
    )
    return f"""<!doctype html><meta charset="utf-8"><title>Menu</title><style>
body {{ margin: 0; background: {colour["paper"]}; color: {colour["ink"]}; font: 600 32px sans-serif; }}
header {{ background: {colour["deep"]}; height: 64px; }} h1 {{ margin: 16px 32px; font-size: 36px; }}
button {{ position: absolute; font: inherit; color: inherit; background: {colour["card"]}; border: 2px solid {colour["mist"]};
  border-radius: 16px; touch-action: none; }}
button.pressed {{ background: {colour["deep"]}; color: {colour["paper"]}; }}
</style><header></header><h1>{html.escape(screen.title)}</h1>
{buttons}
<script>{_SCRIPT}</script>"""
