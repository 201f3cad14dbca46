"""The kiosk's word to the bank: a number in the journal first, then the message until its deadline, then its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from bank_link.card_file import CardFile, proof
from bank_link.errors import LinkError, MessageRefused, NotSent
from bank_link.messages import (
    Acknowledged,
    Answer,
    Authorise,
    Authorised,
    CloseVisit,
    Echo,
    EchoBack,
    Figures,
    Inquire,
    Maker,
    NoteCount,
    OpenVisit,
    Payee,
    Post,
    Posted,
    Reason,
    Refused,
    Release,
    Released,
    Request,
    Session,
    Signed,
    Slipped,
    Statement,
    StatementLine,
    VisitOpened,
    kind,
)
from bank_link.money import Money
from bank_link.pin_block import Pin, seal_pin
from bank_link.seams import Randomness
from bank_link.slips import read_slip
from kiosk.journal import records as r
from kiosk.journal.recovery import conclude
from kiosk.journal.store import Journal

OPEN_VISIT_MS = 20_000
INQUIRE_MS = 20_000
AUTHORISE_MS = 40_000
RELEASE_MS = 60_000
POST_MS = 40_000
CLOSE_VISIT_MS = 5_000
ECHO_MS = 10_000

#: Refusals that do not say whether an earlier copy of the same message was in effect.
_UNDECIDED = {Reason.LATE, Reason.ENDED, Reason.OTHER_BODY}

T = TypeVar("T")


class NoAnswer(Exception):
    """The bank said nothing that counts before the deadline: the transaction was ended by a fact in the outbox."""


class Turned(Exception):
    """The bank refused; `answer` says why."""

    def __init__(self, answer: Refused) -> None:
        super().__init__(answer.sentence)
        self.answer = answer


class Client(Protocol):
    """What the host needs of `bank_link.client.BankClient`."""

    def bank_now(self) -> int: ...
    async def ask(self, message: Request, *, until: int, still: Callable[[], bool] = ...) -> Answer: ...


class Host:
    """One terminal's conversation with its bank. `session` is the newest sign-on's, None before the first."""

    def __init__(
        self, *, client: Client, journal: Journal, terminal: str, generation: int, random: Randomness,
        fact_made: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._client = client
        self._journal = journal
        self._terminal = terminal
        self.generation = generation
        self._random = random
        self._fact_made = fact_made
        self.session: Session | None = None

    def now(self) -> int:
        """Bank time in milliseconds; 0 before the bank has told it."""
        try:
            return self._client.bank_now()
        except NotSent:
            return 0

    # ── A visit ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def open_visit(self, card: CardFile, pin: Pin) -> VisitOpened:
        """Raises Turned (the bank says no) and NoAnswer."""
        session = self._session()
        slot = card.newest
        block = seal_pin(pin, card.card, session.pin_key, self._random)

        def build(number: int, until: int) -> OpenVisit:
            return OpenVisit(
                number=number, deadline=until, card=card.card, epoch=slot.epoch, n=slot.n,
                proof=proof(slot.secret, self._terminal, self.generation, number), pin_block=block,
                pin_key_id=session.pin_key_id,
            )  # fmt: skip

        name = self._name()
        answer = await self._numbered(name, build, OPEN_VISIT_MS, VisitOpened)
        self._journal.write(r.Ended(transaction=name, why="visit-opened"))
        return answer

    async def balance(self, visit: str, account: str) -> Figures:
        """Raises Turned and NoAnswer (there is nothing to end), as all inquiries do."""
        return await self._inquire(visit, account, "balance", Figures)

    async def statement(self, visit: str, account: str) -> tuple[StatementLine, ...]:
        """The account's last ten movements, the newest first."""
        return (await self._inquire(visit, account, "statement", Statement)).lines

    async def payee(self, visit: str, account: str, to: str) -> Payee:
        """Whose account number `to` is, for money from `account`."""
        return await self._inquire(visit, account, "payee", Payee, to=to)

    async def close_visit(self, visit: str, ended: str, language: str = "") -> None:
        """A courtesy: nothing depends on it. `language`: what the customer chose, "" where nothing was."""
        try:
            await self._client.ask(
                CloseVisit(visit=visit, ended=ended, language=language), until=self.now() + CLOSE_VISIT_MS
            )
        except LinkError as error:
            self._journal.write(r.Event(what="close-visit-unheard", detail=str(error)))

    # ── A withdrawal ────────────────────────────────────────────────────────────────────────────────────────────────

    async def authorise(
        self, opened: VisitOpened, account: str, amount: Money, mix: tuple[NoteCount, ...]
    ) -> r.Held:  # fmt: skip
        """The hold, in the journal. Raises Turned and NoAnswer."""
        name = self._name()

        def build(number: int, until: int) -> Authorise:
            return Authorise(number=number, deadline=until, visit=opened.visit, account=account, amount=amount, mix=mix)

        def kept(answer: Authorised) -> tuple[r.AnyRecord, ...]:
            claim = f"{self._terminal}-{name.number}"
            return (
                r.Held(
                    transaction=name, hold=answer.hold, card=opened.card, account=account, amount=answer.amount,
                    mix=mix, claim=claim,
                ),
            )  # fmt: skip

        answer = await self._numbered(name, build, AUTHORISE_MS, Authorised, kept)
        (held,) = kept(answer)
        assert isinstance(held, r.Held)
        if held.amount != amount:
            self.end(name, "another-amount")
            raise NoAnswer("the bank authorised another amount than was asked for")
        return held

    async def release(self, held: r.Held, n: int, nonce: bytes) -> Signed:
        """The dispense authority. Raises Turned and NoAnswer; both leave the ending to the caller, who has the vault."""
        number = self._journal.next_number(self.generation)
        until = self.now() + RELEASE_MS
        self._journal.write(r.Taken(transaction=held.transaction, number=number, kind="release"))
        message = Release(
            number=number, deadline=until, transaction=held.transaction.number, hold=held.hold, n=n, nonce=nonce,
            boot=self._journal.boot_id,
        )  # fmt: skip
        answer = await self._ask(message, until)
        self._keep(held.transaction, number, "release", answer)
        return _of(answer, Released).authority

    # ── Posts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def transfer(self, opened: VisitOpened, account: str, to: str, amount: Money) -> str:
        """Money goes from `account` to account `to`; returns the reference. Raises Turned, and NoAnswer: then it is undone."""
        name = self._name()

        def build(number: int, until: int) -> Post:
            return Post(
                number=number, deadline=until, visit=opened.visit, n=opened.next_n, what="transfer", account=account,
                to=to, amount=amount,
            )  # fmt: skip

        await self._post(name, build, ("transfer", account, to, amount))
        return f"{self._terminal}-{name.number}"

    async def change_pin(self, opened: VisitOpened, card: CardFile, pin: Pin) -> None:
        """The card's PIN is `pin` from now on. Raises Turned, and NoAnswer: then the old one holds."""
        session = self._session()
        block = seal_pin(pin, card.card, session.pin_key, self._random)

        def build(number: int, until: int) -> Post:
            return Post(
                number=number, deadline=until, visit=opened.visit, n=opened.next_n, what="pin-change",
                pin_block=block, pin_key_id=session.pin_key_id,
            )  # fmt: skip

        await self._post(self._name(), build, ("pin-change", "none", "", Money(0, session.currency)))

    async def _post(
        self, name: r.Transaction, build: Callable[[int, int], Post], wanted: tuple[str, str, str, Money]
    ) -> None:  # fmt: skip
        def kept(answer: Slipped) -> tuple[r.AnyRecord, ...]:
            slip = read_slip(answer.slip, self._session().slip_keys)
            about = (slip.terminal, slip.generation, slip.number)
            said = (slip.kind, slip.account, slip.to, slip.amount)
            if about != (self._terminal, name.generation, name.number) or said != wanted:
                raise MessageRefused("the bank's slip is about something else than what was asked")
            made_by = Maker(generation=name.generation, boot=self._journal.boot_id)
            fact = Posted(number=name.number, made_by=made_by, slip=answer.slip, at=self.now())
            body = msgspec.json.encode(fact).decode()
            posted = r.Posted(
                transaction=name, number=name.number, what=slip.kind, account=slip.account, to=slip.to,
                amount=slip.amount, body=body,
            )  # fmt: skip
            return posted, r.Ended(transaction=name, why="posted")

        if self._journal.outbox_length():
            # A reversal of the post before this one may be among them: what it undoes must not be built upon.
            raise NoAnswer("the bank has not been told yet what happened before")
        await self._numbered(name, build, POST_MS, Slipped, kept)

    def end(self, name: r.Transaction, why: str) -> None:
        """End a transaction with whatever fact its records ask for; the fact is in the outbox when this returns."""
        conclude(self._journal, name, self.now(), why=why)
        self._fact_made()

    # ── At all times ────────────────────────────────────────────────────────────────────────────────────────────────

    async def echo(self, echo: Echo) -> EchoBack:
        """Raises NoAnswer."""
        try:
            answer = await self._client.ask(echo, until=self.now() + ECHO_MS)
        except LinkError as error:
            raise NoAnswer(str(error)) from error
        return _of(answer, EchoBack)

    async def deliver(self, fact: Request, still: Callable[[], bool]) -> Acknowledged:
        """Raises NoAnswer (also where it is not `still` its turn), and Turned where the bank cannot read it."""
        self._session()
        try:
            answer = await self._client.ask(fact, until=self.now() + RELEASE_MS, still=still)
        except LinkError as error:
            raise NoAnswer(str(error)) from error
        return _of(answer, Acknowledged)

    # ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _session(self) -> Session:
        if self.session is None:
            raise NoAnswer("the bank has not been reached since this machine started")
        return self.session

    def _name(self) -> r.Transaction:
        return r.Transaction(self.generation, self._journal.next_number(self.generation))

    async def _numbered(
        self, name: r.Transaction, build: Callable[[int, int], Request], deadline_ms: int, wanted: type[T],
        kept: Callable[[T], tuple[r.AnyRecord, ...]] = lambda _: (),
    ) -> T:  # fmt: skip
        """A transaction's first message: journalled, sent until its deadline, its answer journalled; or reversed."""
        until = self.now() + deadline_ms
        message = build(name.number, until)
        self._journal.write(r.Taken(transaction=name, number=name.number, kind=kind(message)))
        try:
            answer = await self._ask(message, until)
        except NoAnswer:
            self.end(name, "no-answer")
            raise
        if isinstance(answer, Refused):
            self._keep(name, name.number, kind(message), answer, r.Ended(transaction=name, why=answer.reason))
            raise Turned(answer)
        assert isinstance(answer, wanted)
        try:
            records = kept(answer)
        except MessageRefused as error:
            # Not kept as an answer: what cannot be shown later did not happen.
            self.end(name, "unusable-answer")
            raise NoAnswer(str(error)) from error
        self._keep(name, name.number, kind(message), answer, *records)
        return answer

    async def _inquire(self, visit: str, account: str, what: str, wanted: type[T], *, to: str = "") -> T:
        until = self.now() + INQUIRE_MS
        message = Inquire(deadline=until, visit=visit, account=account, what=what, to=to)
        try:
            answer = await self._client.ask(message, until=until)
        except LinkError as error:
            raise NoAnswer(str(error)) from error
        return _of(answer, wanted)

    async def _ask(self, message: Request, until: int) -> Answer:
        try:
            # A customer's leaving never cancels a call: it ends with an answer or at its deadline.
            answer = await asyncio.shield(self._client.ask(message, until=until))
        except LinkError as error:
            raise NoAnswer(str(error)) from error
        if isinstance(answer, Refused) and answer.reason in _UNDECIDED:
            raise NoAnswer(answer.sentence)
        return answer

    def _keep(self, name: r.Transaction, number: int, asked: str, answer: Answer, *more: r.AnyRecord) -> None:
        reason = answer.reason.value if isinstance(answer, Refused) else ""
        self._journal.write(
            r.Answered(transaction=name, number=number, kind=asked, answer=kind(answer), reason=reason), *more
        )


def _of(answer: Answer, wanted: type[T]) -> T:
    if isinstance(answer, Refused):
        raise Turned(answer)
    if not isinstance(answer, wanted):
        raise NoAnswer(f"the bank answered {kind(answer)}")
    return answer
