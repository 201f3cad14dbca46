"""Makes the FigtreeTabular files: copies of Figtree whose digits all have one width, so that amounts keep still.

    python kiosk/display/fonts/make_tabular.py [FOLDER]

pygame cannot turn the OpenType feature `tnum` on. The font holds the tabular figures as glyphs of their own; the copies
map the digits to them. Needs fontTools (a development dependency); run it again when the Figtree files change.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # it ships no types

WEIGHTS = (500, 600, 700)
FIGURES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FAMILY, _FULL, _POSTSCRIPT = (1, 16), (3, 4), (6,)  # name table ids (OpenType, `name`)


def tabular_copy(source: Path) -> TTFont:
    """The font at `source` with U+0030 to U+0039 mapped to its tabular figures, under a family name of its own."""
    font = TTFont(source, recalcTimestamp=False)
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap.update({ord("0") + digit: f"{name}.tf" for digit, name in enumerate(FIGURES)})
    _rename(font)
    return font


def _rename(font: TTFont) -> None:
    for record in font["name"].names:
        if record.nameID in (*_FAMILY, *_FULL):
            record.string = record.toUnicode().replace("Figtree", "Figtree Tabular")
        elif record.nameID in _POSTSCRIPT:
            record.string = record.toUnicode().replace("Figtree", "FigtreeTabular")


def main(folder: Path) -> None:
    """Write one tabular copy a weight from this folder's fonts into `folder`."""
    here = Path(__file__).parent
    for weight in WEIGHTS:
        tabular_copy(here / f"Figtree-{weight}.ttf").save(folder / f"FigtreeTabular-{weight}.ttf")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
