"""One seed in words: what may go wrong in it, what happened, and what became of every payment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from simulation import run as running
from simulation.campaign import tried
from simulation.payments import Payment
from simulation.run import LOADED, VALUES, Plan, Result, Run

#: How the figures of a weather are to be read, by its part.
_PARTS = {
    "line": "The line, of 100 messages",
    "manners": "Customers, of 100 occasions",
    "rates": "Faults, expected in 100 visits",
}


@dataclass
class Account:
    """What there was of payments and cases at the end of a run. `read`: the books could be read there."""

    kiosks: int = 0
    customers: int = 0
    payments: list[Payment] = field(default_factory=list)
    debited: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    cases: list[dict[str, Any]] = field(default_factory=list)
    read: bool = False


@dataclass(frozen=True)
class Lived:
    """A run, and its account."""

    result: Result
    account: Account


def lived(plan: Plan) -> Lived:
    """Run `plan` with its history kept. The history is the same as without an account."""
    account = Account()

    class Accounted(Run):
        async def whole(self) -> None:
            account.kiosks = len(self.kiosks)
            try:
                await super().whole()
            finally:
                await _settle(account, self)

    with patch.object(running, "Run", Accounted):
        return Lived(tried(plan, keep_history=True), account)


async def _settle(account: Account, run: Run) -> None:
    account.customers = len(run.customers)
    account.payments = list(run.model.payments.values())
    if run.bank.up:
        account.debited = await run.model._posted()
        account.cases = await run.bank.sql("SELECT * FROM cases ORDER BY opened_at, case_id")
        account.read = True


# ── Told ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def told(lived: Lived) -> list[str]:
    """The whole story, line by line."""
    result, account = lived.result, lived.account
    return [
        *_head(result, account), "", "What happened", *(f"  {line(each)}" for each in result.history), "",
        *_payments(account), "", *_cases(account), "", *_counts(result), "", *_verdict(result, account),
    ]  # fmt: skip


def line(told: str) -> str:
    """One line of the history, its time as days, hours, minutes and seconds."""
    try:
        ms = round(float(told[:14]) * 1000)
    except ValueError:
        return told.rstrip("\n")
    seconds, days = ms // 1000 % 86_400, ms // 86_400_000
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms % 1000:03}"
    return f"{f'{days} d ' if days else ''}{clock}{told[14:]}"


def _head(result: Result, account: Account) -> list[str]:
    value = sum(count * VALUES[cassette] for cassette, count in LOADED.items())
    notes = ", ".join(f"{count} notes of {money(VALUES[cassette])}" for cassette, count in LOADED.items())
    return [
        f"Seed {result.plan.seed}: {result.plan.visits} visits, {account.kiosks} machines, {account.customers} customers",
        f"Loaded into each machine: {notes}: {money(value)}",
        *_weather(result.weather),
        *([f"Switched off: {', '.join(sorted(result.plan.without))}"] if result.plan.without else []),
    ]


def _weather(weather: dict[str, float]) -> list[str]:
    if not weather:
        return ["Nothing goes wrong in this seed: it is a calm one"]
    parts: dict[str, list[str]] = {}
    for name, value in weather.items():
        part, _, what = name.partition(".")
        parts.setdefault(part, []).append(f"{what.replace('_', ' ')} {100 * value:.1f}")
    return [f"{_PARTS.get(part, part)}: {', '.join(each)}" for part, each in parts.items()]


def money(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}${abs(minor) // 100:,}" + (f".{abs(minor) % 100:02}" if minor % 100 else "")


def _payments(account: Account) -> list[str]:
    if not account.payments:
        return ["Nobody asked for cash"]
    rows = [f"{'Payment':<14}{'account':<16}{'given':>10}{'debited':>10}  told"]
    for payment in account.payments:
        terminal, generation, number = payment.name
        debited = money(account.debited[payment.name]) if account.read else "?"
        rows.append(
            f"{f'{terminal}-{number}.{generation}':<14}{payment.account:<16}{money(payment.given):>10}{debited:>10}"
            f"  {_told(payment)}"
        )
    given = sum(payment.given for payment in account.payments)
    paid = sum(payment.told_paid or 0 for payment in account.payments)
    debited = money(account.debited.total()) if account.read else "?"
    return [*rows, f"{'Together':<30}{money(given):>10}{debited:>10}  {money(paid)} in all"]


def _told(payment: Payment) -> str:
    said = [
        *([f"{money(payment.told_paid)} is yours"] if payment.told_paid is not None else []),
        *(["nobody knows yet"] if payment.told_doubt else []),
        *(["nothing left the account"] if payment.told_nothing else []),
        *(["it was taken back"] if payment.told_back else []),
    ]
    unseen = f" ({money(payment.doubled)} of it came out unseen)" if payment.doubled else ""
    back = f" ({money(payment.taken_back)} of it went back out of the tray)" if payment.taken_back else ""
    return (", then: ".join(said) or "nothing about money") + unseen + back


def _cases(account: Account) -> list[str]:
    if not account.read:
        return ["The bank was down at the end: its books were not read"]
    rows = [
        f"  {case['case_id']}: {case['kind']}, {money(case['amount_minor'])}, {case['state']}" for case in account.cases
    ]
    return [f"Cases: {len(rows)}", *rows]


def _counts(result: Result) -> list[str]:
    return ["Counted", *(f"  {number:>7,}  {what}" for what, number in sorted(result.counts.items()))]


def _verdict(result: Result, account: Account) -> list[str]:
    given = sum(payment.given for payment in account.payments)
    debited = money(account.debited.total()) if account.read else "what nobody could read"
    told = sum(payment.told_paid or 0 for payment in account.payments)
    summary = (
        f"{result.counts['visits']} visits in {result.seconds / 3600:.1f} simulated hours: {len(account.payments)} payments"
        f" asked for, {money(given)} given, {money(told)} told, {debited} debited, {len(account.cases)} cases."
    )
    if result.failed:
        return [summary, "FAILED", *(f"  {each}" for each in result.violations)]
    return [summary, "What was given, told and debited agrees, or a case says why not. History:", f"  {result.digest}"]
