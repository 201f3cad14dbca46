"""The theme: every colour by its use, and the type. FACE, sections 3 and 4; nothing else names a colour or a size.

Two themes exist: standard, made of a bank's `deep` and `accent`, and contrast. Layout speaks of uses (`card_word`), so
it is the same under both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Colour = tuple[int, int, int]

DEEP = "#0F4A57"
ACCENT = "#F5B041"
_BLACK, _WHITE = "#000000", "#FFFFFF"
_YELLOW = "#FFE14A"

#: Figtree's capitals are 0.70 em.
CAPITAL = 0.70
#: From one baseline to the next in ems, by script (ISO 15924).
LINE_HEIGHT = {"Latn": 1.25, "Deva": 1.5, "Arab": 1.55}

#: role: capital height in mm (None: the panel's H, by `factor`), weight, tabular figures, factor of H.
TYPE: Mapping[str, tuple[float | None, int, bool, float]] = {
    "amount": (12, 600, True, 1),
    "amount_long": (9, 600, True, 1),
    "value": (16, 600, True, 1),
    "title": (None, 600, False, 1),
    "choice": (None, 600, False, 1),
    "main": (None, 600, False, 1),
    "pad": (None, 600, False, 1),
    "attract": (13, 700, False, 1),
    "attract_long": (10, 700, False, 1),
    "attract_line": (None, 600, False, 1),
    "take": (None, 600, False, 1.3),
    "count": (None, 500, True, 1),
    "figure": (None, 600, True, 1),
    "body": (4.8, 500, False, 1),
    "bold": (4.8, 700, False, 1),
    "button": (4.8, 600, False, 1),
    "fact": (4.8, 600, True, 1),
    "list": (4.8, 500, True, 1),
    "strip": (5.6, 600, False, 1),
    "badge": (5.8, 700, False, 1),
    "timer": (5.8, 700, True, 1),
    "letter": (4.8, 700, False, 1),
}


def colour(text: str) -> Colour:
    """`#RRGGBB` as three numbers. ValueError for anything else."""
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"{text[:16]!r} is not a colour like #0F4A57")
    value = int(text[1:], 16)
    return value >> 16, value >> 8 & 255, value & 255


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`, by sRGB values."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2 contrast ratio, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(of: Colour) -> float:
    red, green, blue = (
        value / 255 / 12.92 if value / 255 <= 0.04045 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in of
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True, eq=False)
class Theme:
    """Colours by use; `card_line_mm` is a card's outline, `line_on_dark` whether dark grounds need outlines."""

    name: str
    colours: Mapping[str, Colour]
    card_line_mm: float = 0.3
    line_on_dark: bool = False

    def __getitem__(self, use: str) -> Colour:
        return self.colours[use]


def standard(deep: str = DEEP, accent: str = ACCENT) -> Theme:
    """The standard theme about a bank's two colours."""
    water, sun = colour(deep), colour(accent)
    deeper = colour("#0A343E") if deep == DEEP else mixed(water, (0, 0, 0), 0.3)
    mist = colour("#DDEBE9") if deep == DEEP else mixed(water, (255, 255, 255), 0.86)
    base = {name: colour(value) for name, value in _PAPER.items()}
    base |= {"deep": water, "deeper": deeper, "accent": sun, "mist": mist}
    uses = {use: base[name] for use, name in _STANDARD_USES.items()}
    uses["ring_track"] = mixed(water, (255, 255, 255), 0.13)
    uses["main_pressed"] = mixed(sun, (0, 0, 0), 0.12)
    uses["second_pressed"] = mixed(base["paper"], (0, 0, 0), 0.12)
    uses["sun_low"] = mixed(water, sun, 0.52)
    uses["blank"] = (0, 0, 0)
    uses["wave2"], uses["wave3"] = mixed(water, base["paper"], 0.65), mixed(water, base["paper"], 0.39)
    return Theme("standard", base | uses)


def high_contrast() -> Theme:
    """White on black, yellow for what matters most."""
    base = {name: colour(value) for name, value in _BRIGHT.items()}
    uses = {use: base[name] for use, name in _CONTRAST_USES.items()}
    uses["ring_track"] = uses["wave3"] = mixed(base["black"], base["white"], 0.45)
    uses["wave2"] = mixed(base["black"], base["white"], 0.7)
    uses["main_pressed"] = mixed(base["accent"], base["black"], 0.12)
    uses["paper_track"] = uses["ring_track"]
    uses["sun_low"] = mixed(base["black"], base["accent"], 0.6)
    uses["blank"] = base["black"]
    return Theme("contrast", base | uses, card_line_mm=0.8, line_on_dark=True)


_PAPER = {
    "paper": "#FBF6EA", "card": "#FFFFFF", "white": "#FFFFFF", "ink": "#10262C", "ink2": "#3F565E",
    "success": "#1A6B41", "success_ground": "#DFF1E4", "warning": "#8A4B00", "warning_ground": "#FFF0CF",
    "danger": "#A5231C", "danger_ground": "#FBE4E0", "disabled": "#59625F", "disabled_ground": "#EBE4D4",
    "edge": "#8C8A78", "hair": "#E2DAC6", "chip": "#8A5A10", "shadow": "#10262C",
}  # fmt: skip

_BRIGHT = {
    "black": _BLACK, "white": _WHITE, "accent": _YELLOW, "success": "#8DF0B0", "warning": "#FFC46B",
    "danger": "#FF9B94", "disabled": "#B5B5B5", "deep": _BLACK, "deeper": _BLACK, "paper": _BLACK, "card": _BLACK,
    "ink": _WHITE, "ink2": _WHITE, "mist": _WHITE, "edge": _WHITE, "hair": "#8A8A8A", "chip": _BLACK, "shadow": _BLACK,
}  # fmt: skip

_STANDARD_USES = {
    "on_deep": "white", "on_deep2": "mist", "on_deep_accent": "accent", "header_line": "deep", "slot": "deeper",
    "card_line": "edge", "card_word": "ink", "card_second": "ink2", "card_icon": "deep",
    "card_badge": "mist", "card_badge_word": "deep",
    "pressed": "mist", "pressed_line": "edge", "pressed_word": "ink", "pressed_second": "ink2",
    "pressed_badge": "mist", "pressed_badge_word": "deep", "pressed_icon": "deep",
    "chosen": "mist", "chosen_line": "deep", "chosen_word": "ink", "chosen_second": "ink2",
    "chosen_badge": "mist", "chosen_badge_word": "deep", "chosen_icon": "deep",
    "focus": "card", "focus_word": "ink", "focus_second": "ink2", "focus_icon": "deep", "focus_badge": "accent",
    "focus_badge_word": "deeper", "focus_band": "accent", "focus_line": "deeper",
    "closed": "disabled_ground", "closed_line": "edge", "closed_word": "disabled", "closed_second": "disabled",
    "closed_icon": "disabled", "closed_badge": "disabled_ground", "closed_badge_word": "disabled",
    "main": "accent", "main_word": "deeper", "second": "paper", "second_line": "deep", "second_word": "deep", "second_pressed_word": "deep",
    "on_deep_button": "deep", "on_deep_line": "mist",
    "key_a": "danger", "key_b": "warning", "key_c": "deep", "key_d": "success", "key_word": "white",
    "key_help": "mist", "key_help_word": "deep",
    "info": "deep", "info_ground": "mist", "ok": "success", "ok_ground": "success_ground", "notice_word": "ink",
    "warning": "warning", "warning_ground": "warning_ground", "danger": "danger", "danger_ground": "danger_ground",
    "ring": "deep", "entry_line": "deep", "entry_word": "ink", "entry_idle": "disabled", "error_line": "danger",
    "time_arc": "accent", "time_word": "white", "paper_arc": "deep", "paper_track": "mist", "paper_time": "ink",
    "strip": "deep", "strip_line": "mist", "strip_word": "white", "strip_chosen": "paper", "strip_chosen_word": "ink",
    "strip_chosen_line": "accent", "sun": "accent", "wave1": "paper", "plastic": "paper", "print": "edge", "gain": "success",
}  # fmt: skip

_CONTRAST_USES = dict.fromkeys(_STANDARD_USES, "black") | {
    "on_deep": "white", "on_deep2": "white", "on_deep_accent": "accent", "header_line": "white",
    "card_line": "white", "card_word": "white", "card_second": "white", "card_icon": "white",
    "card_badge": "white", "card_badge_word": "black",
    "pressed": "white", "pressed_line": "white", "pressed_badge": "white",
    "chosen": "white", "chosen_line": "accent", "chosen_badge": "white",
    "focus": "accent", "focus_badge": "white", "focus_band": "accent", "focus_line": "accent",
    "closed_line": "disabled", "closed_word": "disabled", "closed_second": "disabled",
    "closed_icon": "disabled", "closed_badge_word": "disabled",
    "main": "accent", "second_line": "white", "second_word": "white", "second_pressed": "white",
    "on_deep_line": "white",
    "key_a": "white", "key_b": "white", "key_c": "white", "key_d": "white", "key_help": "white",
    "info": "white", "ok": "success", "warning": "warning", "danger": "danger", "notice_word": "white",
    "ring": "white", "entry_line": "white", "entry_word": "white", "entry_idle": "disabled", "error_line": "danger",
    "time_arc": "accent", "time_word": "white", "paper_arc": "accent", "paper_time": "white",
    "strip_line": "white", "strip_word": "white", "strip_chosen": "white", "strip_chosen_line": "accent",
    "sun": "accent", "wave1": "white", "plastic": "white", "print": "black", "gain": "success",
}  # fmt: skip
