"""The PN532's commands against a chip that answers with well-formed frames and says anything at all in them."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, DeviceState, Fault
from drivers.pn532.chip import Code, Pn532Chip, TagError, Target
from drivers.pn532.frames import ACK, Frame, FrameParser, frame, syntax_error
from drivers.pn532_reader import Pn532Reader
from drivers.simulated.line import VirtualWire

TAG = bytes.fromhex("01 01 0044 00 07 04112233445566")


class Liar:
    """Acknowledges everything; `say` makes the answer's data of (code, data), or None for an error frame."""

    def __init__(self, say):
        self.wire = VirtualWire()
        self.asked = []
        self._say = say
        self._parser = FrameParser()
        self.wire.device.connect(self._hear)

    def _hear(self, data):
        for event in self._parser.feed(data):
            if isinstance(event, Frame):
                code, told = event.body[1], event.body[2:]
                self.asked.append(code)
                answer = self._say(code, told)
                self.wire.device.send(ACK)
                self.wire.device.send(syntax_error() if answer is None else frame(bytes((0xD5, code + 1)) + answer))


def ask(say, question):
    """What `question(chip)` comes to with a chip that answers so."""

    async def run():
        liar = Liar(say)
        liar.wire.host.open()
        return await question(Pn532Chip(liar.wire.host, device="card reader"))

    return run_virtual(run())


def fault_of(say, question):
    with pytest.raises(DeviceError) as caught:
        ask(say, question)
    assert str(caught.value).endswith(".")
    return caught.value.fault


def test_tags_are_read_from_their_list():
    """Two tags, the first with an ATS behind its UID, come out with number, answers and UID."""
    with_ats = bytes.fromhex("01 0344 20 04 08010203 05 7880 7002")
    plain = bytes.fromhex("02 0044 00 07 04112233445566")
    assert ask(lambda *_: b"\x02" + with_ats + plain, lambda chip: chip.targets()) == [
        Target(1, b"\x03\x44", 0x20, bytes.fromhex("08010203")),
        Target(2, b"\x00\x44", 0x00, bytes.fromhex("04112233445566")),
    ]


@pytest.mark.parametrize(
    "reply", ["", "01", "0101004400", "01010044000704", "010103442004080102", "02010044000404010203"]
)
def test_a_list_that_ends_too_soon_is_a_protocol_error(reply):
    """A count that its bytes do not bear out is reported, never guessed at."""
    assert fault_of(lambda *_: bytes.fromhex(reply), lambda chip: chip.targets()) is Fault.PROTOCOL


def test_the_tags_status_is_told_apart_from_its_bytes():
    """Status 0 gives the tag's bytes; any other raises with that status; none at all is a protocol error."""
    assert ask(lambda *_: b"\x00abc", lambda chip: chip.exchange(1, b"\x30\x04")) == b"abc"
    with pytest.raises(TagError, match="0x14") as caught:
        ask(lambda *_: b"\x14", lambda chip: chip.through(b"\x60"))
    assert caught.value.status == 0x14
    assert fault_of(lambda *_: b"", lambda chip: chip.through(b"\x60")) is Fault.PROTOCOL


def test_a_command_that_is_not_understood_is_tried_three_times():
    """Error frames could be noise's doing; after three of them it is a protocol error."""
    asked = []

    def say(code, _):
        asked.append(code)

    assert fault_of(say, lambda chip: chip.command(Code.GET_FIRMWARE_VERSION)) is Fault.PROTOCOL
    assert asked == [Code.GET_FIRMWARE_VERSION] * 3


def test_an_answer_to_another_command_is_passed_over():
    """An answer with another command's code is not taken; the right one after it is."""

    async def run():
        wire, parser = VirtualWire(), FrameParser()

        def hear(data):
            if any(isinstance(event, Frame) for event in parser.feed(data)):
                stale, right = frame(b"\xd5\x41\x00stale"), frame(b"\xd5\x03\x32\x01\x06\x07")
                wire.device.send(stale + ACK + stale + frame(b"\xd4\x02") + right)

        wire.device.connect(hear)
        wire.host.open()
        return await Pn532Chip(wire.host, device="card reader").command(Code.GET_FIRMWARE_VERSION)

    assert run_virtual(run()) == b"\x32\x01\x06\x07"


def test_a_command_given_up_half_way_leaves_nothing_to_the_next():
    """A command that its caller cancelled may be answered later: that answer is not the next command's."""

    async def run():
        counter = iter(range(100))
        liar = Liar(lambda *_: b"\x00" + bytes((next(counter),)) * 16)
        liar.wire.host.open()
        chip = Pn532Chip(liar.wire.host, device="card reader")
        assert (await chip.exchange(1, b"\x30\x04"))[0] == 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.0005):
                await chip.exchange(1, b"\x30\x08")
        assert (await chip.exchange(1, b"\x30\x0c"))[0] == 2

    run_virtual(run())


@pytest.mark.parametrize("late_ms", range(130, 170, 2))
def test_a_first_attempts_late_answer_is_not_the_next_commands(late_ms):
    """A chip that is asked twice and answers both times, late: the spare answer is not taken for another page's."""

    async def run():
        wire, parser, pages = VirtualWire(), FrameParser(), []

        def hear(data):
            for event in parser.feed(data):
                if isinstance(event, Frame):
                    pages.append(event.body[-1])
                    answer = ACK + frame(b"\xd5\x41\x00" + bytes((event.body[-1],)) * 16)
                    delay_s = late_ms / 1000 if len(pages) == 1 else 0.001
                    asyncio.get_running_loop().call_later(delay_s, wire.device.send, answer)

        wire.device.connect(hear)
        wire.host.open()
        chip = Pn532Chip(wire.host, device="card reader")
        for page in (4, 8, 12):
            assert await chip.exchange(1, bytes((0x30, page))) == bytes((page,)) * 16
        assert pages == [4, 4, 8, 12]

    run_virtual(run())


@settings(max_examples=60)
@given(st.lists(st.none() | st.binary(max_size=40) | st.builds(TAG.__add__, st.binary(max_size=8)), min_size=1))
def test_a_reader_survives_whatever_its_chip_says(answers):
    """Any data in well-formed answers: the reader goes on, and its operations end or raise a device error."""

    async def run():
        turn = 0

        def say(code, _):
            nonlocal turn
            turn += 1
            return b"\x32\x01\x06\x07" if code == Code.GET_FIRMWARE_VERSION else answers[turn % len(answers)]

        liar = Liar(say)
        reader = Pn532Reader(liar.wire.host, 144)
        reader.open()
        for _ in range(3):
            await asyncio.sleep(1)
            for operation in (reader.read(), reader.write(0, bytes(8)), reader.release()):
                with contextlib.suppress(DeviceError):
                    await operation
        assert "failed" not in reader.report.sentence
        assert reader.report.state in (DeviceState.ONLINE, DeviceState.HARDWARE_ERROR)
        reader.close()

    run_virtual(run())
