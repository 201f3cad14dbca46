"""Opening a visit: the card, its ratchet, the PIN; and what a visit may see."""

from __future__ import annotations

import datetime as dt
import hmac

from msgspec.structs import replace

from bank.authoriser import codes
from bank.authoriser.context import Context, Refusal
from bank.authoriser.pin import check_pin
from bank.cards import ratchet
from bank.ledger.rows import Account, Biller, Card, CardAccount, Customer, Hold, Operator, PostRow, Usage, Usual, Visit
from bank.ledger.view import View
from bank_link.card_file import proof
from bank_link.messages import (
    AccountView,
    Acknowledged,
    CloseVisit,
    OpenVisit,
    Reason,
    VisitOpened,
)
from bank_link.money import Money

#: What a customer may do with an account; and pay bills, where there is somebody to pay.
MAY = ("withdraw", "balance", "transfer", "statement")
#: And with one that the bank has frozen.
SEES = ("balance", "statement")
#: A role.
OPERATOR = "operator"


def is_operators(view: View, context: Context, message: OpenVisit) -> bool:
    """Whether an operator's card is named: one opens a visit at a machine that is out of service, too.

    That it is here, and its holder, is for `open_visit` to find out.
    """
    return view.get(Operator, context.tools.keys.card_reference(message.card)) is not None


def open_visit(view: View, context: Context, message: OpenVisit) -> VisitOpened:
    """The answer without its secret: that is derived again whenever the answer is sent."""
    if not message.card:
        return _open_by_code(view, context, message)
    card = _card(view, context, message)
    operator = _operator_here(view, context, card)
    _not_in_use_elsewhere(view, context, card)
    turned = _turn_ratchet(context, card, message)
    check_pin(view, context, message, card)
    # No money confirms what an operator's card shows: its coming does, so that a copy left behind grows old.
    confirmed = turned.state.confirmed if operator is None else (message.epoch, message.n)
    card = replace(
        view.need(Card, card.card), confirmed_epoch=confirmed[0], confirmed_n=confirmed[1],
        issued_epoch=turned.epoch, issued_n=turned.n,
    )  # fmt: skip
    view.put(card)
    if card.state == "pending":
        # Its file is there, and whoever chose the PIN: it was written, whether the bank was told so or not.
        card = activate(view, card)
        context.note(view, "card-written", f"card {card.card}, by its first visit")
    if turned.restored:
        context.note(view, "card-ahead", "the card proved a secret that this bank has forgotten: it was restored")
    visit = _begin(view, context, card)
    if operator is not None:
        context.note(view, "operator-came", f"{operator.name}, visit {visit.visit}")
        return VisitOpened(
            visit=visit.visit, card=card.card, next_epoch=turned.epoch, next_n=turned.n, accounts=(),
            language=view.need(Customer, card.customer).language, role=OPERATOR, name=operator.name,
        )  # fmt: skip
    return VisitOpened(
        visit=visit.visit, card=card.card, next_epoch=turned.epoch, next_n=turned.n, accounts=_accounts(view, context, card),
        language=view.need(Customer, card.customer).language, left_today=left_today(view, context, card),
        send_left=send_left(view, context, card.card), usual=_usual(view, card), frozen=card.state == "frozen",
    )  # fmt: skip


def activate(view: View, card: Card) -> Card:
    """A card whose file is written: it and its accounts are open from now on."""
    card = replace(card, state="active")
    view.put(card)
    for link in [link for link in view.all(CardAccount) if link.card == card.card]:
        account = view.need(Account, link.account)
        if account.state in {"pending", "lapsed"}:
            view.put(replace(account, state="open"))
    return card


def _open_by_code(view: View, context: Context, message: OpenVisit) -> VisitOpened:
    """Tells nothing of the account but that it pays: who has the code need not be its owner."""
    card, code = codes.present(view, context, message)
    try:
        _not_in_use_elsewhere(view, context, card)
    except Refusal as refusal:
        # The digits were right: their try is none, whatever else stands in the way.
        refusal.keeps = (codes.guard(view, context),)
        raise
    turned = codes.turned(card, context.now_ms)
    card = replace(card, issued_epoch=turned.epoch, issued_n=turned.n)
    view.put(card)
    visit = _begin(view, context, card)
    account = AccountView(account=code.account, label="", currency=code.currency, masked="", may=("withdraw",))
    return VisitOpened(
        visit=visit.visit, card=card.card, next_epoch=turned.epoch, next_n=turned.n, accounts=(account,),
        fixed=codes.amount_of(code),
    )  # fmt: skip


def _card(view: View, context: Context, message: OpenVisit) -> Card:
    card = view.get(Card, context.tools.keys.card_reference(message.card))
    if card is None:
        raise Refusal(Reason.NO_CARD, "this bank knows no such card", events=[("card-unknown", "")])
    secret = context.tools.keys.card_secret(card.card, message.epoch, message.n)
    wanted = proof(secret, context.terminal.terminal, context.terminal.generation, message.number)
    if not hmac.compare_digest(wanted, message.proof):
        raise Refusal(Reason.CARD_PROOF, "the card's secret is not right", events=[("card-proof", "")])
    today = dt.datetime.fromtimestamp(context.now_ms / 1000, dt.UTC)
    if card.expiry < f"{today:%Y-%m}":
        raise Refusal(Reason.CARD_EXPIRED, "the card has expired")
    if card.state not in {"active", "frozen", "pending"}:
        reason = Reason.CARD_FROZEN if card.state == "blocked" else Reason.CARD_OUTDATED
        raise Refusal(reason, "the bank does not take this card any more", events=[("card-inactive", card.state)])
    return card


def _operator_here(view: View, context: Context, card: Card) -> Operator | None:
    """The operator whose card it is, None for a customer's. Refusal NOT_HERE before the PIN: no try is counted for it."""
    operator = view.get(Operator, card.card)
    if operator is not None and not operator.may_serve(context.terminal.terminal):
        raise Refusal(
            Reason.NOT_HERE, "this operator does not serve this machine", events=[("operator-not-here", operator.name)]
        )
    return operator


def _not_in_use_elsewhere(view: View, context: Context, card: Card) -> None:
    here = (context.terminal.terminal, context.terminal.generation)
    for hold in view.all(Hold):
        waits = hold.card == card.card and hold.state == "held" and hold.expires_at > context.now_ms
        if waits and (hold.terminal, hold.generation) != here:
            raise Refusal(
                Reason.CARD_IN_USE, "the card is in use at another machine", until=hold.expires_at,
                events=[("card-in-use", f"hold {hold.hold}")],
            )  # fmt: skip


def _turn_ratchet(context: Context, card: Card, message: OpenVisit) -> ratchet.Accepted:
    turned = ratchet.present(ratchet_state(card), message.epoch, message.n, context.now_ms)
    if isinstance(turned, ratchet.Accepted):
        return turned
    raise Refusal(
        Reason.CARD_OUTDATED, "this card file is outdated; staff can make a new one",
        events=[("card-copy", "an outdated card file was used: a copy, or the original after its copy")],
    )  # fmt: skip


def ratchet_state(card: Card) -> ratchet.State:
    return ratchet.State(confirmed=(card.confirmed_epoch, card.confirmed_n), issued=(card.issued_epoch, card.issued_n))


def _begin(view: View, context: Context, card: Card) -> Visit:
    terminal = context.terminal
    for other in list(view.all(Visit)):
        if other.terminal == terminal.terminal and other.state == "open":
            view.put(replace(other, state="closed"))
    visit = Visit(
        visit=f"v{terminal.terminal}.{terminal.generation}.{context.number}", terminal=terminal.terminal,
        generation=terminal.generation, number=context.number, card=card.card, epoch=card.issued_epoch,
        n=card.issued_n, opened_at=context.now_ms, last_at=context.now_ms,
    )  # fmt: skip
    view.put(visit)
    context.note(view, "visit-opened", f"visit {visit.visit}")
    return visit


def _usual(view: View, card: Card) -> Money | None:
    usual = view.get(Usual, card.card)
    return None if usual is None or not usual.amount_minor else Money(usual.amount_minor, usual.currency)


def _accounts(view: View, context: Context, card: Card) -> tuple[AccountView, ...]:
    """None of a frozen card. Of a frozen account no money moves."""
    if card.state != "active":
        return ()
    links = sorted((link for link in view.all(CardAccount) if link.card == card.card), key=lambda link: link.place)
    opened = (view.need(Account, link.account) for link in links)
    bills = ("bill",) if any(biller.state == "open" for biller in view.all(Biller)) else ()
    deposits = ("deposit",) if context.tools.limits.deposit_amount_minor else ()
    may = (*MAY, *bills, *deposits)
    return tuple(
        AccountView(
            account=account.account, label=account.label, currency=account.currency,
            masked=f"ends {account.account[-4:]}", may=may if account.state == "open" else SEES,
        )
        for account in opened
        if account.state in {"open", "frozen"}
    )  # fmt: skip


def left_today(view: View, context: Context, card: Card) -> Money:
    """What this card may still take on this bank day."""
    limits = context.tools.limits
    used = view.get(Usage, card.card, limits.day(context.now_ms), limits.currency)
    return Money(max(0, limits.day_amount_minor - (used.amount_minor if used else 0)), limits.currency)


def visit_of(view: View, context: Context, visit_id: str, *, by_code: bool = False) -> Visit:
    """The open visit of this terminal, touched: it is not idle now. Refusal NO_VISIT for any other.

    `by_code`: also one that a cash code opened; that one may do nothing but take its cash.
    """
    visit = view.get(Visit, visit_id)
    terminal = context.terminal
    mine = visit is not None and (visit.terminal, visit.generation) == (terminal.terminal, terminal.generation)
    if visit is None or not mine or visit.state != "open":
        raise Refusal(Reason.NO_VISIT, "this visit is not open")
    if codes.is_code(visit.card) and not by_code:
        raise Refusal(Reason.NO_VISIT, "a cash code is for its cash alone", events=[("code-misused", visit.visit)])
    if context.now_ms - visit.last_at > context.tools.limits.visit_idle_ms:
        raise Refusal(Reason.NO_VISIT, "this visit ended after ten idle minutes")
    visit = replace(visit, last_at=context.now_ms)
    view.put(visit)
    return visit


def send_left(view: View, context: Context, card: str) -> Money:
    """What this card may still send to others on this bank day.

    What was taken back counts too: its receiver may have spent it, and who cuts a line could do so again and again.
    """
    limits = context.tools.limits
    day = limits.day(context.now_ms)
    sent = sum(row.amount_minor for row in view.all(PostRow) if row.card == card and row.day == day and row.to_others)
    return Money(max(0, limits.send_amount_minor - sent), limits.currency)


def card_of(view: View, visit: Visit, *, frozen: bool = False) -> Card:
    """The visit's card, if nobody has used it since; also a frozen one where `frozen`. Refusals CARD_IN_USE, CARD_FROZEN."""
    card = view.need(Card, visit.card)
    if (card.issued_epoch, card.issued_n) != (visit.epoch, visit.n):
        raise Refusal(Reason.CARD_IN_USE, "the card was used at another machine since this visit began")
    if card.state != "active" and not (frozen and card.state == "frozen"):
        reason = Reason.CARD_FROZEN if card.state in {"frozen", "blocked"} else Reason.CARD_OUTDATED
        raise Refusal(reason, f"the card is {card.state}", events=[("card-inactive", card.state)])
    return card


def account_of(view: View, visit: Visit, account_id: str, *, frozen: bool = False) -> Account:
    """An open account of the visit's card; also a frozen one where `frozen`. Refusals NO_ACCOUNT, CARD_FROZEN."""
    account = view.get(Account, account_id)
    good = {"open", "frozen"} if frozen else {"open"}
    if account is None or view.get(CardAccount, visit.card, account_id) is None or account.state not in good:
        raise Refusal(Reason.NO_ACCOUNT, "the card has no such account")
    if view.need(Card, visit.card).state != "active":
        raise Refusal(Reason.CARD_FROZEN, "the card is frozen")
    return account


def close_visit(view: View, context: Context, message: CloseVisit) -> Acknowledged:
    visit = view.get(Visit, message.visit)
    if visit is not None and visit.terminal == context.terminal.terminal and visit.state == "open":
        view.put(replace(visit, state="closed"))
        context.note(view, "visit-closed", f"visit {visit.visit}: {message.ended}")
        if message.language:
            _speak(view, context, visit, message.language)
    return Acknowledged()


def _speak(view: View, context: Context, visit: Visit, language: str) -> None:
    """The customer's next visit begins in the language that was chosen at this one."""
    customer = view.need(Customer, view.need(Card, visit.card).customer)
    if customer.language != language:
        view.put(replace(customer, language=language))
        context.note(view, "customer-language", f"customer {customer.customer}: {customer.language}, now {language}")
