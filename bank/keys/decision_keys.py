"""The keys as a decision uses them (`authoriser.context.Keys`): sessions, cards, PINs and slips over one key ring."""

from __future__ import annotations

from bank.keys.errors import KeyRingError
from bank.keys.keyring import KeyRing
from bank_link import pin_block, sign_on, slips
from bank_link.errors import PinError
from bank_link.keys import KEY_BYTES
from bank_link.messages import Signed, SignedOn, SignOn, SignOnClaims, Slip
from bank_link.seams import Randomness
from bank_link.sign_on import SessionKeys

_SESSION = "session"
#: What a card's number is sealed for (`KeyRing.wrap`).
SEALED_NUMBER = "card"


class DecisionKeys:
    """Thin: each call is one step of the protocol on the ring's keys."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def __repr__(self) -> str:
        return f"<DecisionKeys of {self._ring!r}>"

    def check_challenge(self, claims: SignOnClaims, now_ms: int) -> None:
        """Raises MessageRefused for a challenge that is not this bank's, or too old."""
        sign_on.check_challenge(self._ring.challenge_key(), now_ms, claims)

    def open_session(self, message: SignOn, random: Randomness, **fields: object) -> tuple[SignedOn, SessionKeys]:
        """The signed session with this bank's keys in it. Raises MessageRefused for an unusable agreement key."""
        return sign_on.open_session(
            message,
            random=random,
            slip_private_key=self._ring.slip_private_key(),
            slip_certificate=self._ring.slip_certificate_pem(),
            pin_key=self._ring.pin_public_key(),
            pin_key_id=self._ring.pin_key_id(),
            slip_keys=self._ring.slip_public_keys(),
            next_cas=self._ring.next_ca_pems(),
            **fields,
        )

    def card_reference(self, number: str) -> str:
        """How the books know a card: a keyed digest of its number, which nobody without the key finds back."""
        return self._ring.card_reference(number)

    def session_keys(self, wrapped: bytes) -> SessionKeys:
        """Raises KeyRingError where the row was altered or is another bank's."""
        both = self._ring.unwrap(_SESSION, wrapped)
        return SessionKeys(to_bank=both[:KEY_BYTES], to_kiosk=both[KEY_BYTES:])

    def wrap_session_keys(self, keys: SessionKeys) -> bytes:
        """92 bytes for the database."""
        return self._ring.wrap(_SESSION, keys.to_bank + keys.to_kiosk)

    def card_secret(self, card: str, epoch: int, n: int) -> bytes:
        return self._ring.card_secret(card, epoch, n)

    def open_pin(self, block: bytes, key_id: str, card: str) -> str:
        """Raises PinError for a block that cannot be opened, an unknown key id included."""
        try:
            private = self._ring.pin_private_key(key_id)
        except KeyRingError as error:
            raise PinError(str(error)) from None
        return pin_block.open_pin(block, card, private).reveal().decode()

    def card_number(self, sealed: bytes) -> str:
        """The number that the books hold sealed. Raises KeyRingError where the row was altered."""
        return self._ring.unwrap(SEALED_NUMBER, sealed).decode()

    def draw_card_number(self, bin_digits: str, drawn_by: str) -> str:
        """Always the same for the same words; nobody without the key foresees it."""
        return self._ring.drawn_card_number(bin_digits, drawn_by.encode())

    def seal_card_number(self, number: str) -> bytes:
        """As the books keep it."""
        return self._ring.wrap(SEALED_NUMBER, number.encode())

    def code_digest(self, digits: str) -> bytes:
        """What the books keep of a cash code's digits."""
        return self._ring.code_digest(digits)

    def new_pvv(self, card: str, salt: bytes, pin: str) -> tuple[bytes, int]:
        """The verification value of a new PIN under the newest PVV key, and that key's version."""
        version = self._ring.pvv_version()
        return self._ring.pvv(version, card, salt, pin), version

    def pvv_matches(self, expected: bytes, version: int, card: str, salt: bytes, pin: str) -> bool:
        """In constant time. Raises KeyRingError for a PVV key that is not in the ring."""
        return self._ring.pvv_matches(expected, version, card, salt, pin)

    def sign_slip(self, slip: Slip) -> Signed:
        return slips.sign_slip(slip, self._ring.slip_private_key())

    def read_slip(self, signed: Signed) -> Slip:
        """Raises MessageRefused for what no key of this bank signed as a slip."""
        return slips.read_slip(signed, self._ring.slip_public_keys())
