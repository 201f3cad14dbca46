"""TLS contexts of the kiosk's side: version 1.3 only, the bank's own CAs and no others."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from bank_link.identity import Identity
from bank_link.seams import Randomness


def pinned_context(cas: Iterable[str]) -> ssl.SSLContext:
    """Trusts servers whose certificate one of `cas` (PEM) signed, under the name or address that was asked for."""
    context = _context()
    context.load_verify_locations(cadata="\n".join(cas))
    return context


def terminal_context(identity: Identity, random: Randomness) -> ssl.SSLContext:
    """The same for the terminal's line, showing its certificate.

    OpenSSL takes keys from files alone: the key passes through one in a private directory, encrypted under a password
    that exists only here and now, and the file is gone before this returns.
    """
    import tempfile

    context = pinned_context(identity.cas)
    password = random.token_bytes(32).hex()
    with tempfile.TemporaryDirectory(prefix="atm-key-") as folder:
        path = Path(folder) / "client.pem"
        path.write_bytes(_encrypted(identity.signing_key, password) + identity.certificate.encode())
        context.load_cert_chain(path, password=password)
    return context


def unverified_context() -> ssl.SSLContext:
    """Trusts nobody and checks nothing: only for fetching what is then compared with a hash known beforehand."""
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _encrypted(signing_key: bytes, password: str) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(signing_key)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
