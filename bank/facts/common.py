"""What all facts share: whose they are, what their notes are worth, and how a case is opened about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from bank.authoriser.context import Context
from bank.authoriser.visits import ratchet_state
from bank.cards import ratchet
from bank.ledger.moves import open_case
from bank.ledger.rows import Account, Card, Case, Hold
from bank.ledger.view import View
from bank_link.messages import Completion, Fact, NoteCount, Outcome, Reversal, Slip
from bank_link.money import Money

#: A release longer ago than this counts for no day's limit any more.
OLDEST_FACT_MS = 400 * 86_400_000


class FactUnreadable(Exception):
    """A fact whose parts contradict one another: the kiosk parks it and alarms; it does not block the next."""


@dataclass(frozen=True)
class Subject:
    """Which transaction a fact is about: the generation is the one in which its maker numbered it."""

    terminal: str
    generation: int
    transaction: int

    @property
    def claim(self) -> str:
        """What the customer was shown: the terminal's short id and the authorise's number."""
        return f"{self.terminal}-{self.transaction}"


def subject(context: Context, fact: Fact, transaction: int) -> Subject:
    return Subject(context.terminal.terminal, fact.made_by.generation, transaction)


def worth(notes: Iterable[NoteCount], currency: str) -> Money:
    """The notes' sum. Raises FactUnreadable for notes of another currency or of no value."""
    total = 0
    for note in notes:
        if note.value.currency != currency or note.value.minor <= 0:
            raise FactUnreadable(f"notes of {note.value} in a transaction of {currency}")
        total += note.value.minor * note.count
    return Money(total, currency)


def debited_for_nothing(
    view: View, context: Context, about: Subject, hold: Hold, fact: Completion | Reversal
) -> str:  # fmt: skip
    """The boot that was paid for proves that nothing came out, and a person has debited the customer: a conflict."""
    proven = fact.outcome is Outcome.NOT_PRESENTED if isinstance(fact, Completion) else fact.not_presented
    if not proven or fact.made_by.boot != hold.release_boot or not hold.posted_minor:
        return ""
    return file_case(view, context, about, "conflict", Money(hold.posted_minor, hold.currency), hold=hold)


def file_case(
    view: View, context: Context, about: Subject, kind: str, amount: Money, *, hold: Hold | None = None,
    account: str = "", card: str = "", detail: object = None,
) -> str:  # fmt: skip
    """Open a case about `about`, named by it and its kind, so that the same doubt is never filed twice."""
    case = Case(
        case_id=f"{about.claim}.{about.generation}.{kind}", kind=kind, terminal=about.terminal,
        generation=about.generation, number=about.transaction, claim=about.claim,
        hold=hold.hold if hold else "", account=hold.account if hold else account, card=hold.card if hold else card,
        amount_minor=amount.minor, currency=amount.currency,
        detail=msgspec.json.encode(detail).decode() if detail is not None else "", opened_at=context.now_ms,
    )  # fmt: skip
    context.note(view, "case-opened", f"{case.case_id} about {amount}")
    return open_case(view, case)


def reopen(view: View, context: Context, about: Subject, account_id: str, amount: Money) -> str:
    """Money has moved in an account that was closed meanwhile: it is open again, and a person tells its owner."""
    account = view.need(Account, account_id)
    if account.kind != "customer" or account.state != "closed":
        return ""
    view.put(replace(account, state="open"))
    return file_case(view, context, about, "reopened", amount, account=account_id)


def remember_position(view: View, slip: Slip) -> None:
    """The slip shows which of the card's secrets moved money: a restored bank may have forgotten it."""
    card = view.get(Card, slip.card)
    if card is None:
        return
    moved = ratchet.remember(ratchet_state(card), slip.card_epoch, slip.card_n)
    view.put(
        replace(
            card, confirmed_epoch=moved.confirmed[0], confirmed_n=moved.confirmed[1],
            issued_epoch=moved.issued[0], issued_n=moved.issued[1],
        )
    )  # fmt: skip


def is_known(view: View, account_id: str, currency: str, at_ms: int) -> bool:
    """Whether a customer has this account since before `at_ms`: else a restored bank gave its number to somebody else."""
    account = view.get(Account, account_id)
    if account is None or account.kind != "customer" or account.currency != currency:
        return False
    return account.created_at <= at_ms
