"""A withdrawal's two requests: authorise makes a hold, release turns it into a dispense authority."""

from __future__ import annotations

from msgspec.structs import replace

from bank.authoriser.context import Context, Refusal
from bank.authoriser.visits import account_of, card_of, left_today, ratchet_state, visit_of
from bank.cards import ratchet
from bank.ledger.moves import place_hold
from bank.ledger.rows import Account, Card, Hold, Usage, Visit
from bank.ledger.view import View
from bank_link.messages import Authorise, Authorised, Reason, Release, Released, Slip
from bank_link.money import Money


def authorise(view: View, context: Context, message: Authorise) -> Authorised:
    """Visit and card, amount, the day's limits, funds: in this order. Leaves a hold."""
    visit = visit_of(view, context, message.visit)
    card = card_of(view, visit)
    account = account_of(view, visit, message.account)
    _amount_is_payable(context, message, account)
    allowed = _allowed(view, context, card, account)
    _within_limits(view, context, message, card, allowed)
    _has_funds(account, message.amount, allowed)
    hold = _hold(context, message, visit)
    place_hold(view, hold)
    context.note(view, "authorised", f"hold {hold.hold} of {message.amount}")
    return Authorised(
        hold=hold.hold, amount=message.amount, reference=f"{hold.terminal}-{hold.number}", expires=hold.expires_at
    )


def _amount_is_payable(context: Context, message: Authorise, account: Account) -> None:
    if message.product != "withdrawal":
        raise Refusal(Reason.UNSUPPORTED, f"this bank does not offer {message.product!r}")
    amount = message.amount
    if amount.currency != account.currency or amount.currency != context.tools.limits.currency:
        raise Refusal(Reason.CURRENCY, f"the account is in {account.currency}")
    mixed = {note.value.currency for note in message.mix} == {amount.currency} and all(
        note.value.minor > 0 for note in message.mix
    )
    if amount.minor <= 0 or not mixed or sum(note.value.minor * note.count for note in message.mix) != amount.minor:
        raise Refusal(Reason.AMOUNT, "the notes do not add up to the amount")


def _allowed(view: View, context: Context, card: Card, account: Account) -> Money:
    """The most that would be authorised now: what a withdrawal may be, what is left of the day, what is there."""
    limits = context.tools.limits
    left = left_today(view, context, card)
    return Money(max(0, min(limits.most_per_withdrawal_minor, left.minor, account.available_minor)), account.currency)


def _within_limits(view: View, context: Context, message: Authorise, card: Card, allowed: Money) -> None:
    if message.amount.minor > context.tools.limits.most_per_withdrawal_minor:
        raise Refusal(Reason.AMOUNT, "more than one withdrawal may be", possible=allowed)
    limits = context.tools.limits
    used = view.get(Usage, card.card, limits.day(context.now_ms), message.amount.currency)
    amount_used, count_used = (used.amount_minor, used.count) if used else (0, 0)
    if count_used >= limits.day_count:
        raise Refusal(
            Reason.COUNT_LIMIT, "no more withdrawals today", until=limits.next_day_ms(context.now_ms),
            events=[("limit", "count")],
        )  # fmt: skip
    left = limits.day_amount_minor - amount_used
    if message.amount.minor > left:
        raise Refusal(
            Reason.AMOUNT_LIMIT, "more than the day's limit", possible=allowed,
            until=limits.next_day_ms(context.now_ms), events=[("limit", "amount")],
        )  # fmt: skip


def _has_funds(account: Account, amount: Money, allowed: Money) -> None:
    if account.available_minor < amount.minor:
        raise Refusal(
            Reason.FUNDS, "not enough in the account",
            possible=allowed, events=[("funds", "")],
        )  # fmt: skip


def _hold(context: Context, message: Authorise, visit: Visit) -> Hold:
    terminal = context.terminal
    return Hold(
        hold=f"h{terminal.terminal}.{terminal.generation}.{context.number}", terminal=terminal.terminal,
        generation=terminal.generation, number=context.number, visit=visit.visit, card=visit.card,
        account=message.account, amount_minor=message.amount.minor, currency=message.amount.currency, state="held",
        day=context.tools.limits.day(context.now_ms), expires_at=context.now_ms + context.tools.limits.hold_ms,
    )  # fmt: skip


def find_hold(view: View, terminal: str, generation: int, transaction: int) -> Hold | None:
    """The hold that the authorise of this number made: its name says so."""
    return view.get(Hold, f"h{terminal}.{generation}.{transaction}")


def release(view: View, context: Context, message: Release) -> Released:
    """The card is out and taken. Moves the card's confirmed number, and signs the dispense authority."""
    terminal = context.terminal
    hold = find_hold(view, terminal.terminal, terminal.generation, message.transaction)
    if hold is None or hold.hold != message.hold or hold.state != "held" or hold.expires_at <= context.now_ms:
        raise Refusal(Reason.NO_HOLD, "nothing is held for this transaction", events=[("release-no-hold", "")])
    if message.boot != context.session.boot:
        raise Refusal(Reason.NO_HOLD, "the release was asked for by another start of the firmware")
    spent = _spend(view, message, hold)
    view.put(
        replace(
            hold, state="released", released_at=context.now_ms, release_number=context.number,
            release_boot=message.boot,
        )
    )  # fmt: skip
    slip = Slip(
        kind="release", terminal=terminal.terminal, generation=terminal.generation, boot=message.boot,
        number=context.number, transaction=message.transaction, card=hold.card, account=hold.account,
        amount=hold.amount, nonce=message.nonce, card_epoch=spent.confirmed[0],
        card_n=spent.confirmed[1], at=context.now_ms,
        expires=context.now_ms + context.tools.limits.authority_ms,
    )  # fmt: skip
    context.note(view, "released", f"hold {hold.hold}")
    return Released(authority=context.tools.keys.sign_slip(slip))


def _spend(view: View, message: Release, hold: Hold) -> ratchet.State:
    card = view.need(Card, hold.card)
    visit = view.get(Visit, hold.visit)
    spent = ratchet.spend(ratchet_state(card), message.n)
    if spent is None or visit is None or (visit.epoch, visit.n) != (card.issued_epoch, message.n):
        raise Refusal(
            Reason.CARD_OUTDATED, "the card was used elsewhere after this was authorised",
            events=[("card-copy", f"release of hold {hold.hold} with an outdated card")],
        )  # fmt: skip
    if card.state != "active" or view.need(Account, hold.account).state != "open":
        raise Refusal(
            Reason.CARD_FROZEN, "it was frozen after this was authorised", events=[("card-inactive", card.state)]
        )
    view.put(replace(card, confirmed_epoch=spent.confirmed[0], confirmed_n=spent.confirmed[1]))
    return spent
