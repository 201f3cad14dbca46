"""The bank's keys, loaded: what is signed, verified, derived and sealed with them. None ever leaves by a repr.

KeyRing.create / KeyRing.load
├── certificates   CA (and the next one), server, slips; terminals' are signed here
├── slips          Ed25519; every version's slips hold
├── PINs           X25519 for the blocks, HMAC for the verification values, each with its versions
└── the rest       card master, wrapping of session keys, audit seal, sign-on challenge
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bank.cards import ratchet
from bank.keys import certificates, key_files
from bank.keys.certificates import Authority
from bank.keys.errors import KeyRingError
from bank.keys.key_files import KEY_BYTES, PURPOSES, Manifest
from bank.keys.making import make_ring, make_version, read_certificate
from bank_link.digits import check_digit
from bank_link.keys import agreement_public, framed, signing_public
from bank_link.seams import Randomness

SERVER_FILE = "server.pem"


class KeyRing:
    """All keys of one bank. Its directory is 0700 and its files 0600, or it does not load."""

    def __init__(
        self, directory: Path, manifest: Manifest, keys: dict[str, dict[int, bytes]], random: Randomness
    ) -> None:
        self.directory = directory
        self._manifest = manifest
        self._keys = keys
        self._random = random
        self._publics: dict[tuple[str, int], bytes] = {}
        # Commands change it on the store's thread, the certificate keeper on the loop's.
        self._changing = threading.RLock()
        self._certificates = {
            (purpose, version): self._read_certificate(purpose, version)
            for purpose in ("ca", "slip")
            for version in keys[purpose]
        }

    def __repr__(self) -> str:
        return f"<KeyRing {self._manifest.ring} of {self.bank_name!r} in {self.directory}>"

    # ── made, loaded, renewed ───────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def create(
        cls, directory: Path, *, random: Randomness, bank_name: str, hosts: Sequence[str], now_ms: int
    ) -> KeyRing:
        """Make a new bank's keys in `directory`, which must not exist or be empty: all of them or none.

        `hosts`: the names and addresses that terminals reach the bank by. Raises KeyRingError.
        """
        make_ring(directory, random=random, bank_name=bank_name, hosts=tuple(hosts), now_ms=now_ms)
        return cls.load(directory, random=random)

    @classmethod
    def load(cls, directory: Path, *, random: Randomness) -> KeyRing:
        """Raises KeyRingError: missing, damaged, foreign, or open to others."""
        key_files.check_directory(directory)
        manifest = key_files.read_manifest(directory)
        keys = {
            purpose: {
                version: key_files.read_key(directory, ring=manifest.ring, purpose=purpose, version=version)
                for version in range(1, manifest.newest.get(purpose, 1) + 1)
            }
            for purpose in PURPOSES
        }
        return cls(directory, manifest, keys, random)

    @property
    def bank_name(self) -> str:
        return self._manifest.bank

    @property
    def ring_id(self) -> str:
        """Names this set of keys; no secret."""
        return self._manifest.ring

    @property
    def hosts(self) -> tuple[str, ...]:
        return self._manifest.hosts

    # ── certificates ────────────────────────────────────────────────────────────────────────────────────────────────

    def ca_pem(self) -> str:
        """The CA that signs now."""
        return certificates.pem(self._authority().certificate)

    def ca_pems(self) -> tuple[str, ...]:
        """Every CA whose terminals are admitted: the one that signs now first, then the next and the former ones."""
        versions = sorted(self._keys["ca"], key=lambda version: (version != self._manifest.ca, -version))
        return tuple(certificates.pem(self._certificates["ca", version]) for version in versions)

    def ca_certificates(self) -> dict[int, x509.Certificate]:
        """Every CA by its number; `ca_version` signs, lower ones did, a higher one will."""
        return {version: self._certificates["ca", version] for version in sorted(self._keys["ca"])}

    @property
    def ca_version(self) -> int:
        """The number of the CA that signs now."""
        return self._manifest.ca

    def next_ca_pems(self) -> tuple[str, ...]:
        """CAs that are made but do not sign yet; terminals learn them at sign-on."""
        later = (version for version in self._keys["ca"] if version > self._manifest.ca)
        return tuple(certificates.pem(self._certificates["ca", version]) for version in later)

    def sign_terminal_certificate(self, csr_der: bytes, *, terminal: str, generation: int, now_ms: int) -> str:
        """The PEM for a terminal whose request proves an Ed25519 key; of the request only the key is taken.

        Raises CertificateRefused.
        """
        key = certificates.requested_key(csr_der)
        return certificates.pem(
            certificates.make_terminal(
                self._authority(), key=key, terminal=terminal, generation=generation,
                serial=self._random.token_bytes(16), now_ms=now_ms,
            )
        )  # fmt: skip

    def renew_server(self, *, now_ms: int, hosts: Sequence[str] | None = None, force: bool = False) -> bool:
        """Give the listeners a new key and certificate where a third of the old one's life is over; True if so.

        Also where the hosts differ, the CA has changed, or the file is damaged. Raises KeyRingError.
        """
        with self._changing:
            wanted = self.hosts if hosts is None else tuple(hosts)
            if not force and wanted == self.hosts and self._server_is_good(now_ms):
                return False
            self._make_server(wanted, now_ms)
        return True

    def _make_server(self, wanted: tuple[str, ...], now_ms: int) -> None:
        key = Ed25519PrivateKey.from_private_bytes(self._random.token_bytes(KEY_BYTES))
        authority = self._authority()
        certificate = certificates.make_server(
            authority, key=key.public_key(), bank=self.bank_name, hosts=wanted,
            serial=self._random.token_bytes(16), now_ms=now_ms,
        )  # fmt: skip
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = certificates.pem(certificate) + certificates.pem(authority.certificate)
        key_files.write_private(self.server_file, private + chain.encode())
        self._change(hosts=wanted)

    @property
    def server_file(self) -> Path:
        """Key, certificate and CA of the listeners, for `ssl.SSLContext.load_cert_chain`."""
        return self.directory / SERVER_FILE

    def add_next_ca(self, *, now_ms: int) -> str:
        """Make the CA that will follow; returns its PEM. It signs nothing until `promote_next_ca`."""
        version = self._add_version("ca", now_ms)
        return certificates.pem(self._certificates["ca", version])

    def promote_next_ca(self, *, now_ms: int) -> None:
        """From now on the newest CA signs; the former ones' terminals are still admitted. Raises KeyRingError."""
        with self._changing:
            if not self.next_ca_pems():
                raise KeyRingError("there is no next CA; make it first, and let every terminal sign on")
            self._change(ca=self._manifest.newest["ca"])
            self.renew_server(now_ms=now_ms, force=True)

    def rotate(self, purpose: str, *, now_ms: int) -> int:
        """A new version of "slip", "pin" or "pvv", used from now on; returns its number. What the old ones made holds."""
        if purpose not in {"slip", "pin", "pvv"}:
            raise KeyRingError(f"the key {purpose!r} has one version only")
        return self._add_version(purpose, now_ms)

    # ── slips ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def slip_private_key(self) -> bytes:
        """The raw Ed25519 key that signs slips and sessions now."""
        return self._newest("slip")

    def slip_certificate_pem(self) -> str:
        return certificates.pem(self._certificates["slip", max(self._keys["slip"])])

    def slip_public_keys(self) -> tuple[bytes, ...]:
        """Raw keys whose slips hold, the newest first."""
        versions = sorted(self._keys["slip"], reverse=True)
        return tuple(self._public("slip", version) for version in versions)

    # ── PINs and cards ──────────────────────────────────────────────────────────────────────────────────────────────

    def pin_key_id(self) -> str:
        return f"pin-{max(self._keys['pin'])}"

    def pin_public_key(self) -> bytes:
        """Raw X25519, for `pin_key_id`."""
        return self._public("pin", max(self._keys["pin"]))

    def pin_private_key(self, key_id: str) -> bytes:
        """The raw X25519 key of that id. Raises KeyRingError where no such key was ever made here."""
        for version, key in self._keys["pin"].items():
            if key_id == f"pin-{version}":
                return key
        raise KeyRingError("the PIN block names a PIN key that this bank never had")

    def pvv_version(self) -> int:
        return max(self._keys["pvv"])

    def pvv(self, version: int, card: str, salt: bytes, pin: str) -> bytes:
        """The PIN verification value: HMAC-SHA256 over card, salt and PIN. Raises KeyRingError for a version never made."""
        key = self._keys["pvv"].get(version)
        if key is None:
            raise KeyRingError(f"the PIN of a card was set under the PVV key {version}, which is not in the ring")
        return _mac(key, "pvv", card.encode(), salt, pin.encode())

    def pvv_matches(self, expected: bytes, version: int, card: str, salt: bytes, pin: str) -> bool:
        """In constant time; never for an empty `expected`."""
        return bool(expected) and hmac.compare_digest(expected, self.pvv(version, card, salt, pin))

    def card_reference(self, number: str) -> str:
        """How the books name the card of this number: 96 bits of a keyed digest, so that no dump shows the number."""
        return "c" + _mac(self._newest("card"), "card reference", number.encode())[:12].hex()

    def drawn_card_number(self, bin_digits: str, drawn_by: bytes) -> str:
        """A number that nobody can foresee, always the same for the same `drawn_by`: BIN, digits, check digit."""
        count = 16 - len(bin_digits) - 1
        drawn = int.from_bytes(_mac(self._newest("card"), "drawn card number", drawn_by)) % 10**count
        digits = f"{bin_digits}{drawn:0{count}d}"
        return digits + check_digit(digits)

    def card_key(self, card: str) -> bytes:
        """The key that a card's secrets are derived from."""
        return _mac(self._newest("card"), "card", card.encode())

    def card_secret(self, card: str, epoch: int, n: int) -> bytes:
        """The secret that a card file holds at its renewal `n` in `epoch`: HMAC-SHA256(card key, epoch ‖ n)."""
        return ratchet.secret(self.card_key(card), epoch, n)

    def code_digest(self, digits: str) -> bytes:
        """A keyed digest of a cash code's digits: a dump of the books tells none, however few there are."""
        return _mac(self._newest("card"), "cash code", digits.encode())

    # ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────

    def wrap(self, purpose: str, secret: bytes) -> bytes:
        """`secret` sealed (AES-256-GCM) for the database; opens only for the same purpose."""
        nonce = self._random.token_bytes(12)
        return nonce + AESGCM(self._newest("wrap")).encrypt(nonce, secret, self._wrapping(purpose))

    def unwrap(self, purpose: str, sealed: bytes) -> bytes:
        """Raises KeyRingError for what this ring did not wrap for this purpose."""
        try:
            return AESGCM(self._newest("wrap")).decrypt(sealed[:12], sealed[12:], self._wrapping(purpose))
        except (InvalidTag, ValueError) as error:
            raise KeyRingError(
                f"a sealed value ({purpose}) in the database was altered, or is another bank's"
            ) from error

    def audit_seal(self, digest: bytes) -> bytes:
        """The seal of an audit block."""
        return _mac(self._newest("audit"), "audit", self.ring_id.encode(), digest)

    def challenge_key(self) -> bytes:
        """The key of the sign-on's stateless nonces."""
        return _mac(self._newest("challenge"), "challenge")

    # ── within ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _public(self, purpose: str, version: int) -> bytes:
        """Worked out once: every sign-on names these keys."""
        public = self._publics.get((purpose, version))
        if public is None:
            half = agreement_public if purpose == "pin" else signing_public
            public = self._publics[purpose, version] = half(self._keys[purpose][version])
        return public

    def _newest(self, purpose: str) -> bytes:
        versions = self._keys[purpose]
        return versions[max(versions)]

    def _wrapping(self, purpose: str) -> bytes:
        return f"atm-bank wrap|{self.ring_id}|{purpose}".encode()

    def _authority(self) -> Authority:
        version = self._manifest.ca
        key = Ed25519PrivateKey.from_private_bytes(self._keys["ca"][version])
        return Authority(certificate=self._certificates["ca", version], key=key)

    def _read_certificate(self, purpose: str, version: int) -> x509.Certificate:
        return read_certificate(self.directory, purpose, version, self._keys[purpose][version])

    def _server_is_good(self, now_ms: int) -> bool:
        try:
            content = key_files.read_private(self.server_file)
            certificate = x509.load_pem_x509_certificate(content)
        except (KeyRingError, ValueError):
            return False
        later_ms = now_ms + certificates.SERVER_LIFE_MS * 2 // 3
        return (
            certificates.issued_by(certificate, self._authority().certificate)
            and certificates.valid_at(certificate, now_ms)
            and certificates.valid_at(certificate, later_ms)
        )

    def _add_version(self, purpose: str, now_ms: int) -> int:
        with self._changing:
            version = max(self._keys[purpose]) + 1
            authority = None if purpose == "ca" else self._authority()
            key = make_version(
                self.directory, self._manifest, purpose, version, random=self._random, now_ms=now_ms,
                authority=authority,
            )  # fmt: skip
            if purpose in {"ca", "slip"}:
                self._certificates[purpose, version] = read_certificate(self.directory, purpose, version, key)
            self._change(newest=self._manifest.newest | {purpose: version})
            # As a whole: another thread may be going through the old versions.
            self._keys[purpose] = {**self._keys[purpose], version: key}
            return version

    def _change(self, **fields: object) -> None:
        changed = msgspec.structs.replace(self._manifest, **fields)
        if changed != self._manifest:
            key_files.write_manifest(self.directory, changed)
            self._manifest = changed


def _mac(key: bytes, purpose: str, *parts: bytes) -> bytes:
    return hmac.digest(key, framed(f"atm-bank {purpose} 1".encode(), *parts), "sha256")
