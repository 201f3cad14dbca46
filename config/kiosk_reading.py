"""Reads a kiosk's configuration section by section: every key's type, range and unit stands here."""

from __future__ import annotations

import math
from functools import reduce

from config.devices_reading import SERIAL_OF_HEADER, cash_tray, doors, note_acceptor, receipt_printer
from config.kiosk import (
    LANGUAGES,
    CassetteConfig,
    DispenserConfig,
    DisplayConfig,
    DisplayKind,
    KeypadConfig,
    KioskConfig,
    LimitsConfig,
    LineConfig,
    Mechanism,
    Pn532ReaderConfig,
    ReaderKind,
    StickReaderConfig,
    TerminalConfig,
    Theme,
    TimeConfig,
    VoiceConfig,
)
from config.pin_reading import PinBook
from config.pins import UART, BoardKind, OutputPin
from config.reading import Reading, Table
from config.zone import zone

MOST_CASSETTES = 8
MOST_PRESETS = 5
LARGEST_NOTE = 1_000_000
LAMPS = ("card", "cash", "notes", "receipt", "keypad", "status")
_PANEL_ALLOWED = 'width and height in pixels, each from 320 to 4096, like "1024x600"'
_ORDERED_TIMES = (
    ("shortest_note_ms", "double_note_ms"),
    ("double_note_ms", "longest_note_ms"),
    ("shortest_note_ms", "gap_ms"),
    ("shortest_note_ms", "pick_timeout_ms"),
)


def read_kiosk(reading: Reading) -> KioskConfig:
    """The whole configuration. Raises ConfigError with every mistake there is."""
    top = reading.top()
    board = top.table("board", required=False).choice("kind", BoardKind, BoardKind.HEADER)
    pins = PinBook(module=board is BoardKind.MODULE)
    config = KioskConfig(
        terminal=_terminal(top.table("terminal")),
        display=_display(top.table("display")),
        time=_time(top.table("time", required=False)),
        limits=_limits(top.table("limits", required=False)),
        line=_line(top.table("line", required=False)),
        presets=_presets(top.table("presets")),
        card_reader=_card_reader(top.table("card_reader"), pins),
        receipt_printer=receipt_printer(top, pins),
        keypad=_keypad(top.table("keypad"), pins),
        dispenser=_dispenser(top.table("dispenser"), pins),
        cassettes=tuple(_cassette(each, pins) for each in top.tables("cassette", most=MOST_CASSETTES)),
        cash_tray=cash_tray(top, pins),
        lamps=_lamps(top.table("indicators", required=False), pins),
        voice=_voice(top, pins),
        note_acceptor=note_acceptor(top, pins),
        doors=doors(top, pins),
        board=board,
    )
    _presets_can_be_paid(reading, config)
    reading.finish()
    return config


def _terminal(table: Table) -> TerminalConfig:
    key_file, passphrase_file = table.maybe_where("key_file"), table.maybe_where("passphrase_file")
    if (key_file is None) == (passphrase_file is None) and not table.absent:
        found = "nothing" if key_file is None else "both key_file and passphrase_file"
        table.reading.note(table.key("key_file"), found, "either key_file or passphrase_file, a path")
    return TerminalConfig(
        state=table.where("state"),
        auth_file=table.where("auth_file"),
        key_file=key_file,
        passphrase_file=passphrase_file,
        currency=table.text("currency", pattern="[A-Z]{3}", allowed='an ISO 4217 code like "EUR"'),
        profile=_profile(table),
    )


def _profile(table: Table) -> str:
    """The name; where there is no such profile, merging has said so already."""
    if table.reading.document.incomplete:
        table.reading.claim(table.key("profile"))
        return ""
    return table.text("profile", "", pattern="[^\\0]*", allowed="a profile's name")


def _display(table: Table) -> DisplayConfig:
    kind = table.choice("kind", DisplayKind)
    panel = table.text("panel", pattern=r"\d{3,4}x\d{3,4}", allowed=_PANEL_ALLOWED)
    width, height = (int(part) for part in (panel or "1024x600").split("x"))
    if not (320 <= width <= 4096 and 320 <= height <= 4096):
        table.wrong("panel", _PANEL_ALLOWED)
    return DisplayConfig(
        kind=kind,
        width_px=width,
        height_px=height,
        pixels_per_mm=table.decimal("pixels_per_mm", least=2.0, most=20.0),
        rotation=table.one_of("rotation", DisplayConfig.rotation, (0, 90, 180, 270)),
        theme=table.choice("theme", Theme, DisplayConfig.theme),
        reduced_motion=table.flag("reduced_motion", DisplayConfig.reduced_motion),
        brand=table.maybe_where("brand"),
        viewing_distance_mm=table.integer(
            "viewing_distance_mm", DisplayConfig.viewing_distance_mm, least=300, most=1_500, unit="mm"
        ),
        languages=table.some_of("languages", DisplayConfig.languages, LANGUAGES),
    )


def _time(table: Table) -> TimeConfig:
    return TimeConfig(
        require_synchronised=table.flag("require_synchronised", TimeConfig.require_synchronised),
        zone=read_zone(table, TimeConfig.zone),
    )


def read_zone(table: Table, default: str) -> str:
    """`zone`: a name that `config.zone.zone` knows on this machine."""
    allowed = 'a time zone like "UTC", "UTC+05:30" or "Europe/Lisbon" that this machine knows'
    name = table.text("zone", default, pattern=r"[A-Za-z0-9_+:/-]{1,64}", allowed=allowed)
    try:
        zone(name)
    except ValueError:
        table.wrong("zone", allowed)
    return name


def _limits(table: Table) -> LimitsConfig:
    def seconds(key: str, default: int, least: int, most: int) -> int:
        return table.integer(key, default, least=least, most=most, unit="seconds")

    return LimitsConfig(
        answer_s=seconds("answer_s", LimitsConfig.answer_s, 20, 600),
        more_time_s=seconds("more_time_s", LimitsConfig.more_time_s, 20, 120),
        extensions=table.integer("extensions", LimitsConfig.extensions, least=10, most=100),
        card_s=seconds("card_s", LimitsConfig.card_s, 5, 120),
        cash_s=seconds("cash_s", LimitsConfig.cash_s, 5, 120),
    )


def _line(table: Table) -> LineConfig:
    return LineConfig(
        connect_ms=_ms(table, "connect_ms", LineConfig.connect_ms, 100, 30_000),
        read_ms=_ms(table, "read_ms", LineConfig.read_ms, 100, 60_000),
    )


def _presets(table: Table) -> tuple[int, ...]:
    return table.integers("amounts", most=LARGEST_NOTE, count=MOST_PRESETS)


def _card_reader(table: Table, pins: PinBook) -> StickReaderConfig | Pn532ReaderConfig:
    if table.choice("kind", ReaderKind) is ReaderKind.PN532:
        return _pn532(table, pins)
    return StickReaderConfig(
        mount=table.where("mount"),
        file=table.text(
            "file",
            StickReaderConfig.file,
            pattern=r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}",
            allowed="a file's name of letters, digits, _ . and -, at most 32",
        ),
        poll_ms=_ms(table, "poll_ms", StickReaderConfig.poll_ms, 20, 2_000),
    )


def _pn532(table: Table, pins: PinBook) -> Pn532ReaderConfig:
    port = table.text("port", pattern=r"/dev/[A-Za-z0-9_./:-]{1,120}", allowed='a serial port like "/dev/serial0"')
    uart = table.flag("uart_pins", port in SERIAL_OF_HEADER)
    if uart:
        pins.reserve({gpio: f"{what}, which the card reader uses" for gpio, what in UART.items()})
    return Pn532ReaderConfig(
        port=port,
        baud=table.one_of("baud", Pn532ReaderConfig.baud, (9_600, 57_600, 115_200, 230_400, 460_800)),
        uart_pins=uart,
        poll_ms=_ms(table, "poll_ms", Pn532ReaderConfig.poll_ms, 20, 2_000),
    )


def _keypad(table: Table, pins: PinBook) -> KeypadConfig:
    rows = table.tables("rows", least=4, most=4)
    columns = table.tables("columns", least=4, most=4)
    hold_ms = _ms(table, "hold_ms", KeypadConfig.hold_ms, 500, 10_000)
    stuck_ms = _ms(table, "stuck_ms", KeypadConfig.stuck_ms, 1_000, 120_000)
    if stuck_ms <= hold_ms:
        table.wrong("stuck_ms", f"more than hold_ms, {hold_ms}")
    return KeypadConfig(
        rows=tuple(pins.output_at(each) for each in rows),
        columns=tuple(pins.input_at(each) for each in columns),
        debounce_ms=_ms(table, "debounce_ms", KeypadConfig.debounce_ms, 2, 100),
        hold_ms=hold_ms,
        stuck_ms=stuck_ms,
    )


def _dispenser(table: Table, pins: PinBook) -> DispenserConfig:
    diverter, rejected = pins.maybe_output(table, "diverter"), pins.maybe_input(table, "reject_sensor")
    if diverter is None and rejected is not None:
        table.reading.note(table.key("diverter"), "nothing", "a pin, as there is a reject_sensor")
    config = DispenserConfig(
        mechanism=table.choice("mechanism", Mechanism, DispenserConfig.mechanism),
        exit_sensor=pins.input(table, "exit_sensor"),
        diverter=diverter,
        reject_sensor=rejected,
        pick_timeout_ms=_ms(table, "pick_timeout_ms", DispenserConfig.pick_timeout_ms, 50, 20_000),
        shortest_note_ms=_ms(table, "shortest_note_ms", DispenserConfig.shortest_note_ms, 1, 500),
        double_note_ms=_ms(table, "double_note_ms", DispenserConfig.double_note_ms, 5, 5_000),
        longest_note_ms=_ms(table, "longest_note_ms", DispenserConfig.longest_note_ms, 10, 10_000),
        gap_ms=_ms(table, "gap_ms", DispenserConfig.gap_ms, 10, 5_000),
        brake_ms=_ms(table, "brake_ms", DispenserConfig.brake_ms, 0, 1_000),
        exit_notes=table.integer("exit_notes", DispenserConfig.exit_notes, least=1, most=100),
    )
    for lesser, greater in _ORDERED_TIMES:
        if getattr(config, lesser) >= getattr(config, greater):
            table.wrong(greater, f"more than {lesser}, {getattr(config, lesser)}")
    return config


def _cassette(table: Table, pins: PinBook) -> CassetteConfig:
    name = table.text("name", pattern=r"[A-Za-z0-9_-]{1,32}", allowed="letters, digits, _ and -, at most 32")
    value = table.integer("value", least=1, most=LARGEST_NOTE, unit="whole units of the currency")
    most = table.integer("most", least=1, most=5_000, unit="notes")
    motor = pins.output(table, "motor")
    if motor.safe_on:
        table.table("motor").wrong("safe", '"off": a motor that runs where nobody drives it pays out')
    return CassetteConfig(
        name=name,
        value=value,
        most=most,
        low=table.integer("low", least=0, most=most, unit="notes"),
        motor=motor,
        empty_sensor=pins.maybe_input(table, "empty_sensor"),
    )


def _lamps(table: Table, pins: PinBook) -> dict[str, OutputPin]:
    lamps = {lamp: pins.maybe_output(table, lamp) for lamp in LAMPS}
    return {lamp: pin for lamp, pin in lamps.items() if pin is not None}


def _voice(top: Table, pins: PinBook) -> VoiceConfig | None:
    """None without the table, or where `fitted` takes a profile's away. One that could never be heard is a mistake."""
    table = top.table("voice", required=False)
    if not top.has("voice"):
        return None
    fitted = table.flag("fitted", default=True)
    config = VoiceConfig(
        jack=(pins if fitted else PinBook()).maybe_input(table, "jack"),
        device=table.text(
            "device",
            VoiceConfig.device,
            pattern=r"([A-Za-z0-9][A-Za-z0-9_.:,=-]{0,63})?",
            allowed='a sound card as ALSA names it, like "plughw:CARD=Headphones"',
        ),
        loudspeaker=table.flag("loudspeaker", VoiceConfig.loudspeaker),
    )
    if fitted and config.jack is None and not config.loudspeaker:
        table.reading.note(table.key("jack"), "nothing", "a pin, or loudspeaker = true")
    return config if fitted else None


def _ms(table: Table, key: str, default: int, least: int, most: int) -> int:
    return table.integer(key, default, least=least, most=most, unit="milliseconds")


def _presets_can_be_paid(reading: Reading, config: KioskConfig) -> None:
    """Amounts that no mix of full cassettes makes must not stand on a customer's screen."""
    if reading.mistakes or not config.cassettes:
        return
    for amount in config.presets:
        if not payable(amount, [each.value for each in config.cassettes]):
            values = ", ".join(str(each.value) for each in config.cassettes)
            reading.note("presets.amounts", str(amount), f"amounts that notes of {values} add up to")


def payable(amount: int, values: list[int]) -> bool:
    """Whether any number of notes of `values` adds up to `amount`."""
    unit = reduce(math.gcd, values, 0)
    if amount % unit:
        return False
    steps = [value // unit for value in values]
    reached = {0}
    for total in range(1, amount // unit + 1):
        if any(total - step in reached for step in steps):
            reached.add(total)
    return amount // unit in reached
