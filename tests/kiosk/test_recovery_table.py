"""The recovery table, row by row: the journal's last word, and the fact that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from support.town import SeededRandom

from bank_link.messages import Completion, NoteCount, Outcome, Reversal, Signed
from bank_link.money import Money
from kiosk.journal import records as r
from kiosk.journal.recovery import conclude, recover
from kiosk.journal.store import Journal

USD20 = Money(20_00, "USD")
NAME = r.Transaction(1, 1)
PLAN = (NoteCount(cassette="top", value=USD20, count=3),)
NONCE = b"n" * 32

TAKEN = r.Taken(transaction=NAME, number=1, kind="authorise")
REFUSED = r.Answered(transaction=NAME, number=1, kind="authorise", answer="refused", reason="funds")
ANSWERED = r.Answered(transaction=NAME, number=1, kind="authorise", answer="authorised")
HELD = r.Held(
    transaction=NAME, hold="hT1.1.1", card="c1", account="1001", amount=Money(60_00, "USD"), mix=PLAN, claim="T1-1"
)
MADE = r.NonceMade(transaction=NAME, nonce=NONCE, boot="b1")
SENT = r.Taken(transaction=NAME, number=2, kind="release")
AUTHORITY = r.AuthorityHeld(transaction=NAME, authority=Signed(signed=b"slip", signature=b"s" * 64))
BURNT = r.NonceBurnt(transaction=NAME, nonce=NONCE, plan=PLAN)
NOTE = r.NoteMoved(transaction=NAME, cassette="top", value=USD20, outcome="dispensed", dispensed=1)
JAM = r.NoteMoved(transaction=NAME, cassette="top", value=USD20, outcome="jam", in_doubt=1)
REJECT = r.NoteMoved(transaction=NAME, cassette="top", value=USD20, outcome="rejected", rejected=1)
PRESENTED = r.Presented(transaction=NAME, outcome=Outcome.PRESENTED)

UNTIL_RELEASE = (TAKEN, ANSWERED, HELD, r.CardTaken(transaction=NAME), MADE, SENT)
UNTIL_BURNT = (*UNTIL_RELEASE, AUTHORITY, BURNT)


def said(tmp_path: Path, records: Sequence[r.AnyRecord], *, restarted: bool) -> Completion | Reversal | None:
    """The fact that the journal ends with."""
    journal = Journal.open(tmp_path / "journal.sqlite", random=SeededRandom(1))
    journal.write(r.Booted(boot="b1", version="1", terminal="T1", generation=1))
    for record in records:
        journal.write(record)
    if restarted:
        journal.close()
        journal = Journal.open(tmp_path / "journal.sqlite", random=SeededRandom(1))
        journal.write(r.Booted(boot="b2", version="1", terminal="T1", generation=1))
        recover(journal, 5)
    else:
        conclude(journal, NAME, 5, why="test")
    assert not journal.open_transactions()
    waiting = journal.waiting()
    conclude(journal, NAME, 6, why="again")
    assert journal.waiting() == waiting, "concluding twice says nothing twice"
    journal.close()
    if not waiting:
        return None
    kind = Completion if waiting[0].kind == "completion" else Reversal
    return msgspec.json.decode(waiting[0].body, type=kind)


@pytest.mark.parametrize("restarted", [False, True])
def test_number_taken_and_no_answer_is_reversed(tmp_path: Path, restarted: bool) -> None:
    """Sent or not: the transaction is ended whether or not the bank ever saw it."""
    fact = said(tmp_path, [TAKEN], restarted=restarted)
    assert isinstance(fact, Reversal)
    assert fact.transaction == 1
    assert not fact.not_presented


def test_a_refused_request_needs_no_fact(tmp_path: Path) -> None:
    """The bank said no: nothing is held, nothing is to be told."""
    assert said(tmp_path, [TAKEN, REFUSED], restarted=True) is None


@pytest.mark.parametrize("restarted", [False, True])
def test_authorised_and_release_not_sent_is_reversed(tmp_path: Path, restarted: bool) -> None:
    """Card left in, or the power went before the release."""
    fact = said(tmp_path, [TAKEN, ANSWERED, HELD], restarted=restarted)
    assert isinstance(fact, Reversal)


def test_release_unanswered_in_the_same_boot_burns_the_nonce_and_reverses(tmp_path: Path) -> None:
    """Nothing can be paid any more, so "not presented" is proven."""
    fact = said(tmp_path, UNTIL_RELEASE, restarted=False)
    assert isinstance(fact, Reversal)
    assert fact.not_presented
    assert fact.release_boot == fact.made_by.boot == "b1"
    journal = Journal.open(tmp_path / "journal.sqlite", random=SeededRandom(1))
    assert journal.is_burnt(NONCE)
    journal.close()


def test_release_answered_and_no_motor_started_in_the_same_boot(tmp_path: Path) -> None:
    """A completion "not presented", made by the boot that asked."""
    fact = said(tmp_path, UNTIL_BURNT, restarted=False)
    assert isinstance(fact, Completion)
    assert fact.outcome is Outcome.NOT_PRESENTED
    assert fact.authority == AUTHORITY.authority


@pytest.mark.parametrize("records", [UNTIL_RELEASE, UNTIL_BURNT], ids=["sent", "answered"])
def test_release_sent_or_answered_and_restarted_since_is_unknown(
    tmp_path: Path, records: Sequence[r.AnyRecord]
) -> None:
    """The disk may have lost what came after: a new boot never says "not presented"."""
    fact = said(tmp_path, records, restarted=True)
    assert isinstance(fact, Completion)
    assert fact.outcome is Outcome.UNKNOWN
    assert fact.presented == fact.in_doubt == ()


def test_notes_counted_and_restarted_since_leave_the_next_in_doubt(tmp_path: Path) -> None:
    """Two of three counted: two are the customer's, the third may have been moving."""
    fact = said(tmp_path, (*UNTIL_BURNT, NOTE, NOTE), restarted=True)
    assert isinstance(fact, Completion)
    assert fact.outcome is Outcome.PRESENTED
    assert [note.count for note in fact.presented] == [2]
    assert [note.count for note in fact.in_doubt] == [1]


def test_all_notes_counted_and_restarted_since_leave_no_doubt(tmp_path: Path) -> None:
    """The plan is done: there was no next note."""
    fact = said(tmp_path, (*UNTIL_BURNT, NOTE, NOTE, NOTE), restarted=True)
    assert isinstance(fact, Completion)
    assert fact.in_doubt == ()


def test_a_jam_leaves_only_its_own_note_in_doubt(tmp_path: Path) -> None:
    """In the same boot, and after a restart: a jammed dispenser moves no further note."""
    for place, restarted in enumerate((False, True)):
        directory = tmp_path / str(place)
        directory.mkdir()
        fact = said(directory, (*UNTIL_BURNT, NOTE, JAM), restarted=restarted)
        assert isinstance(fact, Completion)
        assert [note.count for note in fact.presented] == [1]
        assert [note.count for note in fact.in_doubt] == [1]


def test_a_jam_of_the_first_note_is_unknown(tmp_path: Path) -> None:
    """Nothing counted, one in doubt: neither presented nor not."""
    fact = said(tmp_path, (*UNTIL_BURNT, JAM), restarted=False)
    assert isinstance(fact, Completion)
    assert fact.outcome is Outcome.UNKNOWN
    assert [note.count for note in fact.in_doubt] == [1]


def test_only_rejects_came_to_nothing(tmp_path: Path) -> None:
    """Rejected notes are in the bin: not presented, and none of them is paid."""
    fact = said(tmp_path, (*UNTIL_BURNT, REJECT, REJECT, REJECT), restarted=False)
    assert isinstance(fact, Completion)
    assert fact.outcome is Outcome.NOT_PRESENTED
    assert fact.presented == ()


def test_a_reject_before_a_restart_leaves_the_next_note_in_doubt(tmp_path: Path) -> None:
    """The note after the reject may have been moving."""
    fact = said(tmp_path, (*UNTIL_BURNT, REJECT), restarted=True)
    assert isinstance(fact, Completion)
    assert fact.outcome is Outcome.UNKNOWN
    assert [note.count for note in fact.in_doubt] == [1]


def test_presented_before_a_restart_is_certain(tmp_path: Path) -> None:
    """The last word was that all had moved."""
    fact = said(tmp_path, (*UNTIL_BURNT, NOTE, PRESENTED), restarted=True)
    assert isinstance(fact, Completion)
    assert [note.count for note in fact.presented] == [1]
    assert fact.in_doubt == ()


def test_a_fact_already_made_is_not_made_again(tmp_path: Path) -> None:
    """Its end was lost with the power, its fact was not."""
    made = r.FactMade(transaction=NAME, number=3, kind="reversal", body='{"number":3}')
    journal = Journal.open(tmp_path / "journal.sqlite", random=SeededRandom(1))
    journal.write(r.Booted(boot="b1", version="1", terminal="T1", generation=1))
    for record in (TAKEN, made):
        journal.write(record)
    recover(journal, 5)
    assert [entry.number for entry in journal.waiting()] == [3]
    journal.close()


@pytest.mark.parametrize("restarted", [False, True])
def test_an_account_opened_and_its_card_not_written_needs_no_fact(tmp_path: Path, restarted: bool) -> None:
    """The bank has it as pending, whoever was told what: it is neither taken back nor said to be written."""
    opened = r.Posted(
        transaction=NAME, number=1, what="newcomer", account="none", to="1000000016", amount=Money(0, "USD"), body="{}"
    )
    asked = r.Taken(transaction=NAME, number=1, kind="open-account")
    answered = r.Answered(transaction=NAME, number=1, kind="open-account", answer="account-opened")
    assert said(tmp_path, [asked, answered, opened], restarted=restarted) is None


@pytest.mark.parametrize("restarted", [False, True])
def test_an_opening_without_an_answer_is_reversed(tmp_path: Path, restarted: bool) -> None:
    """Like every other first message: whatever the bank has made of it is closed."""
    asked = r.Taken(transaction=NAME, number=1, kind="open-account")
    assert isinstance(said(tmp_path, [asked], restarted=restarted), Reversal)
