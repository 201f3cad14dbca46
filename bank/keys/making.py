"""How a ring's files come into being: a whole new ring, or one more version of a key."""

from __future__ import annotations

import shutil
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bank.keys import certificates, key_files
from bank.keys.certificates import Authority
from bank.keys.errors import KeyRingError
from bank.keys.key_files import FORMAT, KEY_BYTES, PURPOSES, Manifest
from bank_link.seams import Randomness


def make_ring(directory: Path, *, random: Randomness, bank_name: str, hosts: tuple[str, ...], now_ms: int) -> None:
    """Make every file beside `directory`, then move it into place at once. Raises KeyRingError."""
    if directory.is_symlink() or (directory.exists() and not (directory.is_dir() and not any(directory.iterdir()))):
        raise KeyRingError(f"{directory} exists already; a bank's keys are never overwritten")
    half = directory.with_name(directory.name + ".half-made")
    try:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise KeyRingError(f"{half} cannot be made: {error.strerror}; check the folder and the rights") from error
    ring = random.token_bytes(8).hex()
    manifest = Manifest(format=FORMAT, ring=ring, bank=bank_name, hosts=hosts, newest=dict.fromkeys(PURPOSES, 1), ca=1)
    try:
        _fill(half, manifest, random, now_ms)
        half.rename(directory)
    except OSError as error:
        raise KeyRingError(f"{directory} cannot be made: {error.strerror}; check the disk and the rights") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    key_files.sync_directory(directory.parent)


def _fill(directory: Path, manifest: Manifest, random: Randomness, now_ms: int) -> None:
    ca = make_version(directory, manifest, "ca", 1, random=random, now_ms=now_ms, authority=None)
    authority = Authority(
        certificate=read_certificate(directory, "ca", 1, ca), key=Ed25519PrivateKey.from_private_bytes(ca)
    )
    for purpose in PURPOSES[1:]:
        make_version(directory, manifest, purpose, 1, random=random, now_ms=now_ms, authority=authority)
    key_files.write_manifest(directory, manifest)


def make_version(
    directory: Path, manifest: Manifest, purpose: str, version: int, *,
    random: Randomness, now_ms: int, authority: Authority | None,
) -> bytes:  # fmt: skip
    """Write one more key, and its certificate where it has one; returns the key. The manifest is the caller's."""
    key = random.token_bytes(KEY_BYTES)
    key_files.write_key(directory, ring=manifest.ring, purpose=purpose, version=version, key=key)
    if purpose in {"ca", "slip"}:
        private = Ed25519PrivateKey.from_private_bytes(key)
        serial = random.token_bytes(16)
        certificate = (
            certificates.make_ca(key=private, bank=manifest.bank, version=version, serial=serial, now_ms=now_ms)
            if authority is None
            else certificates.make_slip(
                authority, key=private.public_key(), bank=manifest.bank, version=version, serial=serial, now_ms=now_ms
            )
        )
        path = certificate_path(directory, purpose, version)
        key_files.write_private(path, certificates.pem(certificate).encode())
    return key


def certificate_path(directory: Path, purpose: str, version: int) -> Path:
    return directory / f"{purpose}-{version}.pem"


def read_certificate(directory: Path, purpose: str, version: int, key: bytes) -> x509.Certificate:
    """The certificate that lies beside a key. Raises KeyRingError where it is damaged or another key's."""
    path = certificate_path(directory, purpose, version)
    try:
        certificate = x509.load_pem_x509_certificate(key_files.read_private(path))
        named = certificate.public_key()
    except ValueError as error:
        raise KeyRingError(f"{path} is damaged; restore it from the backup of the keys") from error
    if named != Ed25519PrivateKey.from_private_bytes(key).public_key():
        raise KeyRingError(f"{path} belongs to another key; restore it from the backup of the keys")
    return certificate
