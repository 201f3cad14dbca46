"""Idempotency keys: (terminal, generation, number). Each is decided once, and answered the same for ever."""

from __future__ import annotations

from msgspec.structs import replace

from bank.ledger.rows import Numbering, NumberRow
from bank.ledger.view import View

Key = tuple[str, int, int]


def find(view: View, key: Key) -> NumberRow | None:
    return view.get(NumberRow, *key)


def record(
    view: View, key: Key, *, kind: str, digest: bytes, answer: bytes, at_ms: int, body: bytes = b""
) -> None:  # fmt: skip
    """Keep the answer of a number that was decided now; of a fact also its body, should another claim its number."""
    see(view, key)
    row = find(view, key)
    view.put(
        NumberRow(
            terminal=key[0], generation=key[1], number=key[2], kind=kind, digest=digest, state="answered",
            answered=1, try_counted=row.try_counted if row else 0, answer=answer, body=body, at_ms=at_ms,
        )
    )  # fmt: skip


def deciding(view: View, key: Key, *, kind: str, digest: bytes, at_ms: int) -> None:
    """A PIN try of this number is counted; what it was worth is decided after this is on disk."""
    see(view, key)
    view.put(
        NumberRow(
            terminal=key[0], generation=key[1], number=key[2], kind=kind, digest=digest, state="deciding",
            try_counted=1, at_ms=at_ms,
        )
    )  # fmt: skip


def refuse_ended(view: View, row: NumberRow) -> None:
    """A tombstone was asked for: from now on its number has an answer, too."""
    if not row.answered:
        view.put(replace(row, answered=1))


def lose(view: View, key: Key, at_ms: int) -> None:
    """The kiosk has an answer that this bank forgot: known as answered from now on, its content as lost."""
    row = find(view, key)
    if row is not None and row.answered:
        return
    see(view, key)
    lost = row or NumberRow(terminal=key[0], generation=key[1], number=key[2], state="lost", at_ms=at_ms)
    view.put(replace(lost, state="ended" if lost.state == "ended" else "lost", answered=1))


def see(view: View, key: Key) -> None:
    """The highest number that this generation ever used."""
    count = counting(view, key[0], key[1])
    view.put(replace(count, highest_seen=max(count.highest_seen, key[2])))


def counting(view: View, terminal: str, generation: int) -> Numbering:
    return view.get(Numbering, terminal, generation) or Numbering(terminal=terminal, generation=generation)
