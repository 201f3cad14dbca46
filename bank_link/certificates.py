"""The bank's certificates as the kiosk judges them: who signed one, when it holds, and what role it names.

A role is a URI among the subject's alternative names. A certificate serves in one role only, so a terminal's or a web
server's cannot pass for the one that signs slips.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bank_link.errors import MessageRefused

SLIP_ROLE = "atm:slip"


def load(pem: str, what: str) -> x509.Certificate:
    """The certificate in `pem`. Raises MessageRefused, naming it as `what`, where there is none."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise MessageRefused(f"{what} is not a certificate") from None


def slip_key(pem: str, cas: Iterable[str], now_ms: int) -> bytes:
    """The raw Ed25519 key of the bank's slip certificate.

    Raises MessageRefused unless one of `cas` (PEM) signed it, it holds at `now_ms`, and it names the role of signing
    slips and nothing else.
    """
    certificate = load(pem, "the bank's slip certificate")
    issuer_of(certificate, cas, now_ms, "the bank's slip certificate")
    if _names(certificate) != [x509.UniformResourceIdentifier(SLIP_ROLE)]:
        raise MessageRefused("the certificate that the bank signs with is not one for slips")
    return ed25519_key(certificate, "the bank's slip certificate")


def issuer_of(certificate: x509.Certificate, cas: Iterable[str], now_ms: int, what: str) -> x509.Certificate:
    """The CA of `cas` (PEM) that signed `certificate`; both must hold at `now_ms`. Raises MessageRefused."""
    for pem in cas:
        ca = load(pem, "one of the bank's CAs")
        if _is_ca(ca) and _signed_by(certificate, ca):
            _check_dates(ca, now_ms, f"the CA of {what}")
            _check_dates(certificate, now_ms, what)
            return ca
    raise MessageRefused(f"{what} is not signed by a CA of this bank")


def ed25519_key(certificate: x509.Certificate, what: str) -> bytes:
    """The raw Ed25519 public key of `certificate`. Raises MessageRefused for another kind of key."""
    try:
        key = certificate.public_key()
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise MessageRefused(f"{what} holds another kind of key than Ed25519")
    return key.public_bytes_raw()


def _check_dates(certificate: x509.Certificate, now_ms: int, what: str) -> None:
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if now < certificate.not_valid_before_utc:
        raise MessageRefused(
            f"{what} is not valid before {_day(certificate.not_valid_before_utc)}: is the clock right?"
        )
    if now > certificate.not_valid_after_utc:
        raise MessageRefused(f"{what} expired on {_day(certificate.not_valid_after_utc)}")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def _signed_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (x509.ExtensionNotFound, ValueError):
        return []
