"""Every command as a struct: what a person may ask of the bank. Written as JSON on the control socket.

Amounts are decimal text (`bank_link.money.parse`), so that they are read exactly, by the bank and nowhere else. Nothing
here knows the database: a command line that only talks to a running bank starts quickly.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from bank.commands import answers as a
from bank_link.bills import MOST_DIGITS

#: No control characters, those of a terminal's escape sequences above all, and no line breaks of any kind.
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+\Z"

#: Who gives the command; also goes into the audit log.
By = Annotated[str, Meta(min_length=1, max_length=60, pattern=_ONE_LINE)]
#: An id as the bank gives them out.
Id = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.:-]+\Z")]
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=_ONE_LINE)]
Note = Annotated[str, Meta(min_length=1, max_length=400, pattern=_ONE_LINE)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?\Z")]
Currency = Annotated[str, Meta(pattern=r"^([A-Z]{3})?\Z")]
Amount = Annotated[str, Meta(max_length=64)]
Month = Annotated[str, Meta(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2]))?\Z")]
Fingerprint = Annotated[str, Meta(max_length=60)]
Head = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+\Z")]

Resolution = Literal["debit", "credit", "void", "write-off", "nothing"]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of all commands. Its repr shows no PIN."""

    answer: ClassVar[type[a.Answer]]
    by: By

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "pin")
        return f"{type(self).__name__}({', '.join(shown)})"


class CustomerAdd(Command, frozen=True, kw_only=True, tag="customer-add"):
    answer = a.CustomerAdded
    name: Line
    language: Language = "en"


class AccountOpen(Command, frozen=True, kw_only=True, tag="account-open"):
    """`currency`: "" is the bank's. `opening`: a balance posted from equity. `overdraft`: how far below zero it may go."""

    answer = a.AccountShown
    customer: Id
    label: Line
    currency: Currency = ""
    opening: Amount = "0"
    overdraft: Amount = "0"


class AccountShow(Command, frozen=True, kw_only=True, tag="account-show"):
    """With its last postings, newest first."""

    answer = a.AccountShown
    account: Id
    last: Annotated[int, Meta(ge=0, le=1000)] = 10


class CustomerRename(Command, frozen=True, kw_only=True, tag="customer-rename"):
    """What others read before they send money."""

    answer = a.CustomerAdded
    customer: Id
    name: Line


class AccountFreeze(Command, frozen=True, kw_only=True, tag="account-freeze"):
    """Nothing is paid out of it or into it at a machine; it can be looked at."""

    answer = a.AccountShown
    account: Id


class AccountUnfreeze(Command, frozen=True, kw_only=True, tag="account-unfreeze"):
    answer = a.AccountShown
    account: Id


class AccountClose(Command, frozen=True, kw_only=True, tag="account-close"):
    """For good; it must stand at nothing, and nothing about it may be open."""

    answer = a.AccountShown
    account: Id


class CardFreeze(Command, frozen=True, kw_only=True, tag="card-freeze"):
    """Until the bank unfreezes it; its customer cannot."""

    answer = a.CardShown
    card: Id


class CardUnfreeze(Command, frozen=True, kw_only=True, tag="card-unfreeze"):
    """Whoever froze it."""

    answer = a.CardShown
    card: Id


class CardIssue(Command, frozen=True, kw_only=True, tag="card-issue"):
    """`accounts`: none named means all of the customer's. `expiry`: "" is five years from now."""

    answer = a.CardMade
    customer: Id
    pin: str
    accounts: tuple[Id, ...] = ()
    expiry: Month = ""


class CardReissue(Command, frozen=True, kw_only=True, tag="card-reissue"):
    """A new file for the same card: every older one is outdated from then on."""

    answer = a.CardMade
    card: Id


class CardUnblock(Command, frozen=True, kw_only=True, tag="card-unblock"):
    """Clears PIN tries and their lock, nothing else."""

    answer = a.CardShown
    card: Id


class CardShow(Command, frozen=True, kw_only=True, tag="card-show"):
    answer = a.CardShown
    card: Id


class PinSet(Command, frozen=True, kw_only=True, tag="pin-set"):
    answer = a.CardShown
    card: Id
    pin: str


class PayeeAdd(Command, frozen=True, kw_only=True, tag="payee-add"):
    """Somebody whose bills can be paid at the machines, into `account`. `check`: "" where nothing guards a bill's number."""

    answer = a.BillerShown
    name: Line
    account: Id
    category: Literal["water", "electricity", "school", "other"] = "other"
    digits: Annotated[int, Meta(ge=2, le=MOST_DIGITS)]
    check: Literal["", "luhn", "mod97"] = ""


class PayeeList(Command, frozen=True, kw_only=True, tag="payee-list"):
    """`removed`: those too."""

    answer = a.BillersListed
    removed: bool = False


class PayeeRemove(Command, frozen=True, kw_only=True, tag="payee-remove"):
    """No machine offers it any more; what was paid stays."""

    answer = a.BillerShown
    payee: Id


class EnrolmentOpen(Command, frozen=True, kw_only=True, tag="enrol"):
    """A string for a new terminal, or for `terminal` to be enrolled anew."""

    answer = a.EnrolmentOpened
    terminal: Annotated[str, Meta(max_length=64)] = ""


class TerminalList(Command, frozen=True, kw_only=True, tag="terminal-list"):
    answer = a.TerminalsListed


class TerminalConfirm(Command, frozen=True, kw_only=True, tag="terminal-confirm"):
    """`fingerprint`: as the person reads it at the machine."""

    answer = a.TerminalShown
    terminal: Id
    fingerprint: Fingerprint


class TerminalSuspend(Command, frozen=True, kw_only=True, tag="terminal-suspend"):
    answer = a.TerminalShown
    terminal: Id
    why: Line = "suspended by the bank's staff"


class TerminalResume(Command, frozen=True, kw_only=True, tag="terminal-resume"):
    """Adopts the journal at hand where a contradiction had suspended it."""

    answer = a.TerminalShown
    terminal: Id


class CaseList(Command, frozen=True, kw_only=True, tag="case-list"):
    """`closed`: those too."""

    answer = a.CasesListed
    closed: bool = False


class CaseShow(Command, frozen=True, kw_only=True, tag="case-show"):
    answer = a.CaseShown
    case: Id


class CaseResolve(Command, frozen=True, kw_only=True, tag="case-resolve"):
    """`amount` belongs to "debit" and "credit" alone. `account`: where the case itself names none."""

    answer = a.CaseShown
    case: Id
    resolution: Resolution
    note: Note
    amount: Amount = ""
    account: Annotated[str, Meta(max_length=64)] = ""


class AuditVerify(Command, frozen=True, kw_only=True, tag="audit-verify"):
    """`heads`: what terminals remember of the log."""

    answer = a.AuditVerified
    heads: Annotated[tuple[Head, ...], Meta(max_length=10_000)] = ()


class LedgerCheck(Command, frozen=True, kw_only=True, tag="ledger-check"):
    answer = a.LedgerChecked


class CaShow(Command, frozen=True, kw_only=True, tag="ca-show"):
    answer = a.CasShown


class CaNext(Command, frozen=True, kw_only=True, tag="ca-next"):
    """Makes the CA that will follow; terminals learn it at their next sign-on."""

    answer = a.CasShown


class CaPromote(Command, frozen=True, kw_only=True, tag="ca-promote"):
    """From now on the next CA signs. `anyway`: also where a terminal does not know it yet."""

    answer = a.CasShown
    anyway: bool = False


COMMANDS: dict[str, type[Command]] = {
    str(command.__struct_config__.tag): command
    for command in (
        CustomerAdd, CustomerRename, AccountOpen, AccountShow, AccountFreeze, AccountUnfreeze, AccountClose,
        CardFreeze, CardUnfreeze, CardIssue, CardReissue, CardUnblock, CardShow, PinSet, PayeeAdd, PayeeList,
        PayeeRemove, EnrolmentOpen, TerminalList, TerminalConfirm, TerminalSuspend, TerminalResume, CaseList, CaseShow, CaseResolve, AuditVerify,
        LedgerCheck, CaShow, CaNext, CaPromote,
    )
}  # fmt: skip


def name_of(command: Command) -> str:
    """The command's name on the control socket."""
    return str(type(command).__struct_config__.tag)


def arguments_of(command: Command) -> dict[str, Any]:
    """What goes with the name, as JSON can say it."""
    fields = msgspec.to_builtins(command)
    assert isinstance(fields, dict)
    return {name: value for name, value in fields.items() if name != "type"}
