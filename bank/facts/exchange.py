"""An operator's exchange: the machine's cash account becomes what is in there now; a difference becomes a case."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from bank.authoriser.context import Context
from bank.facts.common import FactUnreadable, Subject, file_case
from bank.ledger.moves import cash_account, suspense_account, transfer, vault_account
from bank.ledger.rows import Account, Terminal
from bank.ledger.view import View
from bank_link.messages import Acknowledged, CassetteCount, Exchange
from bank_link.money import Money


def exchange(view: View, context: Context, fact: Exchange) -> Acknowledged:
    """Book first what was found against what should have been there, then what was put in or taken out."""
    currency = context.tools.limits.currency
    found, after = _value(fact.found, currency), _value(fact.after, currency)
    cash = cash_account(context.terminal.terminal, currency)
    account = view.get(Account, cash)
    book = Money(-account.balance_minor if account else 0, currency)
    about = Subject(context.terminal.terminal, fact.made_by.generation, fact.number)
    case = _difference(view, context, fact, about, found - book)
    moved = after - found
    vault = vault_account(currency)
    debit, credit = (cash, vault) if moved.minor > 0 else (vault, cash)
    transfer(
        view, debit=debit, credit=credit, amount=Money(abs(moved.minor), currency), kind="exchange",
        at_ms=context.now_ms, terminal=about.terminal, generation=about.generation, number=fact.number, text=fact.by[:200],
    )  # fmt: skip
    terminal = view.need(Terminal, context.terminal.terminal)
    view.put(replace(terminal, exchange_needed=0, last_exchange=context.now_ms))
    context.note(view, "exchange", f"found {found}, left {after}, by {fact.by}")
    return Acknowledged(case=case)


def _difference(view: View, context: Context, fact: Exchange, about: Subject, difference: Money) -> str:
    """More (positive) or less (negative) in the machine than the books say."""
    if not difference.minor:
        return ""
    case = file_case(
        view, context, about, "cash-difference", difference,
        detail={"before": fact.before, "found": fact.found, "by": fact.by},
    )  # fmt: skip
    cash, suspense = cash_account(about.terminal, difference.currency), suspense_account(difference.currency)
    debit, credit = (suspense, cash) if difference.minor < 0 else (cash, suspense)
    transfer(
        view, debit=debit, credit=credit, amount=Money(abs(difference.minor), difference.currency),
        kind="cash-difference", at_ms=context.now_ms, terminal=about.terminal, generation=about.generation,
        number=fact.number, case_id=case, text=fact.by[:200],
    )  # fmt: skip
    return case


def _value(cassettes: Iterable[CassetteCount], currency: str) -> Money:
    total = 0
    for cassette in cassettes:
        if cassette.value.currency != currency or cassette.value.minor <= 0:
            raise FactUnreadable(f"cassette {cassette.cassette} holds notes of {cassette.value}")
        total += cassette.value.minor * (cassette.count + cassette.rejected)
    return Money(total, currency)
