"""The receipt printer on its wire: what is printed, what is known of the paper, and every way in which it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.virtual_time import InlineExecutor, run_virtual

from drivers.devices import DeviceError, DeviceState, Fault, Paper, PrintCode, PrintJob, PrintLine
from drivers.escpos_bytes import Bitmap, as_picture, wrapped
from drivers.receipt_printer import EscposPrinter, PrinterTimings
from drivers.simulated.receipt_printer import ElectricReceiptPrinter

COLUMNS = 42
JOB = PrintJob(
    (
        PrintLine("Harbour Credit Union", bold=True, centre=True),
        PrintLine("$40.00", large=True),
        PrintLine("Card", "ends 1234"),
        PrintLine("Café Zürich, 5 € – gracias, señor"),
        PrintCode("ATM1|T1|T1-10"),
        PrintLine("Thank you"),
    )
)


def bars(line: PrintLine, width: int) -> Bitmap:
    """As many black rows as the text has letters."""
    return Bitmap(width, tuple(b"\xff" * (width // 8) for _ in line.text))


class Rig:
    """Driver and printer on one wire."""

    def __init__(self, **how: Any) -> None:
        self.device = ElectricReceiptPrinter()
        how = {"raster": bars, "timings": PrinterTimings(poll_ms=5_000)} | how
        self.driver = EscposPrinter(self.device.wire.host, executor=InlineExecutor(), columns=COLUMNS, **how)

    async def failed(self, job: PrintJob = JOB) -> Fault:
        with pytest.raises(DeviceError) as caught:
            await self.driver.print(job)
        assert str(caught.value).endswith(".")
        assert self.driver.report.state is not DeviceState.ONLINE
        return caught.value.fault


def told(story: Callable[[Rig], Coroutine[Any, Any, None]], **how: Any) -> Rig:
    rigs: list[Rig] = []

    async def whole() -> None:
        rig = Rig(**how)
        rigs.append(rig)
        rig.driver.open()
        await asyncio.sleep(1)
        try:
            await story(rig)
        finally:
            rig.driver.close()
            await asyncio.sleep(0)

    run_virtual(whole())
    return rigs[0]


def test_a_receipt_is_printed_and_cut_before_print_returns() -> None:
    """Its lines, in order, with their looks; the code with its data; and it hangs out of the slot."""

    async def story(rig: Rig) -> None:
        assert rig.driver.paper is Paper.ENOUGH
        await rig.driver.print(JOB)
        assert len(rig.device.hanging) == 1

    rig = told(story)
    receipt = rig.device.take()
    assert receipt is not None
    lines = receipt.text.splitlines()
    assert lines[:4] == [
        "Harbour Credit Union", "$40.00", "Card" + " " * 29 + "ends 1234", "Café Zürich, 5 € – gracias, señor",
    ]  # fmt: skip
    assert "[QR: ATM1|T1|T1-10]" in lines
    head, amount = receipt.printed[:2]
    assert (head.bold, head.centre, head.large) == (True, True, False)
    assert (amount.bold, amount.large, amount.centre) == (False, True, False)
    assert rig.driver.report.state is DeviceState.OFFLINE
    assert rig.driver.paper is Paper.UNKNOWN


@pytest.mark.parametrize("text", ["नमस्ते", "رصيدك 40", "שלום", "残高"])
def test_other_scripts_are_printed_as_pictures(text: str) -> None:
    """No question marks and no letters in the wrong order: the line is drawn, black on white, in the paper's width."""

    async def story(rig: Rig) -> None:
        await rig.driver.print(PrintJob((PrintLine(text), PrintLine("plain"))))

    receipt = told(story).device.take()
    assert receipt is not None
    assert receipt.printed[0].width == 512
    assert receipt.printed[0].dots == b"\xff" * (512 // 8) * len(text)
    assert receipt.printed[1].text == "plain"


def test_without_anything_that_draws_such_a_line_is_an_error() -> None:
    """Never a receipt of question marks."""

    async def story(rig: Rig) -> None:
        with pytest.raises(DeviceError) as caught:
            await rig.driver.print(PrintJob((PrintLine("नमस्ते"),)))
        assert caught.value.fault is Fault.MEDIA

    assert not told(story, raster=None).device.hanging


LATIN = (
    st.text(st.sampled_from("abc XYZ 0123 .,-$€£áéíóúñüöäßçèêàÀÉÑ¿¡½«»"), min_size=1, max_size=60)
    .map(str.strip)
    .filter(bool)
)


@settings(max_examples=40, deadline=None)
@given(LATIN)
def test_latin_letters_arrive_as_they_were(text: str) -> None:
    """Through code pages that are changed in the middle of a line, every letter is the one that was meant."""

    async def story(rig: Rig) -> None:
        await rig.driver.print(PrintJob((PrintLine(text),)))

    receipt = told(story).device.take()
    assert receipt is not None
    assert receipt.text.splitlines() == [line.text for line in wrapped(PrintLine(text), COLUMNS)]
    assert not as_picture(PrintLine(text))


@given(
    st.text(st.sampled_from("abcdef ghi"), max_size=120), st.text(st.sampled_from("0123"), max_size=15), st.booleans()
)
def test_no_line_is_longer_than_the_paper_and_the_far_end_is_kept(text: str, right: str, large: bool) -> None:
    """Long text is wrapped by words; what belongs at the right is at the right."""
    lines = wrapped(PrintLine(text, right, large=large), COLUMNS)
    room = COLUMNS // 2 if large else COLUMNS
    assert all(len(line.text) <= room for line in lines)
    assert "".join("".join(line.text for line in lines).split()) == "".join((text + right).split())
    if right:
        assert lines[-1].text.endswith(right)
        assert len(lines[-1].text) == room


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("paper-out", Fault.EMPTY), ("paper-ends", Fault.EMPTY), ("cover-open", Fault.OPEN), ("cutter-jam", Fault.JAM),
        ("mute", Fault.TIMEOUT), ("dead", Fault.TIMEOUT), ("unplugged", Fault.UNPLUGGED),
    ],
)  # fmt: skip
def test_each_fault_is_an_error_of_its_own_and_the_printer_recovers(fault: str, wanted: Fault) -> None:
    """What cannot be printed is said, by cause; put right, the next receipt is whole, and nothing of the last is on it."""

    async def story(rig: Rig) -> None:
        rig.device.set_fault(fault)
        assert await rig.failed() is wanted
        rig.device.set_fault(fault, on=False)
        rig.device.new_roll()
        if fault == "cutter-jam":
            rig.device.set_fault("dead")
            rig.device.set_fault("dead", on=False)
        await asyncio.sleep(6)
        assert rig.driver.report.state is DeviceState.ONLINE
        while rig.device.take() is not None:
            pass
        await rig.driver.print(PrintJob((PrintLine("the next customer's"),)))

    receipt = told(story).device.take()
    assert receipt is not None
    assert receipt.text == "the next customer's"


def test_what_was_begun_is_cut_off_before_the_next_customer_prints() -> None:
    """The cover is opened in the middle: when it is closed again, the half receipt is cut off as a piece of its own."""

    async def story(rig: Rig) -> None:
        printing = asyncio.create_task(rig.driver.print(JOB))
        await asyncio.sleep(0.1)
        rig.device.set_fault("cover-open")
        with pytest.raises(DeviceError) as caught:
            await printing
        assert caught.value.fault is Fault.OPEN
        rig.device.set_fault("cover-open", on=False)
        await rig.driver.print(PrintJob((PrintLine("whole"),)))

    hanging = told(story).device.hanging
    assert [receipt.text for receipt in hanging][-1] == "whole"
    assert "Thank you" not in hanging[0].text


def test_low_paper_prints_and_is_told() -> None:
    """Near the end receipts are still printed; the report carries a sentence for the operator and the bank."""

    async def story(rig: Rig) -> None:
        rig.device.set_fault("paper-low")
        await rig.driver.print(JOB)
        assert rig.driver.paper is Paper.LOW
        assert rig.driver.report.state is DeviceState.ONLINE
        assert "little paper" in rig.driver.report.sentence

    told(story)


def test_a_roll_runs_low_and_out_by_what_is_printed() -> None:
    """Without any fault: the roll gets shorter with each receipt, and the printer says so by itself."""

    async def story(rig: Rig) -> None:
        rig.device.paper_mm = 2_050
        seen = {rig.driver.paper}

        async def until_it_ends() -> None:
            for _ in range(100):
                await rig.driver.print(JOB)
                seen.add(rig.driver.paper)

        with pytest.raises(DeviceError) as caught:
            await until_it_ends()
        assert caught.value.fault is Fault.EMPTY
        assert seen >= {Paper.ENOUGH, Paper.LOW}
        assert rig.driver.paper is Paper.OUT

    told(story)


def test_paper_that_goes_while_nobody_prints_is_noticed() -> None:
    """The next customer is not asked for a receipt that cannot be."""

    async def story(rig: Rig) -> None:
        rig.device.set_fault("paper-out")
        await asyncio.sleep(6)
        assert rig.driver.paper is Paper.OUT
        assert "no paper" in rig.driver.report.sentence

    told(story)


def test_a_job_that_is_given_up_leaves_nothing_in_the_printer() -> None:
    """Cancelled in the middle, as at a stop: the rest is not printed when the printer goes on."""

    async def story(rig: Rig) -> None:
        printing = asyncio.create_task(rig.driver.print(PrintJob(tuple(PrintLine(f"line {n}") for n in range(50)))))
        await asyncio.sleep(0.15)
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)
        await asyncio.sleep(20)

    rig = told(story)
    printed = "\n".join(receipt.text for receipt in rig.device.hanging)
    assert "line 0" in printed
    assert "line 49" not in printed


def test_answers_that_come_too_late_are_not_taken_for_others() -> None:
    """Bytes that lie in the line answer nothing that is asked now."""

    async def story(rig: Rig) -> None:
        rig.device.wire.device.send(b"\x7e\x7e\x00\xff")
        await asyncio.sleep(0.1)
        await rig.driver.print(JOB)
        assert rig.driver.paper is Paper.ENOUGH

    told(story)


def test_a_model_that_nobody_knows_is_said_at_the_first_receipt() -> None:
    """The technician reads the name that was wrong."""

    async def story(rig: Rig) -> None:
        with pytest.raises(DeviceError, match="no printer 'TM-X'") as caught:
            await rig.driver.print(JOB)
        assert caught.value.fault is Fault.CONFIG

    told(story, model="TM-X")


def sent_for(job: PrintJob) -> bytes:
    """All that the printer hears of a receipt."""
    heard = bytearray()

    async def story(rig: Rig) -> None:
        real = rig.device.hear
        rig.device.wire.device.connect(lambda data: (heard.extend(data), real(data))[1], lambda _: None)
        await rig.driver.print(job)

    told(story)
    return bytes(heard)


@pytest.mark.parametrize("paper_out", [False, True])
@pytest.mark.parametrize("part", [0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.97, 1.0])
def test_what_a_power_cut_leaves_in_the_printer_is_no_part_of_the_next_receipt(part: float, paper_out: bool) -> None:
    """The kiosk goes dark in mid-receipt, the printer does not: the next start gets rid of the head, and of what waits."""
    heard = sent_for(JOB)

    async def story() -> None:
        device = ElectricReceiptPrinter()
        device.set_fault("paper-out", on=paper_out)
        device.hear(heard[: round(len(heard) * part)])
        await asyncio.sleep(2)
        driver = EscposPrinter(device.wire.host, executor=InlineExecutor(), columns=COLUMNS, raster=bars)
        driver.open()
        await asyncio.sleep(3)
        before = len(device.hanging)
        device.set_fault("paper-out", on=False)
        await asyncio.sleep(20)
        assert len(device.hanging) == before, "printed later, for whoever stands there"
        await driver.print(PrintJob((PrintLine("somebody else's"),)))
        assert device.hanging[-1].text.split() == ["somebody", "else's"]
        driver.close()

    run_virtual(story())
