"""The auth file: a terminal's identity in one sealed file that only its own user may read.

    -----BEGIN ATM AUTH FILE-----
    Version: 1
    Seal: passphrase            (or: key-file; none, a till's)

    base64 of salt (16) ‖ check (16) ‖ nonce (12) ‖ AES-256-GCM of the identity's JSON, bound to the lines above
    Checksum: SHA-256 of everything above
    -----END ATM AUTH FILE-----

The keys come from the passphrase (scrypt: N 2^15, r 8, p 1) or the key file through HKDF-SHA256: one for the seal, one
for the encrypted PKCS #8 key inside it, and the check, which tells a wrong passphrase from an altered file. With `none`
they come from the salt alone: the format is the same, and it hides nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import textwrap
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from bank_link import certificates, coding
from bank_link.auth_secret import SealKeys, Secret
from bank_link.errors import AuthFileError, MessageRefused
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.messages import Id, Number, Pem, Text
from bank_link.private_file import read_private, write_private
from bank_link.seams import Randomness

VERSION = 1

_BEGIN = "-----BEGIN ATM AUTH FILE-----\n"
_END = "-----END ATM AUTH FILE-----\n"
MOST_BYTES = 262_144
_SALT, _CHECK, _NONCE = 16, 16, 12
_VERSION = re.compile(r"Version: ([0-9]{1,6})\n", re.ASCII)
_BODY = re.compile(
    r"(?P<covered>(?P<head>Version: 1\nSeal: (?P<seal>[a-z-]{1,20})\n)\n(?P<box>[A-Za-z0-9+/=\n]+\n))"
    r"Checksum: (?P<checksum>[0-9a-f]{64})\n",
    re.ASCII,
)


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sealed; `key` is encrypted PKCS #8 (PEM)."""

    terminal: Id
    generation: Number
    key: Pem
    certificate: Pem
    cas: tuple[Pem, ...]
    address: Text
    bank: Text


def write(path: Path, identity: Identity, secret: Secret, random: Randomness) -> None:
    """Seal `identity` into `path`, in place of what is there: a power cut leaves the old file or the new one.

    Raises AuthFileError where it cannot be written.
    """
    write_private(path, "auth file", compose(identity, secret, random))


def compose(identity: Identity, secret: Secret, random: Randomness) -> bytes:
    """The file's bytes."""
    salt, nonce = random.token_bytes(_SALT), random.token_bytes(_NONCE)
    keys = secret.keys(salt)
    head = f"Version: {VERSION}\nSeal: {secret.kind}\n"
    box = AESGCM(keys.box).encrypt(nonce, coding.encode(_content(identity, keys)), head.encode())
    packed = base64.b64encode(salt + keys.check + nonce + box).decode()
    covered = head + "\n" + "\n".join(textwrap.wrap(packed, 64)) + "\n"
    return (_BEGIN + covered + f"Checksum: {_checksum(covered)}\n" + _END).encode()


def read(path: Path, secret: Secret, now_ms: int) -> Identity:
    """The identity in `path`; `now_ms` is the wall clock, for the certificate.

    Raises AuthFileError with a sentence of its own where the file is missing, a link, no regular file, another
    user's, open to others, foreign, of a newer version, truncated, damaged, sealed under another secret, altered, or
    where its certificate has expired or is not valid yet.
    """
    return parse(read_private(path, "auth file", most_bytes=MOST_BYTES), path, secret, now_ms)


def parse(data: bytes, path: Path, secret: Secret, now_ms: int) -> Identity:
    """The identity in a file's bytes; `path` is for the sentences. Raises AuthFileError, as `read` does for its content."""
    found = _body(data.decode("latin-1"), path)
    if found["seal"] != secret.kind:
        raise AuthFileError(
            f"the auth file {path} is sealed under {_spoken(found['seal'])}, not {_spoken(secret.kind)}"
        )
    content, keys = _opened(found, secret, path)
    identity = _identity(content, keys, path)
    _check_certificate(identity, path, now_ms)
    return identity


def _body(text: str, path: Path) -> re.Match[str]:
    """The parts of a file that is ours and whole."""
    if not text:
        raise AuthFileError(f"the auth file {path} is empty: enrol this machine again")
    if _BEGIN.startswith(text):
        raise AuthFileError(_truncated(path))
    if not text.startswith(_BEGIN):
        raise AuthFileError(f"{path} is no auth file of this program")
    body = text.removeprefix(_BEGIN)
    version = _VERSION.match(body)
    if version and int(version[1]) > VERSION:
        raise AuthFileError(
            f"the auth file {path} is of version {version[1]}: this program reads up to {VERSION}; update it"
        )
    if _END not in text:
        raise AuthFileError(_truncated(path))
    found = _BODY.fullmatch(body.removesuffix(_END)) if body.endswith(_END) else None
    if found is None or found["checksum"] != _checksum(found["covered"]):
        raise AuthFileError(_damaged(path))
    return found


def _opened(found: re.Match[str], secret: Secret, path: Path) -> tuple[_Content, SealKeys]:
    try:
        packed = base64.b64decode(found["box"].replace("\n", ""), validate=True)
    except binascii.Error:
        raise AuthFileError(_damaged(path)) from None
    salt, check = packed[:_SALT], packed[_SALT : _SALT + _CHECK]
    nonce, box = packed[_SALT + _CHECK :][:_NONCE], packed[_SALT + _CHECK + _NONCE :]
    keys = secret.keys(salt)
    if not hmac.compare_digest(check, keys.check):
        raise AuthFileError(
            f"the {secret.kind.replace('-', ' ')} is not the one that the auth file {path} is sealed under"
        )
    try:
        content: _Content = coding.decode(_Content, AESGCM(keys.box).decrypt(nonce, box, found["head"].encode()), "it")
    except (InvalidTag, ValueError, MessageRefused):
        raise AuthFileError(f"the auth file {path} was altered after it was sealed: enrol this machine again") from None
    return content, keys


def _content(identity: Identity, keys: SealKeys) -> _Content:
    key = Ed25519PrivateKey.from_private_bytes(identity.signing_key)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(keys.pem))
    return _Content(
        terminal=identity.terminal,
        generation=identity.generation,
        key=pem.decode(),
        certificate=identity.certificate,
        cas=identity.cas,
        address=identity.address,
        bank=identity.bank,
    )


def _identity(content: _Content, keys: SealKeys, path: Path) -> Identity:
    try:
        key = load_pem_private_key(content.key.encode(), keys.pem)
    except (ValueError, TypeError):
        raise AuthFileError(_damaged(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise AuthFileError(_damaged(path))
    return Identity(
        terminal=content.terminal,
        generation=content.generation,
        signing_key=key.private_bytes_raw(),
        certificate=content.certificate,
        cas=content.cas,
        address=content.address,
        bank=content.bank,
    )


def _check_certificate(identity: Identity, path: Path, now_ms: int) -> None:
    what = f"the certificate in the auth file {path}"
    try:
        certificate = certificates.load(identity.certificate, what)
        certificates.issuer_of(certificate, identity.cas, now_ms, what)
        ours = certificates.ed25519_key(certificate, what)
    except MessageRefused as error:
        raise AuthFileError(f"{error}; if it stays so, enrol this machine again") from None
    if ours != signing_public(identity.signing_key):
        raise AuthFileError(f"{what} is for another key: enrol this machine again")


def _checksum(covered: str) -> str:
    return hashlib.sha256(covered.encode("latin-1")).hexdigest()


def _spoken(kind: str) -> str:
    return "no secret" if kind == "none" else f"a {kind.replace('-', ' ')}"


def _truncated(path: Path) -> str:
    return f"the auth file {path} is cut off before its end: restore it from a copy, or enrol this machine again"


def _damaged(path: Path) -> str:
    return f"the auth file {path} is damaged: restore it from a copy, or enrol this machine again"
