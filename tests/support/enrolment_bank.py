"""The bank's enrolment listener, as a real TLS server: shows its CA, takes each token once, repeats itself on a retry."""

from __future__ import annotations

import hashlib
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from support.link_authority import Authority

from bank_link import enrolment
from bank_link.envelope import CA_PATH, ENROL_PATH, NO_MAC, answering, decode_request, seal, unseal
from bank_link.messages import Enrol, Enrolled, Reason, Refused

TOKEN = bytes(range(20))


class EnrolmentBank:
    """`string` enrols terminal T7 once. `cut`: decide, but say nothing. `keys`: the keys that came with the token."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.cut = False
        self.requests = 0
        self.keys: list[bytes] = []
        self.answer: Enrolled | None = None
        self.port = 0

    @property
    def string(self) -> str:
        return enrolment.compose(hashlib.sha256(self.authority.der).digest(), TOKEN, self.address)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def decide(self, request: Enrol) -> Enrolled | Refused:
        self.requests += 1
        key = x509.load_der_x509_csr(request.csr).public_key()
        assert isinstance(key, Ed25519PublicKey)
        raw = key.public_bytes_raw()
        if request.token != enrolment.token_text(TOKEN) or (self.keys and self.keys[0] != raw):
            return Refused(reason=Reason.ENDED, sentence="the token is spent")
        self.keys.append(raw)
        if self.answer is None:
            self.answer = Enrolled(
                terminal="T7",
                generation=1,
                certificate=self.authority.certify(key),
                cas=(self.authority.pem,),
                address="127.0.0.1:8443",
                bank="Harbour Bank",
            )
        return self.answer


@contextmanager
def listening(bank: EnrolmentBank) -> Iterator[EnrolmentBank]:
    """The bank on a port of its own, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bank))
    server.socket = _context(bank.authority).wrap_socket(server.socket, server_side=True)
    bank.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bank
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _context(authority: Authority) -> ssl.SSLContext:
    made = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_bytes(made.key_pem() + made.pem.encode())
        context.load_cert_chain(path)
    return context


def _handler(bank: EnrolmentBank) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(bank.authority.pem.encode() if self.path == CA_PATH else b"", self.path == CA_PATH)

        def do_POST(self) -> None:
            frame = unseal(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == ENROL_PATH
            assert frame.mac == NO_MAC
            request = decode_request(frame.envelope.kind, frame.envelope.body)
            assert isinstance(request, Enrol)
            answer = bank.decide(request)
            if bank.cut:
                self.close_connection = True
                return
            self._answer(seal(answering(frame.envelope, answer, time=0), None), known=True)

        def _answer(self, body: bytes, known: bool) -> None:
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            return

    return Handler
