"""A bank's own face: name, two colours, mark and pictures from its `brand/` folder, checked before use.

    brand/brand.toml        name, deep, accent, currency, phone; shimmer and shimmer_tall for pictures of its own
    brand/mark.svg          square, no words
    brand/attract.svg       1024 x 600 units;  attract_tall.svg: 720 x 1280
    brand/words/en.toml     any sentence, by screen id (`kiosk.screens.words.load`)

What does not hold is refused with a sentence, and the default stands in its place: a machine is never without a face.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import pygame

from bank_link.money import MINOR_DIGITS
from kiosk.display.pygame.theme import ACCENT, DEEP, colour, contrast

_ART = Path(__file__).parent.parent / "art"
PAPER = "#FBF6EA"
#: FACE, section 1: the least contrast of deep with paper, and of accent with deep.
DEEP_WITH_PAPER, ACCENT_WITH_DEEP = 7.0, 4.5
_MOST_SVG_BYTES = 1_000_000
#: What the drawing library leaves out without a word.
_NOT_DRAWN = ("<text", "<filter", "<mask", "<image", "<style", "objectBoundingBox")
_PICTURES = ("mark", "attract", "attract_tall")

Region = tuple[float, float, float, float]


@dataclass(frozen=True)
class Brand:
    """A bank's face. Pictures are paths of SVG files; None: no attract picture, the plain one is drawn."""

    name: str = "Harbour Credit Union"
    deep: str = DEEP
    accent: str = ACCENT
    currency: str = "USD"
    phone: str = ""
    mark: Path = _ART / "mark.svg"
    attract: Path | None = _ART / "attract.svg"
    attract_tall: Path | None = _ART / "attract_tall.svg"
    shimmer: Region | None = (568, 418, 144, 66)
    shimmer_tall: Region | None = (240, 782, 180, 84)


def load_brand(folder: Path | None = None) -> tuple[Brand, list[str]]:
    """The brand in `folder` (None: the placeholder bank) and a sentence for each thing that was refused."""
    if folder is None:
        return Brand(), []
    refused: list[str] = []
    table = _table(folder / "brand.toml", refused)
    brand = _with_colours(_with_values(Brand(), table, folder / "brand.toml", refused), table, folder, refused)
    return _with_pictures(brand, table, folder, refused), refused


def _table(path: Path, refused: list[str]) -> Mapping[str, object]:
    try:
        found: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        refused.append(f"{path}: cannot be read as TOML in UTF-8 ({error}); the default brand stands")
        return {}
    known = (*_CHECKS, "deep", "accent")
    for key in found.keys() - set(known):
        close = get_close_matches(key, known, n=1)
        meant = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"
        refused.append(f"{path}: {key} is not known{meant}")
    return found


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value.strip()) <= 40 and value.isprintable() else None


def _phone(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 24 and value.isprintable() else None


def _currency(value: object) -> str | None:
    return value if isinstance(value, str) and value in MINOR_DIGITS else None


def _region(value: object) -> Region | None:
    if not isinstance(value, list) or len(value) != 4 or not all(type(one) in (int, float) for one in value):
        return None
    x, y, w, h = (float(one) for one in value)
    return (x, y, w, h) if w > 0 and h > 0 else None


_CHECKS: Mapping[str, tuple[Callable[[object], object], str]] = {
    "name": (_name, "one line of 1 to 40 letters"),
    "currency": (_currency, f"one of {', '.join(sorted(MINOR_DIGITS))}"),
    "phone": (_phone, "one line of at most 24 letters"),
    "shimmer": (_region, "four numbers: left, top, width, height in the picture's units"),
    "shimmer_tall": (_region, "four numbers: left, top, width, height in the picture's units"),
}


def _with_values(brand: Brand, table: Mapping[str, object], path: Path, refused: list[str]) -> Brand:
    accepted = {}
    for key, (check, allowed) in _CHECKS.items():
        if key not in table:
            continue
        value = check(table[key])
        if value is None:
            refused.append(f"{path}: {key} = {table[key]!r} is not allowed: {allowed}; the default stands")
        else:
            accepted[key] = value
    return replace(brand, **accepted)  # type: ignore[arg-type]  # each check returns its own field's type


def _with_colours(brand: Brand, table: Mapping[str, object], folder: Path, refused: list[str]) -> Brand:
    """The bank's colours where they are legible; deep first, for accent is judged on it."""
    path = folder / "brand.toml"
    deep = _legible(table, "deep", (PAPER, "paper", DEEP_WITH_PAPER), path, refused)
    if deep is not None:
        brand = replace(brand, deep=deep)
    accent = _legible(table, "accent", (brand.deep, "deep", ACCENT_WITH_DEEP), path, refused)
    if accent is not None:
        return replace(brand, accent=accent)
    if contrast(colour(brand.accent), colour(brand.deep)) < ACCENT_WITH_DEEP:
        refused.append(f"{path}: deep {brand.deep} leaves the default accent illegible; both defaults stand")
        return replace(brand, deep=DEEP)
    return brand


def _legible(
    table: Mapping[str, object], key: str, beside: tuple[str, str, float], path: Path, refused: list[str]
) -> str | None:
    """The colour under `key` if it has enough contrast with the one `beside` it."""
    value = table.get(key)
    if value is None:
        return None
    other, other_name, least = beside
    try:
        ratio = contrast(colour(str(value)), colour(other))
    except ValueError:
        refused.append(f"{path}: {key} = {value!r} is not a colour like #0F4A57; the default stands")
        return None
    if ratio < least:
        refused.append(
            f"{path}: {key} = {value} has contrast {ratio:.1f} with {other_name} {other}; it needs {least:g}; "
            "the default stands"
        )
        return None
    return str(value).upper()


def _with_pictures(brand: Brand, table: Mapping[str, object], folder: Path, refused: list[str]) -> Brand:
    own = {name: _picture(folder / f"{name}.svg", refused) for name in _PICTURES}
    ours = brand.deep == DEEP  # our picture is painted in our deep, and would clash with another one
    return replace(
        brand,
        mark=own["mark"] or brand.mark,
        attract=own["attract"] or (brand.attract if ours else None),
        attract_tall=own["attract_tall"] or (brand.attract_tall if ours else None),
        shimmer=brand.shimmer if "shimmer" in table or (ours and not own["attract"]) else None,
        shimmer_tall=brand.shimmer_tall if "shimmer_tall" in table or (ours and not own["attract_tall"]) else None,
    )


def _picture(path: Path, refused: list[str]) -> Path | None:
    """`path` if it holds a drawing that can be drawn."""
    if not path.exists():
        return None
    try:
        text = path.read_bytes()[: _MOST_SVG_BYTES + 1].decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        refused.append(f"{path}: cannot be read ({error}); the default picture stands")
        return None
    if len(text) > _MOST_SVG_BYTES or "<svg" not in text:
        refused.append(f"{path}: is no SVG drawing of at most {_MOST_SVG_BYTES} bytes; the default picture stands")
        return None
    left_out = [one for one in _NOT_DRAWN if one in text]
    if left_out:
        refused.append(f"{path}: holds {left_out[0]}, which is not drawn; use paths; the default picture stands")
        return None
    try:
        pygame.image.load(path)
    except pygame.error as error:
        refused.append(f"{path}: cannot be drawn ({error}); the default picture stands")
        return None
    return path
