"""The simulated wire: its pace, its faults, and that it behaves as a cable does."""

import asyncio
import random

import pytest
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, Fault
from drivers.simulated.line import VirtualWire, dropping, flipping, inserting, noisy


def wired(**options):
    """An opened wire and what its device hears."""
    wire, heard = VirtualWire(**options), bytearray()
    wire.device.connect(heard.extend)
    wire.host.open()
    return wire, heard


async def unplugged(awaitable):
    with pytest.raises(DeviceError) as caught:
        await awaitable
    assert caught.value.fault is Fault.UNPLUGGED


def test_bytes_take_the_time_that_their_rate_says():
    """At 9600 baud 96 bytes of ten bits take a tenth of a second, and what follows waits its turn."""

    async def talk():
        wire, heard = wired(baud=9600)
        loop = asyncio.get_running_loop()
        await wire.host.write(bytes(96))
        await wire.host.write(b"next")
        await asyncio.sleep(0.0999)
        assert len(heard) == 0
        await asyncio.sleep(0.0002)
        assert len(heard) == 96
        wire.device.send(b"hello")
        assert await wire.host.read(3, 1000) == b"hel"
        assert await wire.host.read(3, 1000) == b"lo"
        assert heard[96:] == b"next"
        assert await wire.host.read(3, 1000) == b""
        assert loop.time() == pytest.approx(0.1 + 0.0001 + 5 * 10 / 9600 + 1)

    run_virtual(talk())


def test_faults_hit_the_byte_they_name():
    """Dropped, flipped and added bytes appear where the menu says, and nowhere else."""

    async def talk():
        wire, heard = wired()
        for mangle in (dropping(1, 2), flipping(7, 0x20), inserting(9, b"!!")):
            wire.to_device.mangle = mangle
            await wire.host.write(b"abcd")
        await asyncio.sleep(1)
        assert bytes(heard) == b"ad" + b"abcD" + b"a!!bcd"

    run_virtual(talk())


def test_noise_repeats_with_its_seed():
    """The same seed damages the same bytes in the same way: a failing history can be played again."""

    async def talk(seed):
        wire, heard = wired()
        wire.to_device.mangle = noisy(random.Random(seed), 0.3)
        await wire.host.write(bytes(range(256)))
        await asyncio.sleep(1)
        return bytes(heard)

    assert run_virtual(talk(1)) == run_virtual(talk(1)) != bytes(range(256))
    assert run_virtual(talk(1)) != run_virtual(talk(2))


@pytest.mark.parametrize("at", range(8))
def test_a_cut_lets_the_bytes_before_it_through(at):
    """Cut at byte n of a command, the device has heard n bytes; the host is told at once."""

    async def talk():
        wire, heard = wired(baud=1000)
        wire.to_device.cut_at = at
        reading = asyncio.create_task(wire.host.read(1, 60_000))
        await wire.host.write(b"12345678")
        await unplugged(reading)
        assert bytes(heard) == b"12345678"[:at]
        assert asyncio.get_running_loop().time() == pytest.approx(at * 0.01)

    run_virtual(talk())


def test_a_cut_wire_carries_nothing_and_a_plugged_one_starts_afresh():
    """While cut, both ends' bytes are lost; plugged again it is a new connection without stale bytes."""

    async def talk():
        wire, heard = wired()
        power = []
        wire.device.connect(heard.extend, power.append)
        wire.device.send(b"stale")
        await asyncio.sleep(0.1)
        wire.cut()
        wire.cut()
        wire.device.send(b"lost")
        await unplugged(wire.host.write(b"x"))
        await unplugged(wire.host.read(1, 10))
        assert "plug" in wire.host.trouble
        wire.plug()
        wire.plug()
        assert power == [False, True]
        assert wire.host.connections == 2
        assert await wire.host.read(10, 10) == b""
        wire.device.send(b"fresh")
        assert await wire.host.read(10, 10) == b"fresh"
        assert bytes(heard) == b""

    run_virtual(talk())


def test_a_closed_end_refuses_and_keeps_its_modem_lines():
    """Not opened, nothing can be sent; RTS and DTR stay as the driver set them."""

    async def talk():
        wire = VirtualWire()
        await unplugged(wire.host.write(b"x"))
        wire.host.open()
        wire.host.set_lines(rts=True)
        wire.host.set_lines(dtr=True)
        assert (wire.host.rts, wire.host.dtr) == (True, True)
        wire.host.close()
        with pytest.raises(DeviceError):
            wire.host.set_lines(rts=False)

    run_virtual(talk())
