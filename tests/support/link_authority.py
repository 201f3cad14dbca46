"""A bank's CA and the certificates it makes, and the seams (randomness, clock) that tests hand in."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bank_link.identity import Identity
from bank_link.keys import signing_public

DAY = timedelta(days=1)
LOCAL = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


class SeededRandom:
    """The same bytes at every run, for one seed."""

    def __init__(self, seed: str = "seed") -> None:
        self._seed = seed.encode()
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        self._count += 1
        block = b""
        while len(block) < count:
            block += hashlib.sha256(
                self._seed + self._count.to_bytes(8, "big") + len(block).to_bytes(8, "big")
            ).digest()
        return block[:count]


class FixedClock:
    """A wall clock that says what it is told."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)


@dataclass(frozen=True)
class Made:
    """A certificate (PEM) with its raw private key."""

    pem: str
    private: bytes

    @property
    def public(self) -> bytes:
        return signing_public(self.private)

    def key_pem(self) -> bytes:
        key = Ed25519PrivateKey.from_private_bytes(self.private)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def der(self) -> bytes:
        return x509.load_pem_x509_certificate(self.pem.encode()).public_bytes(Encoding.DER)


class Authority:
    """One CA, made anew for a test; `now` is the middle of its certificates' life."""

    def __init__(self, name: str = "Bank CA", *, ends: timedelta = DAY, key: bytes | None = None) -> None:
        self.now = datetime.now(UTC)
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(key) if key else Ed25519PrivateKey.generate()
        self.pem = self._build(name, self._key.public_key(), ca=True, ends=ends).public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return x509.load_pem_x509_certificate(self.pem.encode()).public_bytes(Encoding.DER)

    def certify(self, public_key, *, names=(), usage=None, starts: timedelta = -DAY, ends: timedelta = DAY) -> str:
        """PEM of a certificate for somebody else's key."""
        certificate = self._build("leaf", public_key, names=names, usage=usage, starts=starts, ends=ends)
        return certificate.public_bytes(Encoding.PEM).decode()

    def make(self, *, names=(), usage=None, starts: timedelta = -DAY, ends: timedelta = DAY, ca: bool = False) -> Made:
        """A certificate with a fresh key."""
        key = Ed25519PrivateKey.generate()
        certificate = self._build("leaf", key.public_key(), names=names, usage=usage, starts=starts, ends=ends, ca=ca)
        return Made(certificate.public_bytes(Encoding.PEM).decode(), key.private_bytes_raw())

    def slip(self, **how) -> Made:
        return self.make(names=(x509.UniformResourceIdentifier("atm:slip"),), **how)

    def server(self, names=LOCAL, **how) -> Made:
        return self.make(names=names, usage=ExtendedKeyUsageOID.SERVER_AUTH, **how)

    def terminal(self, **how) -> Made:
        names = (x509.UniformResourceIdentifier("atm:terminal:T1"),)
        return self.make(names=names, usage=ExtendedKeyUsageOID.CLIENT_AUTH, **how)

    def identity(self, made: Made | None = None, *, address: str = "127.0.0.1:8443", cas=None) -> Identity:
        """Terminal T1 of this bank."""
        made = made or self.terminal()
        return Identity(
            terminal="T1",
            generation=1,
            signing_key=made.private,
            certificate=made.pem,
            cas=cas or (self.pem,),
            address=address,
            bank="Harbour Bank",
        )

    def _build(self, subject, public_key, *, names=(), usage=None, starts=-DAY, ends=DAY, ca=False):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + starts)
            .not_valid_after(self.now + ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self._key, None)
