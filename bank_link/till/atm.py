"""The command `atm`: its order of checks, its one line, and its exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from bank_link.till import grammar
from bank_link.till.grammar import AtmLine

if TYPE_CHECKING:
    from bank_link.card_file import CardFile
    from bank_link.identity import Identity
    from bank_link.till.messages import TillDone

DONE, FAULTY, REFUSED = 0, 63, 255
_STDOUT, _STDERR = 1, 2


#: Words of our own: the bank's might name what nobody beside the line should read.
_SAID = {
    "account-limit": "there is such an account already",
    "card-proof": "there is no such account, or this is not its card",
    "funds": "there is not so much in the account",
    "amount": "it is too little or too much",
}


class _Failed(Exception):
    """The command is over, and has not said that anything is done. `str()` is a sentence without names or amounts."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def program() -> NoReturn:
    """For the script. The process ends here, whatever the environment has in mind for its end."""
    os._exit(main())


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code. No end of it shows a traceback."""
    try:
        _print(_run(grammar.read_atm(sys.argv[1:] if words is None else words)))
    except _Failed as failed:
        return _ended(failed.code, str(failed))
    except grammar.LineError as error:
        return _ended(REFUSED, str(error))
    except KeyboardInterrupt:
        return _ended(REFUSED, "interrupted")
    except Exception as error:  # noqa: BLE001 - no end of a command is a traceback
        return _ended(REFUSED, f"a mistake in the program: {type(error).__name__}")
    return DONE


def _run(line: AtmLine) -> str:
    """Files first, then the bank. The line to print. Raises _Failed."""
    if sys.stdout is None:
        # Nobody would learn of it, and the file that is opened next would be the one that is printed to.
        raise _Failed(REFUSED, "there is nowhere to print to")

    # Only now, since a command line that is refused should cost nothing.
    from bank_link.errors import LinkError
    from bank_link.till import output
    from bank_link.till.call import Faulty

    try:
        done = _done(line)
    except LinkError as error:
        raise _Failed(FAULTY if isinstance(error, Faulty) else REFUSED, str(error)) from None
    return output.line(done.what, done.account, done.amount)


def _done(line: AtmLine) -> TillDone:
    """Raises LinkError, or _Failed where the bank refuses. A new card is there before anybody is told of it."""
    from bank_link.seams import SystemClock
    from bank_link.till import auth, card
    from bank_link.till.messages import What

    identity = auth.read(line.auth_file, SystemClock().now_ms())
    if line.what is not What.OPEN:
        return _asked(line, identity, card.read(line.card_file))
    with card.NewCard(line.card_file) as new:
        done = _asked(line, identity, None)
        new.keep(done.file)
    return done


def _asked(line: AtmLine, identity: Identity, card: CardFile | None) -> TillDone:
    from bank_link.messages import Refused
    from bank_link.till.call import ask, call_of

    answer = ask(call_of(line, identity, card), identity, line.ip, line.port)
    if isinstance(answer, Refused):
        raise _Failed(REFUSED, f"the bank refuses it: {_SAID.get(answer.reason, answer.reason)}")
    return answer


def _print(text: str) -> None:
    """Straight to the descriptor: what a stream keeps back would fail once more, and loudly, when the program ends."""
    try:
        os.write(_STDOUT, f"{text}\n".encode())
    except OSError as error:
        raise _Failed(REFUSED, f"it is done, but cannot be printed: {os.strerror(error.errno or 0).lower()}") from None


def _ended(code: int, sentence: str) -> int:
    if sys.stderr is not None:
        with suppress(OSError):
            os.write(_STDERR, f"atm: {sentence}\n".encode(errors="replace"))
    return code
