"""Every way in which money moves in the books. Pure: each takes a view and leaves its changes there."""

from __future__ import annotations

from msgspec.structs import replace

from bank.ledger.rows import Account, Case, Hold, Posting, Usage
from bank.ledger.view import View
from bank_link.money import Money


def cash_account(terminal: str, currency: str) -> str:
    """The bank's cash inside one machine. Its balance is minus the value of the notes that should be in there."""
    return f"cash.{terminal}.{currency}"


def vault_account(currency: str) -> str:
    """The bank's cash outside the machines."""
    return f"vault.{currency}"


def suspense_account(currency: str) -> str:
    """Money whose owner is not known yet; every posting to it has a case."""
    return f"suspense.{currency}"


def equity_account(currency: str) -> str:
    """Where opening balances come from."""
    return f"equity.{currency}"


def house_account(account: str, now_ms: int) -> Account:
    """A house account as it is first opened, by its name."""
    kind, *owner, currency = account.split(".")
    owned_by = owner[0] if owner else ""
    return Account(account=account, kind=kind, owner=owned_by, label=account, currency=currency, created_at=now_ms)


def transfer(
    view: View, *, debit: str, credit: str, amount: Money, kind: str, at_ms: int,
    terminal: str = "", generation: int = 0, number: int = 0, case_id: str = "", text: str = "",
) -> None:  # fmt: skip
    """Debit one account, credit the other. Zero is no posting; a negative amount is a programmer's error."""
    assert amount.minor >= 0, "a posting is never negative; swap the accounts"
    if amount.minor == 0:
        return
    for name, sign in ((debit, -1), (credit, 1)):
        account = view.get(Account, name) or house_account(name, at_ms)
        assert account.currency == amount.currency, "an account holds one currency"
        _keep(view, replace(account, balance_minor=account.balance_minor + sign * amount.minor))
    view.post(
        Posting(
            debit_account=debit, credit_account=credit, amount_minor=amount.minor, currency=amount.currency, kind=kind,
            terminal=terminal, generation=generation, number=number, case_id=case_id, text=text, at_ms=at_ms,
        )
    )  # fmt: skip


def place_hold(view: View, hold: Hold) -> None:
    """Set the hold's amount aside in its account and count it against the card's day."""
    account = view.need(Account, hold.account)
    view.put(replace(account, held_minor=account.held_minor + hold.amount_minor))
    view.put(hold)
    count_usage(view, hold.card, hold.day, hold.amount, 1)


def free_hold(view: View, hold: Hold, *, state: str, posted: Money, case_id: str = "") -> Hold:
    """End a hold: the whole of it is no longer set aside; what was not posted is given back to the card's day."""
    assert hold.state in {"held", "released", "case"}, "a hold resolves once"
    account = view.need(Account, hold.account)
    assert account.held_minor >= hold.amount_minor, "more would be freed than is held"
    _keep(view, replace(account, held_minor=account.held_minor - hold.amount_minor))
    ended = replace(hold, state=state, posted_minor=posted.minor, case_id=case_id or hold.case_id)
    view.put(ended)
    count_usage(view, hold.card, hold.day, posted - hold.amount, 0 if posted.minor else -1)
    return ended


def count_usage(view: View, card: str, day: str, amount: Money, count: int) -> None:
    """What a card has taken on a bank day changes by `amount` and by `count` withdrawals; it never goes below nothing."""
    used = view.get(Usage, card, day, amount.currency) or Usage(card=card, day=day, currency=amount.currency)
    view.put(replace(used, amount_minor=max(0, used.amount_minor + amount.minor), count=max(0, used.count + count)))


def mark_forced(view: View, account_id: str, case_id: str) -> None:
    """A forced posting took this balance below its floor: the case that says so is named on the account."""
    view.put(replace(view.need(Account, account_id), forced_case=case_id))


def _keep(view: View, account: Account) -> None:
    """Put a changed account back; one that is above its floor again needs no case."""
    if account.forced_case and account.available_minor >= 0:
        account = replace(account, forced_case="")
    view.put(account)


def below_floor(view: View, account_id: str) -> bool:
    account = view.need(Account, account_id)
    return account.kind == "customer" and account.available_minor < 0


def open_case(view: View, case: Case) -> str:
    """Open it, or leave the one that is there already: a case is named by what it is about."""
    if view.get(Case, case.case_id) is None:
        view.put(case)
    return case.case_id
