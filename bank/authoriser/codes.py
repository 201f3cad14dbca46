"""Cash codes: eight digits that stand for one withdrawal of one amount, without a card.

In the books a code is a card without a file: it has a position, visits, holds and a day's usage, and every fact about it
goes the way of a card's. What differs is here: how it is recognised, how guessing is stopped, and when it is spent.
"""

from __future__ import annotations

from msgspec.structs import replace

from bank.authoriser.context import Context, Keys, Refusal
from bank.authoriser.pin import CountTry
from bank.cards import ratchet
from bank.ledger.rows import Account, Card, Code, CodeGuard, Hold
from bank.ledger.view import View
from bank_link.errors import PinError
from bank_link.messages import Authorise, OpenVisit, Reason
from bank_link.money import Money
from bank_link.pin_block import code_binding

#: What the reference of a code begins with; a card's begins with another letter.
PREFIX = "k"
#: Wrong codes at one terminal within the time after which a wrong one is forgotten.
TRIES = 5
FORGOTTEN_MS = 900_000
#: A terminal that was not locked for so long begins with the shortest lock again.
FORGIVEN_MS = 86_400_000


def is_code(reference: str) -> bool:
    """Whether this card is a code."""
    return reference.startswith(PREFIX)


def digits_of(keys: Keys, message: OpenVisit, terminal: str, generation: int) -> str:
    """The digits in the block. Raises PinError for a block that was made for another message, or cannot be opened."""
    return keys.open_pin(message.pin_block, message.pin_key_id, code_binding(terminal, generation, message.number))


def present(view: View, context: Context, message: OpenVisit) -> tuple[Card, Code]:
    """The code that is in the message, once its try is counted. Refusals PIN_BLOCK, CODE_LOCKED, WRONG_CODE."""
    try:
        digits = digits_of(context.tools.keys, message, context.terminal.terminal, context.terminal.generation)
    except PinError as error:
        raise Refusal(Reason.PIN_BLOCK, str(error)) from error
    tries = guard(view, context)
    if not context.try_counted:
        raise CountTry(_counted(tries, context))
    code = _live(view, context, context.tools.keys.code_digest(digits))
    if code is None:
        raise _wrong(tries)
    view.put(_given_back(tries))
    return view.need(Card, code.card), code


def turned(card: Card, now_ms: int) -> ratchet.Accepted:
    """There is no file to show a position: the last one stands for it. So a later visit overtakes an earlier one."""
    accepted = ratchet.present(
        ratchet.State((card.confirmed_epoch, card.confirmed_n), (card.issued_epoch, card.issued_n)),
        card.issued_epoch, card.issued_n, now_ms,
    )  # fmt: skip
    assert isinstance(accepted, ratchet.Accepted)
    return accepted


def account_of(view: View, context: Context, card: Card, message: Authorise) -> Account:
    """The code's account, for exactly its amount, once. Refusals WRONG_CODE (over, spent), NO_ACCOUNT, AMOUNT."""
    code = view.need(Code, card.card)
    if not _is_good(view, context, code, card):
        raise Refusal(Reason.WRONG_CODE, "this code is over", events=[("code-over", code.card)])
    account = view.get(Account, code.account)
    if account is None or account.state != "open" or message.account != code.account:
        raise Refusal(Reason.NO_ACCOUNT, "the code is for another account")
    if message.amount != amount_of(code):
        raise Refusal(Reason.AMOUNT, "the code is for another amount", events=[("code-amount", code.card)])
    return account


def amount_of(code: Code) -> Money:
    return Money(code.amount_minor, code.currency)


# ── Spent ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def state_of(code: Code, card: Card, holds: list[Hold], now_ms: int) -> str:
    """One of "open", "used", "in use" (money is held for it), "cancelled", "expired"."""
    # Where there is a case, notes may be with the customer: a person makes a new code, not the old one a second payment.
    moved = any(hold.posted_minor or hold.case_id or hold.state in {"released", "posted"} for hold in holds)
    if moved or _forgotten(card, holds):
        return "used"
    if any(hold.state == "held" for hold in holds):
        return "in use"
    if card.state != "active":
        return "cancelled"
    return "expired" if code.expires_at <= now_ms else "open"


def _forgotten(card: Card, holds: list[Hold]) -> bool:
    """A slip has shown a release that these books do not know: they were restored, and the code may have been paid."""
    first = ratchet.issue(0).confirmed[1]
    return card.confirmed_n > first and not any(hold.release_number for hold in holds)


def _is_good(view: View, context: Context, code: Code, card: Card) -> bool:
    holds = [hold for hold in view.all(Hold) if hold.card == code.card]
    return state_of(code, card, holds, context.now_ms) == "open"


def _live(view: View, context: Context, digest: bytes) -> Code | None:
    """The code of these digits that still holds: older ones may have had the same.

    One that is in use at another machine is live, too: the visit says so with the words for a card.
    """
    for code in view.all(Code):
        if code.digest != digest:
            continue
        card = view.need(Card, code.card)
        holds = [hold for hold in view.all(Hold) if hold.card == code.card]
        in_use = code.expires_at > context.now_ms and state_of(code, card, holds, context.now_ms) == "in use"
        if in_use or _is_good(view, context, code, card):
            return code
    return None


# ── Guessing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def guard(view: View, context: Context) -> CodeGuard:
    """How many wrong codes there were at this terminal."""
    return view.get(CodeGuard, context.terminal.terminal) or CodeGuard(terminal=context.terminal.terminal)


def _counted(guard: CodeGuard, context: Context) -> CodeGuard:
    """With one more try; the last one locks at once, so that a crash before the comparison gives no free try."""
    now = context.now_ms
    if guard.locked_until > now:
        raise _locked(guard)
    level = 0 if now - guard.locked_until > FORGIVEN_MS else guard.lock_level
    begins = guard.tries >= TRIES or now - guard.first_at > FORGOTTEN_MS
    tries, first_at = (1, now) if begins else (guard.tries + 1, guard.first_at)
    guard = replace(guard, tries=tries, first_at=first_at, lock_level=level)
    if tries < TRIES:
        return guard
    steps = context.tools.limits.lockout_ms
    return replace(guard, lock_level=level + 1, locked_until=now + steps[min(level, len(steps) - 1)])


def _given_back(guard: CodeGuard) -> CodeGuard:
    """The try of a right code is none; those before it stay, so that knowing one code buys no guesses."""
    if guard.tries < TRIES:
        return replace(guard, tries=max(0, guard.tries - 1))
    return replace(guard, tries=guard.tries - 1, lock_level=guard.lock_level - 1, locked_until=0)


def _wrong(guard: CodeGuard) -> Refusal:
    left = TRIES - guard.tries
    if left <= 0:
        return _locked(guard)
    return Refusal(
        Reason.WRONG_CODE, "no such code, or it is over", tries_left=left,
        events=[("code-wrong", f"{left} tries left at this terminal")],
    )  # fmt: skip


def _locked(guard: CodeGuard) -> Refusal:
    return Refusal(
        Reason.CODE_LOCKED, "too many wrong codes at this terminal", until=guard.locked_until, tries_left=0,
        events=[("code-locked", f"until {guard.locked_until}")],
    )  # fmt: skip
