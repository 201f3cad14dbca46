"""Reads a stick's FAT file system as bytes and refuses what the kernel should not be asked to mount.

Runs in a sandbox of its own (`atm-stick-check@.service`), standard library only: `atm_stick_check.py /dev/sda1`.
Looks at what the kiosk will make the kernel look at: the boot sector, the root directory, and the chains of the small
files in it. Exit code 0: mount it; 1: do not, and one sentence says why. Names on the stick are never printed.
"""  # noqa: INP001 - systemd/ is no package

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST_STICK = 64 * 1024**3
LARGEST_FILE = 64 * 1024  # a card file is far smaller; what is larger the kiosk does not open
MOST_ROOT_ENTRIES = 16_384
MOST_CLUSTER_BYTES = 64 * 1024
ENTRY = 32
VOLUME_LABEL, DIRECTORY, LONG_NAME = 0x08, 0x10, 0x0F
FREE, END = b"\xe5", b"\x00"


class StickRefused(Exception):
    """This is no file system to mount; the sentence says why, and repeats nothing that stands on the stick."""


class Image:
    """A file or block device, read at offsets."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.lseek(descriptor, 0, os.SEEK_END)

    def read(self, offset: int, count: int) -> bytes:
        data = os.pread(self._descriptor, count, offset) if offset + count <= self.size else b""
        if len(data) != count:
            raise StickRefused("the stick ends before its file system does")
        return data


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where things are (bytes, or clusters counted from 2). `bits`: 12, 16 or 32."""

    bits: int
    cluster_bytes: int
    clusters: int
    fat: int
    root: int
    root_entries: int
    root_cluster: int
    data: int

    @property
    def end_of_chain(self) -> int:
        return {12: 0xFF8, 16: 0xFFF8, 32: 0x0FFFFFF8}[self.bits]

    def exists(self, cluster: int) -> bool:
        return 2 <= cluster < self.clusters + 2

    def offset(self, cluster: int) -> int:
        return self.data + (cluster - 2) * self.cluster_bytes


def check(image: Image) -> str:
    """What was found, for the journal. Raises StickRefused."""
    if image.size > LARGEST_STICK:
        raise StickRefused(f"the stick is larger than {LARGEST_STICK // 1024**3} GiB")
    geometry = read_geometry(image)
    taken: set[int] = set()
    files = 0
    for entry in root_entries(image, geometry, taken):
        if is_small_file(entry):
            check_chain(image, geometry, entry, taken)
            files += 1
    return f"FAT{geometry.bits}, {files} small files"


def read_geometry(image: Image) -> Geometry:
    """The boot sector (Microsoft's FAT specification 1.03). Raises StickRefused."""
    boot = image.read(0, 512)
    sector, per_cluster, reserved, fats, entries, small, _media, fat16 = struct.unpack_from("<HBHBHHBH", boot, 11)
    (large,) = struct.unpack_from("<I", boot, 32)
    (fat32,) = struct.unpack_from("<I", boot, 36)
    _must(boot[510:] == b"\x55\xaa", "has no boot sector")
    _must(sector in {512, 1024, 2048, 4096}, "has sectors of a strange size")
    _must(per_cluster in {1, 2, 4, 8, 16, 32, 64, 128}, "has clusters of a strange size")
    _must(sector * per_cluster <= MOST_CLUSTER_BYTES, "has clusters that are too large")
    _must(reserved >= 1, "has no room for its boot sector")
    _must(fats in {1, 2}, "has neither one nor two allocation tables")
    _must(entries * ENTRY % sector == 0, "has a root directory of a strange size")
    total, table = small or large, fat16 or fat32
    root = reserved + fats * table
    first = root + entries * ENTRY // sector
    _must(table > 0 and total > first, "has no room for data")
    _must(total * sector <= image.size, "says that it is larger than the stick")
    clusters = (total - first) // per_cluster
    # Which kind it is, Linux decides in this way, whatever the specification says of the number of clusters.
    bits = 32 if fat16 == 0 else 12 if clusters < 4085 else 16
    _must((bits == 32) == (entries == 0), "is of two kinds at once")
    _must(clusters < {12: 4085, 16: 65525, 32: 0x0FFFFFF5}[bits], "has too many clusters")
    _must(table * sector * 8 >= (clusters + 2) * bits, "has an allocation table that is too short")
    geometry = Geometry(
        bits=bits,
        cluster_bytes=sector * per_cluster,
        clusters=clusters,
        fat=reserved * sector,
        root=root * sector,
        root_entries=entries,
        root_cluster=struct.unpack_from("<I", boot, 44)[0] if bits == 32 else 0,
        data=first * sector,
    )
    _must(bits != 32 or geometry.exists(geometry.root_cluster), "has a root directory that is nowhere")
    return geometry


def _must(kept: bool, otherwise: str) -> None:
    if not kept:
        raise StickRefused(f"the stick's file system {otherwise}")


def next_cluster(image: Image, geometry: Geometry, cluster: int) -> int:
    """What the allocation table says follows."""
    if geometry.bits == 12:
        (pair,) = struct.unpack("<H", image.read(geometry.fat + cluster * 3 // 2, 2))
        return int(pair >> 4 if cluster % 2 else pair & 0xFFF)
    if geometry.bits == 16:
        return int(struct.unpack("<H", image.read(geometry.fat + cluster * 2, 2))[0])
    return int(struct.unpack("<I", image.read(geometry.fat + cluster * 4, 4))[0]) & 0x0FFFFFFF


def chain(image: Image, geometry: Geometry, first: int, taken: set[int]) -> Iterator[int]:
    """The clusters from `first` on; each exists and belongs to nothing else. Raises StickRefused."""
    cluster = first
    while True:
        _must(geometry.exists(cluster), "has a chain that leads outside")
        _must(cluster not in taken, "has chains that meet or go round")
        taken.add(cluster)
        yield cluster
        cluster = next_cluster(image, geometry, cluster)
        if cluster >= geometry.end_of_chain:
            return


def root_entries(image: Image, geometry: Geometry, taken: set[int]) -> Iterator[bytes]:
    """The root directory's entries in use, long names left out. Raises StickRefused."""
    for at, entry in enumerate(_slots(image, geometry, taken)):
        _must(at < MOST_ROOT_ENTRIES, "has too many files in its root directory")
        if entry[:1] == END:
            return
        if entry[:1] != FREE and entry[11] & 0x3F != LONG_NAME:
            yield entry


def _slots(image: Image, geometry: Geometry, taken: set[int]) -> Iterator[bytes]:
    if geometry.bits != 32:
        blocks = iter([image.read(geometry.root, geometry.root_entries * ENTRY)])
    else:
        blocks = (
            image.read(geometry.offset(cluster), geometry.cluster_bytes)
            for cluster in chain(image, geometry, geometry.root_cluster, taken)
        )
    for block in blocks:
        for at in range(0, len(block), ENTRY):
            yield block[at : at + ENTRY]


def is_small_file(entry: bytes) -> bool:
    """A file that the kiosk might open."""
    return not entry[11] & (VOLUME_LABEL | DIRECTORY) and 0 < struct.unpack_from("<I", entry, 28)[0] <= LARGEST_FILE


def check_chain(image: Image, geometry: Geometry, entry: bytes, taken: set[int]) -> None:
    """The file's chain is as long as its size says. Raises StickRefused."""
    high, low, size = *struct.unpack_from("<H", entry, 20), *struct.unpack_from("<HI", entry, 26)
    first = low | (high << 16 if geometry.bits == 32 else 0)
    needed = -(-size // geometry.cluster_bytes)
    found = 0
    for _ in chain(image, geometry, first, taken):
        found += 1
        _must(found <= needed, "has a file that is longer than it says")
    _must(found == needed, "has a file that is shorter than it says")


def main(arguments: list[str]) -> int:
    """Check the one device named. 0: may be mounted."""
    if len(arguments) != 1:
        print("usage: atm_stick_check.py DEVICE", file=sys.stderr)  # noqa: T201 - a program's own usage
        return 2
    try:
        descriptor = os.open(arguments[0], os.O_RDONLY | os.O_CLOEXEC)
        try:
            print(f"may be mounted: {check(Image(descriptor))}")  # noqa: T201 - the journal's line
        finally:
            os.close(descriptor)
    except StickRefused as error:
        print(f"not mounted: {error}", file=sys.stderr)  # noqa: T201 - the journal's line
        return 1
    except OSError as error:
        print(f"not mounted: the stick cannot be read ({error.strerror})", file=sys.stderr)  # noqa: T201 - the journal's line
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
