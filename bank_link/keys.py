"""Keys made from raw bytes, and what is done with them: signatures with a purpose, key agreement, derivation.

Every private key here is 32 raw bytes that were handed in: Ed25519 (RFC 8032) for signatures, X25519 (RFC 7748) for
agreement. Nothing draws randomness of its own, so a seed repeats a history.
"""

from __future__ import annotations

import enum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bank_link.errors import MessageRefused

KEY_BYTES = 32


class Purpose(enum.StrEnum):
    """What a signature is for; part of what is signed, so that none can pass for another."""

    SIGN_ON = "sign-on"
    SESSION = "session"
    SLIP = "slip"


def sign(private: bytes, purpose: Purpose, data: bytes) -> bytes:
    """The Ed25519 signature (64 bytes) of `data` for this purpose alone."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(_purposed(purpose, data))


def signature_holds(public: bytes, purpose: Purpose, data: bytes, signature: bytes) -> bool:
    """Whether `signature` was made over `data`, for this purpose, by the owner of the raw Ed25519 key `public`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _purposed(purpose, data))
    except (InvalidSignature, ValueError):
        return False
    return True


def signing_public(private: bytes) -> bytes:
    """The raw Ed25519 public key (32 bytes) of a raw private one."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


class AgreementKey:
    """An X25519 key of 32 raw private bytes, for whoever needs both of its halves: loading it costs as much as using it."""

    def __init__(self, private: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(private)

    def __repr__(self) -> str:
        return f"<AgreementKey {self.public.hex()}>"

    @property
    def public(self) -> bytes:
        """The raw public key (32 bytes)."""
        return self._key.public_key().public_bytes_raw()

    def agree(self, public: bytes) -> bytes:
        """The shared secret. Raises MessageRefused for a key of low order (RFC 7748, 6.1) or of another size."""
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise MessageRefused("the other side's agreement key cannot be used") from None


def agreement_public(private: bytes) -> bytes:
    """The raw X25519 public key (32 bytes) of a raw private one."""
    return AgreementKey(private).public


def agree(private: bytes, public: bytes) -> bytes:
    """The X25519 shared secret of a raw private key. Raises MessageRefused as `AgreementKey.agree` does."""
    return AgreementKey(private).agree(public)


def derive(secret: bytes, info: bytes, length: int) -> bytes:
    """`length` bytes of key by HKDF-SHA256 (RFC 5869) without salt; `info` says what they are for."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)


def framed(*parts: bytes) -> bytes:
    """The parts with their lengths before them: no two lists of parts give the same bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _purposed(purpose: Purpose, data: bytes) -> bytes:
    return b"atm/1 " + purpose.encode() + b"\n" + data
