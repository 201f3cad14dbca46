"""A text as the modules of a QR code, for a screen."""

from __future__ import annotations


def rows(text: str) -> tuple[str, ...]:
    """Each row of the code as `1` for dark and `0` for light, without the quiet zone. Large modules matter, damage does not."""
    import segno

    code = segno.make(text, error="l", micro=False, encoding="utf-8", boost_error=False)
    return tuple("".join("1" if module & 1 else "0" for module in row) for row in code.matrix)
