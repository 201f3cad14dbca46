"""Receipts: what stands on them and what never does, on paper and as a code, and what happens when the printer fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.town import Town, run_town
from support.virtual_time import InlineExecutor

from bank_link.money import Money
from drivers.devices import PrintCode, PrintLine
from drivers.receipt_printer import EscposPrinter
from drivers.simulated.receipt_printer import ElectricReceiptPrinter
from kiosk.display.terminal_text import half_blocks
from kiosk.operator.journal_text import shown_line
from kiosk.receipts import code
from kiosk.receipts.giving import can_print, give_receipt, print_receipt, show_receipt
from kiosk.receipts.raster import FontRaster
from kiosk.receipts.receipt import MOST_BYTES, Done, Receipt, facts, job, text
from kiosk.screens.words.load import load_words

WORDS = load_words()
CASH = Receipt(
    done=Done.CASH, bank="Harbour Credit Union", terminal="T1", at_ms=1_790_000_000_000, zone="UTC+05:30", card="1234",
    amount=Money(40_00, "USD"), reference="T1-10", balance=Money(460_00, "USD"),
)  # fmt: skip


def test_the_e_receipt_is_what_the_document_says() -> None:
    """Bank, what, when, then a line a fact: to the byte."""
    assert text(CASH, WORDS) == (
        "Harbour Credit Union\nCash taken out\n2026-09-21 19:43 +05:30\nAmount: $40.00\nCard: ends 1234\n"
        "Reference: T1-10\nMachine: T1\nBalance: $460.00"
    )


def test_paper_says_the_same_and_carries_the_code() -> None:
    """What is on the screen's code is on paper too, in words and as a code."""
    parts = job(CASH, WORDS).parts
    lines = [(part.text, part.right) for part in parts if isinstance(part, PrintLine)]
    assert all(fact in lines for fact in facts(CASH, WORDS))
    assert [part.data for part in parts if isinstance(part, PrintCode)] == [text(CASH, WORDS)]


def test_a_doubt_is_told_on_the_receipt() -> None:
    """Who does not know whether the money is gone has a claim in hand, and is told to keep it."""
    doubt = Receipt(done=Done.CASH, bank="B", terminal="T1", at_ms=0, reference="T1-10", doubt=True)
    assert "Please keep this receipt" in text(doubt, WORDS)
    assert any("Please keep" in part.text for part in job(doubt, WORDS).parts if isinstance(part, PrintLine))


@pytest.mark.parametrize("where", ["card", "account", "to", "reference", "bank"])
@given(number=st.from_regex(r"[0-9]{4}( ?[0-9]{4}){2,3}", fullmatch=True))
def test_a_whole_number_of_a_card_never_gets_onto_a_receipt(where: str, number: str) -> None:
    """Wherever somebody put it by mistake: refused, and the refusal does not repeat it."""
    with pytest.raises(ValueError, match="last four digits") as caught:
        Receipt(**{"done": Done.CASH, "bank": "B", "terminal": "T1", "at_ms": 0, where: number})
    assert number not in str(caught.value)


@given(st.text(max_size=300), st.sampled_from(Done))
def test_every_text_makes_a_code_that_a_phone_can_hold(to: str, done: Done) -> None:
    """However long a name is, the code is square and has no more than its bytes."""
    try:
        said = text(Receipt(done=done, bank="B", terminal="T1", at_ms=0, to=to), WORDS)
    except ValueError:
        return
    assert len(said.encode()) <= MOST_BYTES
    rows = code.rows(said)
    assert all(len(row) == len(rows) and set(row) <= {"0", "1"} for row in rows)


def test_the_code_in_a_terminal_is_the_same_code() -> None:
    """Block characters, read back module by module, are the code with a light margin."""
    rows = code.rows(text(CASH, WORDS))
    upper, lower = {" ": "1", "▄": "1", "▀": "0", "█": "0"}, {" ": "1", "▄": "0", "▀": "1", "█": "0"}
    read = [("".join(each[letter] for letter in line)) for line in half_blocks(rows) for each in (upper, lower)]
    assert tuple(row[2:-2] for row in read[2 : 2 + len(rows)]) == rows
    assert not any("1" in row for row in (*read[:2], *read[2 + len(rows) :]))


def test_a_line_is_drawn_with_the_displays_letters() -> None:
    """As wide as the paper, with ink at both ends, and larger where it is to be."""
    small = FontRaster()(PrintLine("Amount", "$40.00"), 512)
    large = FontRaster()(PrintLine("$40.00", large=True), 512)
    assert all(len(row) == 512 // 8 for row in small.rows)
    assert any(row[0] or row[1] for row in small.rows)
    assert any(row[-1] or row[-2] for row in small.rows)
    assert len(large.rows) > 1.7 * len(small.rows)
    turned = FontRaster()(PrintLine("سلام"), 512)
    assert not any(any(row[:32]) for row in turned.rows)


def journalled(town: Town) -> list[str]:
    return [shown_line(line, "UTC").text for line in town.machine.journal.lines(last=20)]


class Printing:
    """A town's machine with a printer."""

    def __init__(self, town: Town) -> None:
        self.device = ElectricReceiptPrinter()
        self.printer = EscposPrinter(self.device.wire.host, executor=InlineExecutor(), raster=FontRaster())
        self.printer.open()
        self.parts = replace(town.machine.parts, printer=self.printer)


def test_a_receipt_is_printed_given_and_journalled(tmp_path: Path) -> None:
    """Printed and hanging out, the customer is told to take it, and the journal has its reference and no number."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        printing = Printing(town)
        assert await give_receipt(printing.parts, CASH)
        assert can_print(printing.parts)
        receipt = printing.device.take()
        assert receipt is not None
        assert "$40.00" in receipt.text
        assert "[QR: Harbour Credit Union\nCash taken out" in receipt.text
        assert "take.receipt" in town.display.ids
        assert any("receipt-printed" in line for line in journalled(town))
        await show_receipt(printing.parts, CASH)
        assert town.display.ids[-1] == "receipt.qr"
        printing.printer.close()

    run_town(tmp_path, story)


@pytest.mark.parametrize("fault", ["paper-out", "paper-ends", "cover-open", "mute", "unplugged"])
def test_a_receipt_that_cannot_be_printed_is_told_and_journalled(tmp_path: Path, fault: str) -> None:
    """The customer reads that there is none and that all else is done; the operator finds why; nobody is asked again."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        printing = Printing(town)
        printing.device.set_fault(fault)
        assert not await print_receipt(printing.parts, CASH)
        assert "e.receipt" in town.display.ids
        assert any("receipt-not-printed" in line for line in journalled(town))
        assert not can_print(printing.parts)
        printing.printer.close()

    run_town(tmp_path, story)


def test_a_machine_without_a_printer_asks_nobody(tmp_path: Path) -> None:
    """No printer, no question, no error."""

    async def story(town: Town) -> None:
        await town.open_for_business()
        assert town.machine.parts.printer is None
        assert not can_print(town.machine.parts)
        assert not await print_receipt(town.machine.parts, CASH)

    run_town(tmp_path, story)
