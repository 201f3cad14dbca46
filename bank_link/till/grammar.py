"""The command lines of `atm` and `bank`: POSIX short options, read strictly and before anything else is done."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bank_link.till.messages import What

#: Characters of one word.
LONGEST_WORD = 4_096
#: Minor units: what can be written on a command line. Balances may be larger.
MOST_AMOUNT = 4_294_967_295_99
LEAST_OPENING = 10_00

_NUMBER = r"(?:0|[1-9][0-9]{0,9})"
_PORT = re.compile(_NUMBER)
_AMOUNT = re.compile(rf"({_NUMBER})\.([0-9]{{2}})")
_IP = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{3}}")
_FILE = re.compile(r"[_\-.0-9a-z]{1,127}")
_ACCOUNT = re.compile(r"[_\-.0-9a-z]{1,122}")
#: Each mode's letter, and the name of its `What`.
_MODES = {"n": "OPEN", "d": "DEPOSIT", "w": "WITHDRAW", "g": "BALANCE"}
_DATABASE = "--database"


class LineError(Exception):
    """An invalid command line. `str()` is one sentence that repeats no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtmLine:
    """What `atm` is to do. `amount`: minor units, 0 for a balance; files are in the current directory."""

    auth_file: str
    ip: str
    port: int
    card_file: str
    account: str
    what: What
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """How `bank` is to run. `database`: where its books are kept, None for memory alone."""

    port: int
    auth_file: str
    database: str | None


def read_atm(words: Sequence[str]) -> AtmLine:
    """`atm`'s arguments, without the program's name. Raises LineError."""
    found = _options(words, valued="sipcandw", bare="g")
    account = _matched(_ACCOUNT, found.get("a", ""), "-a must name an account")
    modes = [letter for letter in _MODES if letter in found]
    if len(modes) != 1:
        raise LineError("exactly one of -n, -d, -w and -g must be given")
    line = {
        "auth_file": _file(found.get("s", "bank.auth"), "-s"),
        "ip": _ip(found.get("i", "127.0.0.1")),
        "port": _port(found.get("p", "3000")),
        "card_file": _file(found.get("c", f"{account}.card"), "-c"),
    }
    amount = _amount(modes[0], found[modes[0]])

    # Only now, since a line that is refused should cost nothing.
    from bank_link.till.messages import What

    return AtmLine(**line, account=account, what=What[_MODES[modes[0]]], amount=amount)  # type: ignore[arg-type]


def read_bank(words: Sequence[str]) -> BankLine:
    """`bank`'s arguments. Raises LineError. `--database DIR` is ours, the rules do not know it."""
    found = _options(words, valued="ps", whole=(_DATABASE,))
    database = found.get(_DATABASE)
    if database == "":
        raise LineError(f"{_DATABASE} must name a directory")
    return BankLine(
        port=_port(found.get("p", "3000")), auth_file=_file(found.get("s", "bank.auth"), "-s"), database=database
    )


def _options(words: Sequence[str], *, valued: str, bare: str = "", whole: Collection[str] = ()) -> dict[str, str]:
    """Each option's value by its letter, or by its `whole` word; "" for those of `bare`, which have none."""
    if any(len(word) > LONGEST_WORD for word in words):
        raise LineError(f"no argument may have more than {LONGEST_WORD} characters")
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in whole:
            _put(found, word, next(rest, None))
        elif len(word) < 2 or word[0] != "-":
            raise LineError("there is a word that belongs to no option")
        else:
            # A group: bare letters, and perhaps one with a value at its end.
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in valued:
                    _put(found, letter, letters or next(rest, None))
                    letters = ""
                elif letter in bare:
                    _put(found, letter, "")
                else:
                    raise LineError("there is an option that this command does not have")
    return found


def _put(found: dict[str, str], name: str, value: str | None) -> None:
    if value is None:
        raise LineError("an option lacks its value")
    if name in found:
        raise LineError("an option is given twice")
    found[name] = value


def _matched(pattern: re.Pattern[str], value: str, sentence: str) -> str:
    if not pattern.fullmatch(value):
        raise LineError(sentence)
    return value


def _file(value: str, option: str) -> str:
    if value in {".", ".."}:
        raise LineError(f"{option} must name a file")
    return _matched(_FILE, value, f"{option} must name a file of this directory")


def _ip(value: str) -> str:
    _matched(_IP, value, "-i must be an IPv4 address")
    if any(int(part) > 255 for part in value.split(".")):
        raise LineError("-i must be an IPv4 address")
    return value


def _port(value: str) -> int:
    port = int(_matched(_PORT, value, "-p must be a port"))
    if not 1_024 <= port <= 65_535:
        raise LineError("-p must be a port from 1024 to 65535")
    return port


def _amount(mode: str, value: str) -> int:
    """Minor units. A balance has none."""
    if mode == "g":
        return 0
    found = _AMOUNT.fullmatch(value)
    if found is None:
        raise LineError(f"-{mode} must be an amount with two decimals")
    minor = int(found[1]) * 100 + int(found[2])
    if not (LEAST_OPENING if mode == "n" else 1) <= minor <= MOST_AMOUNT:
        raise LineError(f"-{mode} is too little or too much")
    return minor
