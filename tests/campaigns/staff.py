"""The bank's staff at the end of a campaign: every case is decided by what really happened, and then nothing may be left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from campaigns.evidence import Books, Row, worth
from campaigns.reckoning import Everything, Truth, payments
from support.real_processes import RealBank

_NOTE = "by what the cameras show"


def decide_cases(bank: RealBank, everything: Everything) -> None:
    """Debit what a customer has got and nobody counted; give back what was set aside for nothing."""
    truths = {
        truth.payment.claim: truth for machine in everything.machines for truth in payments(machine, everything.books)
    }
    for case in everything.books.open_cases:
        if case["claim"] in truths:
            _decide(bank, case, truths[case["claim"]])


def _decide(bank: RealBank, case: Row, truth: Truth) -> None:
    hold = truth.hold
    is_held = hold is not None and hold["state"] == "case" and hold["case_id"] == case["case_id"]
    owed = worth(truth.uncounted)
    if owed and (is_held or case["kind"] == "doubt"):
        _resolve(bank, case, "debit", amount=f"{owed // 100}.{owed % 100:02}")
    else:
        _resolve(bank, case, "void" if is_held else "nothing")


def _resolve(bank: RealBank, case: Row, resolution: str, **more: Any) -> None:
    bank.ask("case-resolve", case=case["case_id"], resolution=resolution, note=_NOTE, **more)


def left_over(everything: Everything, after: Books) -> list[str]:
    """What is not settled now, in sentences: to the cent, every note is debited to whoever has it, or lies in a machine."""
    return [*_cases(after), *_customers(everything, after), *_machines(everything, after), *_suspense(after)]


def _cases(after: Books) -> Iterator[str]:
    for case in after.open_cases:
        yield f"case {case['case_id']} about {case['amount_minor']} is left, and nothing explains it"


def _customers(everything: Everything, after: Books) -> Iterator[str]:
    given = sum(worth(visit.given) for machine in everything.machines for visit in machine.visits)
    rows = [after.account(name) for name in everything.openings]
    paid = sum(everything.openings.values()) - sum(row["balance_minor"] for row in rows if row)
    if paid != given:
        yield f"customers have {given} in notes, and were debited {paid}"
    for row in rows:
        if row is None or row["held_minor"]:
            yield f"money is still set aside in account {row['account'] if row else 'none'}"


def _machines(everything: Everything, after: Books) -> Iterator[str]:
    for machine in everything.machines:
        account = after.account(f"cash.{machine.terminal}.USD")
        booked, inside = -account["balance_minor"] if account else 0, worth(machine.notes.inside)
        if booked != inside:
            yield f"{machine.terminal}: {inside} lie in it, and the books say {booked}"


def _suspense(after: Books) -> Iterator[str]:
    account = after.account("suspense.USD")
    if account is not None and account["balance_minor"]:
        yield f"{account['balance_minor']} are left in suspense"
