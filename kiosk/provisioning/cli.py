"""The command `atm-provision`: one line a step, safe to run again, a sentence where it stops.

Exit codes: 0 done; 1 a step cannot be done; 2 wrong arguments; 130 interrupted.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bank_link.errors import LinkError
from bank_link.seams import SystemClock, SystemRandomness
from config.load import ConfigError, profile_names
from kiosk.provisioning.commands import run
from kiosk.provisioning.errors import ProvisioningError
from kiosk.provisioning.place import Place
from kiosk.provisioning.steps import Wishes, World, provision

_MOST_STRING = 4_096
_DESCRIPTION = """\
Sets a kiosk up, from the bank's enrolment string to an enabled unit. Every step looks first whether it is done, so
after any interruption the same command goes on. The string comes from a file or from standard input, never from the
command line, where others could read it.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        for done in provision(_wishes(options), World(clock=SystemClock(), random=SystemRandomness(), run=run)):
            print(f"{done.step + ':':<11}{done.line}", flush=True)
    except (ProvisioningError, LinkError, ConfigError) as error:
        for line in str(error).splitlines():
            print(f"atm-provision: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\natm-provision: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atm-provision", description=_DESCRIPTION)
    add = parser.add_argument
    add("--string-file", type=Path, metavar="FILE", help="holds the enrolment string (otherwise: standard input)")
    add("--profile", default="", metavar="NAME", help=f"the cabinet model: {', '.join(profile_names())}")
    add("--passphrase-file", type=Path, metavar="FILE", help="seal under its first line, not under a new key file")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--state", type=Path, metavar="DIR", help="a whole kiosk in one directory, to play on a laptop")
    where.add_argument("--root", type=Path, metavar="DIR", help="a machine's image below DIR instead of this machine")
    add("--no-systemd", action="store_true", help="leave units, users and rules alone")
    add("--again", action="store_true", help="enrol once more, although there is an auth file")
    return parser


def _wishes(options: argparse.Namespace) -> Wishes:
    place = Place.of_directory(options.state) if options.state else Place.of_machine(options.root or Path("/"))
    return Wishes(
        place=place,
        profile=options.profile,
        passphrase_file=options.passphrase_file,
        systemd=not options.no_systemd,
        again=options.again,
        string=_string_from(options.string_file),
    )


def _string_from(file: Path | None) -> Callable[[], str]:
    """Reads the string when a step asks for it: not at all where the machine is enrolled already."""
    return lambda: _read_file(file) if file else _read_input()


def _read_file(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            text = opened.read(_MOST_STRING)
    except OSError as error:
        raise ProvisioningError(f"the enrolment string cannot be read from {file}: {error.strerror}") from None
    return _said(text, str(file))


def _read_input() -> str:
    if sys.stdin.isatty():
        return _said(getpass.getpass("Enrolment string (not shown): "), "what was typed")
    return _said(sys.stdin.read(_MOST_STRING), "standard input")


def _said(text: str, where: str) -> str:
    if not text.strip():
        raise ProvisioningError(f"there is no enrolment string in {where}: use --string-file FILE, or type it in")
    return text


if __name__ == "__main__":
    sys.exit(main())
