"""Cash codes in the town: made at the bank, typed at the machine."""

from __future__ import annotations

from support.town import Town, TownCard

from bank.commands import requests as q
from bank.commands.answers import CodeMade


async def made(town: Town, card: TownCard, amount: str = "70", minutes: int = 60) -> CodeMade:
    code: CodeMade = await town.bank.do(q.CodeMake, account=card.account, amount=amount, minutes=minutes)
    return code


async def type_code(town: Town, digits: str) -> None:
    """From the welcome to the code."""
    await town.see("welcome")
    await town.choose("code")
    await town.see("code")
    await town.press(digits + "D")
