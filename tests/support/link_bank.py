"""The bank's end of the line in memory: real sign-on and MACs, and every way in which a line can misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from support.link_authority import Authority, SeededRandom

from bank_link import sign_on
from bank_link.envelope import Frame, answering, decode_request, seal, unseal, verify
from bank_link.errors import MessageRefused, NotSent, OutcomeUnknown
from bank_link.keys import agreement_public, signing_public
from bank_link.messages import (
    Answered,
    Echo,
    EchoBack,
    Hello,
    HelloBack,
    Message,
    Refused,
    Session,
    SignOn,
    SignOnNeeded,
)
from bank_link.money import Money

BANK_TIME = 1_800_000_000_000
CHALLENGE_KEY = b"c" * 32


def session_fields(slip_public: bytes, *, session: str = "S1", time: int = BANK_TIME, **changes) -> dict:
    fields = {
        "session": session,
        "time": time,
        "state": "active",
        "next_number": 1,
        "pin_key": agreement_public(b"p" * 32),
        "pin_key_id": "pin-1",
        "slip_keys": (slip_public,),
        "currency": "USD",
        "most_per_withdrawal": Money(50_000, "USD"),
        "hold_ms": 300_000,
        "echo_ms": 30_000,
        "audit_head": "head-0",
    }
    return fields | changes


class Journal:
    """`client.Standing` with nothing in it; remembers the sessions that were opened."""

    journal_id = "J1"
    boot_id = "B1"

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.boots = {"B1"}

    def knows_boot(self, boot: str) -> bool:
        return boot in self.boots

    def answered(self) -> Answered:
        return Answered(ranges=((1, 1, 3),))

    def highest_taken(self) -> int:
        return 4

    def outbox_length(self) -> int:
        return 0

    def counts(self) -> tuple:
        return ()

    def opened(self, session: Session) -> None:
        self.sessions.append(session)


class MemoryBank:
    """Answers frames as the bank does. `decide` makes the answer to a message in a session; `now_ms` is its clock."""

    def __init__(self, authority: Authority, terminal_key: bytes, decide: Callable[[Message], Message] | None = None):
        self.authority = authority
        self.slip = authority.slip()
        self.terminal_public = signing_public(terminal_key)
        self.decide = decide or (lambda message: EchoBack())
        self.random = SeededRandom("bank")
        self.now_ms = lambda: BANK_TIME
        self.changes: dict = {}
        self.last_boot = ""
        self.refuses: Refused | None = None
        self.keys = None
        self.session = ""
        self.claims = None
        self.sign_ons = 0
        self.seen: list[Message] = []
        self.transmissions: list[int] = []

    def handle(self, data: bytes) -> bytes:
        frame = unseal(data)
        message = decode_request(frame.envelope.kind, frame.envelope.body)
        if isinstance(message, Hello):
            return self._bare(frame, self._hello(frame, message))
        if isinstance(message, SignOn):
            return self._bare(frame, self._sign_on(message))
        return self._in_session(frame, message)

    def end_session(self) -> None:
        self.session = ""

    def _hello(self, frame: Frame, hello: Hello) -> Message:
        nonce = sign_on.challenge(CHALLENGE_KEY, self.now_ms(), frame.envelope.terminal, hello.nonce)
        return HelloBack(nonce=nonce, time=self.now_ms(), last_boot=self.last_boot)

    def _sign_on(self, message: SignOn) -> Message:
        if self.refuses:
            return self.refuses
        self.claims = sign_on.read_claims(message)
        sign_on.check_challenge(CHALLENGE_KEY, self.now_ms(), self.claims)
        sign_on.verify_claims(message, self.terminal_public)
        self.sign_ons += 1
        self.session = f"S{self.sign_ons}"
        fields = session_fields(self.slip.public, session=self.session, time=self.now_ms()) | self.changes
        answer, self.keys = sign_on.open_session(
            message,
            random=self.random,
            slip_private_key=self.slip.private,
            slip_certificate=self.slip.pem,
            **fields,
        )
        return answer

    def _in_session(self, frame: Frame, message: Message) -> bytes:
        if frame.envelope.session != self.session or self.keys is None:
            return self._bare(frame, SignOnNeeded())
        verify(frame, self.keys.to_bank)
        self.seen.append(message)
        self.transmissions.append(frame.envelope.transmission)
        answer = answering(frame.envelope, self.decide(message), time=self.now_ms())
        return seal(answer, self.keys.to_kiosk, request_mac=frame.mac)

    def _bare(self, frame: Frame, answer: Message) -> bytes:
        return seal(answering(frame.envelope, answer, time=self.now_ms()), None)


class MemoryLine:
    """`seams.Line` to a MemoryBank. `fault(data)` may raise, wait, or return other bytes than the bank's."""

    def __init__(self, bank: MemoryBank) -> None:
        self.bank = bank
        self.fault: Callable[[bytes, Callable[[bytes], bytes]], bytes] | None = None
        self.latency_s = 0.01
        self.sent = 0
        self.resets = 0
        self.timeouts: list[int] = []

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        self.sent += 1
        self.timeouts.append(timeout_ms)
        await asyncio.sleep(self.latency_s)
        if self.fault:
            return self.fault(request, self.bank.handle)
        return self.bank.handle(request)

    async def reset(self) -> None:
        self.resets += 1


__all__ = ["BANK_TIME", "Echo", "Journal", "MemoryBank", "MemoryLine", "MessageRefused", "NotSent", "OutcomeUnknown"]
