"""The contactless reader over pyserial on a real pty with the simulated chip behind it, in real time."""

import asyncio
import contextlib

import pytest
from support.pty_port import PtyPort

from drivers.devices import DeviceError, DeviceState, Fault
from drivers.pn532_reader import Pn532Reader
from drivers.serial_line import PySerialLine
from drivers.simulated.ntag import Ntag21x
from drivers.simulated.pn532 import ElectricPn532

SIZE = 144


@contextlib.asynccontextmanager
async def bench(path):
    port = PtyPort(path)
    chip = ElectricPn532(port.send)
    port.hear = chip.hear
    port.plug()
    reader = Pn532Reader(PySerialLine(str(path)), SIZE, poll_ms=50)
    reader.open()
    try:
        yield port, chip, reader
    finally:
        chip.power(False)
        reader.close()
        port.unplug()


def test_a_visit_on_a_real_serial_port(tmp_path):
    """Card down, read, slot written, card away; then the cable is pulled and comes back, and it reads again."""

    async def visit():
        async with asyncio.timeout(30), bench(tmp_path / "reader") as (port, chip, reader):
            tag = Ntag21x()
            tag.user = bytes(range(SIZE))
            chip.place(tag)
            await reader.inserted()
            assert await reader.read() == bytes(range(SIZE))
            await reader.write(56, bytes(44))
            assert tag.user == bytes(range(56)) + bytes(44) + bytes(range(100, SIZE))
            await reader.release()
            chip.take(tag)
            await reader.removed()

            port.unplug()
            chip.power(False)
            with pytest.raises(DeviceError) as caught:
                await reader.read()
            assert caught.value.fault is Fault.UNPLUGGED
            assert reader.report.state is DeviceState.OFFLINE
            chip.power(True)
            port.plug()
            chip.place(tag)
            await reader.inserted()
            assert await reader.read() == tag.user
            assert reader.report.state is DeviceState.ONLINE

    asyncio.run(visit())
