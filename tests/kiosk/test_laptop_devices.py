"""The laptop's acceptor and printer under the firmware's own drivers, and hands at them; notes outlive the process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.virtual_time import VirtualLoop, run_virtual

from bank_link.card_file import SIZE
from config.kiosk import KioskConfig
from config.load import example_kiosk, load_kiosk
from drivers.devices import DeviceError, NoteEvent, PrintJob, PrintLine
from drivers.gpio import Board
from kiosk.cabinet import Devices
from kiosk.operator.exchange import Count
from kiosk.simulator.hands import Hands, is_blank
from kiosk.simulator.laptop import Laptop
from kiosk.simulator.notes_file import exchange_notes, put_in


def config_in(directory: Path, extra: str = "") -> KioskConfig:
    path = directory / "kiosk.toml"
    path.write_text(example_kiosk("laptop", state="state", auth_file="atm.auth", key_file="atm.key") + extra)
    return load_kiosk(path)


def started(config: KioskConfig) -> tuple[Laptop, Devices, Hands]:
    laptop = Laptop(config)
    devices = laptop.devices(config, Board(laptop.pins))
    hands = Hands(cast("Any", SimpleNamespace(laptop=laptop, config=config)), {})
    return laptop, devices, hands


def test_notes_that_were_put_in_are_where_they_were_after_a_restart(tmp_path: Path) -> None:
    """Two notes into the escrow, one kept for good: the simulator ends, begins again, and has lost none."""

    async def story() -> None:
        config = config_in(tmp_path)
        laptop, devices, hands = started(config)
        assert devices.acceptor is not None
        devices.acceptor.open()
        with pytest.raises(DeviceError, match="takes no note of 20 now"):
            hands.insert_note(20)
        devices.acceptor.accept(on=True)
        hands.insert_note(20)
        await asyncio.sleep(3)
        await devices.acceptor.stack()
        seen = [await devices.acceptor.seen() for _ in range(2)]
        assert [(one.event, one.minor) for one in seen] == [(NoteEvent.READ, 2000), (NoteEvent.STACKED, 2000)]
        await asyncio.sleep(2)
        hands.insert_note(50)
        await asyncio.sleep(3)
        devices.acceptor.close()
        laptop.close()
        _, _, again = started(config)
        assert again.notes_taken() == {"mouth": [], "path": [], "escrow": [50], "box": [20]}

    run_virtual(story())


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it does not"])
def test_an_exchange_empties_the_acceptors_box(tmp_path: Path, running: bool) -> None:
    """`in=0` and `in.20=0` are hands at the box; the cassettes that are not named stay as they are."""

    async def story() -> None:
        config = config_in(tmp_path)
        laptop, _, hands = started(config)
        assert laptop.acceptor is not None
        laptop.acceptor.box[:] = [20_00, 50_00]
        exchange_notes(laptop.dispenser, {"top": Count(7)}, laptop.acceptor)
        assert hands.notes_taken()["box"] == [20, 50]
        loaded = {"middle": Count(5), "in": Count(0)}
        if running:
            exchange_notes(laptop.dispenser, loaded, laptop.acceptor)
        laptop.close()
        if not running:
            put_in(config, loaded)
        again, _, hands = started(config)
        assert hands.notes_taken()["box"] == []
        assert [again.dispenser.physical[name].cassette for name in ("top", "middle")] == [7, 5]

    run_virtual(story())


def test_a_receipt_goes_from_the_firmwares_driver_into_a_hand(tmp_path: Path) -> None:
    """Over the wire of the laptop's printer; a line in another script too."""

    async def story() -> None:
        _, devices, hands = started(config_in(tmp_path))
        assert devices.printer is not None
        devices.printer.open()
        # The driver makes its bytes in a thread of its own, which virtual time runs inline.
        await devices.printer.print(PrintJob((PrintLine("Thank you"), PrintLine("धन्यवाद"))))
        assert hands.take_receipt() == "Thank you\n[picture]"
        assert hands.take_receipt() == ""
        devices.printer.close()
        await asyncio.sleep(0)

    run_virtual(story())


@pytest.mark.parametrize("stall_s", [0.0, 0.02, 0.05, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("every_s", [0.003, 0.03])
def test_a_busy_computer_loses_no_key(tmp_path: Path, stall_s: float, every_s: float) -> None:
    """Whatever holds up the machine's loop at every breath, below what makes a key a held one: each press is one key, a double one two."""

    async def story() -> None:
        _, devices, hands = started(config_in(tmp_path))
        heard: list[str] = []
        devices.keypad.listen(lambda press: heard.append(press.key))
        devices.keypad.open()
        loop = cast("VirtualLoop", asyncio.get_running_loop())

        async def busy() -> None:
            while True:
                loop._now += stall_s
                await asyncio.sleep(every_s)

        other = asyncio.create_task(busy())
        await hands.press("4711D")
        other.cancel()
        assert heard == list("4711D")

    run_virtual(story())


def test_a_machine_without_them_says_so(tmp_path: Path) -> None:
    """Taken out of the profile, there is nothing to open, and a hand at the wall is told."""

    async def story() -> None:
        extra = "[note_acceptor]\nfitted = false\n[receipt_printer]\nfitted = false\n"
        extra += "".join(f'[[door]]\nname = "{name}"\nfitted = false\n' for name in ("safe", "service"))
        laptop, devices, hands = started(config_in(tmp_path, extra))
        assert (devices.acceptor, devices.printer, devices.doors) == (None, None, ())
        assert not {"acceptor", "printer", "safe door"} & laptop.faults.keys()
        for move in (lambda: hands.insert_note(20), hands.take_receipt, lambda: hands.door("safe", is_open=True)):
            with pytest.raises(DeviceError):
                move()

    run_virtual(story())


@pytest.mark.parametrize(
    ("content", "blank"),
    [(bytes(SIZE), True), (bytes(SIZE - 1) + b"\1", False), (bytes(SIZE - 1), False), (b"", False)],
)
def test_a_stick_is_blank_when_nothing_is_on_it(tmp_path: Path, content: bytes, *, blank: bool) -> None:
    """A whole card file's room of zeros and nothing else: no card, however damaged, is ever shown as one to write onto."""
    stick = tmp_path / "stick.atm"
    stick.write_bytes(content)
    assert is_blank(stick) is blank
    stick.unlink()
    assert not is_blank(stick)
