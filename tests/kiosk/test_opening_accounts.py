"""Opening an account at the machine with a card: real kiosk and bank code, virtual time."""

from __future__ import annotations

from pathlib import Path

from support.customer_steps import at_menu, put_in
from support.reckoning import settle
from support.restoring import backup, restore_bank
from support.town import Town, TownCard, run_town

from kiosk.screens.model import Choose, NoticeScreen


async def _to_products(town: Town, balance: int = 100_00) -> TownCard:
    card = await at_menu(town, balance)
    await _choose_open(town)
    return card


async def _choose_open(town: Town) -> None:
    await town.see("menu")
    await town.choose("more")
    await town.see("more")
    await town.choose("open")
    await town.see("open")


async def _accounts(town: Town) -> list[tuple[str, str, str]]:
    rows = await town.bank.sql(
        "SELECT account, label, state FROM accounts WHERE kind = 'customer' ORDER BY account"
    )  # fmt: skip
    return [(row["account"], row["label"], row["state"]) for row in rows]


def test_an_account_is_opened_told_and_used_in_the_same_visit(tmp_path: Path) -> None:
    """Its number is shown, the books have it, and money can be sent to it by name at once."""

    async def story(town: Town) -> None:
        card = await _to_products(town)
        await town.choose("product:1")
        done = await town.see("open.done")
        assert isinstance(done, NoticeScreen)
        (_, _, _), (number, label, state) = await _accounts(town)
        assert (label, state, done.reference) == ("Savings", "open", f"{number[:2]} {number[2:6]} {number[6:]}")
        await town.press("D")
        await town.see("open.first")
        await town.press("A")
        await town.see("menu")
        await town.choose("send")
        await town.see("account")
        await town.press("1")
        offered = await town.see("send")
        assert isinstance(offered, Choose)
        assert [choice.label for choice in offered.choices] == ["Savings", "Someone else"]
        await town.press("1")
        await town.see("send.amount")
        await town.press("60D")
        await town.see("send.ok")
        await town.press("D")
        await town.see("send.done")
        assert await town.balance(card) == (40_00, 0)

    run_town(tmp_path, story)


def test_a_first_deposit_can_follow_at_once(tmp_path: Path) -> None:
    """Into the new account, without asking which."""

    async def story(town: Town) -> None:
        card = await _to_products(town)
        await town.choose("product:1")
        done = await town.see("open.done")
        assert isinstance(done, NoticeScreen)
        await town.press("D")
        await town.see("open.first")
        await town.press("D")
        await put_in(town, 50, 20)
        await town.see("payin.count")
        await town.press("D")
        await town.see("payin.done")
        await town.press("D")
        await town.see("menu")
        await settle(town, 1)
        balances = {
            r["label"]: r["balance_minor"]
            for r in await town.bank.sql("SELECT * FROM accounts WHERE kind = 'customer'")
        }
        assert balances == {"Everyday": 100_00, "Savings": 70_00}
        assert await town.balance(card) == (100_00, 0)

    run_town(tmp_path, story)


def test_a_card_has_so_many_accounts_and_no_more(tmp_path: Path) -> None:
    """The sixth is refused in words, and the visit goes on."""

    async def story(town: Town) -> None:
        await _to_products(town)
        for _ in range(4):
            await town.choose("product:0")
            await town.see("open.done")
            await town.press("D")
            await _choose_open(town)
        await town.choose("product:0")
        enough = await town.see("open.enough")
        assert isinstance(enough, NoticeScreen)
        assert enough.notice.bold == "You have 5 with this card"
        await town.press("D")
        await town.see("menu")
        assert len(await _accounts(town)) == 5

    run_town(tmp_path, story)


def test_where_the_bank_falls_silent_no_account_was_opened(tmp_path: Path) -> None:
    """The customer is told that nothing was changed, and the reversal closes what the bank had opened."""

    async def story(town: Town) -> None:
        await _to_products(town)

        async def lose(kind: str) -> None:
            if kind == "post":
                town.line.cut = True
                raise TimeoutError

        town.line.after = lose
        await town.choose("product:1")
        told = await town.see("e.line")
        assert isinstance(told, NoticeScreen)
        assert told.notice.bold == "Nothing was changed"
        town.line.after = None
        town.line.cut = False
        await settle(town)
        assert [state for _, _, state in await _accounts(town)] == ["open", "closed"]

    run_town(tmp_path, story)


def test_a_power_cut_and_a_restored_bank_leave_it_open(tmp_path: Path) -> None:
    """Told is told: the slip in the journal opens it again under its number."""

    async def story(town: Town) -> None:
        await _to_products(town)
        kept = backup(town)
        await town.choose("product:1")
        await town.see("open.done")
        before = await _accounts(town)
        await town.power_cut()
        await restore_bank(town, kept)
        town.start_kiosk()
        await town.in_service()
        await settle(town)
        assert await _accounts(town) == before

    run_town(tmp_path, story)
