"""The model that watches: where each note is, what each customer was told and given, and what the books say of it.

It knows nothing of how kiosk and bank work. It sees notes arrive on the customer's side, screens as they are shown,
the authorise that left a kiosk, and at the end the books. A payment is named by terminal, generation and number.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import msgspec
from simulation.bank_node import BankNode
from simulation.copies import Copies
from simulation.deposits import Deposits
from simulation.doors import Doors
from simulation.errands import Errands
from simulation.machines import Kiosk
from simulation.payments import Name, Payment, Visit, amount_of, may_differ
from simulation.receipts import Receipts
from simulation.sends import Sends
from simulation.trays import Trays, names_of_unseen
from simulation.world import World

from bank.authoriser.codes import is_code
from bank_link.envelope import Envelope, unseal
from kiosk.screens.model import NoticeScreen, Screen, Take

_CASE = re.compile(r"case ([^-]+)-([0-9]+)\.([0-9]+)\.([a-z-]+)")
#: Told: nothing left the account. Told: nobody knows yet. (By screen id, after an authorise.)
_NOTHING = {"e.nocash", "e.nottaken"}
_DOUBT = {"e.doubt", "e.jam"}
_TIMED = {"open-visit", "authorise", "release", "post", "deposit"}
#: What the simulated bank's configuration allows in a row.
PIN_TRIES = 3


class Model:
    """Sees everything; `violations` must stay empty."""

    def __init__(self, world: World, bank: BankNode, values: dict[str, int]) -> None:
        self._world, self._bank, self._values = world, bank, values
        self.payments: dict[Name, Payment] = {}
        self.visits: dict[str, Visit] = {}
        self.violations: list[str] = []
        self._out: Counter[str] = Counter()
        self.lost: set[str] = set()
        self._deadlines: dict[Name, int] = {}
        self._answered: set[tuple[str, int]] = set()
        self._cards: dict[str, str] = {}
        self._on_the_way: dict[str, tuple[tuple[str, int], int]] = {}
        self._gone: dict[tuple[str, int], float] = {}
        self._reversed: dict[Name, float] = {}
        self._used: dict[Name, tuple[str, Name]] = {}
        self._twice: set[Name] = set()
        self._clock_was_back = self._was_restored = False
        self._effective: dict[Name, float] = {}
        self._asked_at: dict[Name, float] = {}
        self._known_to_bank: dict[str, float] = {}
        self._turned_back: dict[str, float] = {}
        self._wrong_pins: Counter[str] = Counter()
        self._pins_since: dict[str, float] = {}
        self._bank_stopped_at = 0.0
        self._tried: set[Name] = set()
        self._senders: dict[Name, Visit | None] = {}
        self.copies = Copies(world, self.wrong)
        self.sends = Sends(world, bank, self.wrong)
        self.deposits = Deposits(world, bank, self.wrong)
        self.errands = Errands(world, bank, self.sends, self.wrong)
        self.doors = Doors(world, self.wrong)
        self.receipts = Receipts(world, self.wrong, self)
        self.trays = Trays(world, self.wrong, motor_moved=self.doors.motor_moved)

    def wrong(self, sentence: str) -> None:
        self._world.tell("MODEL", sentence)
        self.violations.append(sentence)

    # ── What is seen ────────────────────────────────────────────────────────────────────────────────────────────────

    def begins(self, kiosk: Kiosk, card: str, stick: int) -> None:
        self.trays.begins(kiosk)
        self.doors.begins(kiosk)
        self.receipts.begins(kiosk.terminal)
        self.visits[kiosk.terminal] = Visit(kiosk.terminal, card, stick)
        self.sends.begins(kiosk.terminal)
        self.errands.begins(kiosk.terminal, card)

    def leaves(self, terminal: str, envelope: Envelope) -> None:
        """A machine has something to say, whether the line carries it or not."""
        if envelope.kind == "release":
            self.doors.sends_release((terminal, envelope.generation, msgspec.json.decode(envelope.body)["number"]))

    def asked(self, terminal: str, envelope: Envelope) -> None:
        """The line carries a message."""
        self.errands.carried(terminal, envelope)
        if envelope.kind in {*_TIMED, "completion", "reversal", "open-account"}:
            self._number_used(terminal, envelope)
        if envelope.kind in {"release", "reversal", "completion"}:
            # In effect from now on or not at all: a late copy of its authorise gets the old answer once more.
            ended = (terminal, int(msgspec.json.decode(envelope.body)["transaction"]))
            self._gone.setdefault(ended, self._world.now)
            self._on_the_way = {card: held for card, held in self._on_the_way.items() if held[0] != ended}
        if envelope.kind == "open-account":
            body = msgspec.json.decode(envelope.body)
            self.errands.newcomers.asked((terminal, envelope.generation, body["number"]), body["product"])
        if envelope.kind == "completion":
            body = msgspec.json.decode(envelope.body)
            about = (terminal, body["made_by"]["generation"], body["transaction"])
            self.trays.completed(body, self.payments.get(about))
        if envelope.kind not in _TIMED:
            return
        body = msgspec.json.decode(envelope.body)
        name = (terminal, envelope.generation, int(body["number"]))
        self._deadlines[name] = max(body["deadline"], self._deadlines.get(name, 0))
        self._asked_at.setdefault(name, self._world.now)
        if envelope.kind == "deposit":
            self.deposits.asked(name)
            self._senders[name] = self.visits.get(terminal)
        if envelope.kind == "post":
            self.errands.asked(name, body, self.card_at(terminal), again=name in self._senders)
            self.sends.asked(name, body)
            # The last one: a number comes twice where neither journal nor bank remember its first use.
            self._senders[name] = self.visits.get(terminal)
        if envelope.kind != "authorise":
            return
        visit = self.visits.get(terminal)
        if visit is None:
            return
        payment = self.payments.get(name)
        if payment is None:
            payment = self.payments[name] = Payment(name, visit, body["account"], at=self._world.now)
        # A number comes twice only where neither journal nor bank remember its first use.
        if payment not in visit.payments:
            payment.visit = visit
            visit.payments.append(payment)

    def _number_used(self, terminal: str, envelope: Envelope) -> None:
        """A disk was lost, and a restored bank could not know that its number was used in a history that was lost too:
        should that one come back, the payment is behind another message's number.
        """
        body = msgspec.json.decode(envelope.body)
        generation = body.get("made_by", {}).get("generation", envelope.generation)
        about = (terminal, generation, int(body.get("transaction", body["number"])))
        first = self._used.setdefault((terminal, generation, int(body["number"])), (envelope.kind, about))
        if first != (envelope.kind, about):
            self._twice.add(about)

    def answered(self, request: bytes, answer: bytes) -> None:
        """The bank answers: each transmission once, whatever is repeated."""
        envelope = unseal(request).envelope
        if not envelope.session or unseal(answer).envelope.kind == "sign-on-needed":
            return
        sent = (envelope.session, envelope.transmission)
        if sent in self._answered:
            self.wrong(f"transmission {sent} was answered twice")
        self._answered.add(sent)
        self.errands.answered(envelope, unseal(answer).envelope)
        if envelope.kind not in {*_TIMED, "reversal"}:
            return
        body, said = msgspec.json.decode(envelope.body), msgspec.json.decode(unseal(answer).envelope.body)
        if envelope.kind == "reversal":
            self._reversed[envelope.terminal, body["made_by"]["generation"], body["transaction"]] = self._world.now
            return
        new = self._in_effect(envelope, body, said)
        if envelope.kind == "open-visit" and "card" in body:
            self._pin_tried((envelope.terminal, envelope.generation, body["number"]), body["card"], said)
        if envelope.kind == "authorise" or (envelope.kind == "open-visit" and new):
            self._overtaken(envelope, body, said)

    def _in_effect(self, asked: Envelope, body: dict[str, Any], answer: dict[str, Any]) -> bool:
        """Whether it is now, for the first time. Not after its reversal; and no money for a machine whose disk is older
        than what the bank has heard of it.
        """
        terminal, generation = asked.terminal, asked.generation
        name = (terminal, generation, body["number"])
        at = self._asked_at.get(name, 0.0)
        self._known_to_bank[terminal] = max(at, self._known_to_bank.get(terminal, 0.0))
        if answer["type"] not in {"visit-opened", "authorised", "released", "slipped"} or name in self._effective:
            return False
        self._effective[name] = self._world.now
        if (terminal, generation, body.get("transaction", body["number"])) in self._reversed:
            self.wrong(f"{name} took effect after its reversal")
        if answer["type"] == "slipped" and (visit := self._senders.get(name)) is not None:
            self.copies.spends(visit, f"sent money in {name}")
        if answer["type"] == "released":
            self._released(terminal, generation, body["transaction"])
            if at > self._turned_back.get(terminal, at):
                self.wrong(f"{terminal} may pay, and its disk does not know what the bank has heard of it")
        return True

    def _released(self, *name: Any) -> None:
        if name in self.payments:
            self.payments[name].released_at = self._world.now
            self.errands.details.paid(name, self.payments[name].visit.card)

    def _pin_tried(self, name: Name, card: str, answer: dict[str, Any]) -> None:
        """Each wrong PIN leaves one try less, however many arrive together."""
        if name in self._tried or answer["type"] == "in-progress":
            return
        self._tried.add(name)
        if answer.get("reason") != "wrong-pin":
            del self._wrong_pins[card]
            self._pins_since[card] = self._world.now
            return
        if self._asked_at.get(name, 0.0) < max(self._pins_since.get(card, 0.0), self._bank_stopped_at):
            # Its try was counted before a right PIN made them start again; which a bank that stopped may never have said.
            return
        self._wrong_pins[card] += 1
        if answer["tries_left"] > PIN_TRIES - self._wrong_pins[card]:
            self.wrong(f"{self._wrong_pins[card]} wrong PINs in a row left {answer['tries_left']} tries at {name}")

    def _overtaken(self, asked: Envelope, body: dict[str, Any], answer: dict[str, Any]) -> None:
        """While a payment is authorised and its card on the way out, nobody else opens a visit with that card."""
        name, said = (asked.terminal, body["number"]), answer["type"]
        if said == "visit-opened":
            # A cash code has no number: the bank's reference stands for it.
            card = self._cards[answer["visit"]] = body.get("card", answer["card"])
            other, until = self._on_the_way.get(card, ((asked.terminal, 0), 0))
            if other[0] != asked.terminal and self._bank.clock.now_ms() < until:
                self.wrong(f"{asked.terminal} opened a visit with the card whose payment {other} was authorised")
        elif said == "authorised" and name not in self._gone:
            self._on_the_way[self._cards.get(body["visit"], "")] = (name, answer["expires"])

    def moved(self, kiosk: Kiosk) -> None:
        """Notes moved in a cabinet: those that came to the customer's side belong to its last payment."""
        places = kiosk.dispenser._places
        out = sum((place.tray + place.taken) * self._values[name] for name, place in places.items())
        came = out - self._out[kiosk.terminal]
        self._out[kiosk.terminal] = out
        payment = self._last(kiosk.terminal)
        self.trays.moved(kiosk, came, payment, self.visits.get(kiosk.terminal))
        if came <= 0:
            return
        self.errands.service.moved(kiosk)
        if payment is None:
            self.wrong(f"{came} came out of {kiosk.terminal}, and nobody had asked for anything")
            return
        if not payment.given:
            self._paid_by(payment)
        payment.given += came
        if kiosk.on and kiosk.machine is not None:
            self._let_out(kiosk, payment)

    def _let_out(self, kiosk: Kiosk, payment: Payment) -> None:
        """Nothing comes without a burnt nonce and an authority in the journal."""
        from kiosk.journal.records import AuthorityHeld, NonceBurnt, Transaction

        assert kiosk.machine is not None
        journal = kiosk.machine.journal
        if journal.failed:
            return
        records = [line.record for line in journal.story(Transaction(payment.name[1], payment.name[2]))]
        kinds = {type(record) for record in records}
        if not {AuthorityHeld, NonceBurnt} <= kinds and not payment.loose:
            payment.loose = True
            if not payment.journal_gone:
                self.wrong(f"a note came out for {payment.name} without an authority in the journal")

    def doubled(self, kiosk: Kiosk, cassette: str, notes: int) -> None:
        payment = self._last(kiosk.terminal)
        if payment is not None:
            self.trays.doubled(kiosk, notes)
            payment.doubled += notes * self._values[cassette]
        else:
            self.errands.service.doubled(kiosk.terminal)

    def hidden(self, kiosk: Kiosk, cassette: str) -> None:
        payment = self._last(kiosk.terminal)
        if payment is not None:
            payment.hidden += self._values[cassette]

    def told(self, kiosk: Kiosk, screen: Screen) -> None:
        """A screen is shown: what it says of money is kept."""
        self.errands.told(kiosk, screen)
        if kiosk.identity is not None:
            self.sends.told(kiosk.terminal, kiosk.identity.generation, screen)
            self.deposits.told(kiosk.terminal, screen, amount_of(screen.title))
        payment = self._last(kiosk.terminal)
        self.receipts.told(kiosk.terminal, screen)
        if payment is None:
            return
        self.trays.told(payment, screen)
        if isinstance(screen, Take) and screen.id == "take.cash":
            payment.told_paid = amount_of(screen.value)
        elif isinstance(screen, NoticeScreen):
            payment.told_doubt |= screen.id in _DOUBT
            payment.told_nothing |= screen.id in _NOTHING and payment.told_paid is None
            if screen.id in _DOUBT and (screen.reference or "") != f"{payment.name[0]}-{payment.name[2]}":
                self.wrong(f"{payment.name} was told the reference {screen.reference}")

    def _last(self, terminal: str) -> Payment | None:
        visit = self.visits.get(terminal)
        return visit.payments[-1] if visit is not None and visit.payments else None

    # ── What was forgotten ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def card_at(self, terminal: str) -> str:
        """The card of the customer who is there."""
        visit = self.visits.get(terminal)
        return "" if visit is None else visit.card

    def pins_start_again(self, card: str) -> None:
        """A new card file may have made the tries start again."""
        del self._wrong_pins[card]
        self._pins_since[card] = self._world.now

    def restored(self, to: float) -> None:
        """The bank forgot what was paid since `to`; which copy was the spent one it is told by the kiosk's facts."""
        for forgotten in (
            self._answered, self._on_the_way, self._known_to_bank, self._tried
        ):  # fmt: skip
            forgotten.clear()
        kept: dict[Any, float]
        for kept in (self._reversed, self._effective, self._gone):
            for name in [name for name, at in kept.items() if at > to]:
                del kept[name]
        self._turned_back.clear()
        self._wrong_pins.clear()
        self._was_restored = True
        for payment in self.payments.values():
            payment.bank_forgot |= payment.at > to - 600
        self.sends.restored(to)
        self.errands.restored(to)
        self.deposits.restored(to)
        self.copies.restored(to)

    def _paid_by(self, payment: Payment) -> None:
        if is_code(payment.visit.card):
            self._paid_by_code(payment)
            return
        self.copies.paid(payment.visit, payment.released_at, f"was paid at {payment.name}")

    def _paid_by_code(self, payment: Payment) -> None:
        """A code is paid once. Only a bank that has forgotten, and was not told yet, can pay it again."""
        for other in self.payments.values():
            paid = other.given or other.taken_back
            again = other is not payment and other.visit.card == payment.visit.card and paid
            if again and not other.bank_forgot:
                self.wrong(f"the cash code of {payment.name} was paid at {other.name} before")

    def journal_lost(self, terminal: str) -> None:
        """What this machine's journal knew is gone, or may be."""
        self.lost.add(terminal)
        for name, payment in self.payments.items():
            payment.journal_gone |= name[0] == terminal
        self.sends.journal_lost(terminal)
        self.doors.journal_lost(terminal)
        self.deposits.journal_lost(terminal)
        self.errands.journal_lost(terminal)

    def turned_back(self, terminal: str, to: float) -> None:
        """This machine goes on with a disk as it was at `to` (world time; before everything: an empty one)."""
        self._turned_back.pop(terminal, None)
        # A number may have been in the journal for some time before the line could carry it.
        if self._known_to_bank.get(terminal, 0.0) > max(to, 0.0) + 60:
            self._turned_back[terminal] = self._world.now

    def taken_as_it_is(self, terminal: str) -> None:
        """Somebody at the bank has looked at it, or it was enrolled anew."""
        self._turned_back.pop(terminal, None)
        self._known_to_bank.pop(terminal, None)

    def bank_stopped(self) -> None:
        """What it decided last it may never have said."""
        self._wrong_pins.clear()
        self._bank_stopped_at = self._world.now

    def clock_set_back(self) -> None:
        """By the bank's clock a sign-on that comes late may look newer than one that was made after it."""
        self._clock_was_back = True

    def decayed_unseen(self, terminal: str) -> None:
        """This machine started on a disk with flipped bits: they changed nothing, or hit its log's last commit."""
        for name, payment in self.payments.items():
            payment.decayed |= name[0] == terminal
        self.sends.decayed(terminal)
        self.doors.journal_lost(terminal)
        self.errands.decayed(terminal)
        self.deposits.decayed(terminal)

    # ── At the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _nobody_knows(self, name: Name) -> bool:
        payment = self.payments.get(name)
        return payment is not None and (payment.nobody_knows or (payment.bank_forgot and name in self._twice))

    async def differences(self) -> dict[Name, int]:
        """By payment: what was given and is not debited (positive), or debited and not given."""
        posted = await self._posted()
        names = set(self.payments) | set(posted)
        found = {}
        for name in sorted(names):
            given = self.payments[name].given if name in self.payments else 0
            if given != posted[name]:
                found[name] = given - posted[name]
        return found

    async def _posted(self) -> Counter[Name]:
        """What was debited for each payment: by its completion, and by what people decided."""
        posted: Counter[Name] = Counter()
        for row in await self._bank.sql(
            "SELECT kind, terminal, generation, text, amount_minor AS minor FROM postings"
            " WHERE kind IN ('withdrawal', 'case-debit', 'case-credit')"
        ):
            if row["kind"] == "withdrawal":
                posted[row["terminal"], row["generation"], int(row["text"].rpartition("-")[2])] += row["minor"]
                continue
            found = _CASE.match(row["text"])
            # What lies in suspense was debited already: whose account it is found to be changes nothing here.
            if found is not None and found[4] not in {"suspense", "unclaimed", "cash-difference", "unexplained"}:
                name = (found[1], int(found[3]), int(found[2]))
                signed = row["minor"] if row["kind"] == "case-debit" else -row["minor"]
                posted[name] += signed if name not in self.deposits.all else 0
        return posted

    async def books(self) -> None:
        """What must hold in the books at any moment."""
        for row in await self._bank.sql("SELECT currency, SUM(amount_minor) AS total FROM entries GROUP BY currency"):
            if row["total"]:
                self.wrong(f"entries in {row['currency']} sum to {row['total']}")
        for row in await self._bank.sql(
            "SELECT a.account AS account, a.balance_minor AS balance, a.held_minor AS held,"
            " (SELECT COALESCE(SUM(e.amount_minor), 0) FROM entries e WHERE e.account = a.account) AS entries,"
            " (SELECT COALESCE(SUM(h.amount_minor), 0) FROM holds h WHERE h.account = a.account"
            " AND h.state IN ('held', 'released', 'case')) AS holds FROM accounts a"
        ):
            if (row["balance"], row["held"]) != (row["entries"], row["holds"]):
                self.wrong(f"account {row['account']} is not what its entries and holds say: {dict(row)}")

    async def ended(self) -> None:
        """After line and power came back: no open hold; every difference has a case that names its payment."""
        await self.books()
        for row in await self._bank.sql("SELECT * FROM holds WHERE state IN ('held', 'released')"):
            self.wrong(f"hold {row['hold']} is still {row['state']}")
        named: Counter[Name] = Counter()
        for case in await self._bank.sql("SELECT * FROM cases"):
            named[case["terminal"], case["generation"], case["number"]] += max(abs(case["amount_minor"]), 1)
        for name, difference in (await self.differences()).items():
            payment = self.payments.get(name)
            if not named[name] and not self._nobody_knows(name) and not may_differ(payment, difference):
                self.wrong(f"{name}: {difference} more given than debited, and no case names it")
        await self._as_told(named)
        await self.sends.ended(self._twice)
        await self.deposits.ended(named, self._twice)
        await self.errands.ended(self._twice)
        await self._in_order()
        await self._missing_without_a_reason()

    async def _in_order(self) -> None:
        """Nothing took effect too late, whatever ended it since; nobody was suspended, no case opened, without a reason."""
        for row in await self._bank.sql("SELECT * FROM numbers WHERE answered = 1 AND length(answer) > 0"):
            name = (row["terminal"], row["generation"], row["number"])
            late_ms = row["at_ms"] - self._deadlines.get(name, row["at_ms"])
            if row["kind"] in _TIMED and msgspec.json.decode(row["answer"])["type"] != "refused" and late_ms > 0:
                self.wrong(f"{name} took effect {late_ms} ms after its deadline")
        for row in await self._bank.sql("SELECT terminal, detail FROM audit_events WHERE kind = 'suspended'"):
            if row["terminal"] not in self.lost and not self._clock_was_back:
                self.wrong(f"{row['terminal']} was suspended, and its journal is whole: {row['detail']}")
        for row in await self._bank.sql("SELECT * FROM cases"):
            # A restored bank may be told of money in an account before it is told of its opening.
            unknown = set() if self.errands.on and self._was_restored else {"suspense", "unclaimed"}
            if row["kind"] in unknown | {"no-authority"}:
                self.wrong(f"case {row['case_id']}: all accounts are known here, and each payment has an authority")
            if row["kind"] == "silent" and row["state"] == "open" and row["terminal"] not in self.lost:
                self.wrong(f"case {row['case_id']}: its machine never said what came of it")

    async def _missing_without_a_reason(self) -> None:
        """An exchange that finds other cash than the machine believed: something must have happened there before."""
        odd = {name[0] for name, payment in self.payments.items() if payment.doubled or payment.decayed}
        odd |= {name[0] for name in await self.differences()} | self.lost | self.errands.service.odd
        odd |= names_of_unseen(self.payments)
        rows = await self._bank.sql("SELECT * FROM cases")
        odd |= {row["terminal"] for row in rows if row["kind"] != "cash-difference"}
        for row in rows:
            if row["terminal"] not in odd and not self._was_restored:
                self.wrong(f"case {row['case_id']}: {row['amount_minor']} differ, and nothing happened there")

    async def vault(self, moved: int) -> None:
        """What went out of the bank's vault is what operators put into machines, less what they took out."""
        rows = await self._bank.sql("SELECT balance_minor AS minor FROM accounts WHERE kind = 'vault'")
        if not self.lost and sum(row["minor"] for row in rows) != moved:
            self.wrong(f"the vault's account says {rows}, the operators moved {moved}")

    async def _as_told(self, named: Counter[Name]) -> None:
        posted = await self._posted()
        for name, payment in self.payments.items():
            if named[name] or payment.told_doubt or self._nobody_knows(name):
                continue
            if payment.told_paid is not None and posted[name] != payment.told_paid:
                self.wrong(f"{name}: told {payment.told_paid}, the books say {posted[name]}")
            if payment.told_nothing and posted[name]:
                self.wrong(f"{name}: told that nothing left the account, the books say {posted[name]}")

    async def resolved(self) -> None:
        """After people closed the cases by what they found: what was given is what was debited, to the note."""
        await self.books()
        for name, difference in (await self.differences()).items():
            payment = self.payments.get(name)
            if self._nobody_knows(name):
                continue
            if not may_differ(payment, difference):
                self.wrong(f"{name}: {difference} more given than debited after its cases were closed")
        await self.deposits.resolved(self._twice)

    def notes(self, kiosk: Kiosk, loaded: Counter[str]) -> None:
        """Every note that was ever loaded is somewhere."""
        for name, place in kiosk.dispenser.physical.items():
            if place.total != loaded[name]:
                self.wrong(f"{kiosk.terminal}: {loaded[name]} notes were loaded into {name}, {place} are somewhere")
