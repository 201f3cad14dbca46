"""What must be true once all is quiet, payment by payment: notes, journals and books agree, but where a case says why not.

Written apart from the programs that it judges: it knows their words, and none of their code. Everything that it finds is
a sentence; nothing to be found is what a campaign is for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from campaigns.evidence import Books, Notes, Payment, Places, Row, Story, Visit, worth

#: Cases that may come of a kill: a note that may have moved, a payment of which nothing is proven, one that was silent.
OF_PAYMENTS = {"doubt", "unknown", "silent"}
#: And of a machine whose sensors were looked at too late, on a busy computer. They name a difference, too.
OF_SENSORS = {"surplus"}
OF_EXCHANGES = {"cash-difference"}


@dataclass(frozen=True)
class Machine:
    """One kiosk: what was seen of it from outside (`visits`, `notes`), and what it wrote down itself."""

    terminal: str
    visits: Sequence[Visit]
    notes: Places
    story: Story


@dataclass(frozen=True)
class Everything:
    """`openings`: what was in each customer's account at first, in minor units."""

    machines: Sequence[Machine]
    books: Books
    openings: Mapping[str, int]


@dataclass(frozen=True)
class Truth:
    """A payment from all sides."""

    payment: Payment
    given: Notes
    told: int | None
    debited: int
    hold: Row | None
    cases: Sequence[Row]

    @property
    def uncounted(self) -> Notes:
        """What the customer has got and the journal does not know."""
        return self.given - self.payment.counted

    @property
    def named(self) -> int:
        """The most that its open cases explain, in minor units."""
        return sum(case["amount_minor"] for case in self.cases if case["state"] == "open")


def faults(everything: Everything) -> list[str]:
    """Every sentence about what is not right; none where all of it is."""
    found = []
    for machine in everything.machines:
        truths = payments(machine, everything.books)
        found += [*_quiet(machine), *_visits(machine), *_notes(machine)]
        found += [fault for truth in truths for fault in _payment(truth)]
        found += _differences(machine, truths, everything.books)
        found += _cash(machine, truths, everything.books)
    return [*found, *_accounts(everything), *_strangers(everything)]


def payments(machine: Machine, books: Books) -> list[Truth]:
    """Each payment of this machine's journal with the notes of its visit and with what the bank has of it."""
    visits = {visit.boot: visit for visit in machine.visits if visit.boot}
    holds = {hold["number"]: hold for hold in books.holds if hold["terminal"] == machine.terminal}
    debits: Counter[str] = Counter()
    for posting in books.postings:
        if posting["kind"] == "withdrawal":
            debits[posting["text"]] += posting["amount_minor"]
    return [
        Truth(
            payment, visit.given if visit else Counter(), visit.told if visit else None, debits[payment.claim],
            holds.get(payment.number), [case for case in books.cases if case["claim"] == payment.claim],
        )
        for payment in machine.story.payments
        for visit in [visits.get(payment.boot)]
    ]  # fmt: skip


# ── One machine ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _quiet(machine: Machine) -> Iterator[str]:
    for what in machine.story.unfinished:
        yield f"{machine.terminal}: {what}"


def _visits(machine: Machine) -> Iterator[str]:
    """No note comes from nowhere or goes there, and none comes out without a payment in the journal."""
    asked = Counter(payment.boot for payment in machine.story.payments)
    for place, visit in enumerate(machine.visits, start=1):
        said = f"{machine.terminal}, visit {place} ({visit.program}, {visit.said})"
        if visit.before.total != visit.after.total:
            yield f"{said}: notes came from nowhere or went there: {visit.before.total}, then {visit.after.total}"
        if any(count < 0 for count in visit.given.values()):
            yield f"{said}: customers have fewer notes than before: {visit.given}"
        if visit.given and not asked[visit.boot]:
            yield f"{said}: {dict(visit.given)} came out, and the journal knows of no payment"
    for boot, count in asked.items():
        if count > 1 or boot not in {visit.boot for visit in machine.visits}:
            yield f"{machine.terminal}: the journal knows {count} payments of start {boot}, which is not what was asked for"


def _notes(machine: Machine) -> Iterator[str]:
    """Between two exchanges the cassettes lose what left them, and the journal's counts what it wrote down."""
    exchange = machine.story.exchanges[-1]
    since = [payment for payment in machine.story.payments if payment.sequence > exchange.sequence]
    boots = {payment.boot for payment in since}
    given: Notes = sum((visit.given for visit in machine.visits if visit.boot in boots), Counter())
    left: Notes = sum((payment.left for payment in since), Counter())
    inside = machine.notes.inside + machine.notes.throat + given
    if inside != +exchange.after:
        yield f"{machine.terminal}: {dict(exchange.after)} were loaded, and {dict(inside)} are in it or were given"
    if machine.story.counts + left != +exchange.after:
        yield f"{machine.terminal}: it counts {dict(machine.story.counts)} after {dict(left)} left {dict(exchange.after)}"


# ── One payment ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _payment(truth: Truth) -> Iterator[str]:
    payment, hold = truth.payment, truth.hold
    said = f"{payment.claim}: given {dict(truth.given)}, counted {dict(+payment.counted)}, debited {truth.debited}"
    said += f", hold {hold['state'] if hold else 'none'}, cases {[case['case_id'] for case in truth.cases]}"
    if payment.counted - truth.given:
        yield f"{said}: the journal counts notes that never came out"
    if truth.debited != worth(payment.counted):
        yield f"{said}: the debit is not what was counted"
    if truth.debited > worth(truth.given):
        yield f"{said}: debited for what never came out"
    if worth(truth.uncounted) > truth.named:
        yield f"{said}: no case names all of the difference"
    if truth.told not in {None, truth.debited}:
        yield f"{said}: the customer was told {truth.told}"
    if sum(truth.uncounted.values()) > 1:
        yield f"{said}: more than one note moved between two words of the journal"
    yield from (f"{said}: {what}" for what in _hold(truth))
    for case in truth.cases:
        if case["kind"] not in OF_PAYMENTS | OF_SENSORS:
            yield f"{said}: a case of kind {case['kind']}, which nothing that happened explains"


def _hold(truth: Truth) -> Iterator[str]:
    hold = truth.hold
    state = hold["state"] if hold else "none"
    if hold is None and truth.given:
        yield "paid without a hold"
    if state in {"held", "released"}:
        yield "the hold has not ended"
    if hold is not None and state == "posted" and hold["posted_minor"] != truth.debited:
        yield f"the hold says that {hold['posted_minor']} was posted"
    if state == "voided" and truth.debited:
        yield "debited, and the hold was voided"
    if hold is not None and state == "case" and not any(
        case["case_id"] == hold["case_id"] and case["state"] == "open" for case in truth.cases
    ):  # fmt: skip
        yield "money is set aside for no open case"


# ── A machine's cash at the bank ────────────────────────────────────────────────────────────────────────────────────


def _differences(machine: Machine, truths: Sequence[Truth], books: Books) -> Iterator[str]:
    """Each exchange finds exactly the notes missing that nobody had counted since the one before; a case names them."""
    cases = {
        case["number"]: case["amount_minor"]
        for case in books.cases
        if case["terminal"] == machine.terminal and case["kind"] in OF_EXCHANGES
    }
    before = 0
    for exchange in machine.story.exchanges:
        between = [truth for truth in truths if before < truth.payment.sequence < exchange.sequence]
        wanted = -sum(worth(truth.uncounted) for truth in between)
        if cases.pop(exchange.number, 0) != wanted:
            yield f"{machine.terminal}: exchange {exchange.number} should have found {wanted}"
        before = exchange.sequence
    for number in cases:
        yield f"{machine.terminal}: a difference of exchange {number}, which the journal does not know"


def _cash(machine: Machine, truths: Sequence[Truth], books: Books) -> Iterator[str]:
    """The bank's cash in this machine: what the last exchange left there, less what was debited since."""
    account, exchange = books.account(f"cash.{machine.terminal}.USD"), machine.story.exchanges[-1]
    since = [truth for truth in truths if truth.payment.sequence > exchange.sequence]
    wanted = worth(exchange.after) - sum(truth.debited for truth in since)
    booked = -account["balance_minor"] if account else 0
    if booked != wanted:
        yield f"{machine.terminal}: the books have {booked} in it, and it should be {wanted}"
    inside = worth(machine.notes.inside) + worth(machine.notes.throat)
    if booked - inside != sum(worth(truth.uncounted) for truth in since):
        yield f"{machine.terminal}: the books have {booked} in it, and there is {inside}"


# ── The bank ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _accounts(everything: Everything) -> Iterator[str]:
    """Every customer has what he had, less what was debited; what is set aside waits for an open case."""
    books = everything.books
    debited: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for posting in books.postings:
        if posting["kind"] == "withdrawal":
            debited[posting["debit_account"]] += posting["amount_minor"]
    for hold in books.holds:
        if hold["state"] == "case":
            held[hold["account"]] += hold["amount_minor"]
    for name, opening in everything.openings.items():
        account = books.account(name)
        found = (account["balance_minor"], account["held_minor"]) if account else None
        wanted = opening - debited[name], held[name]
        if found != wanted:
            yield f"account {name}: balance and held are {found}, and should be {wanted}"


def _strangers(everything: Everything) -> Iterator[str]:
    """The bank knows of nothing that no machine knows of."""
    claims = {payment.claim for machine in everything.machines for payment in machine.story.payments}
    exchanges = {
        f"{machine.terminal}-{exchange.number}"
        for machine in everything.machines
        for exchange in machine.story.exchanges
    }
    for hold in everything.books.holds:
        if f"{hold['terminal']}-{hold['number']}" not in claims:
            yield f"hold {hold['hold']} is of a payment that no journal knows"
    for posting in everything.books.postings:
        if posting["kind"] == "withdrawal" and posting["text"] not in claims:
            yield f"posting {posting['posting']} is of a payment that no journal knows: {posting['text']}"
    for case in everything.books.cases:
        known = exchanges if case["kind"] in OF_EXCHANGES else claims
        if case["claim"] not in known:
            yield f"case {case['case_id']} is about nothing that any journal knows"
    for number in everything.books.numbers:
        if number["state"] in {"deciding", "lost"}:
            yield f"number {number['number']} of {number['terminal']} is {number['state']}"
