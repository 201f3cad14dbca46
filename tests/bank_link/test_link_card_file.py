"""The card file: torn at any byte it keeps a good secret, and hostile bytes raise one error."""

import hashlib
import hmac
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_link.card_file import (
    HEADER,
    SIZE,
    SLOT,
    compose,
    luhn,
    masked,
    parse,
    proof,
    slot_bytes,
)
from bank_link.digits import check_digit
from bank_link.errors import CardFileError

CARD = "4539578763621486"
SECRET, NEXT = bytes(range(32)), bytes(range(100, 132))


def new_card(epoch: int = 7, n: int = 1) -> bytes:
    return compose(CARD, "harbour", 203_012, epoch, n, SECRET)


def written(data: bytes, slot: bytes, upto: int = SLOT) -> bytes:
    """The file after the kiosk's write of its older slot, cut off after `upto` bytes."""
    offset = parse(data).older_offset
    return data[:offset] + slot[:upto] + data[offset + upto :]


def test_a_new_card_fits_an_ntag213_and_says_what_was_put_in() -> None:
    """144 bytes, in pages of four; header and first slot come back."""
    data = new_card()
    card = parse(data)
    assert len(data) == SIZE == HEADER + 2 * SLOT == 144
    assert HEADER % 4 == SLOT % 4 == card.older_offset % 4 == 0
    assert (card.card, card.issuer, card.expiry) == (CARD, "harbour", 203_012)
    assert (card.newest.epoch, card.newest.n, card.newest.secret) == (7, 1, SECRET)
    assert card.slots[1] is None
    assert card.older_offset == HEADER + SLOT


def test_writes_alternate_and_never_touch_the_newest() -> None:
    """Over many renewals the newest is always the last one written, and its place is never the next to be written."""
    data = new_card()
    for n in range(2, 12):
        data = written(data, slot_bytes(7, n, NEXT))
        card = parse(data)
        assert card.newest.n == n
        newest_at = HEADER if card.slots[0] is card.newest else HEADER + SLOT
        assert card.older_offset != newest_at


def test_epoch_comes_before_n() -> None:
    """After a re-issue or a restore a lower n of a later epoch is the newer one."""
    data = written(written(new_card(), slot_bytes(7, 900, NEXT)), slot_bytes(8, 1, SECRET))
    assert (parse(data).newest.epoch, parse(data).newest.n) == (8, 1)


@pytest.mark.parametrize("upto", range(SLOT + 1))
@pytest.mark.parametrize("renewals", [0, 3])
def test_a_card_pulled_at_any_byte_keeps_a_good_secret(upto: int, renewals: int) -> None:
    """The write is cut after any number of bytes: the card still opens a visit, and the next write mends it."""
    data = new_card()
    for n in range(2, 2 + renewals):
        data = written(data, slot_bytes(7, n, bytes([n]) * 32))
    before = parse(data).newest
    torn = written(data, slot_bytes(9, 50, NEXT), upto)
    card = parse(torn)
    whole = torn == written(data, slot_bytes(9, 50, NEXT))
    assert (card.newest.epoch, card.newest.n) == ((9, 50) if whole else (before.epoch, before.n))
    mended = written(torn, slot_bytes(9, 51, NEXT))
    assert parse(mended).newest.n == 51


def test_a_card_without_a_good_secret_says_so() -> None:
    """Both slots spoilt: its own sentence, which names the way out."""
    with pytest.raises(CardFileError, match="needs re-activation"):
        parse(new_card()[:HEADER] + bytes(2 * SLOT))


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_an_erased_slot_is_not_a_good_one(filler: bytes) -> None:
    """All zeros and all ones are what erased memory reads as."""
    with pytest.raises(CardFileError, match="re-activation"):
        parse(new_card()[:HEADER] + filler * 2 * SLOT)


@given(st.binary(max_size=200))
def test_hostile_bytes_raise_one_error(data: bytes) -> None:
    """Any bytes, and any bytes of the right length behind our magic, are read or refused."""
    for candidate in (data, data.ljust(SIZE, b"\0")[:SIZE], (b"ATMC\1" + data).ljust(SIZE, b"\0")[:SIZE]):
        with pytest.raises(CardFileError):
            parse(candidate)


@given(st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(1, 255)), min_size=1, max_size=6))
def test_a_flipped_byte_is_noticed_or_harmless(flips: list[tuple[int, int]]) -> None:
    """In the header it is refused; in a slot that slot is not used; a secret is never read wrong."""
    data = bytearray(written(new_card(), slot_bytes(7, 2, NEXT)))
    for place, change in flips:
        data[place] ^= change
    try:
        card = parse(bytes(data))
    except CardFileError:
        return
    assert (card.card, card.newest.secret) in ((CARD, SECRET), (CARD, NEXT))


def test_each_kind_of_wrong_file_has_its_sentence() -> None:
    """Length, another file, damage, a newer version."""
    good = new_card()
    newer = compose_header(good, version=2)
    for data, why in (
        (good[:-1], "144 bytes, not 143"),
        (good + b"\0", "144 bytes, not 145"),
        (b"PK\3\4" + good[4:], "begins with something else"),
        (good[:20] + b"9" + good[21:], "does not add up"),
        (newer, "of version 2"),
        (compose_header(good, reserved=b"\0\0\1"), "does not understand"),
        (compose_header(good, card="4539578763621487"), "check digit"),
        (compose_header(good, card="453957876362148b"), "16 digits"),
        (compose_header(good, issuer=b"a/b"), "does not name its bank"),
        (compose_header(good, issuer=b""), "does not name its bank"),
        (compose_header(good, expiry=203_013), "expiry"),
    ):
        with pytest.raises(CardFileError, match=why):
            parse(data)


def compose_header(good: bytes, *, version=1, reserved=bytes(3), card=None, issuer=None, expiry=203_012) -> bytes:
    """A header with a right checksum, whatever it says."""
    packed = struct.pack(
        ">4sB3s8s20sI12s", b"ATMC", version, reserved, bytes.fromhex(CARD if card is None else card),
        b"harbour" if issuer is None else issuer, expiry, bytes(12),
    )  # fmt: skip
    return packed + struct.pack(">I", zlib.crc32(packed)) + good[HEADER:]


def test_the_role_is_read_and_no_other_is() -> None:
    """An operator's file says so; a role that nobody knows is no card of ours."""
    written = compose(CARD, "harbour", 203_012, 1, 1, SECRET, operator=True)
    assert (written[5], parse(written).operator, parse(new_card()).operator) == (1, True, False)
    with pytest.raises(CardFileError, match="does not understand"):
        parse(compose_header(written, reserved=b"\2\0\0"))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (("4539578763621487", "harbour", 203_012, 1, 0, SECRET), "check digit"),
        (("453957876362148", "harbour", 203_012, 1, 0, SECRET), "16 digits"),
        (("٤539578763621486", "harbour", 203_012, 1, 0, SECRET), "16 digits"),
        ((CARD, "", 203_012, 1, 0, SECRET), "name its bank"),
        ((CARD, "a bank", 203_012, 1, 0, SECRET), "name its bank"),
        ((CARD, "b" * 21, 203_012, 1, 0, SECRET), "name its bank"),
        ((CARD, "harbour", 203_000, 1, 0, SECRET), "YYYYMM"),
        ((CARD, "harbour", 203_012, 0, 0, SECRET), "does not fit"),
        ((CARD, "harbour", 203_012, 2**32, 0, SECRET), "does not fit"),
        ((CARD, "harbour", 203_012, 1, 2**32, SECRET), "does not fit"),
        ((CARD, "harbour", 203_012, 1, 0, SECRET[:-1]), "does not fit"),
    ],
)
def test_no_card_is_made_that_could_not_be_read(fields: tuple, why: str) -> None:
    """What does not fit the file is refused where it is made."""
    with pytest.raises(CardFileError, match=why):
        compose(*fields)


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32))
def test_every_slot_comes_back(epoch: int, n: int, secret: bytes) -> None:
    """Epoch, n and secret survive at their limits."""
    slot = parse(compose(CARD, "harbour", 203_012, epoch, n, secret)).newest
    assert (slot.epoch, slot.n, slot.secret) == (epoch, n, secret)


def test_the_check_digit_is_luhns() -> None:
    """ISO/IEC 7812-1, annex B: its well-known example, and test numbers of card schemes."""
    assert check_digit("7992739871") == "3"
    for number in ("79927398713", "4111111111111111", "5555555555554444", "378282246310005", CARD):
        assert luhn(number)
    for wrong in ("", "79927398710", "4111111111111112", "411111111111111x", "４111111111111111"):
        assert not luhn(wrong)


@given(st.text("0123456789", min_size=1, max_size=20), st.integers(0, 20), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(digits: str, place: int, change: int) -> None:
    """Typed by a person, any single digit."""
    number = digits + check_digit(digits)
    assert luhn(number)
    place %= len(number)
    assert not luhn(number[:place] + str((int(number[place]) + change) % 10) + number[place + 1 :])


def test_a_card_is_spoken_of_by_its_last_digits() -> None:
    """Neither its number nor its secret shows in text made of it."""
    card = parse(new_card())
    assert masked(CARD) == "ends 1486"
    for shown in (str(card), repr(card), repr(card.newest), f"{card.slots}"):
        assert CARD not in shown
        assert SECRET.hex() not in shown
        assert repr(SECRET)[2:20] not in shown
    assert str(card) == "card that ends 1486"


def test_the_proof_is_for_one_message_of_one_terminal() -> None:
    """Written out by hand; another terminal, generation, number or secret makes another proof."""
    body = (2).to_bytes(4, "big") + b"T1" + (8).to_bytes(4, "big") + (1).to_bytes(8, "big")
    body += (8).to_bytes(4, "big") + (42).to_bytes(8, "big")
    made = proof(SECRET, "T1", 1, 42)
    assert made == hmac.new(SECRET, b"atm/1 card proof\n" + body, hashlib.sha256).digest()
    others = [
        (NEXT, "T1", 1, 42),
        (SECRET, "T2", 1, 42),
        (SECRET, "T1", 2, 42),
        (SECRET, "T1", 1, 43),
        (SECRET, "T", 11, 42),
    ]
    assert made not in {proof(*other) for other in others}
