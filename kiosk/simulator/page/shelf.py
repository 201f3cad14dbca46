"""The page's own files, with the theme's colours and the bank's mark and fonts: everything that can be fetched."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.paint.pictures import NOTES
from kiosk.display.pygame.theme import Colour, mixed, standard

_FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    **{
        f"{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
        for name in ("deeds", "devices", "glass", "hands", "panels")
    },
}  # fmt: skip
_FONTS = ("Figtree-500.ttf", "Figtree-600.ttf", "Figtree-700.ttf", "FigtreeTabular-500.ttf", "FigtreeTabular-600.ttf")
_USES = (
    "deep", "deeper", "paper", "card", "white", "ink", "ink2", "accent", "mist", "success", "success_ground",
    "warning", "warning_ground", "danger", "danger_ground", "disabled", "disabled_ground", "edge", "hair",
)  # fmt: skip

#: What kind of thing it is, and its bytes.
Thing = tuple[str, bytes]


class Shelf:
    """`find` looks a name up; None where there is nothing of that name. Everything is read when it is asked for."""

    def __init__(self, brand: Brand) -> None:
        self._brand = brand

    def find(self, name: str) -> Thing | None:
        if name in _FILES:
            file, kind = _FILES[name]
            return kind, resources.files(__package__).joinpath(file).read_bytes()
        if name == "theme.css":
            return "text/css; charset=utf-8", self._theme().encode()
        if name == "mark.svg":
            return "image/svg+xml", Path(self._brand.mark).read_bytes()
        if name in _FONTS:
            return "font/ttf", resources.files("kiosk.display.fonts").joinpath(name).read_bytes()
        return None

    def _theme(self) -> str:
        """The colours of the bank's own theme as CSS variables, and each note in its own."""
        theme = standard(self._brand.deep, self._brand.accent)
        uses = "\n".join(f"  --{use.replace('_', '-')}: {_hex(theme[use])};" for use in _USES)
        steel = _hex(mixed(theme["deep"], theme["white"], 0.1))
        notes = "\n".join(f'.note[data-value="{value}"] {{ --note: {colour}; }}' for value, colour in NOTES.items())
        return f":root {{\n{uses}\n  --steel: {steel};\n}}\n{notes}\n"


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
