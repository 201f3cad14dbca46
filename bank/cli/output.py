"""What a command says on standard output; by then it has taken effect, and whoever cannot be told is told that."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bank.cli.failures import Failed


def say(text: str) -> None:
    """One text and a line break. What the terminal's encoding lacks is written as its code. Raises Failed."""
    encoding = sys.stdout.encoding or "ascii"
    with _told():
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def say_json(line: bytes) -> None:
    """One line of JSON, which is UTF-8 whatever the terminal's encoding is. Raises Failed."""
    with _told():
        sys.stdout.flush()
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.flush()


def can_draw() -> bool:
    """Whether standard output takes block characters."""
    return (sys.stdout.encoding or "").lower().startswith("utf")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Python's own exit must not stumble over the same output again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            raise Failed("the command was carried out, but nobody reads its answer any more") from None
        why = (error.strerror or "it failed").lower()
        raise Failed(f"the command was carried out, but its answer cannot be written: {why}") from None
