"""The pyserial line on real ptys: bytes, a pulled cable, and the sentences for ports that cannot be opened."""

import asyncio
import contextlib
import os
import threading
import time
from pathlib import Path

import pytest
from support.pty_port import PtyPort
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, Fault
from drivers.serial_line import Inbox, PySerialLine


@pytest.fixture(name="port")
def _port(tmp_path):
    return PtyPort(tmp_path / "reader")


@contextlib.asynccontextmanager
async def opened(port):
    """A line on a plugged port; closed and unplugged afterwards."""
    port.plug()
    line = PySerialLine(str(port.path))
    line.open()
    try:
        yield line
    finally:
        line.close()
        port.unplug()


async def read_all(line, count, limit_s=5):
    data = b""
    async with asyncio.timeout(limit_s):
        while len(data) < count:
            data += await line.read(count - len(data), 1000)
    return data


async def until(condition, limit_s=10):
    """Wait for another thread's or process's doing, at most `limit_s`."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def fault_of(awaitable):
    with pytest.raises(DeviceError) as caught:
        await awaitable
    assert str(caught.value).endswith(".")
    return caught.value.fault


def test_bytes_pass_both_ways(port):
    """Every byte value passes unchanged in both directions, and a read takes no more than it asked for."""
    everything = bytes(range(256))

    async def talk():
        async with opened(port) as line:
            heard = bytearray()
            port.hear = heard.extend
            await line.write(everything)
            await until(lambda: len(heard) == 256)
            assert bytes(heard) == everything
            port.send(everything)
            assert await read_all(line, 10) == everything[:10]
            assert await read_all(line, 246) == everything[10:]
            assert not line.gone
            assert line.connections == 1

    asyncio.run(talk())


def test_a_silent_line_gives_no_bytes_after_its_time(port):
    """A read ends after its time limit without bytes and without an error."""

    async def wait():
        async with opened(port) as line:
            begin = time.monotonic()
            assert await line.read(10, 50) == b""
            assert 0.04 < time.monotonic() - begin < 2

    asyncio.run(wait())


def test_a_long_write_waits_for_a_slow_device(port):
    """More than the kernel's buffer takes at once still arrives whole, and the loop goes on meanwhile."""
    much = os.urandom(50_000)

    async def talk():
        async with opened(port) as line:
            heard = bytearray()
            port.hear = heard.extend
            await line.write(much)
            await until(lambda: len(heard) == len(much))
            assert bytes(heard) == much

    asyncio.run(talk())


def test_a_device_that_takes_no_bytes_is_a_timeout(port, monkeypatch):
    """When nobody takes the bytes, the write ends with TIMEOUT instead of waiting for ever."""
    monkeypatch.setattr("drivers.serial_line.WRITE_LIMIT_S", 0.1)

    async def talk():
        async with opened(port) as line:
            port.stop_listening()
            assert await fault_of(line.write(bytes(200_000))) is Fault.TIMEOUT

    asyncio.run(talk())


def test_a_pulled_cable_is_told_at_once_and_overcome(port):
    """Pulled: a waiting read fails at once, and so do others; plugged again: the line is back under the same name."""

    async def pull():
        async with opened(port) as line:
            reading = asyncio.create_task(line.read(10, 60_000))
            await asyncio.sleep(0.05)
            port.unplug()
            async with asyncio.timeout(5):
                assert await fault_of(reading) is Fault.UNPLUGGED
            assert line.gone
            assert "cable" in line.trouble
            assert await fault_of(line.read(1, 10)) is Fault.UNPLUGGED
            assert await fault_of(line.write(b"x")) is Fault.UNPLUGGED
            port.plug()
            await until(lambda: not line.gone)
            assert line.connections == 2
            assert line.trouble == ""
            port.send(b"back")
            assert await read_all(line, 4) == b"back"

    asyncio.run(pull())


def test_writing_finds_a_pulled_cable_too(port):
    """Whoever writes first after the cable went learns it from the write."""

    async def pull():
        async with opened(port) as line:
            port.unplug()
            assert await fault_of(line.write(b"hello")) is Fault.UNPLUGGED
            assert line.gone

    asyncio.run(pull())


def test_old_bytes_do_not_survive_the_cable(port):
    """What arrived before the cable was pulled is not taken for an answer after it is back."""

    async def pull():
        async with opened(port) as line:
            port.send(b"stale")
            await asyncio.sleep(0.1)
            port.unplug()
            await until(lambda: line.gone)
            port.plug()
            await until(lambda: not line.gone)
            assert await line.read(10, 50) == b""

    asyncio.run(pull())


def test_a_missing_port_is_unplugged_and_awaited(port):
    """No such port: one sentence, and the line comes up by itself once the cable is there."""

    async def start():
        line = PySerialLine(str(port.path))
        with pytest.raises(DeviceError) as caught:
            line.open()
        assert caught.value.fault is Fault.UNPLUGGED
        assert str(port.path) in str(caught.value)
        assert "not there" in str(caught.value)
        port.plug()
        await until(lambda: not line.gone)
        line.close()
        port.unplug()

    asyncio.run(start())


def test_a_port_in_use_is_refused(port):
    """Two programs on one line would garble each other: the second is refused with a sentence."""

    async def start():
        async with opened(port):
            second = PySerialLine(str(port.path))
            with pytest.raises(DeviceError) as caught:
                second.open()
            assert caught.value.fault is Fault.CONFIG
            assert "Another program" in str(caught.value)
            second.close()

    asyncio.run(start())


def test_a_port_of_others_names_the_group(port):
    """No permission: the sentence says which group the user has to be in."""

    def forbidden(path, _baud):
        raise PermissionError(13, "Permission denied", path)  # root may open everything, so it cannot be had for real

    async def start():
        line = PySerialLine(str(port.path), open_port=forbidden)
        with pytest.raises(DeviceError, match="dialout") as caught:
            line.open()
        assert caught.value.fault is Fault.CONFIG
        line.close()

    asyncio.run(start())


@pytest.mark.parametrize("make", ["file", "directory", "null"])
def test_what_is_no_serial_port_is_refused(tmp_path, make):
    """A file, a directory or another device under the port's name: CONFIG and a sentence, no traceback."""
    path = {"null": "/dev/null"}.get(make, tmp_path / "thing")
    if make == "file":
        path.write_bytes(b"")
    elif make == "directory":
        path.mkdir()

    async def start():
        line = PySerialLine(str(path))
        with pytest.raises(DeviceError, match="serial port") as caught:
            line.open()
        assert caught.value.fault is Fault.CONFIG
        line.close()

    asyncio.run(start())


def test_modem_lines_that_a_port_lacks_are_ignored(port):
    """A pty has neither RTS nor DTR: setting them is no error. On a line that is gone it is."""

    async def start():
        async with opened(port) as line:
            line.set_lines(rts=True, dtr=False)
        with pytest.raises(DeviceError):
            line.set_lines(rts=True)

    asyncio.run(start())


def test_closing_leaves_no_thread_and_no_file(port):
    """Closed in the middle of a read, twice: the read ends, threads and files are given back, the port is free."""

    async def start():
        for _ in range(3):
            port.plug()
            threads, files = threading.active_count(), open_files()
            line = PySerialLine(str(port.path))
            line.open()
            line.open()
            reading = asyncio.create_task(line.read(1, 60_000))
            await asyncio.sleep(0.02)
            line.close()
            line.close()
            assert await fault_of(reading) is Fault.UNPLUGGED
            await until(lambda threads=threads: threading.active_count() == threads)
            assert open_files() == files
            assert "gone" in repr(line)
            port.unplug()

    asyncio.run(start())


def test_a_reopened_line_can_be_opened_again_by_its_owner(port):
    """close() and open() again: a new connection, which the driver sees by its number."""

    async def start():
        async with opened(port) as line:
            line.close()
            line.open()
            assert not line.gone
            assert line.connections == 2

    asyncio.run(start())


def test_an_inbox_is_bounded_and_keeps_the_newest():
    """Bytes that nobody reads do not pile up; the oldest go first."""

    async def fill():
        inbox = Inbox(limit=4)
        inbox.put(b"abc")
        inbox.put(b"def")
        assert await inbox.take(10, 100) == b"cdef"
        inbox.put(b"0123456789")
        assert await inbox.take(2, 100) == b"67"
        assert await inbox.take(9, 100) == b"89"

    run_virtual(fill())


def test_an_inbox_wakes_its_reader_when_interrupted():
    """A reader that waits is not left waiting when the line goes."""

    async def wait():
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        loop.call_later(1, inbox.interrupt)
        assert await inbox.take(1, 60_000) == b""
        assert loop.time() == 1

    run_virtual(wait())
