"""A bank's hall in virtual time: the bank as it ships, its staff's commands, and machines that say what a test wants.

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        card = await hall.card(opening="200")
        ...
    run_hall(tmp_path, story)

A machine here is a terminal without devices: it signs on with the real client and sends whichever facts it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import text
from support.bank_ring import NOW_MS, Seeded
from support.virtual_time import InlineExecutor, run_virtual

from bank.assembly import Bank, open_bank
from bank.commands import answers as a
from bank.commands import requests as r
from bank.founding import Charter, found
from bank_link import messages as m
from bank_link.card_file import CardFile, parse, proof
from bank_link.client import BankClient
from bank_link.enrolment_string import fingerprint, token_text
from bank_link.enrolment_string import parse as parse_string
from bank_link.envelope import Envelope, decode_answer, encode, seal, unseal
from bank_link.errors import MessageRefused, OutcomeUnknown
from bank_link.identity import Identity
from bank_link.money import Money
from bank_link.pin_block import Pin, seal_pin
from bank_link.ranges import group

A = TypeVar("A", bound=a.Answer)

EUR = "EUR"
PIN = "4711"
STAFF = "teller"


def eur(units: int) -> Money:
    return Money(units * 100, EUR)


def notes(count: int, value: int = 20, cassette: str = "1") -> tuple[m.NoteCount, ...]:
    return (m.NoteCount(cassette=cassette, value=eur(value), count=count),) if count else ()


def cassette(count: int, rejected: int = 0, value: int = 20) -> tuple[m.CassetteCount, ...]:
    return (m.CassetteCount(cassette="1", value=eur(value), count=count, rejected=rejected),)


class LoopClock:
    """Wall time that goes with the loop's; `ahead_ms` is how far it was set wrong."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return NOW_MS + self.ahead_ms + int(asyncio.get_running_loop().time() * 1000)


class HallLine:
    """The line to the bank's `handle`."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._hall.bank.host.handle(request, peer="machine")
        except (MessageRefused, TimeoutError) as error:
            raise OutcomeUnknown("no answer") from error

    async def reset(self) -> None:
        """Nothing is kept alive."""


@dataclass
class Journal:
    """What a machine's journal would know; `bank_link.client.Standing`."""

    journal_id: str = "j1"
    boot_id: str = "b1"
    boots: set[str] = field(default_factory=lambda: {"b1"})
    taken: int = 0
    answered_numbers: list[tuple[int, int]] = field(default_factory=list)
    session: m.Session | None = None

    def knows_boot(self, boot: str) -> bool:
        return boot in self.boots

    def answered(self) -> m.Answered:
        return m.Answered(ranges=group(self.answered_numbers))

    def highest_taken(self) -> int:
        return self.taken

    def outbox_length(self) -> int:
        return 0

    def counts(self) -> Sequence[m.CassetteCount]:
        return ()

    def opened(self, session: m.Session) -> None:
        self.session = session

    def restart(self, boot: str) -> None:
        self.boot_id = boot
        self.boots.add(boot)


@dataclass
class HeldCard:
    """A card as its customer has it."""

    file: CardFile
    reference: str
    account: str
    pin: str = PIN


@dataclass
class Held:
    """An authorise with what belongs to it."""

    number: int
    hold: str
    amount: Money
    account: str
    card: str
    n: int
    authority: m.Signed | None = None


class Machine:
    """A terminal of the bank, without devices."""

    def __init__(self, hall: Hall, identity: Identity, journal: Journal) -> None:
        self.hall = hall
        self.identity = identity
        self.journal = journal
        self.client = BankClient(
            line=HallLine(hall), identity=identity, random=hall.random, clock=hall.clock, standing=journal
        )

    @property
    def name(self) -> str:
        return self.identity.terminal

    def until(self) -> int:
        return self.hall.clock.now_ms() + 15_000

    def number(self) -> int:
        floor = self.journal.session.next_number if self.journal.session else 1
        self.journal.taken = max(self.journal.taken + 1, floor)
        return self.journal.taken

    async def sign_on(self) -> m.Session:
        # No two in the same millisecond: the second would be taken for a replay.
        await asyncio.sleep(1)
        return await self.client.sign_on()

    async def ask(self, message: m.Request) -> m.Answer:
        answer = await self.client.ask(message, until=self.until())
        number = getattr(message, "number", 0)
        made_by = getattr(message, "made_by", None)
        key = made_by.generation if made_by else self.identity.generation, number
        if number and key not in self.journal.answered_numbers:
            self.journal.answered_numbers.append(key)
        return answer

    async def open_visit(self, card: HeldCard, pin: str = "") -> m.Answer:
        session, number, slot = self.journal.session, self.number(), card.file.newest
        assert session is not None
        message = m.OpenVisit(
            number=number, deadline=self.until(), card=card.file.card, epoch=slot.epoch, n=slot.n,
            proof=proof(slot.secret, self.name, self.identity.generation, number),
            pin_block=seal_pin(Pin(pin or card.pin), card.file.card, session.pin_key, self.hall.random),
            pin_key_id=session.pin_key_id,
        )  # fmt: skip
        return await self.ask(message)

    async def hold(self, card: HeldCard, units: int = 40, *, release: bool = True) -> Held:
        """Visit, authorise and (unless told otherwise) release."""
        opened = await self.open_visit(card)
        assert isinstance(opened, m.VisitOpened), opened
        card.file = with_slot(card.file, opened)
        number = self.number()
        answer = await self.ask(
            m.Authorise(
                number=number, deadline=self.until(), visit=opened.visit, account=card.account, amount=eur(units),
                mix=notes(units // 20),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Authorised), answer
        held = Held(number, answer.hold, answer.amount, card.account, card.reference, opened.next_n)
        if release:
            await self.release(held)
        return held

    async def release(self, held: Held) -> None:
        released = await self.ask(
            m.Release(
                number=self.number(), deadline=self.until(), transaction=held.number, hold=held.hold, n=held.n,
                nonce=self.hall.random.token_bytes(32), boot=self.journal.boot_id,
            )
        )  # fmt: skip
        assert isinstance(released, m.Released), released
        held.authority = released.authority

    @property
    def made_by(self) -> m.Maker:
        return m.Maker(generation=self.identity.generation, boot=self.journal.boot_id)

    async def complete(
        self, held: Held, *, presented: int = 0, in_doubt: int = 0, surplus: int = 0,
        outcome: m.Outcome = m.Outcome.PRESENTED, authority: bool = True, account: str = "",
        taken: m.TakenState = m.TakenState.UNKNOWN,
    ) -> str:  # fmt: skip
        """The completion's case."""
        answer = await self.ask(
            m.Completion(
                number=self.number(), made_by=self.made_by, transaction=held.number, hold=held.hold, card=held.card,
                account=account or held.account, amount=held.amount, authority=held.authority if authority else None,
                outcome=outcome, presented=notes(presented), in_doubt=notes(in_doubt), surplus=notes(surplus),
                taken=taken, at=self.hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case

    async def reverse(self, held: Held, *, not_presented: bool = False) -> str:
        answer = await self.ask(
            m.Reversal(
                number=self.number(), made_by=self.made_by, transaction=held.number, why="test",
                not_presented=not_presented, at=self.hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case

    async def exchange(self, *, found: int, after: int) -> str:
        """An operator counts `found` notes and leaves `after`; the case of the difference."""
        answer = await self.ask(
            m.Exchange(
                number=self.number(), made_by=self.made_by, before=cassette(found), found=cassette(found),
                after=cassette(after), by="Olga", at=self.hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case

    async def echo(self, count: int, *, outbox: int = 0, said_in: str = "") -> m.EchoBack:
        """A second later: an echo in the same millisecond as an exchange is taken for one from before it."""
        await asyncio.sleep(1)
        session = said_in or (self.journal.session.session if self.journal.session else "")
        answer = await self.ask(m.Echo(session=session, counts=cassette(count), outbox=outbox, in_service=True))
        assert isinstance(answer, m.EchoBack), answer
        return answer


class Hall:
    """The bank with its staff. `clock` goes with virtual time; randomness is the seed's."""

    def __init__(self, directory: Path, seed: str = "hall") -> None:
        self.directory = directory
        self.random = Seeded(seed)
        self.clock = LoopClock()
        self.bank: Bank = None  # type: ignore[assignment]  # until `open`
        self._workers: asyncio.Task[None] | None = None

    async def found(self, **limits: int) -> None:
        """`limits` replace those of the configuration's example."""
        await found(
            self.directory, Charter(name="Harbour", currency=EUR), clock=self.clock, random=self.random, by=STAFF,
            executor=InlineExecutor(),
        )  # fmt: skip
        path = self.directory / "bank.toml"
        for name, value in limits.items():
            path.write_text(re.sub(rf"(?m)^{name} = [0-9]+", f"{name} = {value}", path.read_text()))

    async def open(self) -> None:
        self.bank = await open_bank(
            self.directory, clock=self.clock, random=self.random, executor=InlineExecutor()
        )  # fmt: skip
        self._workers = asyncio.create_task(self.bank.run())

    async def close(self) -> None:
        if self._workers is not None:
            self._workers.cancel()
            await asyncio.gather(self._workers, return_exceptions=True)
        await self.bank.close()

    # ── The books' files ────────────────────────────────────────────────────────────────────────────────────────────

    def _books(self) -> list[Path]:
        return list(self.directory.glob("books.sqlite*"))

    def backup(self, directory: Path) -> Path:
        """A copy of the books, for `restore`."""
        kept = directory / "kept"
        kept.mkdir()
        for file in self._books():
            shutil.copy(file, kept)
        return kept

    async def restore(self, kept: Path) -> None:
        """The bank stops, its books become those of the backup, it starts again."""
        await self.close()
        for file in self._books():
            file.unlink()
        for file in kept.iterdir():
            shutil.copy(file, self.directory)
        await self.open()

    # ── Staff ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def do(self, command: type[r.Command], **fields: Any) -> Any:
        return await self.bank.execute(command(by=STAFF, **fields))

    async def account(self, opening: str = "200", overdraft: str = "0") -> str:
        customer = await self.do(r.CustomerAdd, name="Ada")
        opened = await self.do(
            r.AccountOpen, customer=customer.customer, label="Everyday", opening=opening, overdraft=overdraft
        )
        return str(opened.account)

    async def card(self, opening: str = "200", overdraft: str = "0") -> HeldCard:
        account = await self.account(opening, overdraft)
        shown = await self.do(r.AccountShow, account=account)
        made = await self.do(r.CardIssue, customer=shown.customer, pin=PIN)
        return HeldCard(parse(made.file), made.card, account)

    async def balance(self, account: str) -> tuple[str, str]:
        """(balance, held) as decimal text."""
        shown = await self.do(r.AccountShow, account=account)
        return shown.balance.amount, shown.held.amount

    async def resolve(self, case: str, resolution: str, amount: str = "", account: str = "") -> Any:
        return await self.do(
            r.CaseResolve, case=case, resolution=resolution, amount=amount, account=account, note="looked into"
        )

    async def open_cases(self) -> list[str]:
        return [one.kind for one in (await self.do(r.CaseList)).cases]

    async def check(self) -> a.LedgerChecked:
        checked: a.LedgerChecked = await self.do(r.LedgerCheck)
        return checked

    async def sound(self) -> None:
        """The books have nothing to be found in them, and the audit log is whole."""
        assert (await self.check()).findings == ()
        assert (await self.do(r.AuditVerify)).findings == ()

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        return await self.bank.store.read(lambda c: list(c.execute(text(statement), values).mappings()))

    async def write(self, statement: str, **values: Any) -> None:
        """Past all code, as a forger would."""
        async with self.bank.store.transaction() as tx:
            await tx.run(lambda c: c.execute(text(statement), values))

    # ── Machines ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def enrol(
        self, string: str, key: bytes, *, peer: str = "192.0.2.7", print_of: str = "", csr: bytes = b""
    ) -> m.Answer:
        request = m.Enrol(
            token=token_text(parse_string(string).token), csr=csr or csr_of(key),
            fingerprint=print_of or fingerprint(public_of(key)),
        )  # fmt: skip
        return decode_answer(unseal(await self.bank.enrolment.handle(sealed(request), peer=peer)).envelope.body)

    async def machine(self, *, terminal: str = "", journal: Journal | None = None, confirm: bool = True) -> Machine:
        """A machine that is enrolled, confirmed and signed on."""
        opened = await self.do(r.EnrolmentOpen, terminal=terminal)
        key = self.random.token_bytes(32)
        enrolled = await self.enrol(opened.string, key)
        assert isinstance(enrolled, m.Enrolled), enrolled
        identity = Identity(
            terminal=enrolled.terminal, generation=enrolled.generation, signing_key=key,
            certificate=enrolled.certificate, cas=enrolled.cas, address=enrolled.address, bank=enrolled.bank,
        )  # fmt: skip
        machine = Machine(self, identity, journal or Journal())
        if confirm:
            await self.do(r.TerminalConfirm, terminal=machine.name, fingerprint=fingerprint(public_of(key)))
            await machine.sign_on()
        return machine


def another_disk(machine: Machine) -> Machine:
    """The same terminal with a journal that knows nothing."""
    return Machine(machine.hall, machine.identity, Journal(journal_id="j9", boot_id="b9", boots={"b9"}))


def sealed(message: m.Request) -> bytes:
    """A message before there is a session."""
    envelope = Envelope(
        terminal="", generation=0, session="", transmission=0, time=0, kind=m.kind(message),
        body=encode(message),
    )  # fmt: skip
    return seal(envelope, None)


def public_of(key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def csr_of(key: bytes) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(Ed25519PrivateKey.from_private_bytes(key), None).public_bytes(Encoding.DER)


def other_key(seed: str) -> bytes:
    return hashlib.sha256(seed.encode()).digest()


def with_slot(file: CardFile, opened: m.VisitOpened) -> CardFile:
    """The file with the next secret in its older slot."""
    from bank_link.card_file import Slot

    new = Slot(opened.next_epoch, opened.next_n, opened.next_secret)
    first, second = file.slots
    slots = (first, new) if first is file.newest else (new, second)
    return CardFile(file.card, file.issuer, file.expiry, slots, operator=file.operator)


@contextlib.asynccontextmanager
async def hall_in(directory: Path, **limits: int) -> AsyncIterator[Hall]:
    hall = Hall(directory)
    await hall.found(**limits)
    await hall.open()
    try:
        yield hall
    finally:
        await hall.close()


def run_hall(directory: Path, story: Callable[[Hall], Awaitable[None]], **limits: int) -> None:
    """Found a bank in `directory`, and play the story to its end in virtual time."""

    async def whole() -> None:
        async with hall_in(directory / "bank", **limits) as hall:
            await story(hall)

    run_virtual(whole())
