"""Gives a customer the receipt: on paper where the printer can, on the screen as a code. A failure is told, never swallowed."""

from __future__ import annotations

from drivers.devices import DeviceError, DeviceState, Light, Paper
from kiosk.parts import Parts
from kiosk.receipts import code, receipt
from kiosk.receipts.receipt import Receipt
from kiosk.screens import catalogue

TAKE_S = 5
SHOWN_S = 60
TOLD_S = 10


def can_print(parts: Parts) -> bool:
    """Whether a customer may be asked for a paper receipt: there is a printer, it answers, and it has paper."""
    printer = parts.printer
    if printer is None or printer.report.state is not DeviceState.ONLINE:
        return False
    return printer.paper in (Paper.ENOUGH, Paper.LOW)


async def print_receipt(parts: Parts, given: Receipt) -> bool:
    """Print it. Where that fails the journal has why, the customer is told, and it is False. Raises JournalError."""
    printer, words = parts.printer, parts.words
    if printer is None:
        return False
    try:
        async with parts.ask.waiting(catalogue.receipt_printing(words), catalogue.receipt_printing(words, slow=True)):
            await printer.print(receipt.job(given, words))
    except DeviceError as error:
        parts.note("receipt-not-printed", f"{given.reference or given.done}: {error}")
        await parts.ask.told(catalogue.receipt_failed(words, given.reference), TOLD_S)
        return False
    parts.note("receipt-printed", given.reference or given.done)
    return True


async def give_receipt(parts: Parts, given: Receipt) -> bool:
    """Print it and say where it is, with the lamp at its slot. False where it could not be printed."""
    if not await print_receipt(parts, given):
        return False
    parts.lamp("receipt", Light.MEDIUM)
    try:
        await parts.ask.pause(catalogue.take_receipt(parts.words), TAKE_S)
    finally:
        parts.lamp("receipt", Light.OFF)
    return True


async def show_receipt(parts: Parts, given: Receipt) -> None:
    """The e-receipt as a code to be photographed, until the customer goes on, or the next one puts a card in."""
    words = parts.words
    text = receipt.text(given, words)
    said = ((words.say("receipt", "done"), receipt.title(given, words)), *receipt.facts(given, words))
    nobodys = not parts.reader.present
    until = parts.reader.inserted() if nobodys else None
    await parts.ask.told(catalogue.receipt_qr(words, code.rows(text), said), SHOWN_S, until=until)
