"""`make pictures`: the pictures of README and docs, made anew; the same code makes the same bytes.

python tests/pictures/make.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main(folder: Path) -> None:
    from pictures.visit import film

    from kiosk.display.pygame.render import main as stills

    stills([str(folder)])
    with tempfile.TemporaryDirectory() as directory:
        taken, _ = film(Path(directory))
    taken.save(folder / "visit.png")
    for path in sorted(folder.glob("*.png")):
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
