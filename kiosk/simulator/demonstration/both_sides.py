"""What happened, as the kiosk's journal, the bank's books and the notes themselves say it; and whether they agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bank_link.money import Money, major, parse, plain
from kiosk.cabinet import note_value
from kiosk.exit_codes import Code, CommandError
from kiosk.journal import records as r
from kiosk.operator.journal_text import shown_line
from kiosk.simulator.demonstration.bank_process import BankProcess
from kiosk.simulator.simulation import Simulation

#: Records that say what happened, for someone who reads it for the first time.
_TOLD = (
    r.Held, r.CardTaken, r.AuthorityHeld, r.NonceBurnt, r.NoteMoved, r.Presented, r.FactMade, r.Acknowledged,
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """A customer's account as the demonstration opened it."""

    owner: str
    number: str
    opening: Money


def tell(simulation: Simulation, bank: BankProcess, account: Account, tell_: Callable[[str], None]) -> None:
    """Both sides, line by line, then the checks. Raises CommandError where anything disagrees."""
    tell_("\nThe kiosk's journal (atm-kiosk journal show):")
    for line in simulation.machine.journal.since("counts-set"):
        if isinstance(line.record, _TOLD) and line.at:
            shown = shown_line(line, simulation.config.time.zone)
            tell_(f"  {shown.at[11:19]}  {shown.kind:<14}  {shown.text}")
    found = bank.ask("account", "show", account.number)
    tell_(f"\nThe bank's books (atm-bank account show), {account.owner}'s account:")
    for posting in reversed(found["postings"]):
        tell_(f"  {posting['at'][11:19]}  {_money(posting['amount']):>12}  {posting['kind']}, {posting['text']}")
    tell_(f"  balance {_money(found['balance'])}, held {_money(found['held'])}")
    _check(simulation, bank, account, found, tell_)


def _check(
    simulation: Simulation, bank: BankProcess, account: Account, found: Any, tell_: Callable[[str], None]
) -> None:  # fmt: skip
    """Books, log and notes against one another."""
    books = bank.said("ledger", "check").strip()
    heads = [line.record.audit_head for line in _sign_ons(simulation) if line.record.audit_head != "none"]
    log = bank.said("audit", "verify", *(word for head in heads[-1:] for word in ("--head", head))).strip()
    tell_("\nThe checks:")
    for line in (*books.splitlines(), *log.splitlines()):
        tell_(f"  {line}")
    out = notes_out(simulation)
    debited = account.opening - parse(found["balance"]["amount"], found["balance"]["currency"])
    held = found["held"]["amount"]
    if out != debited or parse(held, out.currency).minor:
        raise CommandError(
            f"{plain(out)} of notes are out, the bank debited {plain(debited)} and holds {held}: they disagree",
            Code.FAILED,
        )
    tell_(f"  Notes on the customer's side: {plain(out)}. Debited by the bank: {plain(debited)}. They agree.")


def _sign_ons(simulation: Simulation) -> list[Any]:
    return [line for line in simulation.machine.journal.lines(last=200) if isinstance(line.record, r.SignedOn)]


def notes_out(simulation: Simulation) -> Money:
    """What the notes on the customer's side are worth, by looking at the notes alone."""
    config = simulation.config
    worth = major(0, config.terminal.currency)
    physical = simulation.laptop.dispenser.physical
    for cassette in config.cassettes:
        worth += note_value(config, cassette).times(physical[cassette.name].customer)
    return worth


def _money(amount: Any) -> str:
    return f"{amount['amount']} {amount['currency']}"
