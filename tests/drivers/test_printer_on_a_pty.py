"""The receipt printer over pyserial on a real pty with the simulated printer behind it, in real time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.pty_port import PtyPort

from drivers.devices import DeviceError, DeviceState, Fault, Paper, PrintCode, PrintJob, PrintLine
from drivers.escpos_bytes import Bitmap
from drivers.receipt_printer import EscposPrinter, PrinterTimings
from drivers.serial_line import PySerialLine
from drivers.simulated.receipt_printer import ElectricReceiptPrinter


def black(line: PrintLine, width: int) -> Bitmap:
    return Bitmap(width, (b"\xff" * (width // 8),) * 30 if line.text else ())


def test_receipts_on_a_real_serial_port(tmp_path: Path) -> None:
    """Text, a code and pictures, more than the line's buffer takes at once; the cable is pulled, and comes back."""
    lines = [PrintLine(f"line {number}", "right") for number in range(20)]
    pictures = [PrintLine("नमस्ते")] * 6
    job = PrintJob((*lines, PrintCode("HELLO"), *pictures, PrintLine("the end")))

    async def story() -> None:
        port = PtyPort(tmp_path / "printer")
        device = ElectricReceiptPrinter(send=port.send)
        port.hear = device.hear
        port.plug()
        with ThreadPoolExecutor(1) as executor:
            printer = EscposPrinter(
                PySerialLine(str(port.path), baud=38_400), executor=executor, raster=black,
                timings=PrinterTimings(poll_ms=200),
            )  # fmt: skip
            printer.open()
            await printer.print(job)
            receipt = device.take()
            assert receipt is not None
            assert receipt.text.splitlines()[-1] == "the end"
            assert receipt.text.count("[picture]") == 6
            assert "[QR: HELLO]" in receipt.text
            assert printer.paper is Paper.ENOUGH

            port.unplug()
            with pytest.raises(DeviceError) as caught:
                await printer.print(job)
            assert caught.value.fault in (Fault.UNPLUGGED, Fault.TIMEOUT)
            port.plug()
            while printer.report.state is not DeviceState.ONLINE:
                await asyncio.sleep(0.05)
            await printer.print(PrintJob((PrintLine("again"),)))
            again = device.hanging[-1]
            assert again.text == "again"
            printer.close()
            port.unplug()
            await asyncio.sleep(0)

    async def in_time() -> None:
        async with asyncio.timeout(60):
            await story()

    asyncio.run(in_time())
