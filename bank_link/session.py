"""One session as the kiosk holds it: how a message is sealed in it, and how an answer is judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from bank_link import messages as m
from bank_link.envelope import MAC_BYTES, NO_MAC, Envelope, Frame, decode_answer, encode, seal, unseal, verify
from bank_link.errors import MessageRefused, SignOnRefused
from bank_link.identity import Identity
from bank_link.sign_on import SessionKeys

#: The answers, beside `Refused` and `InProgress`, that each request can have.
ANSWERS: dict[type[m.Message], tuple[type[m.Message], ...]] = {
    m.Hello: (m.HelloBack,),
    m.SignOn: (m.SignedOn,),
    m.Echo: (m.EchoBack,),
    m.OpenVisit: (m.VisitOpened,),
    m.Inquire: (m.Figures, m.Statement, m.Payee, m.Billers),
    m.Authorise: (m.Authorised,),
    m.Release: (m.Released,),
    m.Post: (m.Slipped,),
    m.Deposit: (m.Slipped,),
    m.CloseVisit: (m.Acknowledged,),
    m.Completion: (m.Acknowledged,),
    m.Reversal: (m.Acknowledged,),
    m.Credit: (m.Acknowledged,),
    m.Posted: (m.Acknowledged,),
    m.CardWritten: (m.Acknowledged,),
    m.Exchange: (m.Acknowledged,),
}


@dataclass(slots=True)
class OpenSession:
    """A session with its keys, its count of transmissions, and how far the bank's answers have come."""

    identity: Identity
    session: m.Session
    keys: SessionKeys
    transmissions: int = field(default=0)
    heard: int = field(default=0)

    def seal(self, message: m.Request, *, time: int) -> bytes:
        """The bytes of one more send of `message`, under a transmission number of its own."""
        self.transmissions += 1
        where = (self.session.session, self.transmissions)
        return seal(_envelope(self.identity, where, message, time, self.heard), self.keys.to_bank)

    def read(self, data: bytes, *, message: m.Request, request: bytes) -> tuple[m.Answer, int]:
        """The answer in `data` to that send of `message`, and the bank time it says (0 for an unauthenticated one).

        Raises MessageRefused for what is not the bank's answer to this very send. Only `SignOnNeeded` is believed
        without a MAC, since it makes the kiosk do nothing but sign on.
        """
        frame = unseal(data)
        if frame.mac == NO_MAC:
            return _sign_on_needed(frame), 0
        verify(frame, self.keys.to_kiosk, request_mac=request[:MAC_BYTES])
        if (frame.envelope.terminal, frame.envelope.session) != (self.identity.terminal, self.session.session):
            raise MessageRefused("the answer is for another terminal or session")
        answer = _fitting(frame, message, (m.Refused, m.InProgress, m.SignOnNeeded))
        self.heard = max(self.heard, frame.envelope.sequence)
        return answer, frame.envelope.time


def seal_first(identity: Identity, message: m.Hello | m.SignOn) -> bytes:
    """The bytes of a message that comes before there is a session."""
    return seal(_envelope(identity, ("", 0), message), None)


def read_first(data: bytes, message: m.Hello | m.SignOn) -> m.Answer:
    """The answer to `hello` or `sign-on`.

    Raises MessageRefused for what is none, SignOnRefused where the bank refuses.
    """
    frame = unseal(data)
    if frame.mac != NO_MAC:
        raise MessageRefused("the answer belongs to a session, and there is none yet")
    answer = _fitting(frame, message, (m.Refused,))
    if isinstance(answer, m.Refused):
        why = answer.sentence or answer.reason
        raise SignOnRefused(f"the bank does not sign this terminal on: {why}", reason=answer.reason)
    return answer


def _envelope(
    identity: Identity, where: tuple[str, int], message: m.Request, time: int = 0, sequence: int = 0
) -> Envelope:
    session, transmission = where
    return Envelope(
        terminal=identity.terminal,
        generation=identity.generation,
        session=session,
        transmission=transmission,
        time=time,
        sequence=sequence,
        kind=m.kind(message),
        body=encode(message),
    )


def _sign_on_needed(frame: Frame) -> m.SignOnNeeded:
    answer = decode_answer(frame.envelope.body)
    if not isinstance(answer, m.SignOnNeeded):
        raise MessageRefused("the answer bears no MAC")
    return answer


def _fitting(frame: Frame, message: m.Request, others: tuple[type[m.Message], ...]) -> m.Answer:
    answer = decode_answer(frame.envelope.body)
    if not isinstance(answer, (*ANSWERS[type(message)], *others)) or frame.envelope.kind != m.kind(answer):
        raise MessageRefused(f"a {m.kind(answer)} is no answer to {m.kind(message)}")
    return answer
