"""The bank's end of a till's line: a real TLS server that answers as the bank does, or as a test wants; and a till's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from support.link_authority import Authority, Made, SeededRandom
from support.tls_server import Hangup, Request, TlsServer, server_context

from bank_link import auth_file, card_file
from bank_link.auth_secret import Secret
from bank_link.identity import Identity
from bank_link.till.messages import TillAnswer, TillCall, TillDone, What, answer_envelope, pack, read_call, unpack

CARD = "4539578763621486"
CARD_SECRET = bytes(range(32))
HOST = "localhost"


def card_bytes(secret: bytes = CARD_SECRET, *, epoch: int = 1, n: int = 0) -> bytes:
    return card_file.compose(CARD, "harbour", 209_912, epoch, n, secret)


def write_auth_file(path: Path, identity: Identity) -> None:
    path.write_bytes(auth_file.compose(identity, Secret.none(), SeededRandom(path.name)))


def done(call: TillCall, *, balance: int = 43_63) -> TillDone:
    """A bank that refuses nothing."""
    return TillDone(
        number=call.number,
        what=call.what,
        account=call.account,
        amount=balance if call.what is What.BALANCE else call.amount,
        file=card_bytes() if call.what is What.OPEN else b"",
    )


class TillBank:
    """Use as a context manager. `decide` makes the answer to a call; `calls` are those that came."""

    def __init__(
        self,
        authority: Authority,
        decide: Callable[[TillCall], TillAnswer] = done,
        *,
        handler: Callable[[Request], None] | None = None,
        shows: Made | None = None,
    ) -> None:
        context = server_context(shows or authority.server(), client_ca=authority.pem)
        self._decide = decide
        self.server = TlsServer(context, handler or self.handle)
        self.calls: list[TillCall] = []

    @property
    def port(self) -> int:
        return self.server.port

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    def handle(self, request: Request) -> None:
        request.answer(self.frame(request.body))
        raise Hangup

    def frame(self, request: bytes) -> bytes:
        """The answer's bytes."""
        envelope = unpack(request)
        call = read_call(envelope)
        self.calls.append(call)
        return pack(answer_envelope(envelope, self._decide(call)))
