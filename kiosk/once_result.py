"""What one unattended transaction came to, read from the journal's own records: one line of JSON, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from bank_link.messages import Figures, Reason
from bank_link.money import Money, plain
from kiosk.exit_codes import Code, CommandError
from kiosk.journal import records as r
from kiosk.journal.progress import Progress, fold
from kiosk.screens.model import Amount, Choose, Screen


class NoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """Notes that went out of one cassette."""

    cassette: str
    value: str
    count: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """`outcome`: "paid", "partly-paid", "not-paid", "in-doubt" or "balance". Amounts are decimal text.

    `claim` names the transaction on both sides; `case` is what the bank opened for a person. `delivered`: the bank has
    every fact of it. `why` and `code`: where it is no success.
    """

    outcome: str
    card: str
    currency: str
    amount: str = ""
    asked: str = ""
    in_doubt: str = ""
    notes: tuple[NoteLine, ...] = ()
    available: str = ""
    ledger: str = ""
    claim: str = ""
    case: str = ""
    delivered: bool = True
    why: str = ""
    code: Code = Code.DONE


@dataclass
class Told:
    """What is known after the visit. `story`: the journal since this start."""

    figures: Figures | None = None
    delivered: bool = False
    seen: Sequence[Screen] = ()
    story: Sequence[r.Line] = field(default_factory=tuple)


def judged(told: Told, amount: Money | None, card: str) -> Result:
    """The result. Raises CommandError where nothing was to be had: then nothing left the account."""
    if amount is None and told.figures is not None:
        return Result(
            outcome="balance", card=card, currency=told.figures.available.currency,
            available=_decimal(told.figures.available), ledger=_decimal(told.figures.ledger), delivered=told.delivered,
        )  # fmt: skip
    held = next((line.record for line in told.story if isinstance(line.record, r.Held)), None)
    if held is not None:
        return _payment(told, held, card)
    raise _refusal(told, amount)


def _payment(told: Told, held: r.Held, card: str) -> Result:
    """A hold was given: what became of it."""
    records = [line.record for line in told.story if getattr(line.record, "transaction", None) == held.transaction]
    progress = fold(held.transaction, records)
    doubt = Money(sum(value.minor * count for (_, value), count in progress.in_doubt.items()), held.amount.currency)
    outcome = _outcome(progress, doubt)
    result = Result(
        outcome=outcome, card=card, currency=held.amount.currency, amount=_decimal(progress.paid),
        asked=_decimal(held.amount), in_doubt=_decimal(doubt) if doubt.minor else "", notes=_notes(progress),
        claim=held.claim, case=_case(told.story, held.transaction), delivered=told.delivered,
    )  # fmt: skip
    if outcome == "paid":
        return result
    return msgspec.structs.replace(result, why=_why(told, progress, held, doubt), code=_code(told))


def _outcome(progress: Progress, doubt: Money) -> str:
    assert progress.held is not None
    if progress.paid == progress.held.amount and not doubt.minor:
        return "paid"
    if progress.paid.minor:
        return "partly-paid"
    return "in-doubt" if doubt.minor else "not-paid"


def _why(told: Told, progress: Progress, held: r.Held, doubt: Money) -> str:
    said = [line.record.detail for line in told.story if isinstance(line.record, r.Event) and line.record.detail]
    last = said[-1] if said and progress.presented is None else ""
    paid = f"{plain(progress.paid)} of {plain(held.amount)} came out"
    in_doubt = f", {plain(doubt)} is in doubt" if doubt.minor else ""
    return f"{paid}{in_doubt}; claim {held.claim}{f' ({last})' if last else ''}"


def _code(told: Told) -> Code:
    """Where the vault never began, the bank or the line was it; else the dispenser."""
    burnt = any(isinstance(line.record, r.NonceBurnt) and line.record.plan for line in told.story)
    if burnt or _event(told, "card-spoilt", "card-left", "device"):
        return Code.DEVICE
    refused = [line.record for line in told.story if isinstance(line.record, r.Answered) and line.record.reason]
    return Code.REFUSED if refused else Code.LINE_DOWN


def _refusal(told: Told, amount: Money | None) -> CommandError:
    """No hold, no figures: why, by what was seen and what the bank answered."""
    reasons = [line.record.reason for line in told.story if isinstance(line.record, r.Answered) and line.record.reason]
    reason = reasons[-1] if reasons else _event(told, "balance-refused")
    ids = {screen.id for screen in told.seen}
    if reason:
        said = _SENTENCES.get(reason, "the bank refuses it")
        return CommandError(f"{reason}: {said}{_possible(told)}", Code.REFUSED)
    if "e.line" in ids:
        return CommandError("the bank did not answer in time; nothing left the account", Code.LINE_DOWN)
    unread = _event(told, "card-unreadable", "card-not-written", "device")
    if unread or "e.card" in ids:
        return CommandError(unread or "the card cannot be used", Code.DEVICE)
    return CommandError(f"{_by_the_machine(told, ids, amount)}{_possible(told)}", Code.REFUSED)


def _by_the_machine(told: Told, ids: set[str], amount: Money | None) -> str:
    """The machine itself said no, before the bank was asked."""
    if "cash.nearest" in ids and amount is not None:
        return f"notes: this machine cannot pay {plain(amount)} with its notes"
    if "cash.limit.reached" in ids:
        return "amount-limit: nothing more can be had today"
    limits = [screen.limits for screen in told.seen if isinstance(screen, Amount)]
    if limits and amount is not None:
        return f"amount: {plain(amount)} cannot be had; {limits[-1][:1].lower()}{limits[-1][1:]}"
    return "no-account: this card has no account for it at this machine"


_SENTENCES: dict[str, str] = {
    Reason.WRONG_PIN: "the PIN is wrong",
    Reason.PIN_LOCKED: "the card is locked after wrong PINs",
    Reason.CARD_IN_USE: "the card is in use at another machine",
    Reason.CARD_OUTDATED: "this card file is outdated; the bank must issue it again",
    Reason.CARD_PROOF: "this card file is not the bank's",
    Reason.CARD_EXPIRED: "the card has expired",
    Reason.NO_CARD: "the bank does not know this card",
    Reason.FUNDS: "there is not enough in the account",
    Reason.AMOUNT_LIMIT: "it is over the day's limit",
    Reason.COUNT_LIMIT: "there were as many withdrawals as a day allows",
    Reason.AMOUNT: "the bank does not pay this amount",
    Reason.SUSPENDED: "the terminal is suspended",
    Reason.PENDING: "the terminal waits to be confirmed by the bank",
}


def _possible(told: Told) -> str:
    """The amounts that the last screen offered instead."""
    last = next((screen for screen in reversed(told.seen) if isinstance(screen, Choose)), None)
    keys = [choice.key.removeprefix("amount:") for choice in (last.choices if last else ())]
    offered = [choice.label for choice, key in zip(last.choices if last else (), keys, strict=True) if key.isdecimal()]
    if last is None or last.id not in {"cash.nearest", "cash.limit", "cash.short"} or not offered:
        return ""
    return f"; possible: {' or '.join(offered)}"


def _event(told: Told, *what: str) -> str:
    found = [line.record for line in told.story if isinstance(line.record, r.Event) and line.record.what in what]
    return found[-1].detail or found[-1].what if found else ""


def _case(story: Sequence[r.Line], name: r.Transaction) -> str:
    """What the bank opened for the facts of this transaction."""
    records = [line.record for line in story]
    facts = {record.number for record in records if isinstance(record, r.FactMade) and record.transaction == name}
    cases = [record.case for record in records if isinstance(record, r.Acknowledged) and record.number in facts]
    return cases[-1] if cases else ""


def _notes(progress: Progress) -> tuple[NoteLine, ...]:
    return tuple(
        NoteLine(cassette=cassette, value=_decimal(value), count=count)
        for (cassette, value), count in sorted(progress.dispensed.items())
        if count
    )


def _decimal(money: Money) -> str:
    return plain(money).partition(" ")[0]
