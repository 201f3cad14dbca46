"""Reads the devices that a kiosk may have or not: each is None without its table, or where `fitted = false` takes it away."""

from __future__ import annotations

from config.kiosk import CashTrayConfig, DoorConfig, EscrowKind, Guards, NoteAcceptorConfig, ReceiptPrinterConfig
from config.pin_reading import PinBook
from config.pins import UART
from config.reading import Table

MOST_DOORS = 4
MOST_NOTE_KINDS = 16
MOST_PULSES = 100
LARGEST_NOTE = 1_000_000
SERIAL_OF_HEADER = ("/dev/serial0", "/dev/ttyS0", "/dev/ttyAMA0")


def fitted(top: Table, name: str, pins: PinBook) -> tuple[Table, PinBook, bool] | None:
    """The table `name`, where its pins are to be taken, and whether the device is there; None without the table."""
    table = top.table(name, required=False)
    if not top.has(name):
        return None
    there = table.flag("fitted", default=True)
    # Of a device that was taken away the pins are read, as its profile has them, and stay free.
    return table, pins if there else PinBook(module=pins.module), there


def note_acceptor(top: Table, pins: PinBook) -> NoteAcceptorConfig | None:
    found = fitted(top, "note_acceptor", pins)
    if found is None:
        return None
    table, pins, there = found
    holds = table.choice("holds", EscrowKind)
    inhibit = pins.output(table, "inhibit")
    if table.has("inhibit") and not inhibit.safe_on:
        table.table("inhibit").wrong("safe", '"on": an acceptor that nobody drives takes no notes')
    config = NoteAcceptorConfig(
        holds=holds,
        most=table.integer("most", 1 if holds is EscrowKind.NOTE else None, least=1, most=200, unit="notes"),
        pulses=_pulses(table),
        inhibit=inhibit,
        pulse=pins.input(table, "pulse"),
        stack=pins.maybe_output(table, "stack"),
        give_back=pins.maybe_output(table, "return"),
        stacked=pins.maybe_input(table, "stacked"),
        returned=pins.maybe_input(table, "returned"),
        jam=pins.maybe_input(table, "jam"),
        noise_ms=_ms(table, "noise_ms", NoteAcceptorConfig.noise_ms, 1, 100),
        pulse_least_ms=_ms(table, "pulse_least_ms", NoteAcceptorConfig.pulse_least_ms, 2, 1_000),
        pulse_most_ms=_ms(table, "pulse_most_ms", NoteAcceptorConfig.pulse_most_ms, 3, 5_000),
        gap_least_ms=_ms(table, "gap_least_ms", NoteAcceptorConfig.gap_least_ms, 2, 1_000),
        gap_most_ms=_ms(table, "gap_most_ms", NoteAcceptorConfig.gap_most_ms, 10, 5_000),
        move_ms=_ms(table, "move_ms", NoteAcceptorConfig.move_ms, 100, 60_000),
        follow_ms=_ms(table, "follow_ms", NoteAcceptorConfig.follow_ms, 0, 10_000),
    )
    _acceptor_fits(table, config)
    return config if there else None


def cash_tray(top: Table, pins: PinBook) -> CashTrayConfig | None:
    found = fitted(top, "cash_tray", pins)
    if found is None:
        return None
    table, pins, there = found
    retract = pins.output(table, "retract")
    if retract.safe_on:
        table.table("retract").wrong("safe", '"off": nothing is taken back where nobody drives it')
    config = CashTrayConfig(
        sensor=pins.input(table, "sensor"),
        retract=retract,
        retract_ms=_ms(table, "retract_ms", CashTrayConfig.retract_ms, 100, 20_000),
    )
    return config if there else None


def receipt_printer(top: Table, pins: PinBook) -> ReceiptPrinterConfig | None:
    """Read before other pins are taken: at the header's serial port it has GPIO14 and GPIO15."""
    found = fitted(top, "receipt_printer", pins)
    if found is None:
        return None
    table, _, there = found
    port = table.text("port", pattern=r"/dev/[A-Za-z0-9_./:-]{1,120}", allowed='a serial port like "/dev/ttyUSB0"')
    if there and port in SERIAL_OF_HEADER:
        if "which the card reader uses" in pins.reserved.get(next(iter(UART)), ""):
            table.wrong("port", "another port: the card reader has the header's")
        pins.reserve({gpio: f"{what}, which the receipt printer uses" for gpio, what in UART.items()})
    dots = table.integer("dots", ReceiptPrinterConfig.dots, least=256, most=1_024)
    if dots % 8:
        table.wrong("dots", "a whole number of eights")
    config = ReceiptPrinterConfig(
        port=port,
        baud=table.one_of("baud", ReceiptPrinterConfig.baud, (9_600, 19_200, 38_400, 57_600, 115_200)),
        columns=table.integer("columns", ReceiptPrinterConfig.columns, least=24, most=64),
        dots=dots,
        model=table.text(
            "model",
            ReceiptPrinterConfig.model,
            pattern=r"[A-Za-z0-9][A-Za-z0-9_.+ -]{0,39}",
            allowed='a printer as python-escpos calls it, like "TM-T88V"',
        ),
    )
    return config if there else None


def doors(top: Table, pins: PinBook) -> tuple[DoorConfig, ...]:
    if not top.has("door"):
        return ()
    found = [_door(table, pins) for table in top.tables("door", most=MOST_DOORS)]
    return tuple(door for door in found if door is not None)


def _door(table: Table, pins: PinBook) -> DoorConfig | None:
    there = table.flag("fitted", default=True)
    config = DoorConfig(
        name=table.text("name", pattern=r"[A-Za-z0-9_-]{1,32}", allowed="letters, digits, _ and -, at most 32"),
        guards=table.choice("guards", Guards),
        switch=(pins if there else PinBook(module=pins.module)).input(table, "switch"),
    )
    return config if there else None


def _pulses(table: Table) -> dict[int, int]:
    """Count of pulses → whole units, from `notes = [{ value = 20, pulses = 4 }, …]`."""
    pulses: dict[int, int] = {}
    for each in table.tables("notes", most=MOST_NOTE_KINDS):
        value = each.integer("value", least=1, most=LARGEST_NOTE, unit="whole units of the currency")
        count = each.integer("pulses", least=1, most=MOST_PULSES)
        if each.sound("pulses") and count in pulses:
            each.wrong("pulses", "a number that no other note has")
        if each.sound("value") and value in pulses.values():
            each.wrong("value", "a value that is named once")
        pulses[count] = value
    return pulses


_ORDERED = (
    ("noise_ms", "pulse_least_ms"),
    ("pulse_least_ms", "pulse_most_ms"),
    ("noise_ms", "gap_least_ms"),
    ("gap_least_ms", "gap_most_ms"),
)
_ESCROW = (("stack", "stack"), ("return", "give_back"), ("stacked", "stacked"), ("returned", "returned"))


def _acceptor_fits(table: Table, config: NoteAcceptorConfig) -> None:
    for lesser, greater in _ORDERED:
        if getattr(config, lesser) >= getattr(config, greater):
            table.wrong(greater, f"more than {lesser}, {getattr(config, lesser)}")
    if config.holds is EscrowKind.NOTE and config.most != 1:
        table.wrong("most", "1, as the escrow holds one note")
    for key, pin in (("stack", config.stack), ("return", config.give_back)):
        if pin is not None and pin.safe_on:
            table.table(key).wrong("safe", '"off": the escrow must not move where nobody drives it')
    for key, attribute in _ESCROW if config.holds is not EscrowKind.NOTHING else ():
        if getattr(config, attribute) is None:
            table.reading.note(table.key(key), "nothing", f"a pin, as holds is {config.holds}")


def _ms(table: Table, key: str, default: int, least: int, most: int) -> int:
    return table.integer(key, default, least=least, most=most, unit="milliseconds")
