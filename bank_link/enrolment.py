"""Enrolment, the terminal's side: from the string that a person was given to the terminal's identity.

The terminal makes its key, fetches the CA from the enrolment listener over a connection that it does not trust,
compares it with the string's hash, connects again trusting that CA alone, and only then sends the token. What the bank
serves on that listener: `GET /v1/ca`, the CA certificate as PEM, and `POST /v1/enrol`, an `Enrol` in an envelope
without MAC.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import threading

import requests
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from bank_link import address as addresses
from bank_link import certificates
from bank_link.enrolment_string import EnrolmentString, compose, fingerprint, parse, token_text
from bank_link.envelope import (
    CA_PATH,
    CONTENT_TYPE,
    ENROL_PATH,
    MAX_FRAME,
    NO_MAC,
    Envelope,
    decode_answer,
    encode,
    seal,
    unseal,
)
from bank_link.errors import EnrolmentError, MessageRefused, NotSent
from bank_link.identity import Identity
from bank_link.keys import KEY_BYTES, signing_public
from bank_link.messages import Enrol, Enrolled, Refused, kind
from bank_link.pinned_http import Call, PinnedSession, whole_body
from bank_link.seams import Randomness
from bank_link.tls import pinned_context, unverified_context

__all__ = ["EnrolmentString", "compose", "enrol", "fingerprint", "parse", "token_text"]

TIMEOUT_S = 15

_MOST_CA_BYTES = 16_384
_SPENT = "and the token may be spent (try again; where the bank refuses, ask it for a new enrolment string)"


def enrol(text: str, *, random: Randomness, now_ms: int, signing_key: bytes | None = None) -> Identity:
    """Enrol this machine by the string a person was given; blocks for the network's time.

    `now_ms` is the wall clock, for certificates. `signing_key` (raw Ed25519, else a fresh one) repeats an enrolment
    whose answer was lost: the bank gives the same key the same answer, and any other key finds the token spent. Raises EnrolmentError: a bad string, a bank that cannot be reached,
    another CA than the string names (the token has not left then), a token that is spent or out of date, an answer
    that does not fit. The new terminal is pending until a person at the bank confirms `fingerprint` of its key.
    """
    wanted = parse(text)
    signing_key = signing_key or random.token_bytes(KEY_BYTES)
    ca = _fetch_ca(wanted)
    enrolled = _ask(wanted, ca, _request(wanted, signing_key))
    identity = Identity(
        terminal=enrolled.terminal,
        generation=enrolled.generation,
        signing_key=signing_key,
        certificate=enrolled.certificate,
        cas=enrolled.cas,
        address=enrolled.address,
        bank=enrolled.bank,
    )
    _check(identity, ca, now_ms)
    return identity


def _request(wanted: EnrolmentString, signing_key: bytes) -> Enrol:
    key = Ed25519PrivateKey.from_private_bytes(signing_key)
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    return Enrol(
        token=token_text(wanted.token),
        csr=csr.public_bytes(Encoding.DER),
        fingerprint=fingerprint(signing_public(signing_key)),
    )


def _fetch_ca(wanted: EnrolmentString) -> str:
    """The CA that the listener shows, once it is the one that the string names."""
    pem = _get_ca(wanted.address)
    try:
        der = certificates.load(pem, "what the bank shows as its CA").public_bytes(Encoding.DER)
    except MessageRefused as error:
        raise EnrolmentError(f"{error}: is {wanted.address} the bank's enrolment address?") from None
    if not hmac.compare_digest(hashlib.sha256(der).digest(), wanted.ca_hash):
        raise EnrolmentError(
            f"the server at {wanted.address} shows another CA than the enrolment string names: "
            "nothing was sent to it; ask the bank for a new string, and tell it about this"
        )
    return pem


def _get_ca(address: str) -> str:
    host, port = addresses.split(address)
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=unverified_context())
    try:
        connection.request("GET", CA_PATH)
        response = connection.getresponse()
        body = response.read(_MOST_CA_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise EnrolmentError(f"the bank at {address} cannot be reached: {_reason(error)}") from error
    finally:
        connection.close()
    if response.status != 200 or len(body) > _MOST_CA_BYTES:
        raise EnrolmentError(f"the server at {address} does not show a CA: is it the bank's enrolment address?")
    return body.decode("latin-1")


def _ask(wanted: EnrolmentString, ca: str, request: Enrol) -> Enrolled:
    try:
        data = _post(wanted, ca, _sealed(request))
        frame = unseal(data)
        answer = decode_answer(frame.envelope.body)
    except MessageRefused as error:
        raise EnrolmentError(f"the bank's answer does not fit, {_SPENT}: {error}") from None
    if isinstance(answer, Refused):
        raise EnrolmentError(f"the bank refuses this enrolment: {answer.sentence or answer.reason}")
    if frame.mac != NO_MAC or not isinstance(answer, Enrolled):
        raise EnrolmentError(f"the bank's answer does not fit, {_SPENT}: it is of kind {kind(answer)}")
    return answer


def _sealed(request: Enrol) -> bytes:
    envelope = Envelope(
        terminal="",
        generation=0,
        session="",
        transmission=0,
        time=0,
        kind=kind(request),
        body=encode(request),
    )
    return seal(envelope, None)


def _post(wanted: EnrolmentString, ca: str, data: bytes) -> bytes:
    current = threading.local()
    current.call = Call()
    session = PinnedSession(*addresses.split(wanted.address), pinned_context([ca]), current)
    try:
        with session.post(ENROL_PATH, data, CONTENT_TYPE, (TIMEOUT_S, TIMEOUT_S)) as response:
            if response.status_code != 200:
                raise EnrolmentError(
                    f"the bank at {wanted.address} answered with HTTP status {response.status_code}, {_SPENT}"
                )
            return whole_body(response, MAX_FRAME)
    except NotSent as error:
        raise EnrolmentError(f"{error}; the token was not sent") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise EnrolmentError(f"the bank's answer was lost, {_SPENT}") from error
    finally:
        session.close()


def _check(identity: Identity, ca: str, now_ms: int) -> None:
    """What the bank handed out must be of use: our key in it, signed by its CAs, the pinned one among them."""
    try:
        certificate = certificates.load(identity.certificate, "the terminal's certificate")
        certificates.issuer_of(certificate, identity.cas, now_ms, "the terminal's certificate")
        known = [certificates.load(pem, "one of the bank's CAs") for pem in identity.cas]
        if certificates.ed25519_key(certificate, "the terminal's certificate") != signing_public(identity.signing_key):
            raise EnrolmentError(f"the bank's certificate is for another key, {_SPENT}")
        addresses.split(identity.address)
    except (MessageRefused, ValueError) as error:
        raise EnrolmentError(f"the bank's answer cannot be used, {_SPENT}: {error}") from None
    if certificates.load(ca, "the bank's CA") not in known:
        raise EnrolmentError(f"the bank's answer leaves out the CA that the enrolment string names, {_SPENT}")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    words = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return words.lower()
