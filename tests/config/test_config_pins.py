"""Pins that are wrong, taken or not to be had are refused by name before anything touches them."""

from pathlib import Path

import pytest
from support.configs import KIOSK, write

from config.load import ConfigError, load_kiosk
from config.pins import GPIO_AT, HEADER_OF, POWER_AT

PN532 = '[card_reader]\nkind = "pn532"\nport = "{port}"\n'


def only_mistake(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_kiosk(path)
    assert len(caught.value.mistakes) == 1, str(caught.value)
    return str(caught.value)


def lamp(gpio: str, header: int) -> str:
    return f'[indicators]\nstatus = {{ gpio = {gpio}, header = {header}, active = "high", safe = "off" }}\n'


def test_the_header_has_forty_positions_each_known_once() -> None:
    """28 GPIOs and 12 power pins, none at two places: the map that all checks stand on."""
    assert sorted(GPIO_AT.keys() | POWER_AT.keys()) == list(range(1, 41))
    assert not GPIO_AT.keys() & POWER_AT.keys()
    assert sorted(HEADER_OF) == list(range(28))


@pytest.mark.parametrize(
    ("gpio", "header", "sentence"),
    [
        ('"GPIO11"', 12, "header: found 12; allowed: 23, where GPIO11 is; 12 is GPIO18"),
        ('"GPIO11"', 6, "header: found 6; allowed: 23, where GPIO11 is; 6 is ground"),
        ('"GPIO46"', 23, 'gpio: found "GPIO46"; allowed: a pin of the Compute Module, GPIO2 to GPIO45'),
        ('"GPIO45"', 23, "header: found 23; allowed: nothing, as GPIO45 is not at the 40-pin header"),
        ('"gpio11"', 23, 'gpio: found "gpio11"; allowed: a pin of the Compute Module, GPIO2 to GPIO45, perhaps GPIO11'),
        ('"GPIO011"', 23, 'gpio: found "GPIO011"'),
        ('"GPIO١١"', 23, "gpio: found "),
        ("11", 23, 'gpio: found 11; allowed: a pin like "GPIO17"'),
        ('"GPIO0"', 27, "a pin that is free; GPIO0 is ID_SD, read by the firmware at start"),
        ('"GPIO1"', 28, "a pin that is free; GPIO1 is ID_SC, read by the firmware at start"),
        ('"GPIO17"', 11, "a pin that is free; GPIO17 is cassette[top].motor already"),
        ('"GPIO25"', 22, "a pin that is free; GPIO25 is dispenser.exit_sensor already"),
        ('"GPIO5"', 29, "a pin that is free; GPIO5 is keypad.rows[1] already"),
        ('"GPIO11"', 41, "header: found 41; allowed: a whole number from 1 to 40"),
    ],
)
def test_a_wrong_pin_is_refused_by_name(tmp_path: Path, gpio: str, header: int, sentence: str) -> None:
    """GPIO and header position must agree, exist, be free and be the user's to take."""
    assert sentence in only_mistake(write(tmp_path, KIOSK + lamp(gpio, header))).replace("\n", " ")


def test_a_machine_with_a_header_has_no_pins_of_a_module(tmp_path: Path) -> None:
    """On a Pi GPIO28 is an inner wire of the board: driving it would stop the Pi. Only a module's board has it."""
    text = KIOSK.replace('"laptop"', '"counter-7"') + lamp('"GPIO28"', 23)
    assert 'found "GPIO28"; allowed: a pin of the 40-pin header, GPIO2 to GPIO27' in only_mistake(write(tmp_path, text))
    path = write(tmp_path, text.replace("header = 23, ", "") + '[board]\nkind = "module"\n')
    assert (load_kiosk(path).lamps["status"].gpio, load_kiosk(path).lamps["status"].header) == (28, 0)


def test_a_free_pin_is_taken(tmp_path: Path) -> None:
    """The same lamp at a pin that is free makes no complaint."""
    config = load_kiosk(write(tmp_path, KIOSK + lamp('"GPIO11"', 23)))
    assert config.lamps["status"].gpio == 11


@pytest.mark.parametrize(("port", "own"), [("/dev/serial0", ""), ("/dev/ttyUSB0", "uart_pins = true\n")])
def test_the_serial_ports_pins_are_the_card_readers_where_it_uses_them(tmp_path: Path, port: str, own: str) -> None:
    """A PN532 at the header's serial port takes GPIO14 and 15; nothing else may."""
    text = KIOSK + lamp('"GPIO14"', 8) + PN532.format(port=port) + own
    with pytest.raises(ConfigError) as caught:
        load_kiosk(write(tmp_path, text))
    lines = [line for line in str(caught.value).splitlines() if "indicators.status" in line]
    assert len(lines) == 1
    assert "GPIO14 is TXD of the header's serial port, which the card reader uses" in lines[0]


def test_a_reader_at_a_usb_port_leaves_them_free(tmp_path: Path) -> None:
    """A USB serial adapter uses no header pin."""
    path = write(
        tmp_path,
        KIOSK.replace('"laptop"', '"floor-10"')
        + lamp('"GPIO14"', 8)
        + '[card_reader]\nport = "/dev/ttyUSB0"\nuart_pins = false\n',
    )
    assert load_kiosk(path).lamps["status"].gpio == 14


def test_an_input_with_the_boards_own_pull_up_cannot_be_pulled_down(tmp_path: Path) -> None:
    """GPIO2 and GPIO3 carry resistors on the board."""
    text = KIOSK + '[dispenser.exit_sensor]\ngpio = "GPIO2"\nheader = 3\npull = "down"\n'
    assert "GPIO2 has a pull-up resistor on the board" in only_mistake(write(tmp_path, text))


def test_an_output_must_say_its_safe_level_and_an_input_its_pull(tmp_path: Path) -> None:
    """Neither has a default: whoever wires it decides."""
    text = '[indicators]\nstatus = { gpio = "GPIO11", header = 23, active = "high" }\n'
    base = KIOSK.replace('"laptop"', '"counter-7"')
    assert 'indicators.status.safe: found nothing; allowed: "on" or "off"' in only_mistake(write(tmp_path, base + text))
    text = '[dispenser]\nreject_sensor = { gpio = "GPIO11", header = 23, active = "low" }\n'
    with pytest.raises(ConfigError, match=r"dispenser\.reject_sensor\.pull: found nothing"):
        load_kiosk(write(tmp_path, base + text))


def test_an_output_has_no_pull(tmp_path: Path) -> None:
    """A pull at an output would be a wish that nothing fulfils: an unknown key."""
    text = KIOSK + '[indicators.status]\npull = "up"\n'
    assert "indicators.status.pull" in only_mistake(write(tmp_path, text))
