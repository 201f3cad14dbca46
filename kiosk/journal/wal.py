"""Whether SQLite's write-ahead log ends where it was written to, or where it was damaged.

SQLite takes a frame whose checksum is wrong for the log's end, as a power cut leaves it: whatever was committed after it
is not read any more, without a word. (The WAL file format, sqlite.org/fileformat2.html, section 4.)
"""

from __future__ import annotations

import struct

import apsw

_HEADER, _FRAME = 32, 24


def forgotten_commits(connection: apsw.Connection, vfs: str | None) -> int:
    """How many commits lie in the log after the last one that SQLite reads. To be asked before anything is written.

    A power cut leaves one at most, if the log is emptied where one was found: each commit is on disk before the next one
    begins, and a log that is begun anew has other salts. A damaged header hides its whole log, and is not seen here.
    Raises apsw.Error where the file cannot be read.
    """
    frames = int(str(connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchall()[0][1]))
    if frames < 0:
        return 0
    flags = [apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE, 0]
    file = apsw.VFSFile(vfs or apsw.vfs_names()[0], connection.filename_wal, flags)
    try:
        size = file.xFileSize()
        header = file.xRead(_HEADER, 0) if size >= _HEADER else b""
        if not _is_header(header):
            return 0
        salts, step = header[16:24], _FRAME + int.from_bytes(header[8:12])
        heads = (file.xRead(_FRAME, at) for at in range(_HEADER + frames * step, size - _FRAME, step))
        # A frame adds one page at most: what says otherwise is what a power cut has left of a frame.
        most = int(str(connection.execute("PRAGMA page_count").get)) + size // step
        return sum(head[8:16] == salts and _ends_a_commit(head, most) for head in heads)
    finally:
        file.xClose()


def _ends_a_commit(head: bytes, most: int) -> bool:
    """Bytes 4 to 7: the database's size after a commit; zero in all frames but its last one. `most`: pages it can have."""
    page, pages = int.from_bytes(head[:4]), int.from_bytes(head[4:8])
    return 1 <= page <= pages <= most


def _is_header(header: bytes) -> bool:
    """By its checksum: else a power cut met it as it was written, and all that the log held was in the file already."""
    if len(header) != _HEADER or header[:3] != b"\x37\x7f\x06" or header[3] not in {0x82, 0x83}:
        return False
    words = struct.unpack(">6I" if header[3] & 1 else "<6I", header[:24])
    one = other = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + other) & 0xFFFFFFFF
        other = (other + odd + one) & 0xFFFFFFFF
    return header[24:] == struct.pack(">2I", one, other)
