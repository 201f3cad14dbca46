"""A fact that the bank cannot read is set aside, blocks nothing, and everybody who looks is told of it."""

from __future__ import annotations

from pathlib import Path

from support.reckoning import reckon, settle
from support.town import Town, run_town

from bank.commands import requests as q
from bank_link.envelope import encode
from bank_link.messages import Maker, Reversal
from kiosk.control import KioskControl, status_text
from kiosk.journal import records as r
from kiosk.operator.desk import Desk
from kiosk.operator.totals import table


def _fact(town: Town) -> r.FactMade:
    """A fact of another firmware: this bank knows no such kind."""
    number = town.machine.journal.next_number(1)
    body = encode(Reversal(number=number, made_by=Maker(generation=1, boot="b1"), transaction=number, why="test", at=0))
    text = bytes(body).decode().replace('"reversal"', '"retraction"')
    return r.FactMade(transaction=r.Transaction(1, number), number=number, kind="retraction", body=text)


def test_a_fact_that_cannot_be_read_is_set_aside_and_told(tmp_path: Path) -> None:
    """Cash is paid on, later facts arrive, and status, totals, terminal list and ledger check all name it."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        card = await town.customer(balance=500_00)
        town.machine.journal.write(_fact(town))
        assert await town.withdraw(card, 50) == "take.cash"
        await settle(town, 2)
        assert await town.balance(card) == (450_00, 0)
        journal = town.machine.journal
        assert [entry.kind for entry in journal.parked()] == ["retraction"]
        desk = Desk(journal=journal, config=town.config, generation=1)
        status = status_text(KioskControl(town.machine, desk, "T1").status())
        assert "facts that wait for the bank: 0; 1 that it cannot read are set aside" in status
        assert "0 waiting, 1 set aside" in table(desk.totals())
        (shown,) = (await town.bank.do(q.TerminalList)).terminals
        assert (shown.outbox, shown.parked) == (0, 1)
        (machine,) = (await town.bank.do(q.LedgerCheck)).machines
        assert machine.compared == "1 of its facts could not be read by the bank"
        await reckon(town)

    run_town(tmp_path, story)
