"""TLS of the two listeners, with real handshakes: who is admitted, and with what."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.bank_ring import make_ring, real_ring, terminal_files

from bank.keys.certificates import DAY_MS
from bank.keys.errors import KeyRingError
from bank.keys.keyring import KeyRing
from bank.keys.tls import reload_certificates, server_context
from bank_link.seams import SystemClock


def client(ring: KeyRing, own: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata="".join(ring.ca_pems()))
    if own:
        context.load_cert_chain(own)
    return context


def admitted(server: ssl.SSLContext, caller: ssl.SSLContext, host: str = "127.0.0.1") -> str:
    """What a byte each way says: "ok", or the name of the error on the server's side."""
    ours, theirs = socket.socketpair()
    seen: list[str] = []

    def serve() -> None:
        try:
            with server.wrap_socket(ours, server_side=True) as line:
                line.sendall(line.recv(1))
                seen.append("ok")
        except (ssl.SSLError, OSError) as error:
            seen.append(str(error))
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with caller.wrap_socket(theirs, server_hostname=host) as line:
            line.sendall(b"x")
            line.recv(1)
    except ssl.SSLError as error:
        seen.append(str(error))
    except OSError:
        pass
    finally:
        theirs.close()
        thread.join(10)
    return seen[0]


def test_an_enrolled_terminal_is_admitted(tmp_path: Path) -> None:
    """By address and by name; and over TLS 1.3 only."""
    ring = real_ring(tmp_path / "keys")
    server, caller = server_context(ring, enrolment=False), client(ring, terminal_files(tmp_path, ring))
    assert admitted(server, caller) == "ok"
    assert admitted(server, caller, "localhost") == "ok"
    caller.maximum_version = ssl.TLSVersion.TLSv1_2
    assert "protocol" in admitted(server, caller).lower()


def test_strangers_are_not_admitted(tmp_path: Path) -> None:
    """No certificate, another bank's, an expired one, and the bank's own certificates in a terminal's place."""
    ring, other = real_ring(tmp_path / "keys"), real_ring(tmp_path / "other", "other")
    server = server_context(ring, enrolment=False)
    now_ms = SystemClock().now_ms()
    slip = tmp_path / "slip.pem"
    private = Ed25519PrivateKey.from_private_bytes(ring.slip_private_key())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    slip.write_bytes(pem + ring.slip_certificate_pem().encode())
    expired = terminal_files(tmp_path, ring, "T-old", now_ms=now_ms - 400 * DAY_MS)
    early = terminal_files(tmp_path, ring, "T-new", now_ms=now_ms + 2 * DAY_MS)
    foreign = terminal_files(tmp_path, other, "T-foreign")
    for own in (None, foreign, expired, early, ring.server_file, slip):
        assert admitted(server, client(ring, own)) != "ok", own


def test_a_self_signed_bank_is_not_believed(tmp_path: Path) -> None:
    """A terminal that knows this bank's CA does not talk to another's server."""
    ring, other = real_ring(tmp_path / "keys"), real_ring(tmp_path / "other", "other")
    caller = client(ring, terminal_files(tmp_path, ring))
    assert admitted(server_context(other, enrolment=False), caller) != "ok"


def test_whoever_enrols_needs_no_certificate_and_sees_the_ca(tmp_path: Path) -> None:
    """The enrolment listener sends its CA along, so that its hash can be compared before the token is sent."""
    ring = real_ring(tmp_path / "keys")
    assert admitted(server_context(ring, enrolment=True), client(ring)) == "ok"
    assert ring.server_file.read_text().endswith(ring.ca_pem())


def test_a_new_server_certificate_and_the_next_cas_terminals_work_without_a_restart(tmp_path: Path) -> None:
    """A context that is in use takes over the renewed certificate and the promoted CA."""
    ring = real_ring(tmp_path / "keys")
    server = server_context(ring, enrolment=False)
    now_ms = SystemClock().now_ms()
    ring.add_next_ca(now_ms=now_ms)
    ring.promote_next_ca(now_ms=now_ms)
    own = terminal_files(tmp_path, ring, "T-2")
    assert admitted(server, client(ring, own)) != "ok"
    reload_certificates(server, ring)
    assert admitted(server, client(ring, own)) == "ok"


def test_an_expired_server_certificate_is_replaced_at_start(tmp_path: Path) -> None:
    """A bank that was off for months serves again after its `renew_server`."""
    now_ms = SystemClock().now_ms()
    ring = make_ring(tmp_path / "keys", now_ms=now_ms - 90 * DAY_MS)
    own = terminal_files(tmp_path, ring)
    assert admitted(server_context(ring, enrolment=False), client(ring, own)) != "ok"
    assert ring.renew_server(now_ms=now_ms)
    assert admitted(server_context(ring, enrolment=False), client(ring, own)) == "ok"


def test_a_missing_server_certificate_is_one_sentence(tmp_path: Path) -> None:
    """The sentence says to renew it."""
    ring = real_ring(tmp_path / "keys")
    ring.server_file.unlink()
    with pytest.raises(KeyRingError, match="renew the server's certificate"):
        server_context(ring, enrolment=True)


def test_dates_are_utc(tmp_path: Path) -> None:
    """Certificates begin five minutes back, for kiosks whose clocks lag."""
    from cryptography import x509

    ring = make_ring(tmp_path / "keys", now_ms=1_790_000_000_000)
    certificate = x509.load_pem_x509_certificate(ring.ca_pem().encode())
    assert certificate.not_valid_before_utc == dt.datetime.fromtimestamp(1_790_000_000 - 300, dt.UTC)
