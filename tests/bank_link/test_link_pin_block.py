"""The PIN: sealed for the issuer alone, bound to its card, never shown."""

import copy
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.link_authority import SeededRandom

from bank_link.errors import PinError
from bank_link.keys import AgreementKey, agreement_public
from bank_link.pin_block import (
    BLOCK_BYTES,
    Pin,
    _one_time_key,
    _pan_field,
    decipher,
    encipher,
    open_pin,
    seal_pin,
)

ISSUER = b"i" * 32
ISSUER_KEY = agreement_public(ISSUER)
CARD = "4539578763621486"
digits = st.text("0123456789", min_size=4, max_size=12)


@pytest.mark.parametrize(
    ("key", "pin_field", "pan_field", "block"),
    [
        (
            "00112233445566778899AABBCCDDEEFF",
            "441234AAAAAAAAAA146C6601F4A8035C",
            "64321987654321098700000000000000",
            "88E33C3ACF404F234F10F889C364E377",
        ),
        (
            "D30D421EC808407A61972EDBA36482FF",
            "441234AAAAAAAAAA7BFDA91F39F63284",
            "44001234567890120000000000000000",
            "21969613F4EB77C208147888EB674457",
        ),
    ],
)
def test_encipherment_is_the_standards(key: str, pin_field: str, pan_field: str, block: str) -> None:
    """ISO 9564-1:2017, 9.4.2.3 with AES-128: blocks made by two independent tools, forwards and backwards."""
    made = encipher(bytes.fromhex(pin_field), bytes.fromhex(pan_field), bytes.fromhex(key))
    assert made.hex().upper() == block
    assert decipher(made, bytes.fromhex(pan_field), bytes.fromhex(key)).hex().upper() == pin_field


@given(digits, st.text("0123456789", min_size=16, max_size=16))
def test_the_issuer_reads_what_was_typed(typed: str, card: str) -> None:
    """Every PIN of 4 to 12 digits comes back for its card; the block has one length, whatever the PIN's."""
    block = seal_pin(Pin(typed), card, ISSUER_KEY, SeededRandom(typed))
    assert len(block) == BLOCK_BYTES
    assert open_pin(block, card, ISSUER).reveal() == typed.encode()


@example(typed="1234", place=31, change=0x80)
@given(digits, st.integers(0, BLOCK_BYTES - 1), st.integers(1, 255))
def test_a_block_opens_for_its_card_and_its_issuer_alone(typed: str, place: int, change: int) -> None:
    """On another card, under another key, or with any byte altered, it is refused (chance: less than 2⁻³⁰).

    That holds for the top bit of the agreement key too, which X25519 ignores (RFC 7748, 5): the derivation does not.
    """
    block = seal_pin(Pin(typed), CARD, ISSUER_KEY, SeededRandom(typed))
    altered = bytearray(block)
    altered[place] ^= change
    attempts = [(block, "4539578763621494", ISSUER), (block, CARD, b"j" * 32), (bytes(altered), CARD, ISSUER)]
    for attempt in attempts:
        with pytest.raises(PinError, match="cannot be opened"):
            open_pin(*attempt)


def test_the_same_pin_never_gives_the_same_block() -> None:
    """A block tells nothing by being seen twice."""
    random = SeededRandom()
    assert len({seal_pin(Pin("1234"), CARD, ISSUER_KEY, random) for _ in range(20)}) == 20


@given(st.binary(max_size=64))
def test_hostile_blocks_raise_one_error(data: bytes) -> None:
    """Any bytes, also of the right length, also with an agreement key of low order."""
    for block in (data, data.ljust(BLOCK_BYTES, b"\0")[:BLOCK_BYTES], bytes(32) + data[:16].ljust(16)):
        with pytest.raises(PinError):
            open_pin(block, CARD, ISSUER)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param("441234AAAAAAAAAB", id="fill that is not A"),
        pytest.param("4412A4AAAAAAAAAA", id="a letter among the digits"),
        pytest.param("44123AAAAAAAAAAA", id="fewer digits than said"),
        pytest.param("4412345AAAAAAAAA", id="more digits than said"),
        pytest.param("03123AAAAAAAAAAA", id="another format"),
        pytest.param("43123AAAAAAAAAAA", id="three digits"),
        pytest.param("4D12345678901234", id="thirteen digits"),
    ],
)
def test_a_field_that_is_not_format_4_is_refused(field: str) -> None:
    """Made by somebody who holds the issuer's public key: opened, then refused by the standard's own rules."""
    key = _one_time_key(AgreementKey(b"e" * 32), ISSUER_KEY, agreement_public(b"e" * 32), ISSUER_KEY)
    good = agreement_public(b"e" * 32) + encipher(bytes.fromhex("441234AAAAAAAAAA") + bytes(8), _pan_field(CARD), key)
    assert open_pin(good, CARD, ISSUER).reveal() == b"1234"
    bad = agreement_public(b"e" * 32) + encipher(bytes.fromhex(field) + bytes(8), _pan_field(CARD), key)
    with pytest.raises(PinError, match="cannot be opened"):
        open_pin(bad, CARD, ISSUER)


@pytest.mark.parametrize("typed", ["", "1", "123"])
def test_a_short_pin_is_not_sealed(typed: str) -> None:
    """Fewer than four digits are no PIN; the error does not repeat them."""
    with pytest.raises(PinError, match="at least 4 digits"):
        seal_pin(Pin(typed), CARD, ISSUER_KEY, SeededRandom())


@pytest.mark.parametrize("bad", ["1234567890123", "12a4", "12 4", "١٢٣٤", "12３4", "-123", "1234\n"])
def test_only_up_to_twelve_ascii_digits_are_a_pin(bad: str) -> None:
    """Letters, blanks, signs, other scripts' digits and a thirteenth digit are refused, without being repeated."""
    with pytest.raises(PinError) as refused:
        Pin(bad)
    assert bad not in str(refused.value)


@pytest.mark.parametrize("card", ["", "123", CARD + "1", "453957876362148a", "٤539578763621486"])
def test_a_pin_belongs_to_a_card(card: str) -> None:
    """A card id that is none is refused, without being repeated."""
    with pytest.raises(PinError, match="card of 16 digits") as refused:
        seal_pin(Pin("1234"), card, ISSUER_KEY, SeededRandom())
    assert not card or card not in str(refused.value)
    with pytest.raises(PinError):
        open_pin(bytes(BLOCK_BYTES), card, ISSUER)


def test_an_issuer_key_that_is_none_is_refused() -> None:
    """A key of the wrong size or of low order seals nothing."""
    for key in (b"", bytes(32), b"short"):
        with pytest.raises(PinError):
            seal_pin(Pin("1234"), CARD, key, SeededRandom())


def test_a_pin_is_typed_corrected_and_compared() -> None:
    """Digit by digit, the last one taken back; a second entry is compared without being read out."""
    pin = Pin()
    pin.remove_last()
    for digit in "12345":
        pin.add(digit)
    pin.remove_last()
    assert (len(pin), pin.reveal()) == (4, b"1234")
    assert pin.same(Pin("1234"))
    assert not pin.same(Pin("1235"))
    assert not pin.same(Pin("123"))


def test_a_pin_never_shows() -> None:
    """Printed, formatted, put in a list or an error, or pickled: no digit."""
    pin = Pin("80415")
    shown = f"{pin} {pin!r} {[pin]} {PinError(pin)!r}"
    assert "8" not in shown
    assert shown.count("hidden") == 4
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(PinError):
            leak(pin)
    with pytest.raises(TypeError):
        vars(pin)


def test_a_wiped_pin_is_gone() -> None:
    """The digits are overwritten in place, not only forgotten; wiping twice does no harm."""
    pin = Pin("80415")
    kept = pin._digits
    view = bytes(kept)
    pin.wipe()
    pin.wipe()
    assert view == b"80415"
    assert (bytes(kept), len(pin), pin.reveal()) == (b"", 0, b"")
