"""An NTAG213, 215 or 216 as the field sees it: its memory, what it answers, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field

PAGE = 4
FIRST_USER_PAGE = 4

# Storage size byte of GET_VERSION, user pages, pages in all (NTAG213/215/216, 8.5 and 10.1).
KINDS = {"NTAG213": (0x0F, 36, 45), "NTAG215": (0x11, 126, 135), "NTAG216": (0x13, 222, 231)}


class Nak(Exception):
    """The tag refuses a command and falls back to idle (section 9.3)."""


class Left(Exception):
    """The tag left the field under this command; there is no answer, and it has to be placed again."""


class Lost(Exception):
    """It did what was asked, and its answer got lost on the air."""


@dataclass
class TagFaults:
    """What may go wrong with a tag."""

    leaves_after: int | None = None  # so many whole page writes; during the next one it leaves
    torn_bytes: int = 0  # of the page under way when it leaves, what reached the memory
    locked_from: int | None = None  # this page and all above refuse to be written (lock bits, password)
    stuck_pages: frozenset[int] = frozenset()  # worn out: they acknowledge and keep the old bytes
    lost_answers: int = 0  # so many commands are carried out and their answers lost on the air


@dataclass
class Ntag21x:
    """One tag. `memory` is all of its pages; whoever keeps it keeps the tag."""

    uid: bytes = bytes.fromhex("04a1b2c3d4e580")
    kind: str = "NTAG213"
    faults: TagFaults = field(default_factory=TagFaults)
    sens_res: bytes = b"\x00\x44"
    sel_res: int = 0
    knows_version: bool = True  # an older NTAG203 or Ultralight does not
    memory: bytearray = field(init=False)

    def __post_init__(self) -> None:
        self.memory = bytearray(PAGE * KINDS[self.kind][2])
        self.memory[0:3], self.memory[4:8] = self.uid[:3], self.uid[3:]

    @property
    def user(self) -> bytes:
        """The user memory, where a card file lies."""
        begin, end = self._user_range()
        return bytes(self.memory[begin:end])

    @user.setter
    def user(self, data: bytes) -> None:
        begin, end = self._user_range()
        if len(data) > end - begin:
            raise ValueError(f"An {self.kind} holds {end - begin} bytes, not {len(data)}.")
        self.memory[begin : begin + len(data)] = data

    def answer(self, command: bytes) -> bytes:
        """What it answers to a command without its CRC. Raises Nak, Left and Lost."""
        reply = self._carry_out(command)
        if self.faults.lost_answers:
            self.faults.lost_answers -= 1
            raise Lost
        return reply

    def _carry_out(self, command: bytes) -> bytes:
        match list(command):
            case [0x60] if self.knows_version:
                return bytes((0, 4, 4, 2, 1, 0, KINDS[self.kind][0], 3))
            case [0x30, page]:
                return self._read(page)
            case [0xA2, page, *four] if len(four) == PAGE:
                self._write(page, bytes(four))
                return b""  # the 4 bit ACK, which the chip keeps to itself
        raise Nak

    def _user_range(self) -> tuple[int, int]:
        return PAGE * FIRST_USER_PAGE, PAGE * (FIRST_USER_PAGE + KINDS[self.kind][1])

    def _read(self, page: int) -> bytes:
        if page >= KINDS[self.kind][2]:
            raise Nak
        begin = PAGE * page
        return bytes((self.memory + self.memory)[begin : begin + 4 * PAGE])  # it rolls over to page 0 (10.2)

    def _write(self, page: int, four: bytes) -> None:
        locked_from = self.faults.locked_from
        if not 2 <= page < KINDS[self.kind][2] or (locked_from is not None and page >= locked_from):
            raise Nak
        begin = PAGE * page
        if self.faults.leaves_after is not None:
            if self.faults.leaves_after == 0:
                self.memory[begin : begin + self.faults.torn_bytes] = four[: self.faults.torn_bytes]
                self.faults.leaves_after = None
                raise Left
            self.faults.leaves_after -= 1
        if page not in self.faults.stuck_pages:
            self.memory[begin : begin + PAGE] = four
