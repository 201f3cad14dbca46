"""A receipt as the page draws it: lines with their looks, codes as rows of modules, pictures as PNG."""

from __future__ import annotations

import base64
from typing import Any

from drivers.simulated.receipt_printer import ElectricReceiptPrinter, Printed, Receipt
from kiosk.receipts.code import rows
from kiosk.simulator.page.png import png

#: So many that were taken can be read again.
KEPT = 10


class Paper:
    """Each receipt is made ready once."""

    def __init__(self) -> None:
        self._ready: dict[int, dict[str, Any]] = {}

    def told(self, printer: ElectricReceiptPrinter | None) -> dict[str, Any] | None:
        """What hangs out, what was taken (newest first), and how much paper there is; None without a printer."""
        if printer is None:
            return None
        hanging, taken = list(printer.hanging)[:KEPT], list(printer.taken)[-KEPT:]
        kept = {receipt.number: self._ready.get(receipt.number) or _receipt(receipt) for receipt in (*hanging, *taken)}
        self._ready = kept
        return {
            "hanging": [kept[receipt.number] for receipt in hanging],
            "taken": [kept[receipt.number] for receipt in reversed(taken)],
            "printing": len(printer.strip), "metres": max(0, round(printer.paper_mm / 1000)),
        }  # fmt: skip


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {"number": receipt.number, "text": receipt.text, "lines": [_line(one) for one in receipt.printed]}


def _line(one: Printed) -> dict[str, Any]:
    if one.code:
        return {"code": rows(one.code)}
    if one.dots:
        return {"picture": base64.b64encode(_png(one)).decode("ascii"), "width": one.width}
    return {"text": one.text, "bold": one.bold, "large": one.large, "centre": one.centre}


def _png(one: Printed) -> bytes:
    """Black on white."""
    pixels = b"".join(
        (b"\0\0\0" if byte & bit else b"\xff\xff\xff")
        for byte in one.dots
        for bit in (128, 64, 32, 16, 8, 4, 2, 1)
    )  # fmt: skip
    return png(one.width, len(one.dots) * 8 // one.width, pixels)
