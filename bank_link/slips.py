"""Slips: what the bank signs about one number, and how the kiosk, above all the vault, reads them."""

from __future__ import annotations

from collections.abc import Iterable

from bank_link import coding
from bank_link.errors import MessageRefused
from bank_link.keys import Purpose, sign, signature_holds
from bank_link.messages import Signed, Slip


def sign_slip(slip: Slip, private_key: bytes) -> Signed:
    """`slip` under the bank's slip key (raw Ed25519)."""
    data = coding.encode(slip)
    return Signed(signed=data, signature=sign(private_key, Purpose.SLIP, data))


def read_slip(signed: Signed, keys: Iterable[bytes]) -> Slip:
    """The slip in `signed`, which one of `keys` (raw Ed25519 public) must have signed as a slip.

    Raises MessageRefused where none did, or where what was signed is no slip. What the slip says (terminal, boot,
    number, nonce, amount, expiry) is for the caller to compare.
    """
    if not any(signature_holds(key, Purpose.SLIP, signed.signed, signed.signature) for key in keys):
        raise MessageRefused("the slip is not signed by the bank")
    slip: Slip = coding.decode(Slip, signed.signed, "the slip")
    return slip
