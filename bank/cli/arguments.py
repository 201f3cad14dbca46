"""The command line's grammar: which commands there are, and what each takes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from bank.cli.failures import Failed

_ABOUT = """\
The bank of the ATM: keeps the books, answers the terminals. Every command works beside a running
`atm-bank serve` and without one. Amounts are written like 40 or 40.00.
"""


class _Parser(argparse.ArgumentParser):
    """Says a misuse in one sentence."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        raise Failed(f"{message}; see {self.prog} --help", code=2)


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; `do` names what carries them out. Raises Failed with code 2 for a misuse."""
    for each in argv:
        if not _is_text(each):
            raise Failed(f"{each!a} is no text in UTF-8", code=2)
    arguments = _parser().parse_args(argv, argparse.Namespace(dir=None, config=None, json=False, by=""))
    if arguments.dir is None:
        arguments.dir = Path(os.environ.get("ATM_BANK_DIR") or "bank-data")
    return arguments


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    everywhere = _everywhere()
    parser = _Parser(prog="atm-bank", description=_ABOUT, parents=[everywhere])
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    grammar = _Grammar(commands, everywhere)
    _founding(grammar)
    _customers(grammar)
    _cards(grammar)
    _payees(grammar)
    _operators(grammar)
    _codes(grammar)
    _terminals(grammar)
    _cases(grammar)
    _checks(grammar)
    _keys(grammar)
    return parser


def _everywhere() -> argparse.ArgumentParser:
    """What may stand before the command as well as behind it."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("for every command")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--dir", type=Path, metavar="DIR",
        help="the bank's directory, which holds bank.toml (default: $ATM_BANK_DIR, else ./bank-data)",
    )  # fmt: skip
    where.add_argument("--config", type=Path, metavar="FILE", help="the configuration where it lies elsewhere")
    group.add_argument("--by", metavar="NAME", help="who gives the command, for the audit log (default: your user)")
    group.add_argument("--json", action="store_true", help="answer for a script: one line of JSON")
    return parser


class _Grammar:
    """Adds commands of one or two words."""

    def __init__(self, commands: Any, everywhere: argparse.ArgumentParser) -> None:
        self._commands = commands
        self._everywhere = everywhere
        self._groups: dict[str, Any] = {}

    def command(self, name: str, help_text: str, do: str) -> argparse.ArgumentParser:
        """`card issue` is a command of the group `card`. `do`: the function of `bank.cli` that carries it out."""
        group, _, last = name.rpartition(" ")
        parent = self._group(group) if group else self._commands
        parser: argparse.ArgumentParser = parent.add_parser(
            last, help=help_text, description=help_text, parents=[self._everywhere]
        )
        parser.set_defaults(do=do)
        return parser

    def _group(self, name: str) -> Any:
        if name not in self._groups:
            parser = self._commands.add_parser(name, help=f"see `atm-bank {name} --help`", parents=[self._everywhere])
            self._groups[name] = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
        return self._groups[name]


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no port: a number from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 0 to 1000")
    return int(text)


def _bill_digits(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 2 and 2 <= int(text) <= 20):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 2 to 20")
    return int(text)


def _founding(grammar: _Grammar) -> None:
    init = grammar.command("init", "found a bank: configuration, keys and empty books", "founding.init")
    init.add_argument("--name", help="the bank's name, as customers see it")
    init.add_argument("--currency", help="an ISO 4217 code like EUR")
    init.add_argument("--host", help="the name or address that terminals reach it by (default: localhost)")
    init.add_argument("--listen", metavar="ADDRESS", help="where it listens (default: here only where --host is)")
    init.add_argument("--port", type=_port, help="for terminals (default: 8443)")
    init.add_argument("--enrol-port", type=_port, help="for enrolment (default: 8444)")
    serve = grammar.command("serve", "answer the terminals until it is stopped", "serving.serve")
    serve.add_argument("--port", type=_port, help="instead of the configured one")
    serve.add_argument("--enrol-port", type=_port, help="instead of the configured one")
    serve.add_argument(
        "--movable-clock", action="store_true", help="for a demonstration: let its clock be moved forward"
    )
    grammar.command("config show", "print every setting in force, defaults too", "founding.show_config")
    grammar.command("config check", "say what is wrong with the configuration", "founding.check_config")
    enrol = grammar.command("enrol", "print the string that enrols a terminal, once, within an hour", "commands.enrol")
    enrol.add_argument(
        "--terminal", default="", metavar="ID", help="enrol this one anew, such as T1 (default: a new one)"
    )
    enrol.add_argument("--no-qr", action="store_true", help="print no QR code")


def _customers(grammar: _Grammar) -> None:
    add = grammar.command("customer add", "add a customer", "commands.customer_add")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--language", default="en", help="for the screens, such as en or de-CH (default: en)")
    rename = grammar.command("customer rename", "write a customer's name", "commands.customer_rename")
    rename.add_argument("customer", metavar="CUSTOMER")
    rename.add_argument("name", metavar="NAME")
    account = grammar.command("account open", "open an account for a customer", "commands.account_open")
    account.add_argument("customer", metavar="CUSTOMER")
    account.add_argument("--label", default="Everyday account", help="what the customer calls it (Everyday account)")
    account.add_argument("--currency", default="", help="an ISO 4217 code (default: the bank's)")
    account.add_argument(
        "--opening", default="0", metavar="AMOUNT", help="an opening balance out of equity (default: 0)"
    )
    account.add_argument("--overdraft", default="0", metavar="AMOUNT", help="how far below zero it may go (default: 0)")
    show = grammar.command("account show", "show balance, holds, cards and last postings", "commands.account_show")
    show.add_argument("account", metavar="ACCOUNT")
    show.add_argument("--last", type=_count, default=10, metavar="N", help="so many postings (default: 10)")
    for word, what in (
        ("freeze", "let no money out of an account, or into it, at the machines"),
        ("unfreeze", "let a frozen account be used again"),
        ("close", "close an account for good; it must stand at 0"),
    ):
        changed = grammar.command(f"account {word}", what, f"commands.account_{word}")
        changed.add_argument("account", metavar="ACCOUNT")


def _cards(grammar: _Grammar) -> None:
    issue = grammar.command("card issue", "issue a card: its file, for a stick or a chip", "commands.card_issue")
    issue.add_argument("customer", metavar="CUSTOMER")
    issue.add_argument(
        "--account", action="append", default=[], metavar="ACCOUNT",
        help="may be given again (default: all of the customer's)",
    )  # fmt: skip
    issue.add_argument(
        "--expiry", default="", metavar="YYYY-MM", help="the last month it is good in (default: in 5 years)"
    )
    _out(issue)
    _pin(issue)
    reissue = grammar.command(
        "card reissue", "make a new file for a card; every older one is outdated", "commands.card_reissue"
    )
    _card(reissue)
    _out(reissue)
    _card(grammar.command("card unblock", "forget wrong PINs and their lock", "commands.card_unblock"))
    _card(grammar.command("card freeze", "let nobody use a card until the bank unfreezes it", "commands.card_freeze"))
    _card(grammar.command("card unfreeze", "let a frozen card be used again", "commands.card_unfreeze"))
    _card(grammar.command("card show", "show a card", "commands.card_show"))
    pin = grammar.command("pin set", "give a card a new PIN", "commands.pin_set")
    _card(pin)
    _pin(pin)


def _operators(grammar: _Grammar) -> None:
    add = grammar.command("operator add", "add an operator with a card for the machines", "commands.operator_add")
    add.add_argument("name", metavar="NAME", help="as journals and books will say it")
    where = add.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--terminal", action="append", default=[], metavar="ID", help="may be given again: the card is good there alone"
    )
    where.add_argument("--all", action="store_true", help="the card is good at every terminal")
    add.add_argument("--language", default="en", help="for the screens, such as en or de-CH (default: en)")
    add.add_argument(
        "--expiry", default="", metavar="YYYY-MM", help="the last month it is good in (default: in 5 years)"
    )
    _out(add)
    _pin(add)
    grammar.command("operator list", "show every operator, those that left too", "commands.operator_list")
    end = grammar.command("operator end", "let an operator's card open no machine any more", "commands.operator_end")
    end.add_argument("name", metavar="NAME")


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= 1440):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of minutes from 1 to 1440")
    return int(text)


def _codes(grammar: _Grammar) -> None:
    make = grammar.command("code make", "make a cash code: one withdrawal without a card", "commands.code_make")
    make.add_argument("account", metavar="ACCOUNT")
    make.add_argument("amount", metavar="AMOUNT")
    make.add_argument("--minutes", type=_minutes, default=30, metavar="N", help="it is good for so long (default: 30)")
    listing = grammar.command(
        "code list", "show the cash codes of the last day; never their digits", "commands.code_list"
    )
    listing.add_argument("--all", action="store_true", help="older ones too")
    cancel = grammar.command("code cancel", "take a cash code back that was not used", "commands.code_cancel")
    cancel.add_argument("code", metavar="CODE", help="its reference (k…), as code make and code list show it")


def _card(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "card", metavar="CARD", help="its reference (c…), or its last four digits where no other ends so"
    )


def _out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where the card file goes; nothing may be there yet"
    )


def _pin(parser: argparse.ArgumentParser) -> None:
    """A PIN is never part of a command line: others could read it there."""
    pin = parser.add_mutually_exclusive_group()
    pin.add_argument("--pin-file", type=Path, metavar="FILE", help="the PIN is this file's one line (- reads stdin)")
    pin.add_argument(
        "--generate-pin", type=Path, metavar="FILE", help="draw a PIN and write it into this new file, for its mailer"
    )


def _payees(grammar: _Grammar) -> None:
    add = grammar.command("payee add", "let customers pay somebody's bills at the machines", "commands.payee_add")
    add.add_argument("name", metavar="NAME", help="as customers know it, such as City Water")
    add.add_argument("account", metavar="ACCOUNT", help="the account of this bank that gets the money")
    add.add_argument(
        "--category", choices=("water", "electricity", "school", "other"), default="other",
        help="what customers look for it under (default: other)",
    )  # fmt: skip
    add.add_argument(
        "--digits", type=_bill_digits, required=True, metavar="N", help="so many digits has the number of a bill"
    )
    add.add_argument(
        "--check", choices=("luhn", "mod97"), default="",
        help="what guards that number: its last digit (luhn), or the whole leaves 1 when divided by 97 (mod97)",
    )  # fmt: skip
    listing = grammar.command("payee list", "list whose bills can be paid", "commands.payee_list")
    listing.add_argument("--all", action="store_true", help="removed ones too")
    remove = grammar.command("payee remove", "let nobody pay these bills any more", "commands.payee_remove")
    remove.add_argument("payee", metavar="PAYEE", help="its id, such as P101")


def _terminals(grammar: _Grammar) -> None:
    grammar.command("terminal list", "show every terminal and what it said last", "commands.terminal_list")
    confirm = grammar.command("terminal confirm", "let an enrolled terminal work", "commands.terminal_confirm")
    confirm.add_argument("terminal", metavar="TERMINAL")
    confirm.add_argument("--fingerprint", help="as the machine shows it (default: asks for it)")
    suspend = grammar.command("terminal suspend", "let a terminal move no more money", "commands.terminal_suspend")
    suspend.add_argument("terminal", metavar="TERMINAL")
    suspend.add_argument("--why", default="suspended by the bank's staff", help="the machine shows it to its operator")
    resume = grammar.command("terminal resume", "let a suspended terminal work again", "commands.terminal_resume")
    resume.add_argument("terminal", metavar="TERMINAL")


def _cases(grammar: _Grammar) -> None:
    listing = grammar.command("case list", "list what a person has to decide", "commands.case_list")
    listing.add_argument("--all", action="store_true", help="closed ones too")
    show = grammar.command("case show", "show a case and how it can be resolved", "commands.case_show")
    show.add_argument("case", metavar="CASE")
    resolve = grammar.command("case resolve", "end a case by what was found out", "commands.case_resolve")
    resolve.add_argument("case", metavar="CASE")
    how = resolve.add_mutually_exclusive_group(required=True)
    how.add_argument("--debit", metavar="AMOUNT", help="the customer got the notes")
    how.add_argument("--credit", metavar="AMOUNT", help="the customer did not get what was debited")
    how.add_argument("--void", action="store_true", help="the customer got nothing: free what is held")
    how.add_argument("--write-off", action="store_true", help="the bank bears it, or keeps it")
    how.add_argument("--nothing", action="store_true", help="the books are right as they are")
    resolve.add_argument("--account", default="", help="the customer's account, where the case names none")
    resolve.add_argument("--note", required=True, help="what was found out")


def _checks(grammar: _Grammar) -> None:
    audit = grammar.command("audit verify", "check that the audit log is whole", "commands.audit_verify")
    audit.add_argument(
        "--head",
        action="append",
        default=[],
        metavar="HEAD",
        help="what a terminal remembers of it; may be given again",
    )
    grammar.command("ledger check", "check the books against themselves and the machines", "commands.ledger_check")


def _keys(grammar: _Grammar) -> None:
    grammar.command("ca show", "show the bank's CAs: fingerprint and validity", "commands.ca_show")
    grammar.command("ca next", "make the next CA; terminals learn it when they sign on", "commands.ca_next")
    promote = grammar.command("ca promote", "let the next CA sign from now on", "commands.ca_promote")
    promote.add_argument(
        "--anyway", action="store_true", help="also where terminals do not know it yet: they must be enrolled anew"
    )
