"""The devices that a machine may have or not: each is read whole, refused by name, or taken away from its profile."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.configs import KIOSK, write

from config.kiosk import EscrowKind, Guards
from config.load import ConfigError, load_kiosk

COUNTER = KIOSK.replace('"laptop"', '"counter-7"')


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_kiosk(path)
    return [line.partition(": ")[2] for line in str(caught.value).splitlines()]


def test_the_laptop_has_every_device_and_the_other_profiles_are_as_they_were(tmp_path: Path) -> None:
    """What the simulator can show is there; a cabinet that was sold without a device has none."""
    laptop = load_kiosk(write(tmp_path, KIOSK))
    assert laptop.note_acceptor is not None
    assert laptop.note_acceptor.holds is EscrowKind.BUNDLE
    assert laptop.note_acceptor.pulses == {2: 10, 4: 20, 6: 50, 8: 100}
    assert {"card", "cash", "notes", "receipt"} <= laptop.lamps.keys()
    assert load_kiosk(write(tmp_path, COUNTER)).note_acceptor is None


def test_a_device_of_a_profile_can_be_taken_away(tmp_path: Path) -> None:
    """Without its acceptor the laptop's pins are free for something else."""
    text = KIOSK + "[note_acceptor]\nfitted = false\n"
    text += '[indicators]\nnotes = { gpio = "GPIO31", active = "high", safe = "off" }\n'
    config = load_kiosk(write(tmp_path, text))
    assert config.note_acceptor is None
    assert config.lamps["notes"].gpio == 31


ACCEPTOR = """
[note_acceptor]
holds = "nothing"
most = 50
notes = [{ value = 20, pulses = 2 }]
inhibit = { gpio = "GPIO7", header = 26, active = "high", safe = "on" }
pulse = { gpio = "GPIO8", header = 24, pull = "up", active = "low" }
"""


def test_a_cabinet_can_be_given_an_acceptor(tmp_path: Path) -> None:
    """Two wires are enough where nothing is held back."""
    found = load_kiosk(write(tmp_path, COUNTER + ACCEPTOR)).note_acceptor
    assert found is not None
    assert (found.inhibit.gpio, found.pulse.gpio, found.most, found.stack) == (7, 8, 50, None)


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ('safe = "on"', 'safe = "off"', 'note_acceptor.inhibit.safe: found "off"; allowed: "on"'),
        ('"nothing"', '"note"', "note_acceptor.stack: found nothing; allowed: a pin, as holds is note"),
        ("most = 50", "most = 0", "note_acceptor.most: found 0; allowed: a whole number of notes from 1 to 200"),
        ("pulses = 2 }", "pulses = 2 }, { value = 50, pulses = 2 }", "a number that no other note has"),
        ("pulses = 2 }", "pulses = 2 }, { value = 20, pulses = 4 }", "a value that is named once"),
        ("most = 50", "most = 50\ngap_most_ms = 20", "note_acceptor.gap_most_ms: found 20; allowed: more than gap_least_ms, 20"),
        ("GPIO8", "GPIO7", "note_acceptor.pulse"),
    ],
)  # fmt: skip
def test_an_acceptor_that_cannot_be_is_refused_by_name(tmp_path: Path, was: str, now: str, says: str) -> None:
    """An acceptor that takes notes while nobody drives it, or two notes that sound alike, never reach the machine."""
    assert any(says in line for line in mistakes(write(tmp_path, COUNTER + ACCEPTOR.replace(was, now))))


PRINTER = """
[receipt_printer]
port = "/dev/serial0"
baud = 9600
columns = 32
dots = 384
model = "TM-T88V"
"""


def test_a_cabinet_can_be_given_a_printer(tmp_path: Path) -> None:
    """What a technician says of it reaches the driver; at the header's port its two pins are its own."""
    found = load_kiosk(write(tmp_path, COUNTER + PRINTER)).receipt_printer
    assert found is not None
    assert (found.port, found.baud, found.columns, found.dots, found.model) == (
        "/dev/serial0", 9600, 32, 384, "TM-T88V",
    )  # fmt: skip
    lamp = '[indicators]\nnotes = { gpio = "GPIO14", header = 8, active = "high", safe = "off" }\n'
    assert any("which the receipt printer uses" in line for line in mistakes(write(tmp_path, COUNTER + PRINTER + lamp)))
    assert load_kiosk(write(tmp_path, COUNTER)).receipt_printer is None


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("9600", "1200", "receipt_printer.baud: found 1200; allowed: 9600"),
        ("384", "380", "receipt_printer.dots: found 380; allowed: a whole number of eights"),
        ("/dev/serial0", "COM1", 'receipt_printer.port: found "COM1"; allowed: a serial port'),
        ("columns = 32", "columns = 12", "receipt_printer.columns: found 12"),
    ],
)
def test_a_printer_that_cannot_be_is_refused_by_name(tmp_path: Path, was: str, now: str, says: str) -> None:
    """A wrong port or width is said before the first receipt."""
    assert any(says in line for line in mistakes(write(tmp_path, COUNTER + PRINTER.replace(was, now))))


def test_two_devices_cannot_have_the_headers_serial_port(tmp_path: Path) -> None:
    """The floor machine's card reader sits there already."""
    text = KIOSK.replace('"laptop"', '"floor-10"') + PRINTER
    assert any("another port: the card reader has the header's" in line for line in mistakes(write(tmp_path, text)))


DOOR = """
[[door]]
name = "safe"
guards = "cash"
switch = { gpio = "GPIO7", header = 26, pull = "up", active = "high" }
"""


def test_doors_say_what_they_guard(tmp_path: Path) -> None:
    """The laptop has one before the cash and one before the electronics; a cabinet can be given its own."""
    assert {door.name: door.guards for door in load_kiosk(write(tmp_path, KIOSK)).doors} == {
        "safe": Guards.CASH, "service": Guards.ELECTRONICS,
    }  # fmt: skip
    assert [door.switch.gpio for door in load_kiosk(write(tmp_path, COUNTER + DOOR)).doors] == [7]
    assert load_kiosk(write(tmp_path, COUNTER)).doors == ()
    gone = '[[door]]\nname = "service"\nfitted = false\n'
    assert [door.name for door in load_kiosk(write(tmp_path, KIOSK + gone)).doors] == ["safe"]


def test_a_door_that_guards_nothing_known_is_refused(tmp_path: Path) -> None:
    """What has to be counted after it was open must not be guessed."""
    found = mistakes(write(tmp_path, COUNTER + DOOR.replace('"cash"', '"money"')))
    assert found == ['door[safe].guards: found "money"; allowed: "cash" or "electronics"']
