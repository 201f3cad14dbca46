"""Cash codes: made for a customer at the counter, listed, taken back. Their digits are shown once and kept nowhere."""

from __future__ import annotations

from msgspec.structs import replace
from sqlalchemy import select

from bank import schema
from bank.authoriser.codes import PREFIX, amount_of, state_of
from bank.cards import ratchet
from bank.commands import requests as r
from bank.commands.answers import CodeLine, CodeMade, CodesListed, amount, time
from bank.commands.desk import Desk, money
from bank.control import CommandRefused
from bank.ledger.rows import Account, Card, Code, Hold
from bank_link.money import Money

DIGITS = 8
DAY_MS = 86_400_000


def make(desk: Desk, command: r.CodeMake) -> CodeMade:
    """A code for one withdrawal. No money is set aside: the account is looked at again when the code is used."""
    account = desk.find(Account, command.account, "account")
    wanted = _amount(desk, account, command.amount)
    digits, digest = _drawn(desk)
    first = ratchet.issue(desk.now_ms)
    card = Card(
        card=PREFIX + desk.tools.random.token_bytes(12).hex(), last4="", sealed_number=b"", customer=account.owner,
        expiry="", confirmed_epoch=first.confirmed[0], confirmed_n=first.confirmed[1], issued_epoch=first.issued[0],
        issued_n=first.issued[1], created_at=desk.now_ms,
    )  # fmt: skip
    code = Code(
        card=card.card, digest=digest, account=account.account, amount_minor=wanted.minor, currency=wanted.currency,
        expires_at=desk.now_ms + command.minutes * 60_000, created_at=desk.now_ms, created_by=desk.by,
    )  # fmt: skip
    desk.view.put(card)
    desk.view.put(code)
    desk.note("code-made", f"code {code.card} of {wanted} out of account {account.account}")
    return CodeMade(
        code=code.card, digits=digits, account=account.account, amount=amount(wanted.minor, wanted.currency),
        expires_at=time(code.expires_at),
    )  # fmt: skip


def list_all(desk: Desk, command: r.CodeList) -> CodesListed:
    """The newest first."""
    since = 0 if command.every else desk.now_ms - DAY_MS
    codes = schema.codes
    found = desk.rows(
        Code, select(codes).where(codes.c.expires_at > since).order_by(codes.c.created_at.desc(), codes.c.card)
    )
    return CodesListed(codes=tuple(_line(desk, code) for code in found))


def cancel(desk: Desk, command: r.CodeCancel) -> CodesListed:
    """Good nowhere from the next commit on. A payment that is under way is not stopped."""
    code = desk.find(Code, command.code, "cash code")
    state = _state(desk, code)
    if state != "open":
        raise CommandRefused(f"cash code {code.card} is {state}; there is nothing to cancel")
    desk.view.put(replace(desk.view.need(Card, code.card), state="cancelled"))
    desk.note("code-cancelled", f"code {code.card}")
    return CodesListed(codes=(_line(desk, code),))


def _amount(desk: Desk, account: Account, text: str) -> Money:
    limits = desk.limits
    if account.kind != "customer" or account.state != "open":
        raise CommandRefused(f"account {account.account} is no customer's open account")
    if account.currency != limits.currency:
        raise CommandRefused(f"machines pay {limits.currency}; account {account.account} is in {account.currency}")
    wanted = money(text, account.currency)
    most = Money(min(limits.most_per_withdrawal_minor, limits.day_amount_minor), account.currency)
    if not 0 < wanted.minor <= most.minor:
        raise CommandRefused(f"a cash code is for more than nothing, and for {most} at most")
    if account.available_minor < wanted.minor:
        raise CommandRefused(f"there is less than {wanted} in account {account.account}")
    return wanted


def _drawn(desk: Desk) -> tuple[str, bytes]:
    """Digits that no code has which still holds. Every code is as likely as every other, to one part in 10¹¹."""
    codes = schema.codes
    while True:
        digits = f"{int.from_bytes(desk.tools.random.token_bytes(8), 'big') % 10**DIGITS:0{DIGITS}d}"
        digest = desk.tools.keys.code_digest(digits)
        live = desk.rows(Code, select(codes).where(codes.c.digest == digest, codes.c.expires_at > desk.now_ms))
        if not live:
            return digits, digest


def _line(desk: Desk, code: Code) -> CodeLine:
    wanted = amount_of(code)
    return CodeLine(
        code=code.card, account=code.account, amount=amount(wanted.minor, wanted.currency), state=_state(desk, code),
        created_at=time(code.created_at), created_by=code.created_by, expires_at=time(code.expires_at),
    )  # fmt: skip


def _state(desk: Desk, code: Code) -> str:
    holds = desk.rows(Hold, select(schema.holds).where(schema.holds.c.card == code.card))
    return state_of(code, desk.view.need(Card, code.card), holds, desk.now_ms)
