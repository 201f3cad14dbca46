"""Each command of the staff: the struct out of its arguments, and its answer on paper."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bank.cli import printing
from bank.cli.failures import Failed
from bank.cli.output import can_draw, say, say_json
from bank.commands import answers as a
from bank.commands import requests as r

if TYPE_CHECKING:
    from bank.cli.pins import GivenPin

A = TypeVar("A", bound=a.Answer)


def customer_add(arguments: Namespace) -> int:
    command = r.CustomerAdd(by=_by(arguments), name=arguments.name, language=arguments.language)
    return _told(arguments, _ask(arguments, command, a.CustomerAdded))


def customer_rename(arguments: Namespace) -> int:
    command = r.CustomerRename(by=_by(arguments), customer=arguments.customer, name=arguments.name)
    return _told(arguments, _ask(arguments, command, a.CustomerAdded))


def account_open(arguments: Namespace) -> int:
    command = r.AccountOpen(
        by=_by(arguments), customer=arguments.customer, label=arguments.label, currency=arguments.currency,
        opening=arguments.opening, overdraft=arguments.overdraft,
    )  # fmt: skip
    return _told(arguments, _ask(arguments, command, a.AccountShown))


def account_show(arguments: Namespace) -> int:
    command = r.AccountShow(by=_by(arguments), account=arguments.account, last=arguments.last)
    return _told(arguments, _ask(arguments, command, a.AccountShown))


def account_freeze(arguments: Namespace) -> int:
    return _told(
        arguments, _ask(arguments, r.AccountFreeze(by=_by(arguments), account=arguments.account), a.AccountShown)
    )


def account_unfreeze(arguments: Namespace) -> int:
    return _told(
        arguments, _ask(arguments, r.AccountUnfreeze(by=_by(arguments), account=arguments.account), a.AccountShown)
    )


def account_close(arguments: Namespace) -> int:
    return _told(
        arguments, _ask(arguments, r.AccountClose(by=_by(arguments), account=arguments.account), a.AccountShown)
    )


def card_issue(arguments: Namespace) -> int:
    given = _pin(arguments)
    command = r.CardIssue(
        by=_by(arguments), customer=arguments.customer, pin=given.pin, accounts=tuple(arguments.account),
        expiry=arguments.expiry,
    )  # fmt: skip
    with _keeping(given):
        answer = _made(arguments, command)
    return _told(arguments, answer)


def card_reissue(arguments: Namespace) -> int:
    return _told(arguments, _made(arguments, r.CardReissue(by=_by(arguments), card=arguments.card)))


def card_unblock(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CardUnblock(by=_by(arguments), card=arguments.card), a.CardShown))


def card_show(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CardShow(by=_by(arguments), card=arguments.card), a.CardShown))


def card_freeze(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CardFreeze(by=_by(arguments), card=arguments.card), a.CardShown))


def card_unfreeze(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CardUnfreeze(by=_by(arguments), card=arguments.card), a.CardShown))


def pin_set(arguments: Namespace) -> int:
    given = _pin(arguments)
    with _keeping(given):
        answer = _ask(arguments, r.PinSet(by=_by(arguments), card=arguments.card, pin=given.pin), a.CardShown)
    return _told(arguments, answer)


def payee_add(arguments: Namespace) -> int:
    command = r.PayeeAdd(
        by=_by(arguments), name=arguments.name, account=arguments.account, category=arguments.category,
        digits=arguments.digits, check=arguments.check,
    )  # fmt: skip
    return _told(arguments, _ask(arguments, command, a.BillerShown))


def payee_list(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.PayeeList(by=_by(arguments), removed=arguments.all), a.BillersListed))


def payee_remove(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.PayeeRemove(by=_by(arguments), payee=arguments.payee), a.BillerShown))


def enrol(arguments: Namespace) -> int:
    answer = _ask(arguments, r.EnrolmentOpen(by=_by(arguments), terminal=arguments.terminal), a.EnrolmentOpened)
    if arguments.json:
        return _told(arguments, answer)
    say(printing.enrolment(answer))
    if not arguments.no_qr and can_draw():
        say(printing.qr_code(answer.string, colours=sys.stdout.isatty()))
    return 0


def terminal_list(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.TerminalList(by=_by(arguments)), a.TerminalsListed))


def terminal_confirm(arguments: Namespace) -> int:
    fingerprint = arguments.fingerprint
    if fingerprint is None:
        # The bank's own copy is not shown: whoever reads it here would not read it at the machine.
        fingerprint = _typed("Fingerprint, as the machine shows it: ", "--fingerprint")
    command = r.TerminalConfirm(by=_by(arguments), terminal=arguments.terminal, fingerprint=fingerprint)
    return _told(arguments, _ask(arguments, command, a.TerminalShown))


def terminal_suspend(arguments: Namespace) -> int:
    command = r.TerminalSuspend(by=_by(arguments), terminal=arguments.terminal, why=arguments.why)
    return _told(arguments, _ask(arguments, command, a.TerminalShown))


def terminal_resume(arguments: Namespace) -> int:
    command = r.TerminalResume(by=_by(arguments), terminal=arguments.terminal)
    return _told(arguments, _ask(arguments, command, a.TerminalShown))


def case_list(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CaseList(by=_by(arguments), closed=arguments.all), a.CasesListed))


def case_show(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CaseShow(by=_by(arguments), case=arguments.case), a.CaseShown))


def case_resolve(arguments: Namespace) -> int:
    amount = arguments.debit if arguments.debit is not None else arguments.credit
    resolution: r.Resolution = (
        "debit" if arguments.debit is not None
        else "credit" if arguments.credit is not None
        else "void" if arguments.void
        else "write-off" if arguments.write_off
        else "nothing"
    )  # fmt: skip
    command = r.CaseResolve(
        by=_by(arguments), case=arguments.case, resolution=resolution, amount=amount or "", note=arguments.note,
        account=arguments.account,
    )  # fmt: skip
    return _told(arguments, _ask(arguments, command, a.CaseShown))


def audit_verify(arguments: Namespace) -> int:
    command = r.AuditVerify(by=_by(arguments), heads=tuple(arguments.head))
    answer = _ask(arguments, command, a.AuditVerified)
    _told(arguments, answer)
    return 0 if answer.sound else 1


def ledger_check(arguments: Namespace) -> int:
    answer = _ask(arguments, r.LedgerCheck(by=_by(arguments)), a.LedgerChecked)
    _told(arguments, answer)
    return 0 if answer.sound else 1


def ca_show(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CaShow(by=_by(arguments)), a.CasShown))


def ca_next(arguments: Namespace) -> int:
    return _told(arguments, _ask(arguments, r.CaNext(by=_by(arguments)), a.CasShown))


def ca_promote(arguments: Namespace) -> int:
    command = r.CaPromote(by=_by(arguments), anyway=arguments.anyway)
    return _told(arguments, _ask(arguments, command, a.CasShown))


def _made(arguments: Namespace, command: r.Command) -> a.CardMade:
    """A card's file, once the books have it."""
    from bank.cli.new_file import NewFile

    file = NewFile(arguments.out, "card file")
    try:
        answer = _ask(arguments, command, a.CardMade)
    except BaseException:
        file.remove()
        raise
    try:
        file.write(answer.file)
    except Failed as error:
        raise Failed(f"{error}; make another one with: atm-bank card reissue {answer.card} --out FILE") from None
    return answer


def _pin(arguments: Namespace) -> GivenPin:
    from bank.cli.pins import given_pin
    from bank_link.seams import SystemRandomness

    return given_pin(arguments, SystemRandomness())


@contextlib.contextmanager
def _keeping(given: GivenPin) -> Iterator[None]:
    """A drawn PIN is in its file when the command has taken effect, and nowhere when it has not."""
    try:
        yield
    except BaseException:
        given.drop()
        raise
    given.keep()


def _ask(arguments: Namespace, command: r.Command, wanted: type[A]) -> A:
    from bank.cli.running import carried_out

    return carried_out(arguments, command, wanted)


def _by(arguments: Namespace) -> str:
    from bank.cli.running import by

    return by(arguments)


def _told(arguments: Namespace, answer: a.Answer) -> int:
    if arguments.json:
        say_json(as_json(answer))
    else:
        say(printing.words(answer))
    return 0


def as_json(answer: a.Answer) -> bytes:
    """One line; a card's file is for its medium alone."""
    fields = msgspec.to_builtins(answer)
    fields.pop("file", None)
    return msgspec.json.encode(fields)


def _typed(prompt: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise Failed(f"say it with {option}: there is nobody here to ask", code=2)
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
