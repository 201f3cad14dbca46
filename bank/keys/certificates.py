"""The bank's X.509 certificates (RFC 5280): its CA, its server, its slips, and those of its terminals. All Ed25519.

Pure: keys, serials and dates are handed in, so the same call makes the same bytes.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bank.keys.errors import CertificateRefused, KeyRingError
from bank_link.certificates import SLIP_ROLE

DAY_MS = 86_400_000
CA_LIFE_MS = 3652 * DAY_MS
SLIP_LIFE_MS = 1826 * DAY_MS
TERMINAL_LIFE_MS = 365 * DAY_MS
SERVER_LIFE_MS = 30 * DAY_MS
#: A kiosk's clock may lag this far behind and still accept a fresh certificate.
BACKDATE_MS = 300_000

#: id-kp-documentSigning (RFC 9336): whatever else a slip's certificate is shown to, TLS above all, refuses it.
SLIP_PURPOSE = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A CA that can sign. Its repr shows no key."""

    certificate: x509.Certificate
    key: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"<Authority {self.certificate.subject.rfc4514_string()}>"


TERMINAL_ROLE = "atm:terminal:"


def terminal_uri(terminal: str, generation: int) -> str:
    return f"{TERMINAL_ROLE}{terminal}:{generation}"


def make_ca(*, key: Ed25519PrivateKey, bank: str, version: int, serial: bytes, now_ms: int) -> x509.Certificate:
    """A self-signed root that may sign end certificates and nothing deeper."""
    name = _name(bank, f"CA {version}")
    builder = _begun(name, name, key.public_key(), serial, life=_life(now_ms, CA_LIFE_MS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return builder.add_extension(_own_id(key.public_key()), critical=False).sign(key, None)


def make_server(
    authority: Authority, *, key: Ed25519PublicKey, bank: str, hosts: Sequence[str], serial: bytes, now_ms: int
) -> x509.Certificate:
    """The listeners' certificate: valid for `hosts` (names or addresses), for thirty days."""
    names = x509.SubjectAlternativeName([_host_name(host) for host in hosts])
    return _end(
        authority, key=key, subject=_name(bank, "server"), names=names, purpose=ExtendedKeyUsageOID.SERVER_AUTH,
        serial=serial, now_ms=now_ms, life_ms=SERVER_LIFE_MS,
    )  # fmt: skip


def make_slip(
    authority: Authority, *, key: Ed25519PublicKey, bank: str, version: int, serial: bytes, now_ms: int
) -> x509.Certificate:
    """The certificate of the key that signs slips: subject alternative name `atm:slip`."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SLIP_ROLE)])
    return _end(
        authority, key=key, subject=_name(bank, f"slips {version}"), names=names, purpose=SLIP_PURPOSE,
        serial=serial, now_ms=now_ms, life_ms=SLIP_LIFE_MS,
    )  # fmt: skip


def make_terminal(
    authority: Authority, *, key: Ed25519PublicKey, terminal: str, generation: int, serial: bytes, now_ms: int
) -> x509.Certificate:
    """A terminal's certificate, good for opening TLS and nothing else: `atm:terminal:<id>:<generation>`."""
    uri = x509.UniformResourceIdentifier(terminal_uri(terminal, generation))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, terminal)])
    return _end(
        authority, key=key, subject=subject, names=x509.SubjectAlternativeName([uri]),
        purpose=ExtendedKeyUsageOID.CLIENT_AUTH, serial=serial, now_ms=now_ms, life_ms=TERMINAL_LIFE_MS,
    )  # fmt: skip


def requested_key(csr_der: bytes) -> Ed25519PublicKey:
    """The key of a PKCS #10 request, whose possession its signature proves. Raises CertificateRefused."""
    try:
        request = x509.load_der_x509_csr(csr_der)
        key = request.public_key()
    except Exception as error:
        raise CertificateRefused("the certificate request is damaged") from error
    if not isinstance(key, Ed25519PublicKey):
        raise CertificateRefused("the certificate request is not for an Ed25519 key")
    if not request.is_signature_valid:
        raise CertificateRefused("the certificate request does not prove that its sender holds the key")
    return key


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer`'s key signed `certificate` under its name."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def valid_at(certificate: x509.Certificate, now_ms: int) -> bool:
    now = moment(now_ms)
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def moment(at_ms: int) -> dt.datetime:
    """Milliseconds since 1970 UTC as a date, whole seconds."""
    return dt.datetime.fromtimestamp(at_ms // 1000, dt.UTC)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _end(
    authority: Authority, *, key: Ed25519PublicKey, subject: x509.Name, names: x509.SubjectAlternativeName,
    purpose: x509.ObjectIdentifier, serial: bytes, now_ms: int, life_ms: int,
) -> x509.Certificate:  # fmt: skip
    builder = _begun(subject, authority.certificate.subject, key, serial, life=_life(now_ms, life_ms))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(_own_id(key), critical=False)
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return builder.add_extension(issuer_id, critical=False).sign(authority.key, None)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey, serial: bytes, *,
    life: tuple[dt.datetime, dt.datetime],
) -> x509.CertificateBuilder:  # fmt: skip
    # RFC 5280, 4.1.2.2: positive, at most 20 octets.
    number = int.from_bytes(serial[:16], "big") | 1
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key, serial_number=number)
    return builder.not_valid_before(life[0]).not_valid_after(life[1])


def _life(now_ms: int, life_ms: int) -> tuple[dt.datetime, dt.datetime]:
    return moment(now_ms - BACKDATE_MS), moment(now_ms + life_ms)


def _own_id(key: Ed25519PublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _name(bank: str, what: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, bank[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, what),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if len(host) <= 253 and all(label.replace("-", "a").isalnum() and label.isascii() for label in labels):
        return x509.DNSName(host.lower())
    raise KeyRingError(f"{host[:80]!r} is neither a host name nor an address; the certificate cannot name it")
