"""Posts at the bank: money between accounts and a new PIN, once, by the card that is in the machine, and taken back whole."""

from __future__ import annotations

import asyncio
import sqlite3
from copy import copy
from pathlib import Path

from support.hall import PIN, Hall, eur, run_hall
from support.post_desk import balances, open_desk, reason, two

from bank.schema import VERSION
from bank_link import messages as m
from bank_link.envelope import decode_answer, unseal


def test_money_goes_to_another_customer_once_however_often_it_is_sent(tmp_path: Path) -> None:
    """The same number again gets the same slip; the balances move once, and the slip says who has what."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        message = desk.transfer(maria, 60)
        first, second = await desk.machine.ask(message), await desk.machine.ask(message)
        assert isinstance(first, m.Slipped)
        assert first == second
        slip = hall.bank.tools().keys.read_slip(first.slip)
        assert (slip.kind, slip.account, slip.to, slip.amount) == ("transfer", desk.card.account, maria, eur(60))
        assert await balances(hall, desk.card.account, maria) == ["140.00", "70.00"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_the_payee_is_named_before_money_moves_and_nobody_is_none(tmp_path: Path) -> None:
    """A name for a number; one's own account, a machine's cash and an unknown number are nobody."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        payee = await desk.inquire("payee", to=maria)
        assert payee == m.Payee(account=maria, name="Ada", masked=f"ends {maria[-4:]}")
        for nobody in (desk.card.account, f"cash.{desk.machine.name}.EUR", "0000000000", ""):
            assert reason(await desk.inquire("payee", to=nobody)) is m.Reason.NO_PAYEE
            assert reason(await desk.send(nobody, 5)) is m.Reason.NO_PAYEE
        await hall.sound()

    run_hall(tmp_path, story)


def test_what_may_be_sent_is_bounded_by_the_account_and_the_day(tmp_path: Path) -> None:
    """Over the balance and over the day's limit nothing moves, and what is possible is said."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall, opening="200")
        assert desk.opened.send_left == eur(120)
        assert reason(await desk.send(maria, 130)) is m.Reason.AMOUNT_LIMIT
        await desk.send(maria, 100)
        refused = await desk.send(maria, 30)
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.AMOUNT_LIMIT, eur(20))
        assert await balances(hall, desk.card.account, maria) == ["100.00", "110.00"]
        poor = await open_desk(await hall.machine(journal=None), await hall.card("15"))
        await poor.machine.exchange(found=0, after=100)
        poor = await open_desk(poor.machine, poor.card)
        refused = await poor.send(maria, 20)
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.FUNDS, eur(15))
        for amount in (0, -5):
            assert reason(await poor.send(maria, amount)) is m.Reason.AMOUNT
        await hall.sound()

    run_hall(tmp_path, story, send_amount=120)


def test_a_reversal_takes_a_transfer_back_whole_and_what_comes_late_is_refused(tmp_path: Path) -> None:
    """Whether it comes after the post or before it; and a second reversal of it does nothing more."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        message = desk.transfer(maria, 60)
        await desk.machine.ask(message)
        assert await desk.reverse(message.number) == ""
        assert await desk.reverse(message.number) == ""
        assert reason(await desk.machine.ask(message)) is m.Reason.ENDED
        late = desk.transfer(maria, 60)
        await desk.reverse(late.number)
        assert reason(await desk.machine.ask(late)) is m.Reason.ENDED
        assert await balances(hall, desk.card.account, maria) == ["200.00", "10.00"]
        # It stays counted against the day: who cuts the line could send, and have it spent, again and again.
        refused = await desk.send(maria, 120)
        assert isinstance(refused, m.Refused)
        assert (refused.reason, refused.possible) == (m.Reason.AMOUNT_LIMIT, eur(60))
        await hall.sound()

    run_hall(tmp_path, story, send_amount=120)


def test_what_the_receiver_has_spent_is_taken_back_all_the_same_and_a_case_says_so(tmp_path: Path) -> None:
    """The sender was told that nothing left; the receiver's account is below its limit, with a case that names it."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        maria = await hall.card("10")
        message = desk.transfer(maria.account, 60)
        await desk.machine.ask(message)
        spending = await open_desk(machine, maria)
        assert isinstance(await spending.send(desk.card.account, 70), m.Slipped)
        case = await desk.reverse(message.number)
        assert case.endswith(".overdrawn")
        assert await balances(hall, desk.card.account, maria.account) == ["270.00", "-60.00"]
        await hall.resolve(case, "nothing")
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_visit_that_was_overtaken_and_a_number_that_is_not_the_cards_move_nothing(tmp_path: Path) -> None:
    """Of two copies of a card, only the one that came last can send; and never by an older renewal."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        assert reason(await desk.machine.ask(desk.transfer(maria, 20, n=desk.opened.next_n - 1))) is (
            m.Reason.CARD_OUTDATED
        )
        other = await hall.machine()
        await other.exchange(found=0, after=100)
        copied = copy(desk.card)
        late = await open_desk(other, copied)
        assert reason(await desk.send(maria, 20)) is m.Reason.CARD_IN_USE
        assert isinstance(await late.send(maria, 20), m.Slipped)
        # The post has spent the copies that were made before it.
        refused = await desk.machine.open_visit(desk.card)
        assert reason(refused) is m.Reason.CARD_OUTDATED
        assert await balances(hall, desk.card.account, maria) == ["180.00", "30.00"]

    run_hall(tmp_path, story)


def test_cash_can_still_be_taken_after_a_transfer_in_the_same_visit(tmp_path: Path) -> None:
    """The card's number that a post confirmed is the one that a release names after it."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
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
        desk, _ = await two(hall)
        await desk.machine.ask(desk.new_pin("246810"))
        assert reason(await desk.machine.open_visit(desk.card, PIN)) is m.Reason.WRONG_PIN
        desk = await open_desk(desk.machine, desk.card, "246810")
        message = desk.new_pin("97531")
        await desk.machine.ask(message)
        await desk.reverse(message.number)
        assert reason(await desk.machine.open_visit(desk.card, "97531")) is m.Reason.WRONG_PIN
        await open_desk(desk.machine, desk.card, "246810")
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_pin_block_for_another_card_changes_nothing(tmp_path: Path) -> None:
    """The new PIN is bound to the card's number, as every PIN block is."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        other = await hall.card()
        honest = desk.card
        desk.card = other
        message = desk.new_pin("246810")
        assert reason(await desk.machine.ask(message)) is m.Reason.PIN_BLOCK
        await open_desk(desk.machine, honest)

    run_hall(tmp_path, story)


def test_the_statement_has_the_last_ten_and_only_for_the_accounts_owner(tmp_path: Path) -> None:
    """Newest first, with who sent or got it; another's account is refused."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        for units in range(1, 12):
            await desk.send(maria, units)
        told = await desk.inquire("statement")
        assert isinstance(told, m.Statement)
        assert [line.amount for line in told.lines] == [eur(-units) for units in range(11, 1, -1)]
        assert {(line.what, line.other) for line in told.lines} == {("transfer", "Ada")}
        assert reason(await desk.inquire("statement", account=maria)) is m.Reason.NO_ACCOUNT

    run_hall(tmp_path, story)


def test_a_restored_bank_posts_again_what_it_has_lost_once(tmp_path: Path) -> None:
    """By the slip, below the limit where it must be; the card's spent copies stay spent, a lost PIN is a case."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall, opening="100")
        copied = copy(desk.card)
        kept = hall.backup(tmp_path)
        sent, changed = desk.transfer(maria, 80), desk.new_pin("246810")
        slips = {}
        for message in (sent, changed):
            answer = await desk.machine.ask(message)
            assert isinstance(answer, m.Slipped)
            slips[message.number] = answer.slip
        await hall.restore(kept)
        assert await balances(hall, desk.card.account, maria) == ["100.00", "10.00"]
        session = await desk.machine.sign_on()
        assert {number for _, first, last in session.missing for number in range(first, last + 1)} >= set(slips)
        for _ in range(2):
            assert await desk.posted(sent.number, slips[sent.number]) == ""
            assert (await desk.posted(changed.number, slips[changed.number])).endswith(".post-lost")
        assert await balances(hall, desk.card.account, maria) == ["20.00", "90.00"]
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        copied_visit = await machine.open_visit(copied)
        assert isinstance(copied_visit, m.VisitOpened), "the newest renewal is as good as before"
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_slip_of_another_number_or_nobodys_is_set_aside(tmp_path: Path) -> None:
    """Unreadable facts are refused for the kiosk to park, and move nothing."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        answer = await desk.send(maria, 60)
        assert isinstance(answer, m.Slipped)
        forged = m.Signed(signed=answer.slip.signed, signature=bytes(64))
        for slip in (answer.slip, forged):
            number = desk.machine.number()
            refused = await desk.machine.ask(
                m.Posted(number=number, made_by=desk.machine.made_by, slip=slip, at=hall.clock.now_ms())
            )
            assert reason(refused) is m.Reason.MALFORMED
        assert await balances(hall, desk.card.account, maria) == ["140.00", "70.00"]

    run_hall(tmp_path, story)


def test_books_of_the_version_before_get_what_they_lack(tmp_path: Path) -> None:
    """An older bank's file opens as it is, with its money in it, and can post from then on."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        await hall.close()
        with sqlite3.connect(hall.directory / "books.sqlite") as tool:
            for table in ("posts", "deposits", "billers", "bills", "usuals"):
                tool.execute(f"DROP TABLE {table}")
            tool.execute("DROP INDEX visits_state")
            tool.execute("DROP INDEX cases_account")
            tool.execute("PRAGMA user_version = 1")
        tool.close()
        await hall.open()
        await desk.machine.sign_on()
        assert isinstance(await desk.send(maria, 60), m.Slipped)
        await hall.close()
        with sqlite3.connect(hall.directory / "books.sqlite") as tool:
            names = {name for (name,) in tool.execute("SELECT name FROM sqlite_schema")}
            assert {
                "posts",
                "deposits",
                "deposits_credit_once",
                "visits_state",
                "posts_card",
                "posts_reverse_once",
                "billers",
                "bills",
                "usuals",
                "cases_account",
            } <= names
            assert tool.execute("PRAGMA user_version").fetchone() == (VERSION,)
        tool.close()
        await hall.open()
        await asyncio.sleep(1)
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_clock_that_steps_back_does_not_refuse_what_is_done(tmp_path: Path) -> None:
    """The same number again gets its answer, however far away its deadline looks by then."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        message = desk.transfer(maria, 60)
        first = await desk.machine.ask(message)
        hall.clock.ahead_ms = -200_000
        assert await desk.machine.client.ask(message, until=message.deadline) == first
        assert await balances(hall, desk.card.account, maria) == ["140.00", "70.00"]

    run_hall(tmp_path, story)


def test_who_got_a_number_after_the_restore_does_not_get_the_money(tmp_path: Path) -> None:
    """The account that was sent to is lost with the books, and its number is another's now: suspense, and a case to credit."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await machine.exchange(found=0, after=100)
        card = await hall.card("100")
        kept = hall.backup(tmp_path)
        lost = await hall.account("5")
        desk = await open_desk(machine, card)
        message = desk.transfer(lost, 40)
        answer = await machine.ask(message)
        assert isinstance(answer, m.Slipped)
        await hall.restore(kept)
        await asyncio.sleep(60)
        stranger = await hall.account("5")
        assert stranger == lost, "the number was given away again"
        await machine.sign_on()
        case = await desk.posted(message.number, answer.slip)
        assert case.endswith(".unclaimed")
        assert await balances(hall, card.account, stranger) == ["60.00", "5.00"]
        found = await hall.account("0")
        await hall.resolve(case, "credit", "40", account=found)
        assert await balances(hall, found) == ["40.00"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_reversal_of_what_was_made_again_moves_nothing_and_blocks_nothing(tmp_path: Path) -> None:
    """A kiosk that says both, that it was answered and that it was not: a case, also where only a PIN was meant."""

    async def story(hall: Hall) -> None:
        desk, _ = await two(hall)
        kept = hall.backup(tmp_path)
        message = desk.new_pin("246810")
        answer = await desk.machine.ask(message)
        assert isinstance(answer, m.Slipped)
        await hall.restore(kept)
        await desk.machine.sign_on()
        case = await desk.posted(message.number, answer.slip)
        assert await desk.reverse(message.number) == case
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_restarted_machine_that_takes_back_what_was_done_leaves_a_case(tmp_path: Path) -> None:
    """Its disk may have forgotten that the customer was told: somebody tells the customer that it is undone."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
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
        assert await balances(hall, desk.card.account, maria) == ["200.00", "10.00"]
        await hall.resolve(answer.case, "nothing")
        await hall.sound()

    run_hall(tmp_path, story)


def test_an_echo_from_before_the_sign_on_does_not_say_that_all_was_told(tmp_path: Path) -> None:
    """Its outbox was empty when it was said: what the sign-on asks for is still owed, also to a backup of that moment."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        session = desk.machine.journal.session
        assert session is not None
        kept = hall.backup(tmp_path)
        sent = desk.transfer(maria, 60)
        answer = await desk.machine.ask(sent)
        assert isinstance(answer, m.Slipped)
        await hall.restore(kept)
        await desk.machine.sign_on()
        await desk.machine.echo(100, said_in=session.session)
        (tmp_path / "again").mkdir()
        kept = hall.backup(tmp_path / "again")
        await desk.posted(sent.number, answer.slip)
        await hall.restore(kept)
        missing = (await desk.machine.sign_on()).missing
        assert sent.number in {number for _, first, last in missing for number in range(first, last + 1)}
        await desk.posted(sent.number, answer.slip)
        await desk.machine.echo(100)
        assert not (await desk.machine.sign_on()).missing
        assert await balances(hall, desk.card.account, maria) == ["140.00", "70.00"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_copy_that_comes_late_to_restored_books_hides_no_slip(tmp_path: Path) -> None:
    """The kiosk has been told that it is done; the same frame again, past its deadline, does not count as an answer to it."""

    async def story(hall: Hall) -> None:
        desk, maria = await two(hall)
        kept = hall.backup(tmp_path)
        frames: list[bytes] = []
        exchange = desk.machine.client._line.exchange

        async def kept_too(request: bytes, timeout_ms: int) -> bytes:
            frames.append(request)
            return await exchange(request, timeout_ms)

        desk.machine.client._line.exchange = kept_too  # type: ignore[method-assign]
        sent = desk.transfer(maria, 60)
        answer = await desk.machine.ask(sent)
        assert isinstance(answer, m.Slipped)
        await hall.restore(kept)
        await asyncio.sleep(60)
        late = decode_answer(unseal(await hall.bank.host.handle(frames[0], peer="line")).envelope.body)
        assert reason(late) is m.Reason.LATE
        missing = (await desk.machine.sign_on()).missing
        assert sent.number in {number for _, first, last in missing for number in range(first, last + 1)}
        await desk.posted(sent.number, answer.slip)
        assert await balances(hall, desk.card.account, maria) == ["140.00", "70.00"]
        await hall.sound()

    run_hall(tmp_path, story)
