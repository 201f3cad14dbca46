"""The NTAG213, 215 and 216 behind the chip: how large, pages read, a page written (NXP NTAG213/215/216, 10)."""

from __future__ import annotations

from drivers.pn532.chip import Pn532Chip, TagError, Target

PAGE = 4
FIRST_USER_PAGE = 4
UID_LENGTH = 7
SENS_RES = b"\x00\x44"
NO_ANSWER = 0x01  # the chip's status where the tag was silent

GET_VERSION = 0x60
READ = 0x30
WRITE = 0xA2
READ_PAGES = 4
VERSION_LENGTH = 8

_USER_BYTES = {0x0F: 144, 0x11: 504, 0x13: 888}  # by GET_VERSION's storage size (section 10.1)
_NXP, _NTAG = 0x04, 0x04


def may_be_ntag(target: Target) -> bool:
    """Whether anticollision already says that it can be none (section 8.5; SEL_RES 0 is "no ISO 14443-4")."""
    return target.sens_res == SENS_RES and target.sel_res == 0 and len(target.uid) == UID_LENGTH


async def user_bytes(chip: Pn532Chip) -> int:
    """The size of the selected tag's user memory; 0 where it is no NTAG21x. Raises TagError where it does not answer.

    InDataExchange would take 0x60 for a MIFARE authentication, hence InCommunicateThru.
    """
    version = await chip.through(bytes((GET_VERSION,)))
    if len(version) != VERSION_LENGTH:
        raise TagError(NO_ANSWER)
    return _USER_BYTES.get(version[6], 0) if (version[1], version[2]) == (_NXP, _NTAG) else 0


async def read_pages(chip: Pn532Chip, target: Target, page: int) -> bytes:
    """Four pages from `page` on. Raises TagError."""
    data = await chip.exchange(target.number, bytes((READ, page)))
    if len(data) != READ_PAGES * PAGE:
        raise TagError(NO_ANSWER)
    return data


async def write_page(chip: Pn532Chip, target: Target, page: int, data: bytes) -> None:
    """Write one page's four bytes. Raises TagError; the page may be written all the same."""
    assert len(data) == PAGE
    await chip.exchange(target.number, bytes((WRITE, page)) + data)
