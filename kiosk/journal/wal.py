"""Whether SQLite's write-ahead log ends where it was written to, or where it was damaged.

SQLite takes a frame whose checksum is wrong for the log's end, as a power cut leaves it: whatever was committed after it
is not read any more, without a word. (The WAL file format, sqlite.org/fileformat2.html, section 4.)
"""

from __future__ import annotations

import apsw

_HEADER, _FRAME = 32, 24


def forgotten_commits(path: str, vfs: str | None, frames: int) -> int:
    """How many commits of the log at hand lie after its first `frames` frames, which are all that SQLite reads.

    A power cut leaves one at most: each commit is on disk before the next one begins, and a log that is begun anew has
    other salts. Raises apsw.Error where the file cannot be read.
    """
    flags = [apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE, 0]
    file = apsw.VFSFile(vfs or apsw.vfs_names()[0], f"{path}-wal", flags)
    try:
        size = file.xFileSize()
        if size < _HEADER:
            return 0
        header = file.xRead(_HEADER, 0)
        salts, step = header[16:24], _FRAME + int.from_bytes(header[8:12])
        heads = (file.xRead(_FRAME, at) for at in range(_HEADER + frames * step, size - _FRAME, step))
        # Bytes 4 to 7: the database's size after a commit; zero in all frames but its last one.
        return sum(head[8:16] == salts and any(head[4:8]) for head in heads)
    finally:
        file.xClose()
