"""What a till may do, decided purely: an account with its card, money into it, out of it, and how much is in it.

Cash is a teller's drawer, the till's cash account in the ledger. A card is good for one account, for ever: these rules
never write it again, so a copy is as good as it is.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from msgspec.structs import replace

from bank.audit.events import AuditEvent
from bank.authoriser.context import Refusal, Tools
from bank.ledger.moves import cash_account, transfer
from bank.ledger.rows import Account, Terminal, TillAccount
from bank.ledger.view import View
from bank_link.card_file import compose, proof
from bank_link.messages import Reason
from bank_link.money import Money
from bank_link.till.messages import TillCall, TillDone, What

#: Minor units: an account is opened with no less.
LEAST_OPENING = 10_00
#: What SQL's 64 bits hold.
MOST_BALANCE = 2**63 - 1
#: The one position that a till's card has.
EPOCH, N = 1, 0
#: These rules know no date: the card file's last month.
EXPIRY = 9999_12


@dataclass(frozen=True)
class Asked:
    """Who asks, with what tools."""

    tools: Tools
    terminal: Terminal

    def note(self, view: View, kind: str, number: int, detail: str = "") -> None:
        view.note(
            AuditEvent(
                kind=kind, terminal=self.terminal.terminal, number=number, detail=detail, at_ms=self.tools.now_ms
            )
        )  # fmt: skip


def account_id(name: str) -> str:
    """The ledger's id of the account of this name, which may be longer than ids are."""
    return "t" + hashlib.sha256(name.encode()).hexdigest()[:40]


def decide(view: View, asked: Asked, call: TillCall) -> TillDone:
    """Raises Refusal: NO_ACCOUNT, CARD_PROOF, AMOUNT, FUNDS, or ACCOUNT_LIMIT where there is one of that name."""
    if asked.terminal.state != "active":
        raise Refusal(Reason.SUSPENDED, "the bank does not serve this till")
    match call.what:
        case What.OPEN:
            return _open(view, asked, call)
        case What.DEPOSIT:
            return _deposit(view, asked, call)
        case What.WITHDRAW:
            return _withdraw(view, asked, call)
        case What.BALANCE:
            account = _account(view, asked, call)
            return _done(call, account.balance_minor)


def with_file(asked: Asked, done: TillDone, card: str) -> TillDone:
    """The card's file is never kept: it is made again, each time it is sent. `card` is its number."""
    tools = asked.tools
    reference = tools.keys.card_reference(card)
    secret = tools.keys.card_secret(reference, EPOCH, N)
    return replace(done, file=compose(card, tools.limits.issuer, EXPIRY, EPOCH, N, secret))


def card_number(asked: Asked, call: TillCall) -> str:
    """Of the card that this opening makes: nobody without the bank's key foresees it."""
    words = f"till {asked.terminal.terminal} {asked.terminal.generation} {call.number}"
    return asked.tools.keys.draw_card_number(asked.tools.limits.card_bin, words)


def _open(view: View, asked: Asked, call: TillCall) -> TillDone:
    if call.amount < LEAST_OPENING:
        raise Refusal(Reason.AMOUNT, "an account is opened with at least 10.00")
    account = account_id(call.account)
    if view.get(TillAccount, account) is not None:
        raise Refusal(Reason.ACCOUNT_LIMIT, "there is an account of this name")
    now, card = asked.tools.now_ms, asked.tools.keys.card_reference(card_number(asked, call))
    view.put(
        Account(
            account=account, kind="customer", label=call.account, currency=asked.tools.limits.currency, created_at=now
        )
    )  # fmt: skip
    view.put(TillAccount(account=account, name=call.account, card=card, created_at=now))
    asked.note(view, "till-account-opened", call.number, account)
    _move(view, asked, call, account, into=True)
    return _done(call, call.amount)


def _deposit(view: View, asked: Asked, call: TillCall) -> TillDone:
    account = _account(view, asked, call)
    if not call.amount:
        raise Refusal(Reason.AMOUNT, "nothing cannot be paid in")
    _move(view, asked, call, account.account, into=True)
    return _done(call, call.amount)


def _withdraw(view: View, asked: Asked, call: TillCall) -> TillDone:
    account = _account(view, asked, call)
    if not call.amount:
        raise Refusal(Reason.AMOUNT, "nothing cannot be paid out")
    if call.amount > account.available_minor:
        raise Refusal(Reason.FUNDS, "there is not so much in the account")
    _move(view, asked, call, account.account, into=False)
    return _done(call, call.amount)


def _account(view: View, asked: Asked, call: TillCall) -> Account:
    """The account, if this is its card. Whether it is there is told to nobody without a card."""
    found = view.get(TillAccount, account_id(call.account))
    keys, terminal = asked.tools.keys, asked.terminal
    reference = keys.card_reference(call.card) if call.card else ""
    secret = keys.card_secret(reference, EPOCH, N)
    right = hmac.compare_digest(call.proof, proof(secret, terminal.terminal, terminal.generation, call.number))
    if found is None or found.card != reference or (call.epoch, call.n) != (EPOCH, N) or not right:
        raise Refusal(
            Reason.CARD_PROOF, "there is no such account, or this is not its card", events=[("till-card", "")]
        )
    return view.need(Account, found.account)


def _move(view: View, asked: Asked, call: TillCall, account: str, *, into: bool) -> None:
    drawer = cash_account(asked.terminal.terminal, asked.tools.limits.currency)
    debit, credit = (drawer, account) if into else (account, drawer)
    there = view.get(Account, drawer)
    if into and there is not None and call.amount - there.balance_minor > MOST_BALANCE:
        raise Refusal(Reason.AMOUNT, "the books cannot hold so much")
    transfer(
        view, debit=debit, credit=credit, amount=Money(call.amount, asked.tools.limits.currency), kind=f"till-{call.what}",
        at_ms=asked.tools.now_ms, terminal=asked.terminal.terminal, generation=asked.terminal.generation,
        number=call.number,
    )  # fmt: skip


def _done(call: TillCall, amount: int) -> TillDone:
    return TillDone(number=call.number, what=call.what, account=call.account, amount=amount)
