"""Whether what lies in a reader is somebody's card already: nothing is ever written over one."""

from __future__ import annotations

#: A card file's head: its mark, and whose card it is.
_HEAD, _MARK = 16, 4


def is_another_card(found: bytes, wanted: bytes) -> bool:
    """`found` begins as a card file does, and is no earlier try to write `wanted`, which may have been torn anywhere."""
    head = found[:_HEAD].rstrip(b"\0")
    return found[:_MARK] == wanted[:_MARK] and not wanted.startswith(head)
