"""The kiosk's word to the bank: a number in the journal first, then the message until its deadline, then its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from bank_link.card_file import CardFile, parse, proof
from bank_link.errors import CardFileError, LinkError, MessageRefused, NotSent
from bank_link.messages import (
    AccountOpened,
    Acknowledged,
    Answer,
    Authorise,
    Authorised,
    Biller,
    Billers,
    CardWritten,
    CloseVisit,
    Deposit,
    Echo,
    EchoBack,
    Figures,
    Inquire,
    Maker,
    NoteCount,
    OpenAccount,
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
    Slip,
    Slipped,
    Statement,
    StatementLine,
    VisitOpened,
    kind,
    pin_digits_of,
)
from bank_link.money import Money
from bank_link.pin_block import Pin, code_binding, seal_pin
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


#: Where the bank says which account it is.
NEW = "new"


class _Said(NamedTuple):
    """What a post's slip has to say."""

    kind: str
    account: str
    to: str
    amount: Money
    biller: str = ""
    text: str = ""


@dataclass(frozen=True)
class Newcomer:
    """What the bank has opened for somebody who had no card. `file` goes onto the medium, and nowhere else."""

    name: r.Transaction
    slip: Signed
    account: str
    digits: str  # the last ones of the card's number
    file: bytes = field(repr=False)


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

    @property
    def terminal(self) -> str:
        return self._terminal

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

    async def open_by_code(self, code: Pin) -> VisitOpened:
        """A visit without a card, for one amount (`fixed`). Raises Turned and NoAnswer."""
        session = self._session()
        name = self._name()
        binding = code_binding(self._terminal, name.generation, name.number)
        block = seal_pin(code, binding, session.pin_key, self._random)

        def build(number: int, until: int) -> OpenVisit:
            return OpenVisit(number=number, deadline=until, pin_block=block, pin_key_id=session.pin_key_id)

        def kept(answer: VisitOpened) -> tuple[r.AnyRecord, ...]:
            if answer.fixed is None or len(answer.accounts) != 1:
                raise MessageRefused("the bank opened another visit than one by code")
            return (r.Ended(transaction=name, why="visit-opened"),)

        return await self._numbered(name, build, OPEN_VISIT_MS, VisitOpened, kept)

    async def balance(self, visit: str, account: str) -> Figures:
        """Raises Turned and NoAnswer (there is nothing to end), as all inquiries do."""
        return await self._inquire(visit, account, "balance", Figures)

    async def statement(self, visit: str, account: str) -> tuple[StatementLine, ...]:
        """The account's last ten movements, the newest first."""
        return (await self._inquire(visit, account, "statement", Statement)).lines

    async def payee(self, visit: str, account: str, to: str) -> Payee:
        """Whose account number `to` is, for money from `account`."""
        return await self._inquire(visit, account, "payee", Payee, to=to)

    async def billers(self, visit: str, account: str) -> tuple[Biller, ...]:
        """Whose bills can be paid from `account`."""
        return (await self._inquire(visit, account, "billers", Billers)).billers

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
        said = _Said("transfer", account, to, amount)
        slip = await self._post(opened, said, account=account, to=to, amount=amount)
        return _reference(slip)

    async def pay_bill(self, opened: VisitOpened, account: str, biller: Biller, bill: str, amount: Money) -> str:
        """The biller's bill of number `bill` is paid from `account`. As `transfer`."""
        said = _Said("bill", account, biller.account, amount, biller.biller, bill)
        slip = await self._post(opened, said, account=account, to=biller.biller, text=bill, amount=amount)
        return _reference(slip)

    async def change_pin(self, opened: VisitOpened, card: CardFile, pin: Pin) -> None:
        """The card's PIN is `pin` from now on. Raises Turned, and NoAnswer: then the old one holds."""
        session = self._session()
        block = seal_pin(pin, card.card, session.pin_key, self._random)
        said = _Said("pin-change", "none", "", self._nothing())
        await self._post(opened, said, pin_block=block, pin_key_id=session.pin_key_id)

    async def label(self, opened: VisitOpened, account: str, text: str) -> None:
        """The account is called `text` from now on. Raises Turned, and NoAnswer: then nothing was changed, as below."""
        said = _Said("label", account, "", self._nothing(), text=text)
        await self._post(opened, said, account=account, text=text)

    async def usual(self, opened: VisitOpened, amount: Money) -> None:
        """What the card's customer usually takes."""
        await self._post(opened, _Said("usual", "none", "", amount), amount=amount)

    async def freeze(self, opened: VisitOpened, *, frozen: bool) -> None:
        """The card is frozen, or it is not any more."""
        await self._post(opened, _Said("freeze" if frozen else "unfreeze", "none", "", self._nothing()))

    async def close_account(self, opened: VisitOpened, account: str) -> None:
        """The account is closed for good."""
        await self._post(opened, _Said("close", account, "", self._nothing()), account=account)

    async def open_account(self, opened: VisitOpened, product: str) -> str:
        """Another account for the card's customer; its number."""
        said = _Said("opening", "none", NEW, self._nothing(), text=product)
        return (await self._post(opened, said, text=product)).to

    async def open_for_newcomer(self, product: str, pin: Pin) -> Newcomer:
        """An account and a card for somebody who has none, pending until `card_written`. Raises Turned and NoAnswer."""
        session, name, found = self._session(), self._name(), list[Newcomer]()

        def build(number: int, until: int) -> OpenAccount:
            block = seal_pin(pin, pin_digits_of(number), session.pin_key, self._random)
            return OpenAccount(
                number=number, deadline=until, product=product, pin_block=block, pin_key_id=session.pin_key_id
            )

        def kept(answer: AccountOpened) -> tuple[r.AnyRecord, ...]:
            slip, card = self._slip_of(name, answer.slip), _card_in(answer.file)
            said = (slip.kind, slip.text, slip.card_epoch, slip.card_n)
            if said != ("newcomer", product, card.newest.epoch, card.newest.n) or not slip.to:
                raise MessageRefused("the bank's slip is about something else than its card file")
            found.append(Newcomer(name, answer.slip, slip.to, card.card[-4:], answer.file))
            return (self._posted(name, slip, answer.slip),)

        self._all_told()
        await self._numbered(name, build, POST_MS, AccountOpened, kept)
        return found[0]

    def card_written(self, opened: Newcomer) -> None:
        """The card file is written and read back: the bank is told, however long that takes."""
        name = opened.name
        fact = CardWritten(
            number=self._journal.next_number(self.generation), made_by=self._maker(name), slip=opened.slip,
            at=self.now(),
        )  # fmt: skip
        body = msgspec.json.encode(fact).decode()
        made = r.FactMade(transaction=name, number=fact.number, kind=kind(fact), body=body)
        self._journal.write(made, r.Ended(transaction=name, why="card-written"))
        self._fact_made()

    def card_not_written(self, opened: Newcomer) -> None:
        """The account stays pending: the bank's staff can make its card, or it lapses."""
        self._journal.write(r.Ended(transaction=opened.name, why="card-not-written"))

    @property
    def open_to_all(self) -> bool:
        """Who has no card can open an account here."""
        return bool(self.products) and self.session is not None and self.session.open_to_all

    @property
    def products(self) -> tuple[str, ...]:
        """What accounts can be opened here."""
        return self.session.products if self.session is not None else ()

    def _nothing(self) -> Money:
        return Money(0, self._session().currency)

    async def _post(self, opened: VisitOpened, wanted: _Said, **fields: Any) -> Slip:
        """Ask for a post with `fields`; its slip, which says what was `wanted` and is in the journal."""
        name, slips = self._name(), list[Slip]()

        def build(number: int, until: int) -> Post:
            return Post(
                number=number, deadline=until, visit=opened.visit, n=opened.next_n, what=wanted.kind, **fields
            )  # fmt: skip

        def kept(answer: Slipped) -> tuple[r.AnyRecord, ...]:
            slip = self._slip_of(name, answer.slip)
            to = NEW if wanted.to == NEW and slip.to else slip.to
            said = _Said(slip.kind, slip.account, to, slip.amount, slip.biller, slip.text)
            if said != wanted:
                raise MessageRefused("the bank's slip is about something else than what was asked")
            slips.append(slip)
            posted = self._posted(name, slip, answer.slip)
            return posted, r.Ended(transaction=name, why="posted")

        self._all_told()
        await self._numbered(name, build, POST_MS, Slipped, kept)
        return slips[0]

    def _all_told(self) -> None:
        """Raises NoAnswer while a fact waits: it may be a reversal, and what it undoes must not be built upon."""
        if self._journal.outbox_length():
            raise NoAnswer("the bank has not been told yet what happened before")

    def _slip_of(self, name: r.Transaction, signed: Signed) -> Slip:
        """Raises MessageRefused for a slip that is not about this transaction."""
        slip = read_slip(signed, self._session().slip_keys)
        if (slip.terminal, slip.generation, slip.number) != (self._terminal, name.generation, name.number):
            raise MessageRefused("the bank's slip is about another number")
        return slip

    def _posted(self, name: r.Transaction, slip: Slip, signed: Signed) -> r.Posted:
        fact = Posted(number=name.number, made_by=self._maker(name), slip=signed, at=self.now())
        return r.Posted(
            transaction=name, number=name.number, what=slip.kind, account=slip.account, to=slip.to,
            amount=slip.amount, body=msgspec.json.encode(fact).decode(),
        )  # fmt: skip

    def _maker(self, name: r.Transaction) -> Maker:
        return Maker(generation=name.generation, boot=self._journal.boot_id)

    # ── A deposit ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def deposit(self, opened: VisitOpened, account: str, holds: str) -> r.DepositBegun:
        """Notes may go in for `account`; in the journal. Raises Turned, and NoAnswer: then none may."""
        name = self._name()

        def build(number: int, until: int) -> Deposit:
            return Deposit(
                number=number, deadline=until, visit=opened.visit, account=account, n=opened.next_n, escrow=holds
            )

        def kept(answer: Slipped) -> tuple[r.AnyRecord, ...]:
            slip = read_slip(answer.slip, self._session().slip_keys)
            about = (slip.kind, slip.terminal, slip.generation, slip.number, slip.account)
            if about != ("deposit", self._terminal, name.generation, name.number, account):
                raise MessageRefused("the bank's slip is about something else than what was asked")
            return (
                r.DepositBegun(
                    transaction=name, account=account, slip=answer.slip, most=slip.amount, holds=holds,
                    claim=f"{self._terminal}-{name.number}",
                ),
            )  # fmt: skip

        answer = await self._numbered(name, build, POST_MS, Slipped, kept)
        (begun,) = kept(answer)
        assert isinstance(begun, r.DepositBegun)
        return begun

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


def _reference(slip: Slip) -> str:
    """What the customer is shown, and the bank's staff finds."""
    return f"{slip.terminal}-{slip.number}"


def _card_in(file: bytes) -> CardFile:
    """Raises MessageRefused: what cannot be used is not taken for an answer."""
    try:
        return parse(file)
    except CardFileError as error:
        raise MessageRefused(f"the bank's card file is none: {error}") from error
