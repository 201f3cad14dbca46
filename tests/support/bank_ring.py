"""A bank's key ring for tests, from a seed; and what a terminal makes for its enrolment."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bank.keys.keyring import KeyRing
from bank_link.seams import SystemClock

NOW_MS = 1_790_000_000_000


class Seeded:
    """Random bytes that are the same for the same seed."""

    def __init__(self, seed: str = "seed") -> None:
        self._seed = seed.encode()
        self._drawn = 0

    def token_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(self._seed + self._drawn.to_bytes(8, "big")).digest(count)


def make_ring(directory: Path, seed: str = "seed", *, now_ms: int = NOW_MS, host: str = "127.0.0.1") -> KeyRing:
    """A new ring with its server certificate."""
    ring = KeyRing.create(
        directory, random=Seeded(seed), bank_name=f"Bank of {seed}", hosts=(host, "localhost"), now_ms=now_ms
    )
    ring.renew_server(now_ms=now_ms)
    return ring


def real_ring(directory: Path, seed: str = "seed") -> KeyRing:
    """A ring that is valid today, for real TLS."""
    return make_ring(directory, seed, now_ms=SystemClock().now_ms())


def request(key: Ed25519PrivateKey, name: str = "whoever") -> bytes:
    """A PKCS #10 request (DER)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return x509.CertificateSigningRequestBuilder(subject).sign(key, None).public_bytes(Encoding.DER)


def terminal_files(directory: Path, ring: KeyRing, terminal: str = "T-1", *, now_ms: int | None = None) -> Path:
    """A PEM file with an enrolled terminal's key and certificate, for `load_cert_chain`."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(terminal.encode()).digest())
    certificate = ring.sign_terminal_certificate(
        request(key), terminal=terminal, generation=1, now_ms=SystemClock().now_ms() if now_ms is None else now_ms
    )
    path = directory / f"{terminal}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.encode())
    return path
