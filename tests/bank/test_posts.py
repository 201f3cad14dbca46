"""Posts at the bank: money between accounts and a new PIN, once, by the card that is in the machine, and taken back whole."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from copy import copy
from pathlib import Path

from support.hall import PIN, Hall, HeldCard, Machine, eur, run_hall, with_slot

from bank.schema import VERSION
from bank_link import messages as m
from bank_link.pin_block import Pin, seal_pin


class Desk:
    """A visit that is open, and what can be posted in it."""

    def __init__(self, machine: Machine, card: HeldCard, opened: m.VisitOpened) -> None:
        self.machine, self.card, self.opened = machine, card, opened

    def transfer(self, to: str, units: int, *, number: int = 0, n: int | None = None) -> m.Post:
        return m.Post(
            number=number or self.machine.number(), deadline=self.machine.until(), visit=self.opened.visit,
            n=self.opened.next_n if n is None else n, what="transfer", account=self.card.account, to=to,
            amount=eur(units),
        )  # fmt: skip

    def new_pin(self, pin: str) -> m.Post:
        session = self.machine.journal.session
        assert session is not None
        return m.Post(
            number=self.machine.number(), deadline=self.machine.until(), visit=self.opened.visit,
            n=self.opened.next_n, what="pin-change",
            pin_block=seal_pin(Pin(pin), self.card.file.card, session.pin_key, self.machine.hall.random),
            pin_key_id=session.pin_key_id,
        )  # fmt: skip

    async def send(self, to: str, units: int) -> m.Answer:
        return await self.machine.ask(self.transfer(to, units))

    async def inquire(self, what: str, *, to: str = "", account: str = "") -> m.Answer:
        return await self.machine.ask(
            m.Inquire(
                deadline=self.machine.until(), visit=self.opened.visit, account=account or self.card.account,
                what=what, to=to,
            )
        )  # fmt: skip

    async def reverse(self, number: int) -> str:
        answer = await self.machine.ask(
            m.Reversal(
                number=self.machine.number(), made_by=self.machine.made_by, transaction=number, why="no-answer",
                at=self.machine.hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case

    async def posted(self, number: int, slip: m.Signed) -> str:
        answer = await self.machine.ask(
            m.Posted(
                number=number, made_by=self.machine.made_by, slip=slip, at=self.machine.hall.clock.now_ms()
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged), answer
        return answer.case


async def _desk(machine: Machine, card: HeldCard, pin: str = "") -> Desk:
    opened = await machine.open_visit(card, pin)
    assert isinstance(opened, m.VisitOpened), opened
    card.file = with_slot(card.file, opened)
    return Desk(machine, card, opened)


async def _two(hall: Hall, opening: str = "200") -> tuple[Desk, str]:
    """A visit of Ada's at a machine, and the account of somebody else."""
    machine = await hall.machine()
    await machine.exchange(found=0, after=100)
    return await _desk(machine, await hall.card(opening)), await hall.account("10")


def _reason(answer: m.Answer) -> m.Reason:
    assert isinstance(answer, m.Refused), answer
    return answer.reason


async def _balances(hall: Hall, *accounts: str) -> list[str]:
    return [(await hall.balance(account))[0] for account in accounts]


def test_money_goes_to_another_customer_once_however_often_it_is_sent(tmp_path: Path) -> None:
    """The same number again gets the same slip; the balances move once, and the slip says who has what."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        message = desk.transfer(maria, 60)
        first, second = await desk.machine.ask(message), await desk.machine.ask(message)
        assert isinstance(first, m.Slipped)
        assert first == second
        slip = hall.bank._tools().keys.read_slip(first.slip)
        assert (slip.kind, slip.account, slip.to, slip.amount) == ("transfer", desk.card.account, maria, eur(60))
        assert await _balances(hall, desk.card.account, maria) == ["140.00", "70.00"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_the_payee_is_named_before_money_moves_and_nobody_is_none(tmp_path: Path) -> None:
    """A name for a number; one's own account, a machine's cash and an unknown number are nobody."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        payee = await desk.inquire("payee", to=maria)
        assert payee == m.Payee(account=maria, name="Ada", masked=f"ends {maria[-4:]}")
        for nobody in (desk.card.account, f"cash.{desk.machine.name}.EUR", "0000000000", ""):
            assert _reason(await desk.inquire("payee", to=nobody)) is m.Reason.NO_PAYEE
            assert _reason(await desk.send(nobody, 5)) is m.Reason.NO_PAYEE
        await hall.sound()

    run_hall(tmp_path, story)


def test_what_may_be_sent_is_bounded_by_the_account_and_the_day(tmp_path: Path) -> None:
    """Over the balance and over the day's limit nothing moves, and what is possible is said."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall, opening="200")
        assert desk.opened.send_left == eur(120)
        assert _reason(await desk.send(maria, 130)) is m.Reason.AMOUNT_LIMIT
        await desk.send(maria, 100)
        refused = await desk.send(maria, 30)
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.AMOUNT_LIMIT, eur(20))
        assert await _balances(hall, desk.card.account, maria) == ["100.00", "110.00"]
        poor = await _desk(await hall.machine(journal=None), await hall.card("15"))
        await poor.machine.exchange(found=0, after=100)
        poor = await _desk(poor.machine, poor.card)
        refused = await poor.send(maria, 20)
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.FUNDS, eur(15))
        for amount in (0, -5):
            assert _reason(await poor.send(maria, amount)) is m.Reason.AMOUNT
        await hall.sound()

    run_hall(tmp_path, story, send_amount=120)


def test_a_reversal_takes_a_transfer_back_whole_and_what_comes_late_is_refused(tmp_path: Path) -> None:
    """Whether it comes after the post or before it; and a second reversal of it does nothing more."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        message = desk.transfer(maria, 60)
        await desk.machine.ask(message)
        assert await desk.reverse(message.number) == ""
        assert await desk.reverse(message.number) == ""
        assert _reason(await desk.machine.ask(message)) is m.Reason.ENDED
        late = desk.transfer(maria, 60)
        await desk.reverse(late.number)
        assert _reason(await desk.machine.ask(late)) is m.Reason.ENDED
        assert await _balances(hall, desk.card.account, maria) == ["200.00", "10.00"]
        # It stays counted against the day: who cuts the line could send, and have it spent, again and again.
        refused = await desk.send(maria, 120)
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.AMOUNT_LIMIT, eur(60))
        await hall.sound()

    run_hall(tmp_path, story, send_amount=120)


def test_what_the_receiver_has_spent_is_taken_back_all_the_same_and_a_case_says_so(tmp_path: Path) -> None:
    """The sender was told that nothing left; the receiver's account is below its limit, with a case that names it."""

    async def story(hall: Hall) -> None:
        desk, _ = await _two(hall)
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        maria = await hall.card("10")
        message = desk.transfer(maria.account, 60)
        await desk.machine.ask(message)
        spending = await _desk(machine, maria)
        assert isinstance(await spending.send(desk.card.account, 70), m.Slipped)
        case = await desk.reverse(message.number)
        assert case.endswith(".overdrawn")
        assert await _balances(hall, desk.card.account, maria.account) == ["270.00", "-60.00"]
        await hall.resolve(case, "nothing")
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_visit_that_was_overtaken_and_a_number_that_is_not_the_cards_move_nothing(tmp_path: Path) -> None:
    """Of two copies of a card, only the one that came last can send; and never by an older renewal."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        assert _reason(await desk.machine.ask(desk.transfer(maria, 20, n=desk.opened.next_n - 1))) is (
            m.Reason.CARD_OUTDATED
        )
        other = await hall.machine()
        await other.exchange(found=0, after=100)
        copied = copy(desk.card)
        late = await _desk(other, copied)
        assert _reason(await desk.send(maria, 20)) is m.Reason.CARD_IN_USE
        assert isinstance(await late.send(maria, 20), m.Slipped)
        # The post has spent the copies that were made before it.
        refused = await desk.machine.open_visit(desk.card)
        assert _reason(refused) is m.Reason.CARD_OUTDATED
        assert await _balances(hall, desk.card.account, maria) == ["180.00", "30.00"]

    run_hall(tmp_path, story)


def test_cash_can_still_be_taken_after_a_transfer_in_the_same_visit(tmp_path: Path) -> None:
    """The card's number that a post confirmed is the one that a release names after it."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        await desk.send(maria, 60)
        number = desk.machine.number()
        held = await desk.machine.ask(
            m.Authorise(
                number=number, deadline=desk.machine.until(), visit=desk.opened.visit, account=desk.card.account,
                amount=eur(40), mix=(m.NoteCount(cassette="top", value=eur(20), count=2),),
            )
        )  # fmt: skip
        assert isinstance(held, m.Authorised)
        released = await desk.machine.ask(
            m.Release(
                number=desk.machine.number(), deadline=desk.machine.until(), transaction=number, hold=held.hold,
                n=desk.opened.next_n, nonce=bytes(32), boot=desk.machine.journal.boot_id,
            )
        )  # fmt: skip
        assert isinstance(released, m.Released)

    run_hall(tmp_path, story)


def test_a_new_pin_opens_the_next_visit_and_the_old_one_does_not(tmp_path: Path) -> None:
    """From the post's answer on; a reversal puts the old PIN back."""

    async def story(hall: Hall) -> None:
        desk, _ = await _two(hall)
        await desk.machine.ask(desk.new_pin("246810"))
        assert _reason(await desk.machine.open_visit(desk.card, PIN)) is m.Reason.WRONG_PIN
        desk = await _desk(desk.machine, desk.card, "246810")
        message = desk.new_pin("97531")
        await desk.machine.ask(message)
        await desk.reverse(message.number)
        assert _reason(await desk.machine.open_visit(desk.card, "97531")) is m.Reason.WRONG_PIN
        await _desk(desk.machine, desk.card, "246810")
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_pin_block_for_another_card_changes_nothing(tmp_path: Path) -> None:
    """The new PIN is bound to the card's number, as every PIN block is."""

    async def story(hall: Hall) -> None:
        desk, _ = await _two(hall)
        other = await hall.card()
        honest = desk.card
        desk.card = other
        message = desk.new_pin("246810")
        assert _reason(await desk.machine.ask(message)) is m.Reason.PIN_BLOCK
        await _desk(desk.machine, honest)

    run_hall(tmp_path, story)


def test_the_statement_has_the_last_ten_and_only_for_the_accounts_owner(tmp_path: Path) -> None:
    """Newest first, with who sent or got it; another's account is refused."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        for units in range(1, 12):
            await desk.send(maria, units)
        told = await desk.inquire("statement")
        assert isinstance(told, m.Statement)
        assert [line.amount for line in told.lines] == [eur(-units) for units in range(11, 1, -1)]
        assert {(line.what, line.other) for line in told.lines} == {("transfer", "Ada")}
        assert _reason(await desk.inquire("statement", account=maria)) is m.Reason.NO_ACCOUNT

    run_hall(tmp_path, story)


def _books(hall: Hall) -> list[Path]:
    return list(hall.directory.glob("books.sqlite*"))


def _backup(hall: Hall, directory: Path) -> Path:
    kept = directory / "kept"
    kept.mkdir()
    for file in _books(hall):
        shutil.copy(file, kept)
    return kept


async def _restore(hall: Hall, kept: Path) -> None:
    await hall.close()
    for file in _books(hall):
        file.unlink()
    for file in kept.iterdir():
        shutil.copy(file, hall.directory)
    await hall.open()


def test_a_restored_bank_posts_again_what_it_has_lost_once(tmp_path: Path) -> None:
    """By the slip, below the limit where it must be; the card's spent copies stay spent, a lost PIN is a case."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall, opening="100")
        copied = copy(desk.card)
        kept = _backup(hall, tmp_path)
        sent, changed = desk.transfer(maria, 80), desk.new_pin("246810")
        slips = {}
        for message in (sent, changed):
            answer = await desk.machine.ask(message)
            assert isinstance(answer, m.Slipped)
            slips[message.number] = answer.slip
        await _restore(hall, kept)
        assert await _balances(hall, desk.card.account, maria) == ["100.00", "10.00"]
        session = await desk.machine.sign_on()
        assert {number for _, first, last in session.missing for number in range(first, last + 1)} >= set(slips)
        for _ in range(2):
            assert await desk.posted(sent.number, slips[sent.number]) == ""
            assert (await desk.posted(changed.number, slips[changed.number])).endswith(".post-lost")
        assert await _balances(hall, desk.card.account, maria) == ["20.00", "90.00"]
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        copied_visit = await machine.open_visit(copied)
        assert isinstance(copied_visit, m.VisitOpened), "the newest renewal is as good as before"
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_slip_of_another_number_or_nobodys_is_set_aside(tmp_path: Path) -> None:
    """Unreadable facts are refused for the kiosk to park, and move nothing."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        answer = await desk.send(maria, 60)
        assert isinstance(answer, m.Slipped)
        forged = m.Signed(signed=answer.slip.signed, signature=bytes(64))
        for slip in (answer.slip, forged):
            number = desk.machine.number()
            refused = await desk.machine.ask(
                m.Posted(number=number, made_by=desk.machine.made_by, slip=slip, at=hall.clock.now_ms())
            )
            assert _reason(refused) is m.Reason.MALFORMED
        assert await _balances(hall, desk.card.account, maria) == ["140.00", "70.00"]

    run_hall(tmp_path, story)


def test_books_of_the_version_before_get_what_they_lack(tmp_path: Path) -> None:
    """An older bank's file opens as it is, with its money in it, and can post from then on."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        await hall.close()
        with sqlite3.connect(hall.directory / "books.sqlite") as tool:
            tool.execute("DROP TABLE posts")
            tool.execute("DROP INDEX visits_state")
            tool.execute("PRAGMA user_version = 1")
        tool.close()
        await hall.open()
        await desk.machine.sign_on()
        assert isinstance(await desk.send(maria, 60), m.Slipped)
        await hall.close()
        with sqlite3.connect(hall.directory / "books.sqlite") as tool:
            names = {name for (name,) in tool.execute("SELECT name FROM sqlite_schema")}
            assert {"posts", "visits_state", "posts_card", "posts_reverse_once"} <= names
            assert tool.execute("PRAGMA user_version").fetchone() == (VERSION,)
        tool.close()
        await hall.open()
        await asyncio.sleep(1)
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_clock_that_steps_back_does_not_refuse_what_is_done(tmp_path: Path) -> None:
    """The same number again gets its answer, however far away its deadline looks by then."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        message = desk.transfer(maria, 60)
        first = await desk.machine.ask(message)
        hall.clock.ahead_ms = -200_000
        assert await desk.machine.client.ask(message, until=message.deadline) == first
        assert await _balances(hall, desk.card.account, maria) == ["140.00", "70.00"]

    run_hall(tmp_path, story)


def test_who_got_a_number_after_the_restore_does_not_get_the_money(tmp_path: Path) -> None:
    """The account that was sent to is lost with the books, and its number is another's now: suspense, and a case to credit."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        card = await hall.card("100")
        kept = _backup(hall, tmp_path)
        lost = await hall.account("5")
        desk = await _desk(machine, card)
        message = desk.transfer(lost, 40)
        answer = await machine.ask(message)
        assert isinstance(answer, m.Slipped)
        await _restore(hall, kept)
        await asyncio.sleep(60)
        stranger = await hall.account("5")
        assert stranger == lost, "the number was given away again"
        await machine.sign_on()
        case = await desk.posted(message.number, answer.slip)
        assert case.endswith(".unclaimed")
        assert await _balances(hall, card.account, stranger) == ["60.00", "5.00"]
        found = await hall.account("0")
        await hall.resolve(case, "credit", "40", account=found)
        assert await _balances(hall, found) == ["40.00"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_reversal_of_what_was_made_again_moves_nothing_and_blocks_nothing(tmp_path: Path) -> None:
    """A kiosk that says both, that it was answered and that it was not: a case, also where only a PIN was meant."""

    async def story(hall: Hall) -> None:
        desk, _ = await _two(hall)
        kept = _backup(hall, tmp_path)
        message = desk.new_pin("246810")
        answer = await desk.machine.ask(message)
        assert isinstance(answer, m.Slipped)
        await _restore(hall, kept)
        await desk.machine.sign_on()
        case = await desk.posted(message.number, answer.slip)
        assert await desk.reverse(message.number) == case
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_restarted_machine_that_takes_back_what_was_done_leaves_a_case(tmp_path: Path) -> None:
    """Its disk may have forgotten that the customer was told: somebody tells the customer that it is undone."""

    async def story(hall: Hall) -> None:
        desk, maria = await _two(hall)
        message = desk.transfer(maria, 60)
        await desk.machine.ask(message)
        answer = await desk.machine.ask(
            m.Reversal(
                number=desk.machine.number(), made_by=desk.machine.made_by, transaction=message.number,
                why="restarted", at=hall.clock.now_ms(),
            )
        )  # fmt: skip
        assert isinstance(answer, m.Acknowledged)
        assert answer.case.endswith(".taken-back")
        assert await _balances(hall, desk.card.account, maria) == ["200.00", "10.00"]
        await hall.resolve(answer.case, "nothing")
        await hall.sound()

    run_hall(tmp_path, story)
