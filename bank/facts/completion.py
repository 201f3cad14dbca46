"""A completion: what the vault paid becomes the customer's debit, and what is in doubt becomes a case."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from bank.authoriser.context import Context
from bank.authoriser.withdrawal import find_hold
from bank.facts.common import (
    OLDEST_FACT_MS,
    FactUnreadable,
    Subject,
    debited_for_nothing,
    file_case,
    remember_position,
    subject,
    worth,
)
from bank.ledger.moves import below_floor, cash_account, count_usage, free_hold, mark_forced, suspense_account, transfer
from bank.ledger.rows import Account, Case, Hold
from bank.ledger.view import View
from bank_link.errors import MessageRefused
from bank_link.messages import Acknowledged, Completion, Outcome, Slip, TakenState
from bank_link.money import Money


@dataclass(frozen=True)
class _Dispense:
    """A completion as the books see it."""

    fact: Completion
    about: Subject
    presented: Money
    doubt: Money
    authority: Slip | None

    @property
    def is_wholly_unknown(self) -> bool:
        return self.fact.outcome is Outcome.UNKNOWN and not self.presented.minor and not self.doubt.minor


def complete(view: View, context: Context, fact: Completion) -> Acknowledged:
    """In effect once, whatever the hold's state; a case wherever books and notes may differ."""
    currency = fact.amount.currency
    dispense = _Dispense(
        fact, subject(context, fact, fact.transaction), worth(fact.presented, currency),
        worth(fact.in_doubt, currency), _authority(context, fact),
    )  # fmt: skip
    hold = find_hold(view, dispense.about.terminal, dispense.about.generation, fact.transaction)
    if hold is not None and hold.currency != currency:
        raise FactUnreadable(f"a completion in {currency} of a hold in {hold.currency}")
    if dispense.authority is not None:
        remember_position(view, dispense.authority)
    case = _surplus_case(view, context, dispense, hold)
    if hold is None:
        return Acknowledged(case=_without_hold(view, context, dispense) or case)
    if hold.state in {"posted", "voided"}:
        return Acknowledged(case=_after_the_end(view, context, dispense, hold) or case)
    return Acknowledged(case=_settle(view, context, dispense, hold) or case)


def _authority(context: Context, fact: Completion) -> Slip | None:
    """The slip, if the bank signed it for this very transaction of this terminal."""
    if fact.authority is None:
        return None
    try:
        slip = context.tools.keys.read_slip(fact.authority)
    except MessageRefused:
        return None
    mine = (slip.kind, slip.terminal, slip.generation, slip.transaction) == (
        "release", context.terminal.terminal, fact.made_by.generation, fact.transaction,
    )  # fmt: skip
    return slip if mine else None


def _surplus_case(view: View, context: Context, dispense: _Dispense, hold: Hold | None) -> str:
    surplus = worth(dispense.fact.surplus, dispense.presented.currency)
    if not surplus.minor:
        return ""
    return file_case(
        view, context, dispense.about, "surplus", surplus, hold=hold, detail=dispense.fact.surplus,
    )  # fmt: skip


def _settle(view: View, context: Context, dispense: _Dispense, hold: Hold) -> str:
    fact, authority = dispense.fact, dispense.authority
    nothing = not dispense.presented.minor and not dispense.doubt.minor
    if not nothing:
        return _pay(view, context, dispense, hold)
    # The authority shows a release that a restored bank has forgotten.
    was_released = hold.state != "held" or authority is not None
    release_boot = hold.release_boot or (authority.boot if authority else "")
    proven = fact.outcome is Outcome.NOT_PRESENTED and fact.made_by.boot == release_boot
    if was_released and not proven:
        return _hold_in_doubt(view, context, dispense, hold)
    _end(view, context, hold, dispense, state="voided")
    return ""


def _hold_in_doubt(view: View, context: Context, dispense: _Dispense, hold: Hold) -> str:
    """Nothing proves what came out: the money stays set aside until a person decides, once."""
    case = file_case(view, context, dispense.about, "unknown", hold.amount, hold=hold, detail=dispense.fact.counts)
    _close_waiting(view, context, hold)
    view.put(replace(hold, state="case", case_id=case))
    return case


def _pay(view: View, context: Context, dispense: _Dispense, hold: Hold) -> str:
    case = ""
    if hold.state == "held" and dispense.authority is None:
        case = file_case(view, context, dispense.about, "no-authority", dispense.presented, hold=hold)
    if dispense.doubt.minor:
        case = file_case(
            view, context, dispense.about, "doubt", dispense.doubt, hold=hold, detail=dispense.fact.in_doubt
        )
    over = dispense.presented.minor > hold.amount_minor
    _end(view, context, hold, dispense, state="posted" if dispense.presented.minor else "voided", case=case)
    taken_back = _debit(view, context, dispense, hold.account, case_id=case)
    if over or below_floor(view, hold.account):
        case = _forced(view, context, dispense, hold.account, hold)
    return case or taken_back


def _end(view: View, context: Context, hold: Hold, dispense: _Dispense, *, state: str, case: str = "") -> None:
    """End the hold; a case that only waited for this completion is settled by it."""
    posted = dispense.presented if state == "posted" else Money(0, hold.currency)
    free_hold(view, hold, state=state, posted=posted, case_id=case)
    _close_waiting(view, context, hold)


def _close_waiting(view: View, context: Context, hold: Hold) -> None:
    """A case that was opened because nothing had been heard of this payment: now something was."""
    waited = view.get(Case, hold.case_id) if hold.case_id else None
    if waited is not None and waited.state == "open":
        view.put(
            replace(waited, state="closed", closed_at=context.now_ms, closed_by="the completion", resolution="settled")
        )


def _debit(view: View, context: Context, dispense: _Dispense, account: str, *, case_id: str = "") -> str:
    """The case, where the customer has not taken what they are debited for."""
    about = dispense.about
    transfer(
        view, debit=account, credit=cash_account(about.terminal, dispense.presented.currency),
        amount=dispense.presented, kind="withdrawal", at_ms=context.now_ms, terminal=about.terminal,
        generation=about.generation, number=dispense.fact.number, case_id=case_id, text=about.claim,
    )  # fmt: skip
    if not (
        dispense.presented.minor
        and dispense.fact.taken is TakenState.RETRACTED
        and view.need(Account, account).kind == "customer"
    ):
        return ""
    # Debited, and in the machine again: credited when a person has counted it, and no sooner.
    return file_case(
        view, context, about, "retracted", dispense.presented, account=account, card=dispense.fact.card,
        detail=dispense.fact.presented, hold=view.get(Hold, _hold_id(about)),
    )  # fmt: skip


def _hold_id(about: Subject) -> str:
    return f"h{about.terminal}.{about.generation}.{about.transaction}"


def _forced(view: View, context: Context, dispense: _Dispense, account: str, hold: Hold | None) -> str:
    case = file_case(
        view, context, dispense.about, "forced", dispense.presented, hold=hold, account=account,
        card=dispense.fact.card, detail={"counts": dispense.fact.counts},
    )  # fmt: skip
    if below_floor(view, account):
        mark_forced(view, account, case)
    return case


def _after_the_end(view: View, context: Context, dispense: _Dispense, hold: Hold) -> str:
    """The hold is over. Notes that came out all the same are a forced posting, once; a second word is a conflict."""
    nothing = not dispense.presented.minor and not dispense.doubt.minor
    if nothing:
        return _nothing_after_the_end(view, context, dispense, hold)
    forced_before = view.get(Case, f"{dispense.about.claim}.{dispense.about.generation}.forced") is not None
    if hold.state == "posted" or forced_before or hold.case_id:
        return file_case(
            view, context, dispense.about, "conflict", dispense.presented, hold=hold, detail=dispense.fact.presented
        )
    if dispense.doubt.minor:
        file_case(view, context, dispense.about, "doubt", dispense.doubt, hold=hold, detail=dispense.fact.in_doubt)
    if not dispense.presented.minor:
        return ""
    case = f"{dispense.about.claim}.{dispense.about.generation}.forced"
    _debit(view, context, dispense, hold.account, case_id=case)
    view.put(replace(view.need(Hold, hold.hold), posted_minor=dispense.presented.minor))
    count_usage(view, hold.card, hold.day, dispense.presented, 1)
    return _forced(view, context, dispense, hold.account, hold)


def _nothing_after_the_end(view: View, context: Context, dispense: _Dispense, hold: Hold) -> str:
    """A voided hold whose release the authority shows all the same: "unknown" is then a doubt, not nothing."""
    slip, fact = dispense.authority, dispense.fact
    if hold.state == "posted":
        return debited_for_nothing(view, context, dispense.about, hold, dispense.fact)
    if slip is None:
        return ""
    if fact.outcome is Outcome.NOT_PRESENTED and fact.made_by.boot == slip.boot:
        return ""
    return file_case(view, context, dispense.about, "unknown", slip.amount, hold=hold, detail=fact.counts)


def _without_hold(view: View, context: Context, dispense: _Dispense) -> str:
    """The bank forgot the hold (it was restored), or never saw it. The authority says whose money it is."""
    slip, fact = dispense.authority, dispense.fact
    account = view.get(Account, slip.account) if slip is not None else None
    known = account is not None and account.kind == "customer" and account.currency == dispense.presented.currency
    case = ""
    if dispense.doubt.minor:
        case = file_case(
            view, context, dispense.about, "doubt", dispense.doubt, account=fact.account, card=fact.card,
            detail=fact.in_doubt,
        )  # fmt: skip
    if dispense.is_wholly_unknown:
        case = file_case(
            view, context, dispense.about, "unknown", slip.amount if slip else fact.amount, account=fact.account,
            card=fact.card, detail=fact.counts,
        )  # fmt: skip
    if not dispense.presented.minor:
        return case
    if not known:
        return _to_suspense(view, context, dispense)
    assert slip is not None
    case = _debit(view, context, dispense, slip.account, case_id=case) or case
    _remember(view, context, dispense, slip)
    if context.now_ms - slip.at < OLDEST_FACT_MS:
        count_usage(view, slip.card, context.tools.limits.day(slip.at), dispense.presented, 1)
    if dispense.presented.minor > slip.amount.minor or below_floor(view, slip.account):
        case = _forced(view, context, dispense, slip.account, None)
    return case


def _to_suspense(view: View, context: Context, dispense: _Dispense) -> str:
    if view.get(Case, f"{dispense.about.claim}.{dispense.about.generation}.suspense") is not None:
        return file_case(
            view, context, dispense.about, "conflict", dispense.presented, account=dispense.fact.account,
            card=dispense.fact.card, detail=dispense.fact.presented,
        )  # fmt: skip
    case = file_case(
        view, context, dispense.about, "suspense", dispense.presented, account=dispense.fact.account,
        card=dispense.fact.card, detail=dispense.fact.presented,
    )  # fmt: skip
    _debit(view, context, dispense, suspense_account(dispense.presented.currency), case_id=case)
    return case


def _remember(view: View, context: Context, dispense: _Dispense, slip: Slip) -> None:
    """A hold row for what was posted without one, so that it resolves once like any other."""
    about = dispense.about
    view.put(
        Hold(
            hold=_hold_id(about), terminal=about.terminal,
            generation=about.generation, number=about.transaction, card=slip.card, account=slip.account,
            amount_minor=slip.amount.minor, currency=slip.amount.currency, state="posted",
            day=context.tools.limits.day(slip.at), released_at=slip.at, release_number=slip.number,
            release_boot=slip.boot, posted_minor=dispense.presented.minor,
        )
    )  # fmt: skip
