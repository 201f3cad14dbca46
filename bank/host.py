"""The bank's one entrance for messages: bytes in, bytes out. TLS admits; the envelope says who."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, bindparam, select

from bank import schema
from bank.authoriser.context import Keys, Limits, Tools
from bank.decision.committer import Committer
from bank.decision.decide import Dropped
from bank.store.prepared import Prepared
from bank.store.store import Store
from bank_link.envelope import Envelope, answering, decode_request, seal, unseal
from bank_link.errors import MessageRefused
from bank_link.messages import Hello, HelloBack, Reason, Refused
from bank_link.seams import Randomness, WallClock
from bank_link.sign_on import challenge
from bank_link.till.messages import answer_envelope, is_tills, pack, unpack


class Host:
    """Answers every message but `enrol`, which has a listener of its own."""

    def __init__(
        self, *, store: Store, committer: Committer, clock: WallClock, challenge_key: bytes,
        committed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._committer = committer
        self._clock = clock
        self._challenge_key = challenge_key
        self._committed = committed

    async def handle(self, body: bytes, *, peer: str) -> bytes:  # noqa: ARG002 - `peer` is for limits at the transport
        """The answer's bytes. Raises MessageRefused for what proves nothing about its sender, and Busy."""
        if is_tills(body):
            return _to_a_till(body)
        frame = unseal(body)
        if frame.envelope.kind == "hello":
            return await self._hello(frame.envelope)
        try:
            outcome = await self._committer.submit(frame)
        finally:
            # Also where nobody waits for the answer any more: it may be committed all the same.
            self._committed()
        if isinstance(outcome, Dropped):
            raise MessageRefused(outcome.sentence)
        return outcome.data

    async def _hello(self, envelope: Envelope) -> bytes:
        message = decode_request("hello", envelope.body)
        assert isinstance(message, Hello)
        now = self._clock.now_ms()
        nonce = challenge(self._challenge_key, now, envelope.terminal, message.nonce)
        last_boot = await self._store.read(_last_boot, envelope.terminal)
        return seal(answering(envelope, HelloBack(nonce=nonce, time=now, last_boot=last_boot), time=now), None)


def _to_a_till(body: bytes) -> bytes:
    """One sentence for a till that was brought here. Raises MessageRefused."""
    sentence = "this bank is for kiosks: a till belongs to a bank that was made for tills"
    return pack(answer_envelope(unpack(body), Refused(reason=Reason.UNSUPPORTED, sentence=sentence)))


def _last_boot(connection: Connection, terminal: str) -> str:
    return _LAST_BOOT.value(connection, terminal=terminal) or ""


_LAST_BOOT = Prepared(select(schema.terminals.c.last_boot).where(schema.terminals.c.terminal == bindparam("terminal")))


def tools_maker(
    *, clock: WallClock, limits: Limits, keys: Keys, random: Randomness, audit_head: Callable[[], str]
) -> Callable[[], Tools]:  # fmt: skip
    """Makes each batch's tools: the time is read once for all of it."""
    return lambda: Tools(
        now_ms=clock.now_ms(), limits=limits, keys=keys, random=random, audit_head=audit_head() or "none"
    )
