"""The medium under the simulated disk: files and names with what is not durable yet, and what a power cut makes of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

SECTOR = 512

# ── What a power cut makes of pending writes ────────────────────────────────────────────────────────────────────────

_THERE, _LOST, _TORN, _GARBAGE = range(4)
_MOODS = ("lose", "keep", "order", "tear", "garbage")


def _fates(mood: str, chance: random.Random, length: int) -> list[int]:
    """What becomes of each of `length` writes, in their order."""
    match mood:
        case "lose":
            return [_LOST] * length
        case "keep":
            return [_THERE] * length
        case "order":
            whole = chance.randint(0, length)
            return ([_THERE] * whole + [_TORN] + [_LOST] * length)[:length]
        case "tear":
            return chance.choices((_THERE, _LOST, _TORN), k=length)
        case _:
            return chance.choices((_THERE, _LOST, _TORN, _GARBAGE), k=length)


def _sectors(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a written range that lie in one sector each."""
    while begin < end:
        stop = min(end, begin - begin % SECTOR + SECTOR)
        yield begin, stop
        begin = stop


def _junk(chance: random.Random, length: int) -> bytes:
    return chance.choice((chance.randbytes(length), bytes(length), b"\xff" * length))


class File:
    """One file as a reader sees it. `pending`: (place, new, old) of each change since the last sync; new None: cut off."""

    __slots__ = ("content", "holder", "pending")

    def __init__(self, content: bytes | bytearray = b"") -> None:
        self.content = bytearray(content)
        self.pending: list[tuple[int, bytes | None, bytes | bytearray]] = []
        self.holder: object = None

    def copy(self) -> File:
        other = File(self.content)
        other.pending = self.pending.copy()
        return other

    def write(self, at: int, data: bytes) -> None:
        content = self.content
        if at > len(content):
            self.pending.append((len(content), bytes(at - len(content)), b""))
            content.extend(bytes(at - len(content)))
        end = at + len(data)
        self.pending.append((at, data, content[at:end]))
        content[at:end] = data

    def truncate(self, size: int) -> None:
        if size < len(self.content):
            self.pending.append((size, None, self.content[size:]))
            del self.content[size:]

    def tear(self, at: int, data: bytes, chance: random.Random) -> None:
        """As far as a write came when its machine stopped in the middle of it."""
        for begin, end in _sectors(at, at + len(data)):
            if chance.random() < 0.5:
                self.write(begin, data[begin - at : end - at])

    def lose_power(self, mood: str, chance: random.Random) -> None:
        """From now on the file holds what the medium kept, and all of it is durable."""
        pending, self.pending = self.pending, []
        content = self.content
        for at, new, old in reversed(pending):
            content[at : len(content) if new is None else at + len(new)] = old
        for (at, new, _), fate in zip(pending, _fates(mood, chance, len(pending)), strict=True):
            if new is None:
                if fate == _THERE:
                    del content[at:]
            elif fate == _THERE:
                self._put(at, new)
            elif fate != _LOST:
                self._put_parts(at, new, chance, fate)

    def _put(self, at: int, data: bytes) -> None:
        if at > len(self.content):
            self.content.extend(bytes(at - len(self.content)))
        self.content[at : at + len(data)] = data

    def _put_parts(self, at: int, data: bytes, chance: random.Random, fate: int) -> None:
        for begin, end in _sectors(at, at + len(data)):
            match chance.randrange(3 if fate == _GARBAGE else 2):
                case 0:
                    self._put(begin, data[begin - at : end - at])
                case 2:
                    self._put(begin, _junk(chance, end - begin))

    def flip(self, at: int, bit: int) -> None:
        """The bit is wrong on the medium and in whatever waits to be written there."""
        self.content[at] ^= bit
        for place, (begin, new, old) in enumerate(self.pending):
            change = new if new is None else _flipped(new, at - begin, bit)
            self.pending[place] = begin, change, _flipped(old, at - begin, bit)


def _flipped(data: bytes | bytearray, at: int, bit: int) -> bytes:
    if not 0 <= at < len(data):
        return bytes(data)
    return bytes((*data[:at], data[at] ^ bit, *data[at + 1 :]))


class Folder:
    """The files by name. `moves`: (name, before, after) of each creation and deletion that is not durable yet."""

    __slots__ = ("files", "moves")

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.moves: list[tuple[str, File | None, File | None]] = []

    def copy(self) -> Folder:
        copies: dict[File | None, File | None] = {None: None}
        for file in (*self.files.values(), *(one for _, *both in self.moves for one in both)):
            if file is not None and file not in copies:
                copies[file] = file.copy()
        other = Folder()
        other.files = {name: copied for name, file in self.files.items() if (copied := copies[file])}
        other.moves = [(name, copies[before], copies[after]) for name, before, after in self.moves]
        return other

    def move(self, name: str, after: File | None) -> None:
        self.moves.append((name, self.files.get(name), after))
        self._name(name, after)

    def _name(self, name: str, file: File | None) -> None:
        if file is None:
            self.files.pop(name, None)
        else:
            self.files[name] = file

    def lose_power(self, chance: random.Random) -> None:
        """Each name goes back to where one of its creations and deletions left it, each file to what was kept of it."""
        mood = chance.choice((*_MOODS, "each"))
        self._lose_moves(mood, chance)
        for file in self.files.values():
            if file.pending:
                file.lose_power(chance.choice(_MOODS) if mood == "each" else mood, chance)

    def _lose_moves(self, mood: str, chance: random.Random) -> None:
        moves, self.moves = self.moves, []
        for name in dict.fromkeys(name for name, _, _ in moves):
            states = [after for one, _, after in moves if one == name]
            kept = {"lose": 0, "keep": len(states)}.get(mood, chance.randint(0, len(states)))
            first = next(before for one, before, _ in moves if one == name)
            self._name(name, (first, *states)[kept])
