"""The stick reader with true mounts, in a mount namespace of its own where the system allows one."""

import asyncio
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drivers.devices import DeviceError, Fault
from drivers.stick_files import DirectoryStick
from drivers.stick_reader import StickReader

FILE = bytes(range(144))
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def may_mount(folder):
    """Whether this machine lets us mount something in a namespace of our own."""
    mount = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", folder]
    return (
        shutil.which("unshare") is not None and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    )


def test_a_stick_that_is_mounted_written_pulled_and_protected(tmp_path):
    """Mounted: written. Lazily unmounted after the reading: not written, let go. Read-only: MEDIA. Released: free."""
    if not may_mount(tmp_path):
        pytest.skip("no mount namespace can be made here")
    ended = subprocess.run(
        [*OWN_MOUNTS, sys.executable, __file__, tmp_path],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert ended.returncode == 0, ended.stderr


def mount(place, *then):
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    (place / "card.atm").write_bytes(FILE)
    if then:
        subprocess.run(["mount", *then, place], check=True)


def umount(place, *options):
    return subprocess.run(["umount", *options, place], check=False, capture_output=True).returncode


async def fault_of(awaitable):
    try:
        await awaitable
    except DeviceError as error:
        return error.fault
    return None


async def play(place, executor):
    """Runs inside the namespace."""
    reader = StickReader(DirectoryStick(place, is_mount=True), len(FILE), executor=executor, poll_ms=20)
    reader.open()
    assert not reader.present

    mount(place)
    await reader.inserted()
    assert await reader.read() == FILE
    await reader.write(56, bytes(44))
    assert (place / "card.atm").read_bytes() == FILE[:56] + bytes(44) + FILE[100:]
    assert umount(place) != 0, "the file that was read is held, so that no other can take its inode number"
    umount(place, "-l")
    assert await fault_of(reader.write(56, bytes(44))) is Fault.UNPLUGGED
    await reader.removed()

    mount(place, "-o", "remount,ro")
    await reader.inserted()
    assert await reader.read() == FILE
    assert await fault_of(reader.write(56, bytes(44))) is Fault.MEDIA
    await reader.release()
    assert umount(place) == 0
    await reader.removed()
    reader.close()


if __name__ == "__main__":
    with ThreadPoolExecutor(1) as one_thread:
        asyncio.run(asyncio.wait_for(play(Path(sys.argv[1]), one_thread), 30))
