"""`atm-bank`: the bank's commands. They work beside a running `atm-bank serve`, and where none runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; returns the exit code: 0 done, 1 not done (one sentence on stderr), 2 misused."""
    from bank.cli.arguments import parsed
    from bank.cli.failures import Failed, guarded

    def work() -> int:
        arguments = parsed(sys.argv[1:] if argv is None else argv)
        module, _, function = arguments.do.rpartition(".")
        # Only what the command needs is imported: help, and a word to a running bank, come at once.
        code: int = getattr(importlib.import_module(f"bank.cli.{module}"), function)(arguments)
        return code

    try:
        return guarded(work)
    except Failed as failed:
        print(f"atm-bank: {failed}", file=sys.stderr)
        return failed.code


__all__ = ["main"]
