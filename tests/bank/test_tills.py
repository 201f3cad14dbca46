"""Tills at the bank: accounts and cards by name, money in and out, each number once; kiosks and tills never mix."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support.counter import Counter, TillCard, run_counter
from support.hall import Hall, run_hall

from bank.cli.failures import Failed
from bank.cli.serving import serve
from bank.commands import requests as r
from bank.tills.founding import OtherBank, enrolled, kept_in
from bank_link.card_file import parse
from bank_link.envelope import Envelope, decode_answer, encode, seal, unseal
from bank_link.errors import MessageRefused
from bank_link.messages import Hello, Reason, Refused
from bank_link.till.messages import FRAME, TillCall, TillDone, What, call_envelope, pack, read_answer, unpack

MOST = 4_294_967_295_99


def test_an_account_is_opened_filled_emptied_and_read(tmp_path: Path) -> None:
    """Zero is a balance; what took effect is told once, in its order."""

    async def story(counter: Counter) -> None:
        card = await counter.opening("bob", 10_00)
        assert isinstance(await counter.do(What.DEPOSIT, card, 63_10), TillDone)
        assert await counter.balance(card) == 73_10
        assert isinstance(await counter.do(What.WITHDRAW, card, 73_10), TillDone)
        assert await counter.balance(card) == 0
        assert counter.lines == [
            ("open", "bob", 10_00), ("deposit", "bob", 63_10), ("balance", "bob", 73_10), ("withdraw", "bob", 73_10),
            ("balance", "bob", 0),
        ]  # fmt: skip
        drawer = await counter.sql("SELECT balance_minor FROM accounts WHERE kind = 'cash'")
        assert drawer[0]["balance_minor"] == 0
        assert (await counter.bank.execute(r.LedgerCheck(by="staff"))).sound

    run_counter(tmp_path, story)


def test_what_is_refused_changes_and_tells_nothing(tmp_path: Path) -> None:
    """Names that exist or do not, amounts of nothing, more than there is, a smaller opening than allowed."""

    async def story(counter: Counter) -> None:
        card = await counter.opening("bob", 20_00)
        told, call = list(counter.lines), counter.call
        assert await counter.refused(call(What.OPEN, "bob", 20_00)) == Reason.ACCOUNT_LIMIT
        assert await counter.refused(call(What.OPEN, "ann", 9_99)) == Reason.AMOUNT
        assert await counter.refused(call(What.DEPOSIT, "bob", 0, card)) == Reason.AMOUNT
        assert await counter.refused(call(What.WITHDRAW, "bob", 0, card)) == Reason.AMOUNT
        assert await counter.refused(call(What.WITHDRAW, "bob", 20_01, card)) == Reason.FUNDS
        assert await counter.refused(call(What.BALANCE, "ann", 0, card)) == Reason.CARD_PROOF
        assert counter.lines == told
        assert await counter.balance(card) == 20_00

    run_counter(tmp_path, story)


def test_only_the_accounts_own_card_is_good(tmp_path: Path) -> None:
    """No card, another's, one's number with a made-up secret, the proof of another call, a later position."""

    async def story(counter: Counter) -> None:
        bob, ann = await counter.opening("bob"), await counter.opening("ann")
        call = counter.call
        other = parse(ann.file)
        wrong = [
            call(What.BALANCE, "bob"), call(What.BALANCE, "bob", 0, ann),
            call(What.BALANCE, "bob", 0, bob, proof=bytes(32)), call(What.BALANCE, "bob", 0, bob, card=other.card),
            call(What.BALANCE, "bob", 0, bob, proof=call(What.BALANCE, "bob", 0, bob).proof),
            call(What.BALANCE, "bob", 0, bob, n=1), call(What.BALANCE, "bob", 0, bob, epoch=2),
            call(What.WITHDRAW, "bob", 10_00, ann),
        ]  # fmt: skip
        for one in wrong:
            assert await counter.refused(one) == Reason.CARD_PROOF
        assert await counter.balance(bob) == await counter.balance(ann) == 1_000_00
        # Not to be foreseen, and not the same twice.
        assert other.card != parse(bob.file).card
        assert other.newest.secret != parse(bob.file).newest.secret

    run_counter(tmp_path, story)


def test_a_number_is_done_once_whatever_comes_again(tmp_path: Path) -> None:
    """The same bytes are answered as they were, the card's file among them; other ones under the number are refused."""

    async def story(counter: Counter) -> None:
        opening = counter.call(What.OPEN, "bob", 50_00)
        first, again = await counter.ask(opening), await counter.ask(opening)
        assert first == again
        assert isinstance(first, TillDone)
        card = TillCard("bob", first.file)
        take = counter.call(What.WITHDRAW, "bob", 20_00, card)
        assert await counter.ask(take) == await counter.ask(take)
        assert await counter.balance(card) == 30_00
        other = msgspec.structs.replace(take, amount=10_00)
        assert await counter.refused(other) == Reason.OTHER_BODY
        assert await counter.balance(card) == 30_00
        assert [line[0] for line in counter.lines] == ["open", "withdraw", "balance", "balance"]

    run_counter(tmp_path, story)


def test_a_call_that_its_till_has_given_up_brings_nothing_about(tmp_path: Path) -> None:
    """However a line holds it back: what `atm` has called failed does not happen afterwards."""

    async def story(counter: Counter) -> None:
        card = await counter.opening("bob", 50_00)
        await asyncio.sleep(30)
        late = counter.call(What.WITHDRAW, "bob", 10_00, card, left_ms=900)
        frame = pack(call_envelope(late, "T1", 1))
        with pytest.raises(MessageRefused, match="given up"):
            await counter.handler.handle(frame, certified="T1:1", began=asyncio.get_running_loop().time() - 1)
        assert await counter.balance(card) == 50_00
        await counter.handler.handle(frame, certified="T1:1", began=asyncio.get_running_loop().time() - 0.8)
        assert await counter.balance(card) == 40_00

    run_counter(tmp_path, story)


def test_ten_calls_at_once_are_ten_transactions_in_one_order(tmp_path: Path) -> None:
    """Withdrawals of more than there is: as many as it pays for, told in the order of their effect."""

    async def story(counter: Counter) -> None:
        card = await counter.opening("bob", 50_00)
        answers = await asyncio.gather(*(counter.do(What.WITHDRAW, card, 10_00) for _ in range(10)))
        assert sum(isinstance(answer, TillDone) for answer in answers) == 5
        assert await counter.balance(card) == 0
        assert [line[0] for line in counter.lines] == ["open", *["withdraw"] * 5, "balance"]

    run_counter(tmp_path, story)


def test_a_balance_grows_beyond_any_amount_and_stays_exact(tmp_path: Path) -> None:
    """The cap is on what is put in, not on what is there."""

    async def story(counter: Counter) -> None:
        card = await counter.opening("rich", MOST)
        # As a million of such deposits would leave it.
        much = 1_000_000 * MOST + 1
        for sign, kind in ((1, "customer"), (-1, "cash")):
            await counter.bank.store.write(
                lambda c, change=sign * much, kind=kind: c.execute(
                    text("UPDATE accounts SET balance_minor = balance_minor + :c WHERE kind = :k"),
                    {"c": change, "k": kind},
                )
            )
        for _ in range(3):
            assert isinstance(await counter.do(What.DEPOSIT, card, MOST), TillDone)
        assert await counter.balance(card) == 1_000_004 * MOST + 1
        assert isinstance(await counter.do(What.WITHDRAW, card, MOST), TillDone)
        assert await counter.balance(card) == 1_000_003 * MOST + 1

    run_counter(tmp_path, story)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(What)), st.sampled_from("abc"), st.sampled_from([0, 1, 9_99, 10_00, 12_34, 50_00])
        ),
        max_size=30,
    )
)
def test_any_sequence_is_as_a_few_lines_say(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[What, str, int]]
) -> None:
    """Against the shortest bank there is: a dict."""

    async def story(counter: Counter) -> None:
        books: dict[str, int] = {}
        cards: dict[str, TillCard] = {}
        wanted: list[tuple[str, str, int]] = []
        for what, name, asked in steps:
            amount = asked
            answer = await counter.ask(counter.call(what, name, amount, None if what is What.OPEN else cards.get(name)))
            match what:
                case What.OPEN:
                    good = name not in books and amount >= 10_00
                    books.update({name: amount} if good else {})
                case What.DEPOSIT:
                    good = name in books and amount > 0
                    books.update({name: books[name] + amount} if good else {})
                case What.WITHDRAW:
                    good = name in books and 0 < amount <= books[name]
                    books.update({name: books[name] - amount} if good else {})
                case What.BALANCE:
                    good, amount = name in books, books.get(name, 0)
            assert isinstance(answer, TillDone) == good
            if isinstance(answer, TillDone):
                assert answer.amount == amount
                wanted.append((what.value, name, amount))
                if what is What.OPEN:
                    cards[name] = TillCard(name, answer.file)
        assert counter.lines == wanted
        assert (await counter.bank.execute(r.LedgerCheck(by="staff"))).sound

    run_counter(tmp_path_factory.mktemp("counter"), story)


# ── Who may ask ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_till_speaks_for_itself_alone(tmp_path: Path) -> None:
    """Two tills of one bank: neither's certificate is good for the other's calls; a number of one is not the other's."""

    async def story(counter: Counter) -> None:
        card = await counter.opening("bob")
        second = await enrolled(counter.bank, 3000, counter.random)
        call = counter.call(What.BALANCE, "bob", 0, card)
        with pytest.raises(MessageRefused, match="another's certificate"):
            await counter.ask(call, certified=f"{second.terminal}:{second.generation}")
        with pytest.raises(MessageRefused):
            await counter.ask(call, certified="T1")
        # The proof was made for the first till.
        answer = await counter.ask(call, till=second)
        assert isinstance(answer, Refused)
        assert (await counter.ask(call)).amount == 1_000_00  # type: ignore[union-attr]

    run_counter(tmp_path, story)


def test_books_that_are_kept_are_there_again(tmp_path: Path) -> None:
    """Accounts and cards of before, and a new till beside the old one; the old one's file is good still."""

    async def story(counter: Counter) -> None:
        card, old = await counter.opening("bob", 77_00), counter.till
        await counter.bank.close()
        await counter.open()
        assert counter.till.terminal != old.terminal
        assert await counter.balance(card) == 77_00
        counter.till = old
        assert await counter.balance(card) == 77_00

    run_counter(tmp_path, story)


def test_a_bank_for_tills_refuses_kiosks_and_the_other_way_round(tmp_path: Path) -> None:
    """By message, and by the directory that it is to open; one sentence each."""

    async def tills(counter: Counter) -> None:
        hello = Envelope(
            terminal="T1",
            generation=1,
            session="",
            transmission=0,
            time=0,
            kind="hello",
            body=encode(Hello(nonce=bytes(32))),
        )
        answer = decode_answer(
            unseal(await counter.handler.handle(seal(hello, None), certified="T1:1", began=0.0)).envelope.body
        )
        assert isinstance(answer, Refused)
        assert "this bank is for tills" in answer.sentence

    async def kiosks(hall: Hall) -> None:
        machine = await hall.machine()
        call = TillCall(number=1, what=What.OPEN, account="bob", amount=10_00)
        data = await hall.bank.host.handle(pack(call_envelope(call, machine.name, 1)), peer="here")
        answer = read_answer(unpack(data), call)
        assert isinstance(answer, Refused)
        assert "this bank is for kiosks" in answer.sentence
        await hall.close()
        with pytest.raises(OtherBank, match="a bank for kiosks"):
            await kept_in(hall.directory, 3000, clock=hall.clock, random=hall.random)
        await hall.open()

    run_counter(tmp_path, tills)
    run_hall(tmp_path, kiosks)


def test_every_message_is_of_one_size(tmp_path: Path) -> None:
    """Longest name or shortest, done or refused, with a card's file or without."""

    async def story(counter: Counter) -> None:
        sizes = set()
        for name in ("a", "z" * 122):
            card = await counter.opening(name, MOST)
            for call in (
                counter.call(What.OPEN, name, MOST), counter.call(What.DEPOSIT, name, MOST, card),
                counter.call(What.BALANCE, name, 0, card), counter.call(What.WITHDRAW, name, 1, card),
                counter.call(What.WITHDRAW, name, 1),
            ):  # fmt: skip
                asked = pack(call_envelope(call, counter.till.terminal, 1))
                sizes |= {
                    len(asked),
                    len(await counter.handler.handle(asked, certified="T1:1", began=asyncio.get_running_loop().time())),
                }
        assert sizes == {FRAME}

    run_counter(tmp_path, story)


@given(st.binary(max_size=3_000))
def test_junk_is_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(MessageRefused):
        unpack(data.ljust(FRAME, b"\0"))


def test_the_staffs_command_does_not_serve_tills(tmp_path: Path) -> None:
    """`atm-bank serve` on a bank for tills says which command does."""

    async def story(counter: Counter) -> None:
        await counter.bank.close()
        with pytest.raises(Failed, match="serve it with: bank --database"):
            serve(argparse.Namespace(dir=counter.directory, config=None, port=None, enrol_port=None))
        await counter.open()

    run_counter(tmp_path, story)
