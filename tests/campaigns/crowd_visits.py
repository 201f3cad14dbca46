"""What a terminal of the crowd does: visits that end in every way, each message of them said several times."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from campaigns.crowd import GENERATION, Deed, Speaker, Strange

from bank_link import messages as m
from bank_link.card_file import CardFile, Slot, proof
from bank_link.money import Money
from bank_link.pin_block import Pin, seal_pin

USD = "USD"
VALUE = 20_00
LOADED = 1_000
FEWEST = 50


class Fate(enum.StrEnum):
    """How a withdrawal ends."""

    PAID = "paid"
    PART_PAID = "paid in part"
    NOT_PRESENTED = "released, nothing presented"
    REVERSED = "authorised, reversed"
    BURNT = "released, reversed by the same start"
    RACED = "authorised and reversed at the same time"
    NEVER = "reversed before it was asked for"


_WEIGHTS = {
    Fate.PAID: 50, Fate.PART_PAID: 12, Fate.NOT_PRESENTED: 8, Fate.REVERSED: 10, Fate.BURNT: 8, Fate.RACED: 6,
    Fate.NEVER: 6,
}  # fmt: skip


def dollars(minor: int) -> Money:
    return Money(minor, USD)


def notes(count: int) -> tuple[m.NoteCount, ...]:
    return (m.NoteCount(cassette="1", value=dollars(VALUE), count=count),) if count else ()


@dataclass
class Customer:
    """Who uses a terminal, and what must be true of his card at the end. `debited`: minor units."""

    account: str
    reference: str
    pin: str
    file: CardFile
    debited: int = 0
    tries: int = 0


@dataclass
class Payment:
    """An authorise with what became of it. `held`: minor units, 0 where the bank held nothing."""

    fate: Fate
    authorise: Deed
    held: int = 0
    release: Deed | None = None
    completion: Deed | None = None
    reversal: Deed | None = None
    presented: int = 0


@dataclass
class Visitor:
    """One terminal with its one customer. `inside`: notes in its cassette."""

    speaker: Speaker
    customer: Customer
    inside: int = 0
    payments: list[Payment] = field(default_factory=list)

    async def visit(self) -> None:
        """Now and then in a new session, or after an exchange."""
        chance = self.speaker.chance
        if chance.random() < 0.15:
            self._session = await self.speaker.sign_on()
        if self.inside < FEWEST or chance.random() < 0.05:
            await self._exchange()
        visit = await self._open_visit()
        if visit is not None:
            await self._withdraw(visit)
            await self.speaker.ask(m.CloseVisit(visit=visit.visit, ended="card-taken"))

    async def begin(self) -> None:
        await self.speaker.open()
        self._session = await self.speaker.sign_on()

    async def end(self) -> None:
        """All that is still to be said late, and how many notes there are."""
        while any(one.later for one in self.speaker.deeds[-40:]):
            await self.speaker.say()
        await self.speaker.ask(m.Echo(counts=self._counts(self.inside), in_service=True))

    # ---- a visit ----

    def _other(self) -> bool:
        """Whether the same number is claimed by another body, too."""
        return self.speaker.chance.random() < 0.25

    async def _open_visit(self) -> m.VisitOpened | None:
        number, until, card = self.speaker.next_number(), self.speaker.until() - 42_000, self.customer.file
        slot = card.newest

        def body(pin: str) -> m.OpenVisit:
            return m.OpenVisit(
                number=number, deadline=until, card=card.card, epoch=slot.epoch, n=slot.n,
                proof=proof(slot.secret, self.speaker.name, GENERATION, number),
                pin_block=seal_pin(Pin(pin), card.card, self._session.pin_key, self.speaker.random),
                pin_key_id=self._session.pin_key_id,
            )  # fmt: skip

        wrong = [body(self.customer.pin[::-1])] if self._other() and not self.customer.tries else []
        deed = self.speaker.deed(body(self.customer.pin), *wrong)
        await self.speaker.say(deed)
        answer = _decision(deed)
        if isinstance(answer, m.VisitOpened):
            self.customer.tries = 0
            self.customer.file = with_slot(card, answer)
            return answer
        if not wrong or not isinstance(answer, m.Refused) or answer.reason is not m.Reason.WRONG_PIN:
            raise Strange(f"{self.speaker.name}: a right card with a right PIN got {answer}")
        self.customer.tries += 1
        return None

    async def _withdraw(self, visit: m.VisitOpened) -> None:
        chance = self.speaker.chance
        fate = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        number, until, count = self.speaker.next_number(), self.speaker.until(), chance.randint(2, 4)
        counts = [count, count + 1] if self._other() else [count]
        bodies = [
            m.Authorise(
                number=number, deadline=until, visit=visit.visit, account=self.customer.account,
                amount=dollars(VALUE * each), mix=notes(each),
            )
            for each in counts
        ]  # fmt: skip
        payment = Payment(fate, self.speaker.deed(*bodies))
        self.payments.append(payment)
        await self._authorise(payment)
        if payment.held and fate not in {Fate.REVERSED, Fate.RACED}:
            await self._release(payment, visit)

    async def _authorise(self, payment: Payment) -> None:
        speaker, authorise = self.speaker, payment.authorise
        if payment.fate in {Fate.REVERSED, Fate.RACED, Fate.NEVER}:
            payment.reversal = self._reversal(authorise)
        if payment.fate is Fate.NEVER:
            assert payment.reversal is not None
            await speaker.say(payment.reversal)
        if payment.fate is Fate.RACED:
            assert payment.reversal is not None
            await speaker.say(authorise, payment.reversal)
        else:
            await speaker.say(authorise)
        if payment.fate is Fate.REVERSED:
            assert payment.reversal is not None
            await speaker.say(payment.reversal, authorise)
        decided = authorise.decided
        if decided is not None and isinstance(decided.answer, m.Authorised):
            payment.held = decided.answer.amount.minor

    def _reversal(self, authorise: Deed, *, not_presented: bool = False) -> Deed:
        number, at = self.speaker.next_number(), self.speaker.clock.now_ms()
        return self.speaker.deed(
            m.Reversal(
                number=number, made_by=self._made_by, transaction=authorise.number, why="test",
                not_presented=not_presented, release_boot=self.speaker.journal.boot_id if not_presented else "", at=at,
            ),
            ends=authorise,
        )  # fmt: skip

    async def _release(self, payment: Payment, visit: m.VisitOpened) -> None:
        number, until = self.speaker.next_number(), self.speaker.until()
        decided = payment.authorise.decided
        assert decided is not None
        assert isinstance(decided.answer, m.Authorised)
        bodies = [
            m.Release(
                number=number, deadline=until, transaction=payment.authorise.number, hold=decided.answer.hold,
                n=visit.next_n, nonce=self.speaker.random.token_bytes(32), boot=self.speaker.journal.boot_id,
            )
            for _ in range(2 if self._other() else 1)
        ]  # fmt: skip
        payment.release = self.speaker.deed(*bodies)
        await self.speaker.say(payment.release)
        released = _decision(payment.release)
        if not isinstance(released, m.Released):
            raise Strange(f"{self.speaker.name}: a release got {released}")
        if payment.fate is Fate.BURNT:
            payment.reversal = self._reversal(payment.authorise, not_presented=True)
            await self.speaker.say(payment.reversal)
        else:
            await self._complete(payment, decided.answer, visit.card, released.authority)

    async def _complete(self, payment: Payment, held: m.Authorised, card: str, authority: m.Signed) -> None:
        number, at, whole = self.speaker.next_number(), self.speaker.clock.now_ms(), held.amount.minor // VALUE
        first = {Fate.NOT_PRESENTED: 0, Fate.PART_PAID: whole - 1}.get(payment.fate, whole)
        second = first + 1 if first < whole else first - 1
        bodies = [
            m.Completion(
                number=number, made_by=self._made_by, transaction=payment.authorise.number, hold=held.hold, card=card,
                account=self.customer.account, amount=held.amount, authority=authority,
                outcome=m.Outcome.PRESENTED if count else m.Outcome.NOT_PRESENTED, presented=notes(count), at=at,
            )
            for count in ([first, second] if self._other() else [first])
        ]  # fmt: skip
        payment.completion = self.speaker.deed(*bodies)
        await self.speaker.say(payment.completion)
        decided = payment.completion.decided
        if decided is None:
            raise Strange(f"{self.speaker.name}: no completion of number {number} was the first")
        chosen = bodies[decided.body]
        payment.presented = sum(note.count * note.value.minor for note in chosen.presented)
        self.customer.debited += payment.presented
        self.inside -= payment.presented // VALUE

    async def _exchange(self) -> None:
        number, at = self.speaker.next_number(), self.speaker.clock.now_ms()
        found, after = self._counts(self.inside), self._counts(LOADED)
        await self.speaker.say(
            self.speaker.deed(
                m.Exchange(
                    number=number, made_by=self._made_by, before=found, found=found, after=after, by="Olga", at=at
                )
            )
        )
        self.inside = LOADED

    def _counts(self, count: int) -> tuple[m.CassetteCount, ...]:
        return (m.CassetteCount(cassette="1", value=dollars(VALUE), count=count),)

    @property
    def _made_by(self) -> m.Maker:
        return m.Maker(generation=GENERATION, boot=self.speaker.journal.boot_id)


def _decision(deed: Deed) -> m.Answer | None:
    decided = deed.decided
    return decided.answer if decided is not None else None


def with_slot(file: CardFile, opened: m.VisitOpened) -> CardFile:
    """The card as it is once the older slot is written anew."""
    new = Slot(opened.next_epoch, opened.next_n, opened.next_secret)
    first, second = file.slots
    return CardFile(file.card, file.issuer, file.expiry, (first, new) if first is file.newest else (new, second))
