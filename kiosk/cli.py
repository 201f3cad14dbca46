"""The command `atm-kiosk`: which words there are, and that every end is one sentence and a code."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from kiosk.exit_codes import MEANINGS, Code, CommandError, code_of
from kiosk.where import add_sealed, add_where

_DESCRIPTION = "The kiosk of an ATM: runs it, simulates it on a laptop, and lets an operator look into it."
#: Set it to see where a failure came from.
#: `once` waits no longer than this for another call to end.
LONGEST_WAIT_S = 3_600
TRACE = "ATM_TRACE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows few letters is no reason to stop
    # What these commands write (journal, notes, cards) is this user's alone, as under the unit.
    os.umask(0o077)
    try:
        options = parser().parse_args(arguments)
        module, _, name = options.run.partition(":")
        code: Code = getattr(importlib.import_module(f"kiosk.commands.{module}"), name)(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has had enough; what is left must not be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Code.DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no end of a command is a traceback
        return told(error)
    return code


def told(error: BaseException) -> int:
    """Say why on stderr; the code that belongs to it."""
    code = code_of(error)
    if isinstance(error, KeyboardInterrupt):
        print(file=sys.stderr)
        return Code.INTERRUPTED
    if code is None:
        code = Code.FAILED
        said = [f"failed ({type(error).__name__}: {error}); {TRACE}=1 shows where"]
    else:
        said = str(error).splitlines()
    for line in said:
        print(f"atm-kiosk: {line}", file=sys.stderr)
    if os.environ.get(TRACE):
        traceback.print_exception(error)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # it raises, where argparse exits
        raise CommandError(f"{message} (see {self.prog} --help)", Code.BAD_INPUT)


def parser() -> argparse.ArgumentParser:
    """Built of the standard library alone: it must cost nothing."""
    codes = "\n".join(f"  {code.value:<4}{MEANINGS[code]}" for code in Code)
    top = _Parser(
        prog="atm-kiosk", description=_DESCRIPTION, epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _run(commands)
    _simulate(commands)
    _once(commands)
    _journal(commands)
    _cash(commands)
    _config(commands)
    status = commands.add_parser("status", help="what the running kiosk says of itself")
    add_where(status)
    status.add_argument("--json", action="store_true", help="as one line of JSON")
    status.set_defaults(run="status:show")
    safe = commands.add_parser("safe", help="motors off, every output at its safe level; for a kiosk that was killed")
    safe.add_argument("--config", type=Path, metavar="FILE", help="the configuration (default: /etc/atm/kiosk.toml)")
    safe.set_defaults(run="safe:run")
    return top


def _run(commands: argparse._SubParsersAction[_Parser]) -> None:
    run = commands.add_parser(
        "run", help="the kiosk in production, on real pins",
        description="Shows its first picture at once. What keeps it from starting is said on stderr and shown as "
        "'Closed for now', and tried again until it works or the kiosk is stopped.",
    )  # fmt: skip
    run.add_argument("--config", type=Path, metavar="FILE", help="the configuration (default: /etc/atm/kiosk.toml)")
    run.set_defaults(run="run:start")


def _simulate(commands: argparse._SubParsersAction[_Parser]) -> None:
    simulate = commands.add_parser(
        "simulate", help="a kiosk on this machine, with simulated pins",
        description="In a terminal by default: typed keys press the simulated keypad. See docs/simulator.md.",
    )  # fmt: skip
    add = simulate.add_argument
    add("--state", type=Path, metavar="DIR", help="the simulated kiosk's directory")
    add("--config", type=Path, metavar="FILE", help="simulate this configuration's cabinet, with its files in DIR")
    add_sealed(simulate)
    add("--card", type=Path, metavar="FILE", action="append", default=[], help="one more card to insert (repeatable)")
    add("--window", action="store_true", help="open the touch window as well")
    add("--scenario", metavar="FILE", help="play a visit from a file, or one that is shipped by its name")
    add(
        "--page",
        type=_port,
        nargs="?",
        const=0,
        metavar="PORT",
        help="serve the machine as a page for a browser on this computer (on any free port where none is named)",
    )
    add("--png", type=Path, metavar="DIR", help="save every screen that was shown as a picture")
    add("--quiet", action="store_true", help="do not print the screens")
    add("--demo", action="store_true", help="a bank, a kiosk and a whole withdrawal in ./demo")
    simulate.set_defaults(run="simulate:start")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1024 <= int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a port from 1024 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_WAIT_S:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not between 0 and {LONGEST_WAIT_S} seconds")
    return seconds


def _once(commands: argparse._SubParsersAction[_Parser]) -> None:
    once = commands.add_parser(
        "once", help="one transaction without a customer, for probes and scripts",
        description="On simulated pins, with the journal and cassettes of DIR. Prints one line of JSON.",
    )  # fmt: skip
    add = once.add_argument
    add("--state", type=Path, metavar="DIR", required=True, help="the simulated kiosk's directory")
    add_sealed(once)
    add("--card", type=Path, metavar="FILE", required=True, help="the card file; it is rewritten in place")
    add("--pin-file", type=Path, metavar="FILE", required=True, help="a file whose first line is the PIN")
    add("--wait", type=_seconds, metavar="SECONDS", default=10.0, help="wait so long for another call to end (10)")
    what = once.add_mutually_exclusive_group(required=True)
    what.add_argument("--withdraw", metavar="AMOUNT", help="decimal text, like 40 or 40.00")
    what.add_argument("--balance", action="store_true")
    once.set_defaults(run="once:start")


def _journal(commands: argparse._SubParsersAction[_Parser]) -> None:
    journal = commands.add_parser("journal", help="the electronic journal")
    show = journal.add_subparsers(metavar="COMMAND", required=True).add_parser("show", help="its newest records")
    add_where(show)
    show.add_argument("--last", type=_positive, metavar="N", default=50, help="how many (50)")
    show.add_argument("--filter", metavar="TEXT", default="", help="only records that contain it")
    show.add_argument("--json", action="store_true", help="one line of JSON a record")
    show.set_defaults(run="journal:show")


def _cash(commands: argparse._SubParsersAction[_Parser]) -> None:
    cash = commands.add_parser("cash", help="what is in the cassettes").add_subparsers(metavar="COMMAND", required=True)
    load = cash.add_parser("load", help="an operator's exchange")
    add_where(load)
    load.add_argument("count", nargs="+", metavar="CASSETTE=NOTES", help="what is in it now, like top=500")
    load.add_argument(
        "--found", nargs="+", action="extend", default=[], metavar="CASSETTE=NOTES+REJECTS",
        help="what was counted in it, and in its reject bin, before",
    )  # fmt: skip
    load.add_argument("--by", required=True, metavar="NAME", help="who did it")
    load.add_argument("--json", action="store_true", help="the totals as one line of JSON")
    load.set_defaults(run="cash:load")
    totals = cash.add_parser("totals", help="counts, and what was paid since the last exchange")
    add_where(totals)
    totals.add_argument("--json", action="store_true", help="as one line of JSON")
    totals.set_defaults(run="cash:totals")


def _config(commands: argparse._SubParsersAction[_Parser]) -> None:
    config = commands.add_parser("config", help="configuration files").add_subparsers(metavar="COMMAND", required=True)
    for name, says in (
        ("check", "every mistake at once, one line each"), ("show", "each value in force with its origin"),
        ("diff", "what the file sets otherwise than its profile"),
    ):  # fmt: skip
        command = config.add_parser(name, help=says)
        command.add_argument("file", type=Path, nargs="?", default=Path("/etc/atm/kiosk.toml"), metavar="FILE")
        command.set_defaults(run=f"config:{name}")


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 10_000):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 1 to 10000")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
