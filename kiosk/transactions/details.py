"""My details: what customers change of their own accounts and card, each asked once more where it cannot be undone at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from bank_link.messages import AccountView, Reason
from bank_link.money import Money, major
from kiosk.ask import BACK
from kiosk.host import NoAnswer, Turned
from kiosk.leaving import Cancelled
from kiosk.parts import Visit
from kiosk.screens import catalogue
from kiosk.screens.model import NoticeScreen
from kiosk.transactions.common import choose_account, no_line, refusal

DONE_S = 20
#: With what an account must allow for it ("": nothing of an account).
_OFFERED = {"name": "balance", "usual": "withdraw", "freeze": "", "close": "transfer"}


async def run(visit: Visit) -> None:
    """Back to the menu afterwards, unless the visit is done. Raises LeftEarly."""
    offered = [key for key, may in _OFFERED.items() if not may or visit.accounts(may)]
    key = await visit.parts.ask.choose(catalogue.details(visit.parts.words, offered))
    if key in _RUN:
        await _RUN[key](visit)


async def unfreeze(visit: Visit) -> None:
    """All that a visit with a frozen card is for. Raises LeftEarly."""
    parts = visit.parts
    await parts.ask.choose(catalogue.unfreeze(parts.words, visit.last4))
    if await _changed(visit, lambda: parts.host.freeze(visit.opened, frozen=False)):
        visit.is_done = True
        parts.note("card-unfrozen")
        await _done(visit, catalogue.unfreeze_done(parts.words))


async def _name(visit: Visit) -> None:
    parts = visit.parts
    account = await choose_account(visit, "balance")
    if account is None:
        return
    called = await parts.ask.choose(catalogue.name(parts.words, account.label))
    if called == BACK or not await _changed(
        visit, lambda: parts.host.label(visit.opened, account.account, called)
    ):  # fmt: skip
        return
    _keep(visit, account, replace(account, label=called))
    await _done(visit, catalogue.name_done(parts.words, called))


async def _usual(visit: Visit) -> None:
    parts = visit.parts
    amount = await _choose_usual(visit)
    if amount is None or not await _changed(visit, lambda: parts.host.usual(visit.opened, amount)):
        return
    visit.opened = replace(visit.opened, usual=amount)
    await _done(visit, catalogue.usual_done(parts.words, amount))


async def _choose_usual(visit: Visit) -> Money | None:
    """What this machine's notes can make, whether they are here now or not; None for Back."""
    parts = visit.parts
    session = parts.host.session
    values = [count.value for count in parts.vault.counts()]
    if session is None or not values:
        await no_line(visit, kept=True)
        return None
    step, most, refused = min(values), session.most_per_withdrawal, None
    while True:
        entered = await parts.ask.amount(catalogue.usual(parts.words, step, most, refused=refused))
        if entered is None:
            return None
        refused = major(entered, parts.currency)
        if refused.minor and refused <= most and refused.minor % step.minor == 0:
            return refused


async def _freeze(visit: Visit) -> None:
    parts = visit.parts
    if await parts.ask.choose(catalogue.freeze(parts.words, visit.last4)) == BACK:
        return
    if await _changed(visit, lambda: parts.host.freeze(visit.opened, frozen=True)):
        visit.is_done = True
        parts.note("card-frozen")
        await _done(visit, catalogue.freeze_done(parts.words))


async def _close(visit: Visit) -> None:
    parts = visit.parts
    account = await choose_account(visit, "transfer")
    if account is None:
        return
    digits, nothing = account.masked.removeprefix("ends "), Money(0, account.currency)
    if await parts.ask.choose(catalogue.close(parts.words, account.label, digits, nothing)) == BACK:
        return
    if await _changed(visit, lambda: parts.host.close_account(visit.opened, account.account)):
        _keep(visit, account, None)
        await _done(visit, catalogue.close_done(parts.words, account.label))


_RUN: dict[str, Callable[[Visit], Awaitable[None]]] = {
    "name": _name, "usual": _usual, "freeze": _freeze, "close": _close,
}  # fmt: skip


# ── What all have in common ─────────────────────────────────────────────────────────────────────────────────────────


async def _changed(visit: Visit, ask: Callable[[], Awaitable[None]]) -> bool:
    """Whether the bank has done it; else that was told. Raises LeftEarly."""
    parts = visit.parts
    try:
        async with parts.working():
            await ask()
    except NoAnswer:
        await no_line(visit, kept=True)
        return False
    except Turned as turned:
        answer = turned.answer
        parts.note("change-refused", answer.reason)
        if answer.reason is Reason.NOT_EMPTY and answer.possible is not None:
            await parts.ask.told(catalogue.close_full(parts.words, answer.possible), parts.ask.patience.answer_s)
        elif answer.reason is Reason.NOT_SETTLED:
            await parts.ask.told(catalogue.close_open(parts.words), parts.ask.patience.answer_s)
        else:
            await parts.ask.choose(refusal(parts, answer, earlier=visit.has_posted))
            raise Cancelled from None
        return False
    return True


async def _done(visit: Visit, screen: NoticeScreen) -> None:
    await visit.parts.ask.told(screen, DONE_S)


def _keep(visit: Visit, account: AccountView, changed: AccountView | None) -> None:
    """What the rest of this visit shows of the account; None where it is no more."""
    views = (changed if one.account == account.account else one for one in visit.opened.accounts)
    visit.opened = replace(visit.opened, accounts=tuple(view for view in views if view is not None))
