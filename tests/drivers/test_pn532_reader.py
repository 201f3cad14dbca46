"""The contactless reader against the simulated chip and tag behind a simulated wire, in virtual time."""

import asyncio
import contextlib
import random
from dataclasses import dataclass

import pytest
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, DeviceState, Fault
from drivers.pn532_reader import Pn532Reader
from drivers.simulated.line import VirtualWire, clean, dropping, flipping, inserting, noisy
from drivers.simulated.ntag import Ntag21x, TagFaults
from drivers.simulated.pn532 import ElectricPn532

SIZE = 144
FILE = bytes(range(SIZE))
SLOT = bytes(reversed(range(44)))


@dataclass
class Bench:
    wire: VirtualWire
    chip: ElectricPn532
    reader: Pn532Reader


@contextlib.asynccontextmanager
async def bench(size=SIZE):
    """A reader that is plugged in and opened."""
    wire = VirtualWire()
    rig = Bench(wire, ElectricPn532.on(wire), Pn532Reader(wire.host, size))
    rig.reader.open()
    try:
        yield rig
    finally:
        rig.reader.close()


def card(content=FILE, **kind):
    tag = Ntag21x(**kind)
    tag.user = content
    return tag


async def refused(awaitable, *faults):
    with pytest.raises(DeviceError) as caught:
        await awaitable
    assert caught.value.fault in faults
    assert str(caught.value).endswith(".")
    return caught.value


async def read_within(reader, limit_s):
    """Wait for a card and read it."""
    async with asyncio.timeout(limit_s):
        await reader.inserted()
        return await reader.read()


@pytest.mark.parametrize("kind", ["NTAG213", "NTAG215", "NTAG216"])
def test_a_card_is_noticed_read_written_and_taken(kind):
    """A customer lays a card down, it is read, a slot is rewritten and read back, and its going is noticed."""

    async def visit():
        async with bench() as rig:
            await asyncio.sleep(1)
            assert not rig.reader.present
            tag = card(kind=kind)
            rig.chip.place(tag)
            assert await read_within(rig.reader, 0.5) == FILE
            assert rig.reader.present
            await rig.reader.write(56, SLOT)
            assert await rig.reader.read() == FILE[:56] + SLOT + FILE[100:]
            assert tag.user[:SIZE] == FILE[:56] + SLOT + FILE[100:]
            await rig.reader.release()
            rig.chip.take(tag)
            async with asyncio.timeout(1):
                await rig.reader.removed()
            assert not rig.reader.present

    run_virtual(visit())


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (3, 2), (5, 44), (143, 1), (8, 4), (0, 144)])
def test_a_write_changes_its_bytes_and_no_others(offset, length):
    """Pages are four bytes; a write that begins or ends inside one leaves the rest of it as it was."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await read_within(rig.reader, 1)
            await rig.reader.write(offset, b"\xee" * length)
            assert tag.user == FILE[:offset] + b"\xee" * length + FILE[offset + length :]

    run_virtual(visit())


@pytest.mark.parametrize("found", [b"", b"\x03\x00\xfe", FILE[:40]])
def test_an_empty_tag_becomes_a_card(found):
    """As it comes from the factory, or with what an earlier try has left behind."""

    async def visit():
        async with bench() as rig:
            tag = card(content=found.ljust(SIZE, b"\0"))
            rig.chip.place(tag)
            async with asyncio.timeout(1):
                await rig.reader.inserted()
            await rig.reader.create(FILE)
            assert tag.user[:SIZE] == FILE
            assert await rig.reader.read() == FILE

    run_virtual(visit())


def test_a_tag_with_something_else_on_it_is_left_alone():
    """A visiting card, a ticket: nothing of it is overwritten."""

    async def visit():
        async with bench() as rig:
            other = b"\x03\x10\xd1\x01ticket to Lisbon".ljust(SIZE, b"\0")
            tag = card(content=other)
            rig.chip.place(tag)
            async with asyncio.timeout(1):
                await rig.reader.inserted()
            await refused(rig.reader.create(FILE), Fault.MEDIA)
            assert tag.user == other

    run_virtual(visit())


def test_bytes_outside_the_file_are_a_callers_mistake():
    """No write reaches past the card file: that is a bug of ours, not a device error."""

    async def visit():
        async with bench() as rig:
            with pytest.raises(ValueError, match="fit"):
                await rig.reader.write(140, b"12345")
            with pytest.raises(ValueError, match="fit"):
                await rig.reader.write(-1, b"1")

    run_virtual(visit())


def test_the_field_is_off_most_of_the_time():
    """At rest the antenna is on for a small part of the time only, and off between looks."""

    async def rest():
        async with bench() as rig:
            await asyncio.sleep(60)
            assert rig.chip.field_s < 60 * 0.1
            assert rig.reader.report.state is DeviceState.ONLINE

    run_virtual(rest())


def test_two_cards_are_refused():
    """With two cards in the field nobody can say which is meant: the customer is asked to leave one."""

    async def visit():
        async with bench() as rig:
            rig.chip.place(card())
            rig.chip.place(card(uid=bytes.fromhex("04112233445566")))
            await rig.reader.inserted()
            error = await refused(rig.reader.read(), Fault.MEDIA)
            assert "one" in str(error)

    run_virtual(visit())


@pytest.mark.parametrize(
    "strange",
    [
        {"sel_res": 0x20, "uid": bytes.fromhex("08123456")},  # a telephone's or bank card's ISO 14443-4
        {"sel_res": 0x08, "sens_res": b"\x00\x04", "uid": bytes.fromhex("01020304")},  # MIFARE Classic
        {"knows_version": False},  # an older NTAG203 or Ultralight
    ],
)
def test_a_strange_card_is_seen_and_refused(strange):
    """Something that is no NTAG21x counts as a card that is in, and its reading is refused with a sentence."""

    async def visit():
        async with bench() as rig:
            rig.chip.place(Ntag21x(**strange))
            await rig.reader.inserted()
            await refused(rig.reader.read(), Fault.MEDIA)
            assert rig.reader.report.state is DeviceState.ONLINE

    run_virtual(visit())


def test_a_tag_too_small_for_the_file_is_refused():
    """A file of 500 bytes does not go on an NTAG213; on an NTAG215 it does."""

    async def visit():
        async with bench(size=500) as rig:
            small = card()
            rig.chip.place(small)
            await rig.reader.inserted()
            await refused(rig.reader.read(), Fault.MEDIA)
            rig.chip.take(small)
            await rig.reader.removed()
            rig.chip.place(card(bytes(500), kind="NTAG215", uid=bytes.fromhex("04222222222222")))
            assert await read_within(rig.reader, 1) == bytes(500)

    run_virtual(visit())


def test_no_card_no_file():
    """Reading with nothing there says so; writing without having read is refused."""

    async def visit():
        async with bench() as rig:
            await refused(rig.reader.read(), Fault.MEDIA)
            rig.chip.place(card())
            await rig.reader.inserted()
            await refused(rig.reader.write(0, b"1234"), Fault.UNPLUGGED)

    run_virtual(visit())


def test_another_card_is_never_written():
    """A card that was swapped since the reading, however quickly, keeps every byte."""

    async def visit():
        async with bench() as rig:
            first, second = card(), card(bytes(SIZE), uid=bytes.fromhex("04999999999999"))
            rig.chip.place(first)
            await read_within(rig.reader, 1)
            rig.chip.take(first)
            rig.chip.place(second)
            await refused(rig.reader.write(56, SLOT), Fault.UNPLUGGED)
            assert second.user == bytes(SIZE)
            assert first.user == FILE

    run_virtual(visit())


def test_another_card_in_its_place_is_the_first_one_gone():
    """The next customer's card, laid down as the first is lifted: its visit is over, and the other is a card of its own."""

    async def visit():
        async with bench() as rig:
            first, second = card(), card(bytes(SIZE), uid=bytes.fromhex("04999999999999"))
            rig.chip.place(first)
            await read_within(rig.reader, 1)
            taken = asyncio.create_task(rig.reader.removed())
            await asyncio.sleep(5)
            assert not taken.done()
            rig.chip.take(first)
            rig.chip.place(second)
            async with asyncio.timeout(2):
                await taken
            assert await read_within(rig.reader, 2) == bytes(SIZE)
            await asyncio.sleep(5)
            assert rig.reader.present

    run_virtual(visit())


def test_another_card_after_the_release_is_the_first_one_taken():
    """Lifted at "take your card", and the next one laid down in its place at once."""

    async def visit():
        async with bench() as rig:
            first, second = card(), card(bytes(SIZE), uid=bytes.fromhex("04999999999999"))
            rig.chip.place(first)
            await read_within(rig.reader, 1)
            await rig.reader.release()
            taken = asyncio.create_task(rig.reader.removed())
            await asyncio.sleep(2)
            rig.chip.take(first)
            rig.chip.place(second)
            async with asyncio.timeout(2):
                await taken

    run_virtual(visit())


def test_after_release_nothing_is_written():
    """Once a card was released, a new reading has to come before a writing."""

    async def visit():
        async with bench() as rig:
            rig.chip.place(card())
            await read_within(rig.reader, 1)
            await rig.reader.release()
            await refused(rig.reader.write(56, SLOT), Fault.UNPLUGGED)

    run_virtual(visit())


@pytest.mark.parametrize("torn_bytes", range(4))
@pytest.mark.parametrize("pages", range(11))
def test_a_card_pulled_in_mid_write_tears_only_that_slot(pages, torn_bytes):
    """Taken away at any byte of a slot's writing: UNPLUGGED, and nothing outside the slot has changed."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await read_within(rig.reader, 1)
            tag.faults = TagFaults(leaves_after=pages, torn_bytes=torn_bytes)
            await refused(rig.reader.write(100, SLOT), Fault.UNPLUGGED)
            written = 4 * pages + torn_bytes
            assert tag.user == FILE[:100] + SLOT[:written] + FILE[100 + written :]
            async with asyncio.timeout(1):
                await rig.reader.removed()

    run_virtual(visit())


def test_a_locked_card_refuses_to_be_written():
    """Locked pages: MEDIA with a sentence, the pages unchanged, the reader in order."""

    async def visit():
        async with bench() as rig:
            tag = card()
            tag.faults.locked_from = 10
            rig.chip.place(tag)
            await read_within(rig.reader, 1)
            await refused(rig.reader.write(56, SLOT), Fault.MEDIA)
            assert tag.user == FILE
            assert await rig.reader.read() == FILE

    run_virtual(visit())


def test_a_worn_page_is_found_by_reading_back():
    """A page that acknowledges and keeps its old bytes is reported as WRITE."""

    async def visit():
        async with bench() as rig:
            tag = card()
            tag.faults.stuck_pages = frozenset({4 + 56 // 4 + 5})
            rig.chip.place(tag)
            await read_within(rig.reader, 1)
            await refused(rig.reader.write(56, SLOT), Fault.WRITE)

    run_virtual(visit())


@pytest.mark.parametrize("fault", ["mute", "no_reply", "nacks", "wrong_checksums", "syntax_errors", "air_errors"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_passing_disturbance_is_overcome(fault, times):
    """A command or two that went unheard, unanswered or garbled are sent again; the customer notices nothing."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await rig.reader.inserted()
            setattr(rig.chip.faults, fault, times)
            assert await rig.reader.read() == FILE
            setattr(rig.chip.faults, fault, times)
            await rig.reader.write(56, SLOT)
            assert tag.user == FILE[:56] + SLOT + FILE[100:]

    run_virtual(visit())


def test_answers_lost_on_the_air_are_asked_for_again():
    """A tag that did what it was asked, but was not heard, is asked again without harm."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await rig.reader.inserted()
            tag.faults.lost_answers = 2
            assert await rig.reader.read() == FILE
            tag.faults.lost_answers = 2
            await rig.reader.write(100, SLOT)
            assert tag.user == FILE[:100] + SLOT

    run_virtual(visit())


@pytest.mark.parametrize("late_s", [0.3, 0.45, 0.52, 0.7])
def test_a_late_answer_is_never_taken_for_another(late_s):
    """A chip that answers so late that it is asked again: right bytes or an error, never another page's bytes."""

    async def visit():
        async with bench() as rig:
            rig.chip.place(card())
            await rig.reader.inserted()
            rig.chip.faults.late_s = late_s
            with contextlib.suppress(DeviceError):
                assert await rig.reader.read() == FILE
            rig.chip.faults.late_s = 0.0
            await asyncio.sleep(6)
            assert await rig.reader.read() == FILE

    run_virtual(visit())


@pytest.mark.parametrize(
    "make", [dropping, lambda at: flipping(at, 0x21), lambda at: inserting(at, b"\x00\xff\x80\x80")]
)
@pytest.mark.parametrize("at", range(0, 260, 7))
def test_one_damaged_byte_on_the_wire_changes_nothing(make, at):
    """A byte lost, flipped or added anywhere on the way from the chip costs a repetition, no wrong byte."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await rig.reader.inserted()
            rig.wire.to_host.mangle = make(rig.wire.to_host.sent + at)
            assert await rig.reader.read() == FILE
            rig.wire.to_device.mangle = make(rig.wire.to_device.sent + at)
            await rig.reader.write(56, SLOT)
            assert tag.user == FILE[:56] + SLOT + FILE[100:]

    run_virtual(visit())


@pytest.mark.parametrize("seed", range(20))
def test_a_noisy_wire_never_yields_a_wrong_file(seed):
    """With one byte in fifty damaged both ways, a reading is right or an error; quiet again, it works again."""

    async def visit():
        chance = random.Random(seed)
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await rig.reader.inserted()
            rig.wire.to_host.mangle = noisy(chance, 0.02)
            rig.wire.to_device.mangle = noisy(chance, 0.02)
            for _ in range(5):
                with contextlib.suppress(DeviceError):
                    assert await rig.reader.read() == tag.user
                    await rig.reader.write(56, SLOT)
                    await rig.reader.write(56, FILE[56:100])
                assert tag.user[:56] == FILE[:56]
                assert tag.user[100:] == FILE[100:]
            rig.wire.to_host.mangle = rig.wire.to_device.mangle = clean
            await asyncio.sleep(12)
            assert rig.reader.report.state is DeviceState.ONLINE
            await rig.reader.read()
            await rig.reader.write(56, SLOT)
            assert tag.user == FILE[:56] + SLOT + FILE[100:]

    run_virtual(visit())


def test_the_chips_babble_does_not_hold_it_up():
    """Noise before every answer, with start codes in it, costs time only."""

    async def visit():
        async with bench() as rig:
            rig.chip.faults.noise = b"\x00\xff\x02\xfe\xd5\x41\x00\x00\xff\x55"
            rig.chip.place(card())
            assert await read_within(rig.reader, 30) == FILE

    run_virtual(visit())


@pytest.mark.parametrize("at", range(0, 120, 5))
def test_the_cable_cut_at_any_byte_and_plugged_again(at):
    """Cut during a reading: an error at once and OFFLINE; plugged again: ONLINE, set up afresh, and it reads."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await rig.reader.inserted()
            rig.wire.to_device.cut_at = rig.wire.to_device.sent + at
            await refused(rig.reader.read(), Fault.UNPLUGGED)
            await asyncio.sleep(2)
            assert rig.reader.report.state is DeviceState.OFFLINE
            assert rig.reader.report.sentence
            await refused(rig.reader.read(), Fault.UNPLUGGED)
            rig.wire.plug()
            await asyncio.sleep(6)
            assert rig.reader.report.state is DeviceState.ONLINE
            assert await rig.reader.read() == FILE

    run_virtual(visit())


@pytest.mark.parametrize("at", range(0, 400, 9))
def test_the_cable_cut_in_mid_write_tears_only_that_slot(at):
    """Cut at any byte of a slot's writing: nothing outside the slot has changed."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await read_within(rig.reader, 1)
            rig.wire.to_device.cut_at = rig.wire.to_device.sent + at
            with contextlib.suppress(DeviceError):
                await rig.reader.write(56, SLOT)
            assert tag.user[:56] == FILE[:56]
            assert tag.user[100:] == FILE[100:]
            assert all(now in (was, will) for now, was, will in zip(tag.user[56:100], FILE[56:100], SLOT, strict=True))

    run_virtual(visit())


def test_a_cut_cable_takes_no_card():
    """While the reader cannot look, a card that lay there is not reported as taken: cash might follow."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await rig.reader.inserted()
            rig.wire.cut()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await rig.reader.removed()
            assert rig.reader.present
            rig.chip.take(tag)
            rig.wire.plug()
            async with asyncio.timeout(10):
                await rig.reader.removed()

    run_virtual(visit())


def test_a_missing_cable_at_start_is_reported_and_overcome():
    """Opened without its cable: the error says so, the reader stays in charge and comes up once it is plugged in."""

    async def visit():
        wire = VirtualWire()
        wire.cut()
        chip = ElectricPn532.on(wire)
        chip.power(False)
        reader = Pn532Reader(wire.host, SIZE)
        with pytest.raises(DeviceError) as caught:
            reader.open()
        assert caught.value.fault is Fault.UNPLUGGED
        assert reader.report.state is DeviceState.OFFLINE
        await asyncio.sleep(30)
        wire.plug()
        chip.place(card())
        assert await read_within(reader, 10) == FILE
        reader.close()

    run_virtual(visit())


@pytest.mark.parametrize(("name", "value"), [("dead", True), ("ic", 0x07)])
def test_a_silent_or_foreign_chip_is_a_hardware_error(name, value):
    """No answer, or something that is no PN532: the operator reads what to check; put right, it works."""

    async def visit():
        async with bench() as rig:
            setattr(rig.chip.faults, name, value)
            await asyncio.sleep(10)
            assert rig.reader.report.state is DeviceState.HARDWARE_ERROR
            assert "check" in rig.reader.report.sentence
            await refused(rig.reader.read(), Fault.TIMEOUT, Fault.PROTOCOL)
            setattr(rig.chip.faults, name, {"dead": False, "ic": 0x32}[name])
            rig.chip.place(card())
            assert await read_within(rig.reader, 15) == FILE

    run_virtual(visit())


def test_one_missed_look_is_no_removal():
    """A card that one look does not see, because its answer got lost, is not reported as taken."""

    async def visit():
        async with bench() as rig:
            tag = card()
            rig.chip.place(tag)
            await rig.reader.inserted()
            taken = asyncio.create_task(rig.reader.removed())
            for _ in range(20):
                rig.chip.take(tag)
                await asyncio.sleep(0.2)
                rig.chip.place(tag)
                await asyncio.sleep(0.51)
            assert not taken.done()
            rig.chip.take(tag)
            async with asyncio.timeout(1):
                await taken

    run_virtual(visit())


def test_a_bug_in_the_watch_does_not_pass_for_an_idle_reader():
    """Should the driver itself fail, the report says so instead of never seeing a card again."""

    async def visit():
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
        async with bench() as rig:
            rig.reader._chip.targets = None
            await asyncio.sleep(1)
            assert rig.reader.report.state is DeviceState.HARDWARE_ERROR
            assert len(complaints) == 1

    run_virtual(visit())


def test_closed_twice_and_opened_again():
    """`close` may be called again and the reader opened again; it says what it is in between."""

    async def visit():
        async with bench() as rig:
            await asyncio.sleep(1)
            rig.reader.close()
            rig.reader.close()
            assert rig.reader.report.state is DeviceState.NO_DEVICE
            await refused(rig.reader.read(), Fault.UNPLUGGED)
            rig.reader.open()
            rig.chip.place(card())
            assert await read_within(rig.reader, 2) == FILE
            assert "card in" in repr(rig.reader)

    run_virtual(visit())
