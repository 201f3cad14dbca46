"""Slips: only what the bank signed as a slip is read as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bank_link.errors import MessageRefused
from bank_link.keys import Purpose, sign, signing_public
from bank_link.messages import Signed, Slip
from bank_link.money import Money
from bank_link.slips import read_slip, sign_slip

BANK, OTHER = b"b" * 32, b"o" * 32
SLIP = Slip(
    kind="release",
    terminal="T1",
    generation=1,
    boot="B1",
    number=7,
    transaction=6,
    card="c-1",
    account="a-1",
    amount=Money(4000, "USD"),
    nonce=b"n" * 32,
    card_epoch=1_800_000_000,
    card_n=12,
    at=1000,
    expires=2000,
)


def test_a_slip_is_read_under_any_key_of_the_list() -> None:
    """Slips of the last key hold while the list names it."""
    signed = sign_slip(SLIP, BANK)
    assert read_slip(signed, [signing_public(OTHER), signing_public(BANK)]) == SLIP
    assert read_slip(signed, iter([signing_public(BANK)])) == SLIP


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(sign_slip(SLIP, OTHER), id="another key"),
        pytest.param(replace(sign_slip(SLIP, BANK), signature=bytes(64)), id="no signature"),
        pytest.param(
            replace(sign_slip(SLIP, BANK), signed=sign_slip(replace(SLIP, amount=Money(9000, "USD")), BANK).signed),
            id="another amount",
        ),
        pytest.param(
            Signed(
                signed=sign_slip(SLIP, BANK).signed, signature=sign(BANK, Purpose.SESSION, sign_slip(SLIP, BANK).signed)
            ),
            id="signed as a session",
        ),
    ],
)
def test_a_slip_that_the_bank_did_not_sign_is_refused(signed: Signed) -> None:
    """Altered, forged, or signed for another purpose."""
    with pytest.raises(MessageRefused, match="not signed by the bank"):
        read_slip(signed, [signing_public(BANK)])


def test_without_keys_nothing_is_a_slip() -> None:
    """A kiosk that has no session yet believes no slip."""
    with pytest.raises(MessageRefused):
        read_slip(sign_slip(SLIP, BANK), [])


@given(st.binary(max_size=200), st.binary(max_size=80), st.binary(max_size=40))
def test_hostile_slips_raise_one_error(data: bytes, signature: bytes, key: bytes) -> None:
    """Any bytes, also under a good signature, also against keys that are none."""
    with pytest.raises(MessageRefused):
        read_slip(Signed(signed=data, signature=signature), [key, signing_public(BANK)])
    with pytest.raises(MessageRefused, match="slip cannot be read"):
        read_slip(Signed(signed=data, signature=sign(BANK, Purpose.SLIP, data)), [signing_public(BANK)])
