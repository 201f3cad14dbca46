"""Enrolment at the bank: a token makes one terminal, once, for one key, within an hour; and tells strangers nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hall import Hall, Journal, csr_of, other_key, public_of, run_hall, sealed

from bank.commands import requests as r
from bank.terminals.attempts import MOST_FAILURES, Attempts
from bank.terminals.enrolment import TOKEN_LIFE_MS
from bank_link import certificates
from bank_link import messages as m
from bank_link.enrolment_string import fingerprint, parse
from bank_link.envelope import decode_answer, unseal
from bank_link.errors import LinkError, MessageRefused, SignOnRefused
from bank_link.messages import Enrolled, Hello, Refused


async def string(hall: Hall, terminal: str = "") -> str:
    opened = await hall.do(r.EnrolmentOpen, terminal=terminal)
    return str(opened.string)


async def events(hall: Hall, kind: str) -> list[str]:
    return [row["detail"] for row in await hall.sql("SELECT detail FROM audit_events WHERE kind = :k", k=kind)]


def test_a_new_terminal_is_pending_until_its_fingerprint_is_confirmed(tmp_path: Path) -> None:
    """The token alone lets nobody move money: a person compares the key first."""

    async def story(hall: Hall) -> None:
        machine = await hall.machine(confirm=False)
        assert machine.name == "T1"
        with pytest.raises(SignOnRefused, match="not confirmed"):
            await machine.sign_on()
        await hall.do(
            r.TerminalConfirm, terminal="T1", fingerprint=fingerprint(public_of(machine.identity.signing_key))
        )
        await asyncio.sleep(60)
        assert (await machine.sign_on()).state == "active"

    run_hall(tmp_path, story)


def test_the_answer_is_what_a_terminal_can_use(tmp_path: Path) -> None:
    """Its own key in a certificate of the CA that the string names, and the main listener's address."""

    async def story(hall: Hall) -> None:
        text = await string(hall)
        key = other_key("machine")
        enrolled = await hall.enrol(text, key)
        assert isinstance(enrolled, Enrolled)
        assert (enrolled.terminal, enrolled.generation, enrolled.bank) == ("T1", 1, "Harbour")
        assert enrolled.address == "localhost:8443"
        assert parse(text).address == "localhost:8444"
        certificate = certificates.load(enrolled.certificate, "certificate")
        assert certificates.ed25519_key(certificate, "certificate") == public_of(key)
        certificates.issuer_of(certificate, enrolled.cas, hall.clock.now_ms(), "certificate")

    run_hall(tmp_path, story)


def test_the_same_key_gets_the_same_answer_and_another_key_none(tmp_path: Path) -> None:
    """A lost answer can be asked for again; a stolen string is worth nothing once it was used, and that is alarmed."""

    async def story(hall: Hall) -> None:
        text = await string(hall)
        first = await hall.enrol(text, other_key("a"))
        assert await hall.enrol(text, other_key("a")) == first
        assert isinstance(await hall.enrol(text, other_key("b")), Refused)
        assert [row["generation"] for row in await hall.sql("SELECT * FROM terminals")] == [1]
        assert any("another key" in detail for detail in await events(hall, "enrolment-refused"))

    run_hall(tmp_path, story)


def test_unknown_expired_spent_and_replaced_tokens_are_told_alike(tmp_path: Path) -> None:
    """Whoever tries tokens learns nothing from the refusals."""

    async def story(hall: Hall) -> None:
        replaced, spent, expired = await string(hall), "", ""
        await hall.enrol(replaced, other_key("first"))
        replaced = await string(hall, "T1")
        spent = await string(hall, "T1")
        refusals = [await hall.enrol(replaced, other_key("a"))]
        assert isinstance(await hall.enrol(spent, other_key("a")), Enrolled)
        refusals.append(await hall.enrol(spent, other_key("b")))
        expired = await string(hall)
        await asyncio.sleep(TOKEN_LIFE_MS / 1000)
        refusals.append(await hall.enrol(expired, other_key("a")))
        unknown = m.Enrol(
            token="00" * 20, csr=csr_of(other_key("a")), fingerprint=fingerprint(public_of(other_key("a")))
        )
        refusals.append(await answered(hall, unknown))
        refusals.append(await answered(hall, msgspec.structs.replace(unknown, token="no hex at all")))
        assert all(isinstance(refusal, Refused) for refusal in refusals)
        assert len({refusal.sentence for refusal in refusals}) == 1

    run_hall(tmp_path, story)


def test_a_string_is_good_for_an_hour(tmp_path: Path) -> None:
    """The last millisecond counts, the next does not."""

    async def story(hall: Hall) -> None:
        text = await string(hall)
        await asyncio.sleep(TOKEN_LIFE_MS / 1000 - 1)
        assert isinstance(await hall.enrol(text, other_key("a")), Enrolled)

    run_hall(tmp_path, story)


def test_a_request_that_does_not_prove_its_key_is_refused_and_spends_nothing(tmp_path: Path) -> None:
    """Another key's fingerprint, or a request that is none: the token is still good afterwards."""

    async def story(hall: Hall) -> None:
        text, key = await string(hall), other_key("a")
        for wrong in (
            await hall.enrol(text, key, print_of="AAAA-BBBB-CCCC-DDDD"),
            await hall.enrol(text, key, csr=b"no request"),
            await hall.enrol(text, key, csr=csr_of(other_key("b"))),
        ):
            assert isinstance(wrong, Refused)
        assert isinstance(await hall.enrol(text, key), Enrolled)

    run_hall(tmp_path, story)


def test_the_listener_knows_enrolment_and_nothing_else(tmp_path: Path) -> None:
    """No message of a session, no hello, and no bytes that are no message get through there."""

    async def story(hall: Hall) -> None:
        for data in (sealed(Hello(nonce=bytes(32))), b"", b"\0" * 512, b"x" * 1024):
            with pytest.raises(MessageRefused):
                await hall.bank.enrolment.handle(data, peer="192.0.2.1")

    run_hall(tmp_path, story)


def test_whoever_fails_often_waits_and_others_do_not(tmp_path: Path) -> None:
    """Ten wrong tokens in a minute, then even a right one must wait; from elsewhere it works at once."""

    async def story(hall: Hall) -> None:
        text, key = await string(hall), other_key("a")
        wrong = m.Enrol(token="11" * 20, csr=csr_of(key), fingerprint=fingerprint(public_of(key)))
        for _ in range(MOST_FAILURES):
            await answered(hall, wrong)
        noted = len(await events(hall, "enrolment-refused"))
        refused = await hall.enrol(text, key)
        assert isinstance(refused, Refused)
        assert "wait" in refused.sentence
        assert len(await events(hall, "enrolment-refused")) == noted, "a flood does not fill the log"
        assert isinstance(await hall.enrol(text, key, peer="198.51.100.9"), Enrolled)
        await asyncio.sleep(61)
        assert isinstance(await hall.enrol(text, key), Enrolled)

    run_hall(tmp_path, story)


def test_enrolled_anew_is_the_next_generation_and_ends_the_old_one(tmp_path: Path) -> None:
    """The old key's session is over at once; the old auth file is told why."""

    async def story(hall: Hall) -> None:
        old = await hall.machine()
        text = await string(hall, "T1")
        await old.echo(0)
        enrolled = await hall.enrol(text, other_key("new"))
        assert isinstance(enrolled, Enrolled)
        assert (enrolled.terminal, enrolled.generation) == ("T1", 2)
        with pytest.raises(LinkError, match="enrolled anew"):
            await old.echo(0)

    run_hall(tmp_path, story)


def test_the_same_journal_goes_on_after_a_new_enrolment(tmp_path: Path) -> None:
    """Same disk, new key: it is in service as soon as it is confirmed, and late facts of the old generation count."""

    async def story(hall: Hall) -> None:
        old = await hall.machine()
        card = await hall.card()
        held = await old.hold(card, 40)
        new = await hall.machine(terminal="T1", journal=old.journal)
        session = new.journal.session
        assert session is not None
        assert (session.state, session.exchange_needed) == ("active", False)
        late = m.Completion(
            number=old.number(), made_by=old.made_by, transaction=held.number, hold=held.hold, card=held.card,
            account=held.account, amount=held.amount, authority=held.authority, outcome=m.Outcome.PRESENTED,
            presented=(m.NoteCount(cassette="1", value=m.Money(20_00, "EUR"), count=2),), at=hall.clock.now_ms(),
        )  # fmt: skip
        assert isinstance(await new.client.ask(late, until=new.until()), m.Acknowledged)
        assert await hall.balance(card.account) == ("160.00", "0.00")
        await hall.sound()

    run_hall(tmp_path, story)


def test_another_disk_after_a_new_enrolment_wants_an_exchange_first(tmp_path: Path) -> None:
    """What is in the machine is counted before it pays, and then it works."""

    async def story(hall: Hall) -> None:
        await hall.machine()
        new = await hall.machine(terminal="T1", journal=Journal(journal_id="j2", boot_id="b9", boots={"b9"}))
        session = new.journal.session
        assert session is not None
        assert (session.state, session.exchange_needed) == ("active", True)
        await new.exchange(found=0, after=50)
        assert not (await new.sign_on()).exchange_needed

    run_hall(tmp_path, story)


def test_a_terminal_that_was_never_there_is_not_enrolled_anew(tmp_path: Path) -> None:
    """A typing mistake makes no terminal."""

    async def story(hall: Hall) -> None:
        with pytest.raises(Exception, match="there is no terminal T9"):
            await string(hall, "T9")

    run_hall(tmp_path, story)


def test_two_strings_in_use_name_two_terminals(tmp_path: Path) -> None:
    """Two machines are set up at the same time without meeting; a string that lapsed leaves no gap."""

    async def story(hall: Hall) -> None:
        first, second = await string(hall), await string(hall)
        names = [(await hall.enrol(text, other_key(text))).terminal for text in (second, first)]  # type: ignore[union-attr]
        assert names == ["T2", "T1"]
        await string(hall)
        await asyncio.sleep(TOKEN_LIFE_MS / 1000)
        assert (await hall.do(r.EnrolmentOpen)).terminal == "T3"

    run_hall(tmp_path, story)


def test_the_database_keeps_no_token(tmp_path: Path) -> None:
    """Whoever reads the database, or the log, cannot enrol with what he finds there."""

    async def story(hall: Hall) -> None:
        text = await string(hall)
        token = parse(text).token
        await hall.enrol(text, other_key("a"))
        await hall.bank.seal()
        for file in hall.directory.rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                assert token not in data
                assert token.hex().encode() not in data
                assert text.encode() not in data

    run_hall(tmp_path, story)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60))
def test_nobody_fails_more_often_than_the_limit_allows(attempts: list[tuple[str, float]]) -> None:
    """In no minute does one caller get more than the limit's failures through."""
    limit, now = Attempts(), 0.0
    passed: dict[str, list[float]] = {}
    for peer, pause in attempts:
        now += pause
        if limit.allowed(peer, now):
            limit.failed(peer, now)
            passed.setdefault(peer, []).append(now)
    for times in passed.values():
        for start in times:
            assert sum(start <= at < start + 60 for at in times) <= MOST_FAILURES


def test_one_ipv6_network_is_one_caller() -> None:
    """A /64 full of addresses gives no more tries than one; IPv4 written as IPv6 is the IPv4 caller."""
    limit = Attempts()
    for place in range(MOST_FAILURES):
        limit.failed(f"2001:db8::{place}", 0)
        limit.failed("::ffff:192.0.2.1", 0)
    assert not limit.allowed("2001:db8::ffff", 1)
    assert limit.allowed("2001:db8:1::1", 1)
    assert not limit.allowed("192.0.2.1", 1)


async def answered(hall: Hall, message: m.Enrol) -> m.Answer:
    return decode_answer(unseal(await hall.bank.enrolment.handle(sealed(message), peer="192.0.2.7")).envelope.body)
