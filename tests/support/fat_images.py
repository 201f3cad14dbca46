"""Small FAT images, made from nothing: a boot sector, one allocation table, a root directory and a few files."""

from __future__ import annotations

import struct

SECTOR = 512


def fat16(files: dict[bytes, bytes], *, clusters: int = 5_000) -> bytearray:
    """A FAT16 image with clusters of one sector; names are 11 bytes, as a directory holds them (`CARD    ATM`)."""
    table_sectors = -(-(clusters + 2) * 2 // SECTOR)
    entries = 16
    first = 1 + table_sectors + entries * 32 // SECTOR
    image = bytearray((first + clusters) * SECTOR)
    struct.pack_into("<HBHBHHBH", image, 11, SECTOR, 1, 1, 1, entries, first + clusters, 0xF8, table_sectors)
    image[510:512] = b"\x55\xaa"
    fat, root = SECTOR, SECTOR * (1 + table_sectors)
    cluster = 2
    for at, (name, data) in enumerate(files.items()):
        used = -(-len(data) // SECTOR)
        struct.pack_into("<11sB14xHI", image, root + at * 32, name, 0x20, cluster, len(data))
        for each in range(used):
            link = cluster + each + 1 if each + 1 < used else 0xFFFF
            struct.pack_into("<H", image, fat + (cluster + each) * 2, link)
            start = (first + cluster + each - 2) * SECTOR
            image[start : start + SECTOR] = data[each * SECTOR : (each + 1) * SECTOR].ljust(SECTOR, b"\0")
        cluster += used
    return image


def set_link(image: bytearray, cluster: int, link: int) -> None:
    """Say in the allocation table that `link` follows `cluster`."""
    struct.pack_into("<H", image, SECTOR + cluster * 2, link)
