"""What the books of a bank in reach say of some accounts, asked over its control socket whenever money may have moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bank_link.control_socket import CommandRefused, ControlError, call

LAST = 12
LOOK_S = 0.5
#: Asking leaves a line in the bank's audit log, so it is asked only after messages other than these.
_NO_MONEY = frozenset({"hello", "sign-on", "echo", "open-visit", "close-visit"})


class Ledger:
    """`run` keeps `now` up to date. `said` gives the kinds of message after a number, and the newest number."""

    def __init__(self, bank: Path, accounts: Mapping[str, str], said: Callable[[int], tuple[list[str], int]]) -> None:
        self._bank = bank
        self._accounts = dict(accounts)
        self._said = said
        self.now: dict[str, Any] = {"accounts": [], "why": ""}

    async def run(self) -> None:
        """Until cancelled."""
        after = 0
        await self._ask()
        while True:
            await asyncio.sleep(LOOK_S)
            kinds, after = self._said(after)
            if self.now["why"] or not _NO_MONEY.issuperset(kinds):
                await self._ask()

    async def _ask(self) -> None:
        try:
            shown = [await self._account(owner, number) for owner, number in self._accounts.items()]
            self.now = {"accounts": shown, "why": ""}
        except (ControlError, CommandRefused) as error:
            self.now = {**self.now, "why": str(error)}

    async def _account(self, owner: str, number: str) -> dict[str, Any]:
        wanted = {"by": "the page", "account": number, "last": LAST}
        found = await call(self._bank, "account-show", wanted, program="bank")
        return {
            "owner": owner, "account": number, "balance": _amount(found["balance"]), "held": _amount(found["held"]),
            "postings": [
                {
                    "number": each["posting"], "at": str(each["at"])[11:19], "amount": _amount(each["amount"]),
                    "kind": each["kind"], "text": each["text"],
                }
                for each in found["postings"]
            ],
        }  # fmt: skip


def _amount(amount: Mapping[str, str]) -> str:
    return f"{amount['amount']} {amount['currency']}"
