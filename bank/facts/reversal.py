"""A reversal: it ends its transaction whether or not the bank ever saw it, and leaves a tombstone for what comes late."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from bank.authoriser.context import Context
from bank.authoriser.maintenance import change_back
from bank.authoriser.moving import MOVES, OPENING, PIN_CHANGE, move
from bank.authoriser.opening import unopen
from bank.authoriser.posting import OldPin
from bank.authoriser.withdrawal import find_hold
from bank.cases.kinds import POST_UNHEARD
from bank.facts.common import Subject, debited_for_nothing, file_case, reopen, subject
from bank.ledger.moves import below_floor, free_hold, mark_forced
from bank.ledger.rows import Card, Case, DepositRow, Hold, NumberRow, PostRow, Visit
from bank.ledger.view import View
from bank_link.messages import Acknowledged, Reversal
from bank_link.money import Money

#: Why a kiosk reverses what its journal has no answer for when it starts.
RESTARTED = "restarted"


def reverse(view: View, context: Context, fact: Reversal) -> Acknowledged:
    """Void what was not released; of what was released only a "not presented" by the boot that asked for it."""
    about = subject(context, fact, fact.transaction)
    _tombstone(view, context, about)
    _close_visit(view, about)
    done = _undo(view, context, about, fact)
    if done is not None:
        return done
    hold = find_hold(view, about.terminal, about.generation, about.transaction)
    if hold is None or hold.state == "voided":
        return Acknowledged()
    if hold.state == "posted":
        return Acknowledged(case=debited_for_nothing(view, context, about, hold, fact))
    if hold.state == "held" or _proves_nothing_came_out(fact, hold):
        _void(view, context, hold)
        context.note(view, "voided", f"hold {hold.hold}: {fact.why}")
        return Acknowledged()
    if hold.state == "case":
        return Acknowledged(case=hold.case_id)
    case = file_case(view, context, about, "unknown", hold.amount, hold=hold, detail={"why": fact.why})
    view.put(replace(hold, state="case", case_id=case))
    return Acknowledged(case=case)


def _undo(view: View, context: Context, about: Subject, fact: Reversal) -> Acknowledged | None:
    """None where its transaction is no post and no deposit that this bank knows."""
    done = view.get(PostRow, about.terminal, about.generation, about.transaction)
    if done is not None:
        return Acknowledged(case=_take_back(view, context, about, done, fact))
    begun = view.get(DepositRow, about.terminal, about.generation, about.transaction)
    if begun is not None:
        return Acknowledged(case=_no_deposit(view, context, about, begun, fact))
    return None


def _take_back(view: View, context: Context, about: Subject, done: PostRow, fact: Reversal) -> str:
    """The kiosk never had the post's answer, so the customer was told that nothing happened. The card's numbers stay."""
    if done.state == "reversed":
        return ""
    if done.case_id or (done.what not in MOVES and not done.undo):
        # Made again from its slip, in part or not at all: the kiosk says that it was answered, and that it was not.
        return file_case(view, context, about, "post-lost", done.amount, account=done.account, card=done.card)
    view.put(replace(done, state="reversed"))
    _heard_after_all(view, context, about)
    context.note(view, "post-reversed", f"{done.what} of {done.amount}")
    case = ""
    if fact.why == RESTARTED:
        # Its disk may have lost that the customer was told: a person says that it is undone.
        case = file_case(view, context, about, "taken-back", done.amount, account=done.account, card=done.card)
    if done.what not in MOVES:
        return _change_back(view, context, about, done) or case
    move(view, context, done, back=True)
    for account in (done.account, done.to_account):
        case = reopen(view, context, about, account, done.amount) or case
    if not below_floor(view, done.to_account):
        return case
    # Whoever got it has spent it meanwhile.
    case = file_case(view, context, about, "overdrawn", done.amount, account=done.to_account, card=done.card)
    mark_forced(view, done.to_account, case)
    return case


def _heard_after_all(view: View, context: Context, about: Subject) -> None:
    """The journal that seemed lost had this reversal: nobody need tell the customer anything."""
    waited = view.get(Case, f"{about.claim}.{about.generation}.{POST_UNHEARD}")
    if waited is not None and waited.state == "open":
        view.put(
            replace(waited, state="closed", closed_at=context.now_ms, closed_by="the reversal", resolution="settled")
        )


def _change_back(view: View, context: Context, about: Subject, done: PostRow) -> str:
    """No money moved: what was there before. The case, where it cannot be."""
    if done.what == PIN_CHANGE:
        _old_pin_again(view, done)
    elif done.what != OPENING:
        change_back(view, done)
    elif not unopen(view, done):
        return file_case(view, context, about, "taken-back", done.amount, account=done.to_account, card=done.card)
    return ""


def _no_deposit(view: View, context: Context, about: Subject, begun: DepositRow, fact: Reversal) -> str:
    """The kiosk never had the deposit's answer, so its acceptor stayed shut; unless its disk has lost what came after."""
    if begun.state != "open":
        return begun.case_id
    if fact.why != RESTARTED:
        view.put(replace(begun, state="reversed"))
        return ""
    nothing = Money(0, begun.currency)
    case = file_case(view, context, about, "deposit-silent", nothing, account=begun.account, card=begun.card)
    view.put(replace(begun, state="case", case_id=case))
    return case


def _old_pin_again(view: View, done: PostRow) -> None:
    card, old = view.get(Card, done.card), msgspec.json.decode(done.undo, type=OldPin)
    if card is not None and card.pvv == old.made:
        view.put(replace(card, salt=old.salt, pvv=old.pvv, pvv_version=old.pvv_version))


def _proves_nothing_came_out(fact: Reversal, hold: Hold) -> bool:
    return fact.not_presented and fact.made_by.boot == hold.release_boot


def _void(view: View, context: Context, hold: Hold) -> None:
    waited = view.get(Case, hold.case_id) if hold.case_id else None
    free_hold(view, hold, state="voided", posted=Money(0, hold.currency))
    if waited is not None and waited.state == "open":
        view.put(
            replace(waited, state="closed", closed_at=context.now_ms, closed_by="the reversal", resolution="voided")
        )


def _tombstone(view: View, context: Context, about: Subject) -> None:
    row = view.get(NumberRow, about.terminal, about.generation, about.transaction) or NumberRow(
        terminal=about.terminal, generation=about.generation, number=about.transaction, state="ended",
        at_ms=context.now_ms,
    )  # fmt: skip
    view.put(replace(row, state="ended"))


def _close_visit(view: View, about: Subject) -> None:
    visit = view.get(Visit, f"v{about.terminal}.{about.generation}.{about.transaction}")
    if visit is not None and visit.state == "open":
        view.put(replace(visit, state="closed"))
