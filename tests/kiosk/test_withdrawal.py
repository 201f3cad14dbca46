"""Withdrawals from card in to card out: real kiosk and bank code, simulated pins, virtual time."""

from __future__ import annotations

from pathlib import Path

from support.town import Town, run_town


def test_a_withdrawal_pays_and_debits_the_same(tmp_path: Path) -> None:
    """$70 comes out in notes, and exactly that is debited; nothing stays held, no fact waits."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        assert await town.withdraw(card, 70) == "take.cash"
        await town.see("welcome")
        assert await town.balance(card) == (430_00, 0)
        assert town.customers_notes == {"top": 1, "middle": 1, "bottom": 0}
        assert town.machine.journal.outbox_length() == 0
        assert not town.machine.journal.open_transactions()

    run_town(tmp_path, story)
