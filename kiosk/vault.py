"""The only caller of the dispenser: a dispense authority goes in, an outcome comes out, every note is counted on disk.

Pays once for each authority, and only if it was signed by the bank for this terminal, generation, boot, transaction,
nonce and amount, and has not expired. Each note is journalled before the next one moves.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bank_link.errors import MessageRefused
from bank_link.messages import CassetteCount, NoteCount, Signed, Slip
from bank_link.money import Money
from bank_link.seams import Randomness
from bank_link.slips import read_slip
from drivers.devices import DeviceError, Dispenser, Pick, PickOutcome
from kiosk import denominate
from kiosk.journal import records as r
from kiosk.journal.store import Journal
from kiosk.payment import MOST_BUNCHES, BunchTaken, Dispense, Hand, Payment


class AuthorityRefused(Exception):
    """This authority does not allow this payment; the sentence says why. Nothing was paid, nothing will be."""


@dataclass(frozen=True)
class Bond:
    """What the vault needs to know of terminal and bank to judge an authority."""

    terminal: str
    generation: int
    slip_keys: Callable[[], Sequence[bytes]]
    now: Callable[[], int]


class Vault:
    """Counts, mixes, payments. One payment at a time."""

    def __init__(
        self, *, dispenser: Dispenser, journal: Journal, bond: Bond, random: Randomness, exit_notes: int = 40
    ) -> None:
        """`exit_notes`: so many the exit takes at once."""
        self._dispenser = dispenser
        self._journal = journal
        self._bond = bond
        self._exit_notes = exit_notes
        self.most_notes = exit_notes * MOST_BUNCHES
        self._random = random
        self._nonces: dict[r.Transaction, bytes] = {}
        self._failing: set[str] = set()
        self._paying = False
        self._largest: tuple[tuple[object, ...], Money | None] | None = None

    @property
    def paying(self) -> bool:
        """Notes are moving, or about to: nothing else may keep the loop for long."""
        return self._paying

    # ── What can be paid ────────────────────────────────────────────────────────────────────────────────────────────

    def counts(self) -> tuple[CassetteCount, ...]:
        """Of what it pays from; the note acceptor's box is not among it."""
        return tuple(count for count in self._journal.counts() if count.cassette in self._dispenser.cassettes)

    def stock(self) -> tuple[denominate.Stock, ...]:
        """What may be paid from now: counted, not empty by its sensor, not failing since the last exchange, not switched off."""
        return self._stock(without=self._unusable())

    def _stock(self, *, without: frozenset[str]) -> tuple[denominate.Stock, ...]:
        return denominate.usable(self.counts(), without=without)

    def _unusable(self) -> frozenset[str]:
        empty = [name for name in self._dispenser.cassettes if self._looks_empty(name)]
        return frozenset((*empty, *self._failing, *self._journal.switched_off()))

    def _looks_empty(self, cassette: str) -> bool:
        """A cassette whose sensor cannot be asked is not paid from; the dispenser's report says why."""
        try:
            return self._dispenser.looks_empty(cassette)
        except DeviceError:
            return True

    def mixes(self, amount: Money) -> tuple[tuple[NoteCount, ...], ...]:
        """The mixes on offer: fewest notes, and one with smaller ones where it differs. Empty: cannot be paid."""
        best = denominate.fewest(amount, self.stock(), self.most_notes)
        if not best:
            return ()
        other = denominate.small(amount, self.stock(), self.most_notes)
        return (best,) if other is None or other == best else (best, other)

    def can_pay(self, amount: Money) -> bool:
        return bool(denominate.fewest(amount, self.stock(), self.most_notes))

    def nearest(self, amount: Money, most: Money) -> tuple[Money, ...]:
        """Payable amounts just below and just above, none above `most`."""
        return denominate.nearest(amount, self.stock(), self.most_notes, most=most)

    def largest(self, most: Money) -> Money | None:
        """The largest amount up to `most` that can be paid now. Asked every second, so the last answer is kept."""
        question = (self.counts(), self._unusable(), most)
        if self._largest is None or self._largest[0] != question:
            stock = self._stock(without=question[1])
            self._largest = (question, denominate.largest(stock, self.most_notes, most=most))
        return self._largest[1]

    def exchanged(self) -> None:
        """An operator was at the cassettes: all are trusted again."""
        self._failing.clear()

    # ── Trying ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def tests_to_bin(self) -> bool:
        """A test's note goes to the reject bin; else it comes out, and the operator puts it there."""
        return self._dispenser.tests_to_bin

    async def test(self, cassette: str, value: Money, by: str) -> Pick:
        """Move one note for the operator `by`. Whichever way it goes it is the machine's: rejected, or in doubt.

        Raises DeviceError (nothing moved) and JournalError.
        """
        assert not self._paying, "one payment at a time"
        self._paying = True
        try:
            self._journal.write(r.TestBegun(cassette=cassette, value=value, by=by))
            try:
                pick = await self._dispenser.test(cassette)
            except DeviceError as error:
                self._journal.write(
                    r.TestMoved(cassette=cassette, value=value, outcome="not-moved", sentence=str(error), by=by)
                )
                raise
            self._journal.write(
                r.TestMoved(
                    cassette=cassette, value=value, outcome=pick.outcome.value, in_doubt=pick.in_doubt,
                    rejected=pick.dispensed + pick.surplus + pick.rejected, sentence=pick.sentence, by=by,
                )
            )  # fmt: skip
        finally:
            self._paying = False
        if pick.outcome not in {PickOutcome.DISPENSED, PickOutcome.REJECTED}:
            self._failing.add(cassette)
        return pick

    # ── Paying ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def new_nonce(self, transaction: r.Transaction) -> bytes:
        """A nonce for one payment of this transaction, in the journal before it leaves the machine."""
        assert transaction not in self._nonces, "one release for each transaction"
        nonce = self._random.token_bytes(32)
        self._nonces[transaction] = nonce
        self._journal.write(r.NonceMade(transaction=transaction, nonce=nonce, boot=self._journal.boot_id))
        return nonce

    def forget(self, transaction: r.Transaction) -> None:
        """This transaction will not be paid: whatever authority arrives now is refused."""
        self._nonces.pop(transaction, None)

    async def pay(
        self, held: r.Held, authority: Signed, moved: Callable[[int, int], None], taken: BunchTaken
    ) -> Payment:  # fmt: skip
        """Verify, burn the nonce, pay note by note. `moved(done, total)` is called as notes are counted; `taken` where
        more notes are to come than the exit takes: what was not taken by then ends the payment.

        Raises AuthorityRefused (nothing paid) and JournalError (no further note moves). A device that fails ends the
        payment; what came out is in the Payment.
        """
        assert not self._paying, "one payment at a time"
        self._paying = True
        try:
            nonce = self._judge(held, authority)
            plan = self._plan(held)
            self._nonces.pop(held.transaction)
            self._journal.write(
                r.AuthorityHeld(transaction=held.transaction, authority=authority),
                r.NonceBurnt(transaction=held.transaction, nonce=nonce, plan=plan),
            )
            hand = Hand(self._dispenser, self._journal, self.stock, self._failing, self._exit_notes)
            return await Dispense(hand, held, plan, moved, taken).run()
        finally:
            self._paying = False

    def _judge(self, held: r.Held, authority: Signed) -> bytes:
        try:
            slip = read_slip(authority, self._bond.slip_keys())
        except MessageRefused as error:
            raise AuthorityRefused("the dispense authority was not signed by the bank") from error
        nonce = self._nonces.get(held.transaction)
        if nonce is None or self._journal.is_burnt(nonce):
            raise AuthorityRefused("no payment is open for this dispense authority")
        _compare(slip, held, self._bond, self._journal.boot_id)
        if not hmac.compare_digest(slip.nonce, nonce):
            raise AuthorityRefused("the dispense authority is for another payment")
        if slip.expires < self._bond.now():
            raise AuthorityRefused("the dispense authority has expired")
        return nonce

    def _plan(self, held: r.Held) -> tuple[NoteCount, ...]:
        """The mix that was authorised if it is still there, else another one of the same amount."""
        stock = {s.cassette: s.count for s in self.stock()}
        if all(stock.get(note.cassette, 0) >= note.count for note in held.mix):
            return held.mix
        other = denominate.fewest(held.amount, self.stock(), self.most_notes)
        if not other:
            raise AuthorityRefused("the cassettes cannot pay this amount any more")
        return other


def _compare(slip: Slip, held: r.Held, bond: Bond, boot: str) -> None:
    wanted = {
        "kind": "release", "terminal": bond.terminal, "generation": bond.generation, "boot": boot,
        "transaction": held.transaction.number, "amount": held.amount, "account": held.account, "card": held.card,
    }  # fmt: skip
    for name, value in wanted.items():
        if getattr(slip, name) != value:
            raise AuthorityRefused(f"the dispense authority is for another {name}")
