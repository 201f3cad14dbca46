"""What every run begins with: a founded bank with its customers, and the kiosks' configuration. Made once in each process."""

from __future__ import annotations

import functools
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulation.people import Known
from simulation.world import EPOCH_MS, Chance
from sqlalchemy import Connection
from support.virtual_time import InlineExecutor, run_virtual

from bank.assembly import Bank, open_bank
from bank.commands import requests as q
from bank.commands.answers import BillerShown
from bank.founding import Charter, found
from config.kiosk import KioskConfig
from config.load import example_kiosk, load_kiosk

LIMITS = {"day_amount": 3_000, "day_count": 60, "withdrawal_amount": 400, "send_amount": 3_000}
#: Whose bills can be paid, where there are errands: two of a kind, and one of another; with what guards their numbers.
BILLERS = (
    ("Harbour Water", "water", 8, "luhn"),
    ("Hill Water", "water", 6, ""),
    ("City Power", "electricity", 9, "mod97"),
)
#: What has moved in each customer's account before, where there are errands: more than a page of a statement holds.
MOVED = (100_00, -30_00, -25_00, 5_00, -49_99, -1)
#: One a machine at most.
OPERATORS = 3


class _FixedClock:
    def now_ms(self) -> int:
        return EPOCH_MS - 60_000


@functools.cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@dataclass(frozen=True)
class Founded:
    """A founded bank: its keys and configuration as files, its books as bytes, and whom it has as customers."""

    directory: Path
    files: dict[str, bytes]
    customers: tuple[Known, ...]
    billers: tuple[BillerShown, ...] = ()
    operators: tuple[Known, ...] = ()


@functools.cache
def founded(*, errands: bool) -> Founded:
    """The same for every seed. `errands`: with billers and operators, and for who has no card yet."""
    directory, chance = Path(_kept().name) / ("errands" if errands else "bank"), Chance("template")
    seams: dict[str, Any] = {"clock": _FixedClock(), "random": chance, "executor": InlineExecutor()}
    run_virtual(found(directory, Charter(name="Harbour", currency="USD"), by="staff", **seams))
    config = directory / "bank.toml"
    text = config.read_text()
    for key, value in LIMITS.items():
        text = re.sub(rf"^{key} = \d+", f"{key} = {value}", text, flags=re.MULTILINE)
    text = text.replace("\nday_count", "\necho_s = 60\ndeposit_case_s = 120\nday_count", 1)
    config.write_text(text + "\n[accounts]\nopen_to_all = true\n" if errands else text)
    return run_virtual(_with_people(directory, seams, errands=errands))


async def _with_people(directory: Path, seams: dict[str, Any], *, errands: bool) -> Founded:
    chance, billers, operators = seams["random"], [], []
    async with await open_bank(directory, **seams) as bank:
        customers = [await _customer(bank, number, f"{chance.randrange(10_000):04d}") for number in range(8)]
        for name, category, digits, check in BILLERS if errands else ():
            account = await _account(bank, name, "0")
            biller: Any = await bank.execute(
                q.PayeeAdd(by="staff", name=name, account=account, category=category, digits=digits, check=check)  # type: ignore[arg-type]  # of its kinds
            )
            billers.append(biller)
        for number in range(OPERATORS if errands else 0):
            pin = f"{chance.randrange(10_000):04d}"
            card: Any = await bank.execute(q.OperatorAdd(by="staff", name=f"Operator {number}", pin=pin))
            operators.append(Known(f"Operator {number}", card.card, "", pin, card.file))
        if errands:
            await bank.store.write(_move, [customer.account for customer in customers])
        await bank.seal()
    files = {file.name: file.read_bytes() for file in directory.glob("books.sqlite*") if file.suffix != ".lock"}
    return Founded(directory, files, tuple(customers), tuple(billers), tuple(operators))


async def _customer(bank: Bank, number: int, pin: str) -> Known:
    name = f"Customer {number}"
    customer: Any = await bank.execute(q.CustomerAdd(by="staff", name=name))
    account: Any = await bank.execute(
        q.AccountOpen(by="staff", customer=customer.customer, label="Everyday", opening="20000.00")
    )
    card: Any = await bank.execute(q.CardIssue(by="staff", customer=customer.customer, pin=pin))
    return Known(name, card.card, account.account, pin, card.file)


def _move(connection: Connection, accounts: list[str]) -> None:
    """In the end each balance is what it was."""
    for account in accounts:
        for number, minor in enumerate(MOVED):
            debit, credit = ("equity.USD", account) if minor > 0 else (account, "equity.USD")
            connection.exec_driver_sql(
                "INSERT INTO postings (debit_account, credit_account, amount_minor, currency, kind, terminal, generation,"
                " number, case_id, text, at_ms) VALUES (?, ?, ?, 'USD', 'opening', '', 0, 0, '', '', ?)",
                (debit, credit, abs(minor), EPOCH_MS - 50_000 + number),
            )


async def _account(bank: Bank, owner: str, opening: str) -> str:
    customer: Any = await bank.execute(q.CustomerAdd(by="staff", name=owner))
    account: Any = await bank.execute(
        q.AccountOpen(by="staff", customer=customer.customer, label="Bills", opening=opening)
    )
    return str(account.account)


@functools.cache
def kiosk_config(*, lamps: bool, tray: bool = False) -> KioskConfig:
    """`tray`: it sees whether the cash was taken, and takes back what is left."""
    path = Path(_kept().name) / "kiosk.toml"
    example = example_kiosk("laptop", state="state", auth_file="atm.auth", key_file="atm.key")
    path.write_text(example + ("\n[cash_tray]\nfitted = true\n" if tray else ""))
    config = load_kiosk(path)
    return config if lamps else replace(config, lamps={})
