"""Carries out a command: finds who does it, in one transaction, and says no in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from bank.authoriser.context import Tools
from bank.commands import accounts, cards, cases, checks, customers, keys, payees, terminals
from bank.commands import requests as r
from bank.commands.answers import Answer
from bank.commands.desk import Desk, House
from bank.control import CommandRefused

_DONE_BY: dict[type[r.Command], Callable[[Desk, Any], Answer]] = {
    r.CustomerAdd: customers.add,
    r.CustomerRename: customers.rename,
    r.AccountOpen: accounts.open_account,
    r.AccountShow: accounts.show,
    r.AccountFreeze: accounts.freeze,
    r.AccountUnfreeze: accounts.unfreeze,
    r.AccountClose: accounts.close,
    r.CardFreeze: cards.freeze,
    r.CardUnfreeze: cards.unfreeze,
    r.CardIssue: cards.issue,
    r.CardReissue: cards.reissue,
    r.CardUnblock: cards.unblock,
    r.CardShow: cards.show,
    r.PinSet: cards.set_pin,
    r.PayeeAdd: payees.add,
    r.PayeeList: payees.list_all,
    r.PayeeRemove: payees.remove,
    r.EnrolmentOpen: terminals.open_enrolment,
    r.TerminalList: terminals.list_all,
    r.TerminalConfirm: terminals.confirm,
    r.TerminalSuspend: terminals.suspend,
    r.TerminalResume: terminals.resume,
    r.CaseList: cases.list_cases,
    r.CaseShow: cases.show,
    r.CaseResolve: cases.resolve_case,
    r.AuditVerify: checks.verify_audit,
    r.LedgerCheck: checks.check_ledger,
    r.CaShow: keys.show,
    r.CaNext: keys.make_next,
    r.CaPromote: keys.promote,
}


def execute(connection: Connection, command: r.Command, house: House, tools: Tools) -> Answer:
    """Within the caller's transaction. Raises CommandRefused; then nothing of it may be committed."""
    desk = Desk(connection, house, tools, command.by)
    answer = _DONE_BY[type(command)](desk, command)
    desk.flush()
    return answer


def command_of(name: str, arguments: dict[str, Any]) -> r.Command:
    """A command as it came over the control socket. Raises CommandRefused where it is none."""
    kind = r.COMMANDS.get(name)
    if kind is None:
        raise CommandRefused(f"the running bank knows no command {name[:40]!r}; is it another version?")
    return checked(lambda: msgspec.convert({**arguments, "type": name}, kind))


def checked(make: Callable[[], r.Command]) -> r.Command:
    """The command that `make` makes, its fields within their limits. Raises CommandRefused, never showing a value."""
    try:
        made = make()
        return msgspec.convert(msgspec.to_builtins(made), type(made))
    except msgspec.ValidationError as error:
        raise CommandRefused(_wrong_field(str(error))) from None


#: What may stand in a field, for whoever wrote something else there.
_ALLOWED = {
    "by": "a name of 1 to 60 characters on one line",
    "name": "1 to 200 characters on one line",
    "label": "1 to 200 characters on one line",
    "why": "1 to 200 characters on one line",
    "note": "1 to 400 characters on one line",
    "language": "a language like en or de-CH",
    "currency": "an ISO 4217 code like EUR",
    "expiry": "a month like 2031-05",
    "category": "water, electricity, school or other",
    "digits": "a number from 2 to 20",
    "check": "luhn or mod97",
    "heads": "a block's number and digest, as a terminal keeps it",
}


def _wrong_field(sentence: str) -> str:
    """Msgspec's words speak of types and patterns; a person is told what may stand there."""
    field = re.split(r"[`.\[]", sentence.partition(" - at `$.")[2])[0]
    allowed = _ALLOWED.get(field, "an id as this bank gives them out")
    return f"the {field} is not one: it has to be {allowed}" if field else "a part of the command is missing or unknown"
