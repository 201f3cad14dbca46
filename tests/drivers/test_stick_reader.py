"""The stick reader against a simulated slot whose sticks fail in every way, in virtual time."""

import asyncio
import contextlib
import errno
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.virtual_time import InlineExecutor, run_virtual

from drivers.devices import DeviceError, DeviceState, Fault
from drivers.simulated.stick import OPERATIONS, SimulatedSlot, SimulatedStick, StickFaults
from drivers.stick_reader import StickReader

SIZE = 144
FILE = bytes(range(SIZE))
SLOT = bytes(reversed(range(44)))
WRITTEN = FILE[:56] + SLOT + FILE[100:]


@contextlib.asynccontextmanager
async def bench(**options):
    slot = SimulatedSlot()
    reader = StickReader(slot, SIZE, executor=InlineExecutor(), **options)
    reader.open()
    try:
        yield slot, reader
    finally:
        reader.close()
        assert slot.open_files == 0


async def refused(awaitable, *faults):
    with pytest.raises(DeviceError) as caught:
        await awaitable
    assert caught.value.fault in faults
    assert str(caught.value).endswith(".")
    return str(caught.value)


async def online(reader):
    async with asyncio.timeout(5):
        while reader.report.state is not DeviceState.ONLINE:
            await asyncio.sleep(0.01)


async def inserted_and_read(slot, reader, stick):
    slot.insert(stick)
    async with asyncio.timeout(0.5):
        await reader.inserted()
    return await reader.read()


def test_a_stick_is_noticed_read_written_and_pulled():
    """A customer puts a stick in, the file is read, a slot is rewritten in place, and the pulling is noticed."""

    async def visit():
        async with bench() as (slot, reader):
            await asyncio.sleep(5)
            assert not reader.present
            stick = SimulatedStick(FILE)
            assert await inserted_and_read(slot, reader, stick) == FILE
            assert reader.present
            await reader.write(56, SLOT)
            assert await reader.read() == WRITTEN
            await reader.release()
            assert slot.open_files == 0
            slot.pull()
            async with asyncio.timeout(0.5):
                await reader.removed()
            assert stick.content == WRITTEN
            assert reader.report.state is DeviceState.ONLINE

    run_virtual(visit())


def test_a_write_is_flushed_and_read_back_from_the_stick():
    """The bytes go to the stick itself, and it is the stick, not the system's memory, that is read back."""

    async def visit():
        async with bench() as (slot, reader):
            await inserted_and_read(slot, reader, SimulatedStick(FILE))
            slot.operations.clear()
            await reader.write(56, SLOT)
            done = [name for name in slot.operations if name != "facts"]
            at = done.index("pwrite")
            assert done[at : at + 4] == ["pwrite", "fsync", "drop_cache", "pread"]
            slot.operations.clear()
            await reader.read()
            assert slot.operations.index("drop_cache") < slot.operations.index("pread")

    run_virtual(visit())


def test_short_writes_are_completed():
    """A system that takes few bytes at a time still gets all of them."""

    async def visit():
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE, faults=StickFaults(short_writes=3))
            await inserted_and_read(slot, reader, stick)
            await reader.write(56, SLOT)
            assert stick.content == WRITTEN

    run_virtual(visit())


def test_every_operation_may_be_the_last():
    """Pulled at any operation of reading or writing: UNPLUGGED, and outside the slot nothing has changed."""

    async def visit(dies_at):
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE, faults=StickFaults(dies_at=dies_at))
            slot.insert(stick)
            await reader.inserted()
            fault = None
            try:
                await reader.read()
                await reader.write(56, SLOT)
            except DeviceError as error:
                fault = error.fault
            done = len(slot.operations)
            await reader.release()
            if fault is not None:
                async with asyncio.timeout(1):
                    await reader.removed()
            assert stick.content[:56] == FILE[:56]
            assert stick.content[100:] == FILE[100:]
            assert stick.content[56:100] in (FILE[56:100], SLOT)
            return fault, done

    fault, operations = run_virtual(visit(None))
    assert fault is None
    assert operations > 10
    for dies_at in range(operations):
        assert run_virtual(visit(dies_at)) == (Fault.UNPLUGGED, dies_at + 1)


@pytest.mark.parametrize("operation", ["pwrite", "fsync"])
@pytest.mark.parametrize("torn_bytes", range(45))
def test_a_write_torn_at_any_byte_leaves_the_rest(operation, torn_bytes):
    """Pulled while a slot is written or flushed, with any number of its bytes on the flash: the rest is untouched."""

    async def visit():
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE)
            await inserted_and_read(slot, reader, stick)
            stick.faults = StickFaults(dies_in=operation, torn_bytes=torn_bytes)
            await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
            assert slot.operations[-1] == operation
            assert stick.content == FILE[:56] + SLOT[:torn_bytes] + FILE[56 + torn_bytes :]

    run_virtual(visit())


def test_a_stick_that_lies_about_sync_is_not_found_out_but_tears_only_the_slot():
    """No reading back can find such a stick out; pulled, it has lost the slot that was written and nothing else."""

    async def visit():
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE, faults=StickFaults(lies_about_sync=True, torn_bytes=10))
            await inserted_and_read(slot, reader, stick)
            await reader.write(56, SLOT)
            slot.pull()
            assert stick.content == FILE[:56] + SLOT[:10] + FILE[66:]

    run_virtual(visit())


def test_a_worn_out_stick_is_found_by_reading_back():
    """A stick that takes writes and keeps its old bytes is reported as WRITE."""

    async def visit():
        async with bench() as (slot, reader):
            await inserted_and_read(slot, reader, SimulatedStick(FILE, faults=StickFaults(worn_out=True)))
            sentence = await refused(reader.write(56, SLOT), Fault.WRITE)
            assert "keep" in sentence

    run_virtual(visit())


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (errno.EIO, Fault.UNPLUGGED),
        (errno.ENODEV, Fault.UNPLUGGED),
        (errno.ENXIO, Fault.UNPLUGGED),
        (errno.ESTALE, Fault.UNPLUGGED),
        (errno.EROFS, Fault.MEDIA),
        (errno.EACCES, Fault.MEDIA),
        (errno.ENOSPC, Fault.WRITE),
        (errno.ELOOP, Fault.MEDIA),
        (errno.EINVAL, Fault.MEDIA),
        (errno.ETIMEDOUT, Fault.TIMEOUT),
    ],
)
def test_every_refusal_of_the_system_has_its_sentence(operation, code, fault):
    """Whatever errno an operation ends with, reading or writing raises the device error that says it."""

    async def visit():
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE)
            await inserted_and_read(slot, reader, stick)
            stick.faults.refuses = {operation: code}
            await refused(reader.write(56, SLOT), fault)
            assert stick.shown[:56] + stick.shown[100:] == FILE[:56] + FILE[100:]
            if operation not in ("pwrite", "fsync"):
                await refused(reader.read(), fault)
            else:
                await reader.read()

    run_virtual(visit())


def test_a_write_protected_stick_can_be_read():
    """Write protection shows at the writing only, with its own sentence."""

    async def visit():
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE, faults=StickFaults(refuses={"pwrite": errno.EROFS}))
            assert await inserted_and_read(slot, reader, stick) == FILE
            assert "write-protected" in await refused(reader.write(56, SLOT), Fault.MEDIA)
            assert await reader.read() == FILE

    run_virtual(visit())


@pytest.mark.parametrize(
    ("stick", "word"),
    [
        (SimulatedStick(None), "no file"),
        (SimulatedStick(FILE, name="other"), "no file"),
        (SimulatedStick(FILE[:-1]), "143 bytes"),
        (SimulatedStick(FILE + b"x"), "145 bytes"),
        (SimulatedStick(b""), "0 bytes"),
        (SimulatedStick(FILE, faults=StickFaults(facts={"links": 2})), "second name"),
        (SimulatedStick(FILE, faults=StickFaults(facts={"regular": False})), "ordinary"),
        (SimulatedStick(FILE + b"x", faults=StickFaults(facts={"size": SIZE})), "length"),
        (SimulatedStick(FILE[:9], faults=StickFaults(facts={"size": SIZE})), "length"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_strange_stick_is_refused_and_left_alone(stick, word):
    """A stick without the file, or with a strange one: MEDIA with the reason, and nothing is written."""

    async def visit():
        async with bench() as (slot, reader):
            slot.insert(stick)
            await reader.inserted()
            assert word in await refused(reader.read(), Fault.MEDIA)
            await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
            assert "pwrite" not in slot.operations
            slot.pull()

    run_virtual(visit())


def test_no_stick_no_file():
    """Reading an empty slot says so."""

    async def visit():
        async with bench() as (_, reader):
            await refused(reader.read(), Fault.MEDIA)
            await refused(reader.write(0, b"x"), Fault.UNPLUGGED)
            await reader.release()

    run_virtual(visit())


def test_another_stick_is_never_written():
    """Swapped since the reading, even for a bit-for-bit copy: not a byte of the other stick changes."""

    async def visit():
        async with bench() as (slot, reader):
            copy = SimulatedStick(FILE)
            await inserted_and_read(slot, reader, SimulatedStick(FILE))
            slot.pull()
            slot.insert(copy)
            await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
            assert copy.shown == FILE

    run_virtual(visit())


@pytest.mark.parametrize("at", [0, 55, 100, 143])
def test_a_file_changed_behind_the_reader_is_not_written(at):
    """The same file with another byte outside of what is to be written: it is not what was read."""

    async def visit():
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE)
            await inserted_and_read(slot, reader, stick)
            stick.content = changed = FILE[:at] + b"\xaa" + FILE[at + 1 :]
            await refused(reader.write(56, SLOT), Fault.UNPLUGGED)
            assert stick.shown == changed

    run_virtual(visit())


def test_a_slot_that_was_torn_can_be_written_again():
    """After a write that failed in the middle the same slot can be tried again; what it holds does not matter."""

    async def visit():
        async with bench() as (slot, reader):
            stick = SimulatedStick(FILE)
            await inserted_and_read(slot, reader, stick)
            stick.faults.refuses = {"fsync": errno.ENOSPC}
            await refused(reader.write(56, SLOT), Fault.WRITE)
            stick.faults.refuses = {}
            await reader.write(56, SLOT)
            assert stick.content == WRITTEN

    run_virtual(visit())


def test_a_swap_between_two_looks_counts_as_a_removal():
    """Even when the slot was never seen empty, whoever waits for the card to be taken is told."""

    async def visit():
        async with bench() as (slot, reader):
            await inserted_and_read(slot, reader, SimulatedStick(FILE))
            slot.pull()
            slot.insert(SimulatedStick(bytes(SIZE)))
            async with asyncio.timeout(0.5):
                await reader.removed()
                await reader.inserted()
            assert await reader.read() == bytes(SIZE)

    run_virtual(visit())


def test_a_pulled_stick_is_let_go():
    """As soon as it is gone nothing of it is held open: else the system could not take its mount away."""

    async def visit():
        async with bench() as (slot, reader):
            await inserted_and_read(slot, reader, SimulatedStick(FILE))
            assert slot.open_files == 1
            slot.pull()
            await reader.removed()
            assert slot.open_files == 0

    run_virtual(visit())


def test_bytes_outside_the_file_are_a_callers_mistake():
    """No write makes a file longer: that would be a bug of ours."""

    async def visit():
        async with bench() as (_, reader):
            for offset, data in ((140, b"12345"), (-1, b"1")):
                with pytest.raises(ValueError, match="fit"):
                    await reader.write(offset, data)

    run_virtual(visit())


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_a_file_name_that_is_a_path_is_refused(name):
    """The file lies in the stick's top folder; a name that leads elsewhere is a mistake in the configuration."""

    async def start():
        reader = StickReader(SimulatedSlot(), SIZE, executor=InlineExecutor(), file_name=name)
        with pytest.raises(DeviceError) as caught:
            reader.open()
        assert caught.value.fault is Fault.CONFIG

    run_virtual(start())


def test_a_stick_that_never_answers_is_given_up():
    """A stick on which a read hangs: TIMEOUT after the limit; a write that waited behind it is never made."""
    hang, slot = threading.Event(), SimulatedSlot()

    async def visit(executor):
        reader = StickReader(slot, SIZE, executor=executor, poll_ms=10, limit_ms=100)
        reader.open()
        stick = SimulatedStick(FILE)
        await inserted_and_read(slot, reader, stick)
        slot._before = lambda name: name == "pread" and hang.wait(10)
        await refused(reader.read(), Fault.TIMEOUT)
        await refused(reader.write(56, SLOT), Fault.TIMEOUT)
        assert reader.present
        await asyncio.sleep(0.05)
        assert reader.report.state is DeviceState.HARDWARE_ERROR
        assert "does not answer; pull the stick" in reader.report.sentence
        hang.set()
        slot._before = lambda _: None
        assert await reader.read() == FILE
        await online(reader)
        assert stick.content == FILE
        reader.close()

    with ThreadPoolExecutor(1) as executor:
        asyncio.run(visit(executor))
    assert slot.open_files == 0


def test_a_reading_that_was_broken_off_and_hangs():
    """Its caller went away, so nobody heard of it: the next caller's time-out tells, and the reader stays out of use."""
    hang, slot = threading.Event(), SimulatedSlot()

    async def visit(executor):
        reader = StickReader(slot, SIZE, executor=executor, poll_ms=10, limit_ms=100)
        reader.open()
        await inserted_and_read(slot, reader, SimulatedStick(FILE))
        reached = threading.Event()
        slot._before = lambda name: name == "pread" and (reached.set() or hang.wait(10))
        reading = asyncio.ensure_future(reader.read())
        await asyncio.to_thread(reached.wait, 10)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.sleep(0.05)
        assert reader.report.state is DeviceState.ONLINE
        await refused(reader.release(), Fault.TIMEOUT)
        await asyncio.sleep(0.05)
        assert reader.report.state is DeviceState.HARDWARE_ERROR
        hang.set()
        await online(reader)
        reader.close()

    with ThreadPoolExecutor(1) as executor:
        asyncio.run(visit(executor))
    assert slot.open_files == 0


def test_closed_twice_and_opened_again():
    """`close` may be called again and the reader opened again; it says what it is in between."""

    async def visit():
        async with bench() as (slot, reader):
            reader.open()
            await inserted_and_read(slot, reader, SimulatedStick(FILE))
            reader.close()
            reader.close()
            assert reader.report.state is DeviceState.NO_DEVICE
            assert slot.open_files == 0
            reader.open()
            assert await reader.read() == FILE
            assert "stick in" in repr(reader)

    run_virtual(visit())
