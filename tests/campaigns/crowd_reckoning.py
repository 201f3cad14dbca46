"""What must be true of a crowd's duplicates: of every number one decision, and the books are exactly what was decided.

Written apart from the bank: it knows the messages and the tables, and none of the code between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from campaigns.crowd import GENERATION, Deed, Heard, is_end
from campaigns.crowd_visits import VALUE, Fate, Payment, Visitor
from campaigns.evidence import Books, Row
from msgspec.structs import replace

from bank_link import messages as m
from bank_link.envelope import body_digest, encode

#: What a hold has become, by how its payment ended.
_STATES = {
    Fate.PAID: "posted", Fate.PART_PAID: "posted", Fate.REVERSED: "voided", Fate.BURNT: "voided", Fate.RACED: "voided",
}  # fmt: skip


def faults(visitors: Sequence[Visitor], books: Books, events: Sequence[Row], opening: int) -> list[str]:
    """Every sentence about what is not right. `events`: the audit log's; `opening`: each account's, in minor units."""
    found = [fault for visitor in visitors for deed in visitor.speaker.deeds for fault in _answers(deed)]
    found += _numbers(visitors, books)
    found += _holds(visitors, books)
    found += _postings(visitors, books)
    found += _cases(visitors, books)
    found += _events(visitors, events)
    return [*found, *(fault for visitor in visitors for fault in _accounts(visitor, books, opening))]


# ── What was answered ───────────────────────────────────────────────────────────────────────────────────────────────


def _answers(deed: Deed) -> Iterator[str]:
    """One decision about one body; every other body is refused, and after the transaction's end everything."""
    said = f"{deed.terminal}, number {deed.number} ({deed.kind})"
    decisions = deed.decisions
    if len({bytes(encode(one.answer)) for one in decisions}) > 1:
        yield f"{said}: {len(decisions)} copies got different decisions: {[one.answer for one in decisions]}"
    if len({one.body for one in decisions}) > 1:
        yield f"{said}: both bodies were decided"
    if not decisions and not any(is_end(one.answer) for one in deed.heard):
        yield f"{said}: no copy was decided"
    yield from (f"{said}: {what}" for one in deed.heard for what in _answer(deed, one))


def _answer(deed: Deed, one: Heard) -> Iterator[str]:
    decided = deed.decided
    if one.after_end and not is_end(one.answer) and not deed.is_fact:
        yield f"its transaction was over, and a copy got {one.answer}"
    if is_end(one.answer) and not (deed.ended or deed.is_fact):
        yield "refused as over, and nobody had ended it"
    if deed.refuses(one.answer) and (len(deed.bodies) == 1 or (decided is not None and decided.body == one.body)):
        yield f"the body that was decided was refused for being another: {one.answer}"
    if isinstance(one.answer, m.Refused) and one.answer.reason not in {
        m.Reason.ENDED, m.Reason.OTHER_BODY, m.Reason.WRONG_PIN,
    }:  # fmt: skip
        yield f"refused for no reason: {one.answer}"


# ── What was written ────────────────────────────────────────────────────────────────────────────────────────────────


def _numbers(visitors: Sequence[Visitor], books: Books) -> Iterator[str]:
    """A row for each number that was said, about the body that was decided, with the answer that was given."""
    rows = {(row["terminal"], row["number"]): row for row in books.numbers}
    if len(rows) != len(books.numbers) or any(row["generation"] != GENERATION for row in books.numbers):
        yield "there are number rows of other generations"
    deeds = {(deed.terminal, deed.number): deed for visitor in visitors for deed in visitor.speaker.deeds}
    for key in rows.keys() ^ deeds.keys():
        yield f"number {key} is known on one side alone"
    for key in rows.keys() & deeds.keys():
        yield from (f"number {key}: {what}" for what in _number(rows[key], deeds[key]))


def _number(row: Row, deed: Deed) -> Iterator[str]:
    decided = deed.decided
    state = "ended" if deed.ended else "answered"
    if row["state"] != state:
        yield f"it is {row['state']}, and should be {state}"
    if decided is None:
        if row["digest"]:
            yield "nothing was decided of it, and a body is kept"
        return
    if row["digest"] != body_digest(deed.bodies[decided.body]):
        yield "another body is kept than the one that was decided"
    if row["answer"] != bytes(encode(_stored(decided.answer))):
        yield "another answer is kept than the one that was given"


def _stored(answer: m.Answer) -> m.Answer:
    """A card's secret is never kept."""
    return replace(answer, next_secret=b"") if isinstance(answer, m.VisitOpened) else answer


def _holds(visitors: Sequence[Visitor], books: Books) -> Iterator[str]:
    """One for each authorise that was decided for, ended as its payment was."""
    wanted = {
        (visitor.speaker.name, payment.authorise.number): (payment.held, payment.presented, _state(payment))
        for visitor in visitors
        for payment in visitor.payments
        if payment.held
    }
    found = {
        (hold["terminal"], hold["number"]): (hold["amount_minor"], hold["posted_minor"], hold["state"])
        for hold in books.holds
    }
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            yield f"the hold of {key} is {found.get(key)}, and should be {wanted.get(key)}"


def _state(payment: Payment) -> str:
    return "posted" if payment.presented else _STATES.get(payment.fate, "voided")


def _postings(visitors: Sequence[Visitor], books: Books) -> Iterator[str]:
    """One for each completion that presented anything, of what its decided body says."""
    wanted = Counter(
        (visitor.speaker.name, payment.completion.number, visitor.customer.account, payment.presented)
        for visitor in visitors
        for payment in visitor.payments
        if payment.completion is not None and payment.presented
    )
    found = Counter(
        (row["terminal"], row["number"], row["debit_account"], row["amount_minor"])
        for row in books.postings
        if row["kind"] == "withdrawal"
    )
    for key, count in (found - wanted).items():
        yield f"posted {count} times too often: {key}"
    for key in wanted - found:
        yield f"not posted: {key}"


def _cases(visitors: Sequence[Visitor], books: Books) -> Iterator[str]:
    """One for each fact's second body, and none else."""
    wanted = {
        f"{deed.terminal}-{deed.number}.{GENERATION}.other-body-{body_digest(body).hex()[:8]}"
        for visitor in visitors
        for deed in visitor.speaker.deeds
        for which, body in enumerate(deed.bodies)
        if deed.is_fact and deed.decided is not None and which != deed.decided.body
    }
    for case in {row["case_id"] for row in books.cases} ^ wanted:
        yield f"case {case} is known on one side alone"


def _events(visitors: Sequence[Visitor], events: Sequence[Row]) -> Iterator[str]:
    """The audit log, too, has each thing happening once."""
    payments = [payment for visitor in visitors for payment in visitor.payments]
    deeds = [deed for visitor in visitors for deed in visitor.speaker.deeds]
    wanted = {
        "authorised": sum(bool(payment.held) for payment in payments),
        "released": sum(payment.release is not None for payment in payments),
        "visit-opened": sum(deed.decided is not None and isinstance(deed.decided.answer, m.VisitOpened) for deed in deeds),
        "exchange": sum(deed.kind == "exchange" for deed in deeds),
    }  # fmt: skip
    found = Counter(event["kind"] for event in events)
    for kind, count in wanted.items():
        if found[kind] != count:
            yield f"the audit log has {found[kind]} of {kind}, and there were {count}"


def _accounts(visitor: Visitor, books: Books, opening: int) -> Iterator[str]:
    """The customer has what was not debited; the machine's cash is what is in its cassette; the card's tries are right."""
    customer, name = visitor.customer, visitor.speaker.name
    account, cash = books.account(customer.account), books.account(f"cash.{name}.USD")
    found = (account["balance_minor"], account["held_minor"]) if account else None
    if found != (opening - customer.debited, 0):
        yield f"account {customer.account} has {found}, and should have {(opening - customer.debited, 0)}"
    inside = -cash["balance_minor"] if cash else 0
    if inside != visitor.inside * VALUE:
        yield f"{name}: the books have {inside} in it, and there are {visitor.inside * VALUE}"
    card = next((row for row in books.cards if row["card"] == customer.reference), None)
    if card is None or card["tries"] != customer.tries:
        yield f"card {customer.reference[:5]}…: {card and card['tries']} wrong PINs are counted, and there were {customer.tries}"
