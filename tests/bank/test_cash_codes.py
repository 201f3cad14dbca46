"""Cash codes at the bank: paid once whatever is lost, used by two at once, or restored; guessing is counted and stopped."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from support.coded import authorise, code, held, open_code, opened, reason, states
from support.hall import Hall, run_hall

from bank.authoriser.codes import TRIES
from bank.commands import requests as r
from bank.control import CommandRefused
from bank_link import messages as m

WRONG = "00000000"


def test_a_code_pays_its_amount_once(tmp_path: Path) -> None:
    """Opened, authorised, released, completed: debited once; after that the digits are no code any more."""

    async def story(hall: Hall) -> None:
        machine, account = await hall.machine(), await hall.account(opening="100")
        made = await code(hall, account)
        payment = await held(machine, made.digits)
        assert await hall.balance(account) == ("100.00", "40.00")
        assert await states(hall) == ["in use"]
        await machine.release(payment)
        assert await states(hall) == ["used"]
        assert reason(await open_code(machine, made.digits)) is m.Reason.WRONG_CODE
        assert await machine.complete(payment, presented=2) == ""
        assert await hall.balance(account) == ("60.00", "0.00")
        assert reason(await open_code(machine, made.digits)) is m.Reason.WRONG_CODE
        assert await states(hall) == ["used"]
        await hall.sound()

    run_hall(tmp_path, story)


def test_nothing_is_set_aside_and_nothing_is_overdrawn(tmp_path: Path) -> None:
    """The account is looked at when the code is used: what was spent meanwhile is not paid twice, and no balance told."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        card = await hall.card(opening="50")
        made = await code(hall, card.account)
        assert await hall.balance(card.account) == ("50.00", "0.00")
        spent = await machine.hold(card, 20)
        await machine.complete(spent, presented=1)
        answer, _ = await authorise(machine, await opened(machine, made.digits))
        assert reason(answer) is m.Reason.FUNDS
        assert answer.possible is None  # type: ignore[union-attr]  # a Refused, as its reason shows
        assert await hall.balance(card.account) == ("30.00", "0.00")
        assert await states(hall) == ["open"]

    run_hall(tmp_path, story)


def test_a_lost_answer_costs_no_code(tmp_path: Path) -> None:
    """A reversal of the authorise, or of a release from which nothing came, gives the code back."""

    async def story(hall: Hall) -> None:
        machine, account = await hall.machine(), await hall.account(opening="100")
        made = await code(hall, account)
        await machine.reverse(await held(machine, made.digits))
        assert await states(hall) == ["open"]
        released = await held(machine, made.digits)
        await machine.release(released)
        await machine.reverse(released, not_presented=True)
        assert await states(hall) == ["open"]
        last = await held(machine, made.digits)
        await machine.release(last)
        await machine.complete(last, presented=2)
        assert await hall.balance(account) == ("60.00", "0.00")
        await hall.sound()

    run_hall(tmp_path, story)


def test_two_machines_with_one_code_pay_it_once(tmp_path: Path) -> None:
    """Visits may be two, a hold is one: the second machine is told that the code is in use, or its own visit is overtaken."""

    async def story(hall: Hall) -> None:
        one, two = await hall.machine(), await hall.machine()
        account = await hall.account(opening="100")
        made = await code(hall, account)
        first, second = await opened(one, made.digits), await opened(two, made.digits)
        answers = await asyncio.gather(authorise(one, first), authorise(two, second))
        assert reason(answers[0][0]) is m.Reason.CARD_IN_USE
        assert isinstance(answers[1][0], m.Authorised)
        assert reason(await open_code(one, made.digits)) is m.Reason.CARD_IN_USE
        again, _ = await authorise(two, second)
        assert reason(again) is m.Reason.WRONG_CODE
        assert await hall.balance(account) == ("100.00", "40.00")

    run_hall(tmp_path, story)


def test_a_right_code_that_is_in_use_elsewhere_costs_no_try(tmp_path: Path) -> None:
    """Typed more often than there are tries: it is said to be in use each time, and the next customer can type theirs."""

    async def story(hall: Hall) -> None:
        one, two = await hall.machine(), await hall.machine()
        account = await hall.account(opening="200")
        used, other = await code(hall, account), await code(hall, account)
        await held(one, used.digits)
        for _ in range(TRIES + 2):
            assert reason(await open_code(two, used.digits)) is m.Reason.CARD_IN_USE
        for left in range(TRIES - 1, 0, -1):
            wrong = await open_code(two, WRONG)
            assert (reason(wrong), wrong.tries_left) == (m.Reason.WRONG_CODE, left)  # type: ignore[union-attr]
        assert reason(await open_code(two, used.digits)) is m.Reason.CARD_IN_USE
        await opened(two, other.digits)

    run_hall(tmp_path, story)


def test_both_at_the_very_same_time(tmp_path: Path) -> None:
    """Four machines type the code in one moment and go on as fast as they can: one hold is all that there is."""

    async def story(hall: Hall) -> None:
        machines = [await hall.machine() for _ in range(4)]
        account = await hall.account(opening="200")
        made = await code(hall, account)

        async def try_it(machine: object) -> bool:
            answer = await open_code(machine, made.digits)  # type: ignore[arg-type]
            if not isinstance(answer, m.VisitOpened):
                return False
            return isinstance((await authorise(machine, answer))[0], m.Authorised)  # type: ignore[arg-type]

        assert sum(await asyncio.gather(*(try_it(machine) for machine in machines))) == 1
        assert await hall.balance(account) == ("200.00", "40.00")

    run_hall(tmp_path, story)


def test_a_restored_bank_that_forgot_the_payment_pays_it_no_second_time(tmp_path: Path) -> None:
    """The backup is from before the release. Once the machine has told, the code is used, and debited once."""

    async def story(hall: Hall) -> None:
        machine, account = await hall.machine(), await hall.account(opening="100")
        made = await code(hall, account)
        await hall.close()
        shutil.copy(hall.directory / "books.sqlite", tmp_path / "backup")
        await hall.open()
        await machine.sign_on()
        payment = await held(machine, made.digits)
        await machine.release(payment)
        await hall.close()
        for left in hall.directory.glob("books.sqlite-*"):
            left.unlink()
        shutil.copy(tmp_path / "backup", hall.directory / "books.sqlite")
        await hall.open()
        await machine.sign_on()
        assert await states(hall) == ["open"], "it forgot"
        await machine.complete(payment, presented=2)
        assert await states(hall) == ["used"]
        assert reason(await open_code(machine, made.digits)) is m.Reason.WRONG_CODE
        assert await hall.balance(account) == ("60.00", "0.00")

    run_hall(tmp_path, story)


def test_a_restored_bank_that_hears_of_a_doubt_pays_nothing_more(tmp_path: Path) -> None:
    """Nothing proves what came out: a case, and the code is used, since it may have been paid."""

    async def story(hall: Hall) -> None:
        machine, account = await hall.machine(), await hall.account(opening="100")
        made = await code(hall, account)
        await hall.close()
        shutil.copy(hall.directory / "books.sqlite", tmp_path / "backup")
        await hall.open()
        await machine.sign_on()
        payment = await held(machine, made.digits)
        await machine.release(payment)
        await hall.close()
        for left in hall.directory.glob("books.sqlite-*"):
            left.unlink()
        shutil.copy(tmp_path / "backup", hall.directory / "books.sqlite")
        await hall.open()
        await machine.sign_on()
        assert await machine.complete(payment, outcome=m.Outcome.UNKNOWN) != ""
        assert await states(hall) == ["used"]
        assert reason(await open_code(machine, made.digits)) is m.Reason.WRONG_CODE

    run_hall(tmp_path, story)


# ── Attackers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_guessing_locks_the_terminal_and_the_lock_grows(tmp_path: Path) -> None:
    """Five wrong codes, then none is looked at for a quarter of an hour, not even a right one; the next lock is longer."""

    async def story(hall: Hall) -> None:
        machine, other = await hall.machine(), await hall.machine()
        made = await code(hall, await hall.account(), minutes=600)
        for lock_s in (900, 3_600):
            answers = [await open_code(machine, WRONG) for _ in range(TRIES)]
            assert [reason(answer) for answer in answers] == [m.Reason.WRONG_CODE] * (TRIES - 1) + [
                m.Reason.CODE_LOCKED
            ]
            assert reason(await open_code(machine, made.digits)) is m.Reason.CODE_LOCKED
            await opened(other, made.digits)
            await asyncio.sleep(lock_s - 60)
            assert reason(await open_code(machine, made.digits)) is m.Reason.CODE_LOCKED
            await asyncio.sleep(90)
        await opened(machine, made.digits)
        kinds = [row["kind"] for row in await hall.sql("SELECT kind FROM audit_events")]
        assert kinds.count("code-wrong") == 2 * (TRIES - 1)
        assert kinds.count("code-locked") >= 2

    run_hall(tmp_path, story)


def test_a_right_code_buys_no_guesses(tmp_path: Path) -> None:
    """Who knows one code cannot clear the count of wrong ones with it."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        made = await code(hall, await hall.account())
        for _ in range(TRIES - 1):
            assert reason(await open_code(machine, WRONG)) is m.Reason.WRONG_CODE
            await opened(machine, made.digits)
        assert reason(await open_code(machine, WRONG)) is m.Reason.CODE_LOCKED

    run_hall(tmp_path, story)


def test_a_crash_before_the_comparison_gives_no_free_try(tmp_path: Path) -> None:
    """The try is on disk before the digits are looked up: the row is there although the answer says "wrong"."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        await open_code(machine, WRONG)
        [guard] = await hall.sql("SELECT * FROM code_guards")
        assert guard["tries"] == 1
        rows = await hall.sql("SELECT try_counted FROM numbers WHERE kind = 'open-visit'")
        assert [row["try_counted"] for row in rows] == [1]

    run_hall(tmp_path, story)


def test_a_block_is_good_for_its_own_message_alone(tmp_path: Path) -> None:
    """A block that was overheard opens nothing under another number, nor at another terminal."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine()
        made = await code(hall, await hall.account())
        number = machine.number()
        answer = await open_code(machine, made.digits, number=number, bound_to=number + 1)
        assert reason(answer) is m.Reason.PIN_BLOCK
        assert await states(hall) == ["open"]

    run_hall(tmp_path, story)


def test_a_code_moves_its_cash_and_nothing_else(tmp_path: Path) -> None:
    """No other amount or account, no balance, no transfer, no PIN: the answer tells not even the account's name."""

    async def story(hall: Hall) -> None:
        machine, account, other = await hall.machine(), await hall.account(), await hall.account()
        made = await code(hall, account)
        visit = await opened(machine, made.digits)
        assert (visit.accounts[0].label, visit.accounts[0].masked, visit.left_today) == ("", "", None)
        answer, _ = await authorise(machine, visit, 60)
        assert reason(answer) is m.Reason.AMOUNT
        for message in (
            m.Inquire(deadline=machine.until(), visit=visit.visit, account=account),
            m.Inquire(deadline=machine.until(), visit=visit.visit, account=account, what="statement"),
            m.Post(
                number=machine.number(), deadline=machine.until(), visit=visit.visit, n=visit.next_n, what="transfer",
                account=account, to=other, amount=m.Money(20_00, "EUR"),
            ),
            m.Post(
                number=machine.number(), deadline=machine.until(), visit=visit.visit, n=visit.next_n, what="pin-change",
                pin_block=bytes(48), pin_key_id="pin-1",
            ),
        ):  # fmt: skip
            assert reason(await machine.ask(message)) is m.Reason.NO_VISIT
        assert await hall.balance(account) == ("200.00", "0.00")

    run_hall(tmp_path, story)


def test_digits_are_nowhere_in_the_bank(tmp_path: Path) -> None:
    """Neither in the books nor in the audit log, as text or as a plain digest; two banks' digests differ."""

    async def story(hall: Hall) -> None:
        import hashlib

        machine = await hall.machine()
        made = await code(hall, await hall.account())
        await opened(machine, made.digits)
        await hall.close()
        content = b"".join(path.read_bytes() for path in hall.directory.glob("books.sqlite*"))
        assert made.digits.encode() not in content
        assert hashlib.sha256(made.digits.encode()).digest() not in content
        await hall.open()

    run_hall(tmp_path, story)


# ── Time and staff ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_is_over_when_its_time_is(tmp_path: Path) -> None:
    """Expired it opens nothing; and what was opened in time is not authorised after it."""

    async def story(hall: Hall) -> None:
        machine, account = await hall.machine(), await hall.account()
        made = await code(hall, account, minutes=1)
        visit = await opened(machine, made.digits)
        await asyncio.sleep(61)
        answer, _ = await authorise(machine, visit)
        assert reason(answer) is m.Reason.WRONG_CODE
        assert reason(await open_code(machine, made.digits)) is m.Reason.WRONG_CODE
        assert await states(hall) == ["expired"]

    run_hall(tmp_path, story)


def test_a_cancelled_code_is_over_at_once(tmp_path: Path) -> None:
    """Also for a visit that it has opened already; one in use cannot be cancelled any more."""

    async def story(hall: Hall) -> None:
        machine, account = await hall.machine(), await hall.account()
        made = await code(hall, account)
        visit = await opened(machine, made.digits)
        await hall.do(r.CodeCancel, code=made.code)
        answer, _ = await authorise(machine, visit)
        assert reason(answer) is m.Reason.CARD_OUTDATED
        assert reason(await open_code(machine, made.digits)) is m.Reason.WRONG_CODE
        busy = await code(hall, account)
        await held(machine, busy.digits)
        with pytest.raises(CommandRefused, match="in use"):
            await hall.do(r.CodeCancel, code=busy.code)
        with pytest.raises(CommandRefused, match="cancelled"):
            await hall.do(r.CodeCancel, code=made.code)

    run_hall(tmp_path, story)


@pytest.mark.parametrize(
    ("amount", "words"),
    [("0", "more than nothing"), ("100000", "at most"), ("250", "less than"), ("x", "amount"), ("1.234", "1.234")],
)
def test_what_cannot_be_paid_gets_no_code(tmp_path: Path, amount: str, words: str) -> None:
    """Nothing, more than a withdrawal may be, more than is there, and what is no amount."""

    async def story(hall: Hall) -> None:
        account = await hall.account(opening="200")
        with pytest.raises(CommandRefused, match=words):
            await code(hall, account, amount=amount)
        assert await states(hall) == []

    run_hall(tmp_path, story)


def test_a_code_is_no_card_for_the_staff(tmp_path: Path) -> None:
    """No file, no PIN, no unlocking by its reference; and an account does not list it among its cards."""

    async def story(hall: Hall) -> None:
        account = await hall.account()
        made = await code(hall, account)
        for command, more in ((r.CardReissue, {}), (r.CardShow, {}), (r.CardUnblock, {}), (r.PinSet, {"pin": "4711"})):
            with pytest.raises(CommandRefused, match="cash code"):
                await hall.do(command, card=made.code, **more)
        assert (await hall.do(r.AccountShow, account=account)).cards == ()
        assert made.digits not in repr(made)
        await hall.sound()

    run_hall(tmp_path, story)


def test_a_wrong_code_counts_against_no_card_and_a_card_is_served_all_the_same(tmp_path: Path) -> None:
    """The lock is of codes alone: cards at that terminal work on."""

    async def story(hall: Hall) -> None:
        machine, card = await hall.machine(), await hall.card()
        for _ in range(TRIES):
            await open_code(machine, WRONG)
        payment = await machine.hold(card, 40)
        await machine.complete(payment, presented=2)
        assert await hall.balance(card.account) == ("160.00", "0.00")

    run_hall(tmp_path, story)
