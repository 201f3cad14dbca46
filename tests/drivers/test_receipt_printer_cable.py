"""A printer whose cable is out at its end: what it could not hear it has not forgotten."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from support.virtual_time import InlineExecutor, run_virtual

from drivers.devices import DeviceError, PrintCode, PrintJob, PrintLine
from drivers.receipt_printer import EscposPrinter, PrinterTimings
from drivers.simulated.receipt_printer import ElectricReceiptPrinter

FIRST = PrintJob(
    (PrintLine("Harbour", bold=True), PrintLine("FIRST", "ends 1234"), PrintCode("FIRST" * 20), PrintLine("FIRST end"))
)
SECOND = PrintJob((PrintLine("SECOND"),))


def _driver(device: ElectricReceiptPrinter) -> EscposPrinter:
    return EscposPrinter(device.wire.host, executor=InlineExecutor(), timings=PrinterTimings(poll_ms=5_000))


def _cable(device: ElectricReceiptPrinter, *, plugged: bool) -> None:
    """At the printer's end: the port of the computer stays."""
    device.wire.device.connect(device.hear if plugged else lambda _: None, lambda _: None)


def _whole() -> bytes:
    heard = bytearray()

    async def story() -> None:
        device = ElectricReceiptPrinter()
        device.wire.device.connect(lambda data: (heard.extend(data), device.hear(data))[1], lambda _: None)
        driver = _driver(device)
        driver.open()
        await asyncio.sleep(2)
        heard.clear()
        await driver.print(FIRST)
        driver.close()

    run_virtual(story())
    return bytes(heard)


def test_what_waited_for_paper_is_forgotten_also_where_the_cable_was_out_at_the_start() -> None:
    """Nobody's receipt comes out for whoever changes the roll."""
    heard = _whole()

    async def story() -> None:
        device = ElectricReceiptPrinter()
        device.set_fault("paper-out", on=True)
        device.hear(heard)
        await asyncio.sleep(2)
        _cable(device, plugged=False)
        driver = _driver(device)
        driver.open()
        await asyncio.sleep(10)
        _cable(device, plugged=True)
        await asyncio.sleep(20)
        device.set_fault("paper-out", on=False)
        await asyncio.sleep(30)
        driver.close()
        assert not [one.text for one in device.hanging if "FIRST" in one.text], "printed for whoever stands there"

    run_virtual(story())


@pytest.mark.parametrize("after", range(0, 290, 8))
def test_a_cable_pulled_in_a_receipt_mixes_no_two(after: int) -> None:
    """So many bytes reach the printer; then nothing, until the cable is back."""

    async def story() -> None:
        device = ElectricReceiptPrinter()
        driver = _driver(device)
        driver.open()
        await asyncio.sleep(2)
        left = [after]

        def some(data: bytes) -> None:
            device.hear(data[: left[0]])
            left[0] = max(0, left[0] - len(data))

        device.wire.device.connect(some, lambda _: None)
        with contextlib.suppress(DeviceError):
            await driver.print(FIRST)
        await asyncio.sleep(1)  # what was sent into the open end is gone
        _cable(device, plugged=True)
        await asyncio.sleep(20)
        await driver.print(SECOND)
        driver.close()
        printed = [one.text.split() for one in device.hanging]
        assert printed[-1:] == [["SECOND"]], printed

    run_virtual(story())
