"""Short runs of `make kill`'s two campaigns, and the proof that what judges them sees a single wrong note or row."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import apsw
import pytest
from campaigns import duplicates, kills
from campaigns.crowd import Heard
from campaigns.duplicates import Outcome
from campaigns.evidence import books
from campaigns.kills import Town
from campaigns.reckoning import Everything, faults
from campaigns.tally import Tally
from support.programs import no_bug_was_kept

from bank_link import messages as m

#: A busy machine takes its time for so many processes.
pytestmark = pytest.mark.timeout(400)

KILLS, DUPLICATES = 6, 400


@contextmanager
def altered(folder: Path, pattern: str) -> Iterator[None]:
    """Files below `folder` may be changed here; afterwards they are as they were."""
    kept = folder.with_name(folder.name + ".kept")
    kept.mkdir()
    for file in folder.glob(pattern):
        shutil.copy(file, kept)
    try:
        yield
    finally:
        for file in folder.glob(pattern):
            file.unlink()
        for file in kept.iterdir():
            shutil.copy(file, folder)
        shutil.rmtree(kept)


def forged(bank: Path, statement: str) -> None:
    """Past all code, and past what the tables themselves allow."""
    connection = apsw.Connection(str(bank / "books.sqlite"))
    try:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)
        assert connection.changes() == 1, statement
    finally:
        connection.close()


# ── Killed processes ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Quiet:
    """A town after its campaign; `bank` is what its bank had on disk before the staff decided the cases."""

    town: Town
    tally: Tally
    bank: Path

    def faults(self) -> list[str]:
        machines = [lane.machine for lane in self.town.lanes]
        return faults(Everything(machines, books(self.bank), self.town.openings))


def _quiet(folder: Path) -> Quiet:
    tally = Tally(KILLS)
    with Town(folder / "town", 3, tally, "short", by_hand=0) as town:
        town.run()
        with town.kept.frozen():
            shutil.copytree(town.bank.directory, folder / "bank", ignore=shutil.ignore_patterns("*.sock"))
        town.close_books()
    no_bug_was_kept(town.bank.programs.logs, town.bank.directory)
    return Quiet(town, tally, folder / "bank")


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    """Kiosks and bank are killed at random moments: notes, journals and books agree, or a case names the difference.

    When every case is decided by what really happened, nothing is left over, to the cent. And had one note or one row been
    otherwise, it would have been seen.
    """
    quiet = _quiet(tmp_path)
    assert quiet.tally.faults == []
    assert quiet.tally.kills.total() >= KILLS
    assert f"Kills: {quiet.tally.kills.total()} (SIGKILL)" in kills.report(quiet.tally)
    assert quiet.faults() == []
    for what, (forge, said) in FORGED.items():
        _is_seen(quiet, what, forge, said)
    _an_unpaid_debit_is_seen(quiet)
    assert quiet.faults() == []


def _is_seen(quiet: Quiet, what: str, forge: Callable[[Quiet], None], said: str) -> None:
    kiosk = quiet.town.lanes[0].kiosk.directory
    with altered(quiet.bank, "books.sqlite*"), altered(kiosk, "notes.json"):
        forge(quiet)
        found = quiet.faults()
    assert any(said in fault for fault in found), (what, found)


def _an_unpaid_debit_is_seen(quiet: Quiet) -> None:
    """The visit's own notes are what counts, not what the program says of them."""
    lane = quiet.town.lanes[0]
    visits = list(lane.visits)
    paid = next(place for place, visit in enumerate(visits) if visit.told)
    lane.visits[paid] = replace(visits[paid], after=visits[paid].before)
    found = quiet.faults()
    lane.visits[:] = visits
    assert any("debited for what never came out" in fault for fault in found), found


def _note(change: Callable[[dict[str, int]], None]) -> Callable[[Quiet], None]:
    """`change` one cassette's notes in the first kiosk's physical file."""

    def apply(quiet: Quiet) -> None:
        file = quiet.town.lanes[0].kiosk.directory / "notes.json"
        kept = json.loads(file.read_text(encoding="utf-8"))
        change(kept["places"]["middle"])
        file.write_text(json.dumps(kept), encoding="utf-8")

    return apply


def _row(statement: str) -> Callable[[Quiet], None]:
    return lambda quiet: forged(quiet.bank, statement)


_A_CUSTOMER = "account = (SELECT MIN(account) FROM accounts WHERE kind = 'customer')"
_POSTED_AGAIN = (
    "INSERT INTO postings SELECT NULL, debit_account, credit_account, amount_minor, currency, kind, terminal, generation, "
    "number, case_id, text, at_ms FROM postings WHERE kind = 'withdrawal' LIMIT 1"
)

FORGED: dict[str, tuple[Callable[[Quiet], None], str]] = {
    "a note out of a cassette into a hand": (
        _note(lambda place: place.update(cassette=place["cassette"] - 1, taken=place["taken"] + 1)), "there is"
    ),
    "a note vanished": (_note(lambda place: place.update(cassette=place["cassette"] - 1)), "are in it or were given"),
    "a balance": (
        _row(f"UPDATE accounts SET balance_minor = balance_minor - 1 WHERE {_A_CUSTOMER}"), "balance and held are"
    ),
    "a machine's cash": (
        _row("UPDATE accounts SET balance_minor = balance_minor + 1000 WHERE account = 'cash.T1.USD'"),
        "the books have"
    ),
    "a debit twice": (
        _row(_POSTED_AGAIN), "the debit is not what was counted"
    ),
    "a hold's end": (
        _row("UPDATE holds SET posted_minor = posted_minor + 1 WHERE hold = "
             "(SELECT MIN(hold) FROM holds WHERE state = 'posted')"), "was posted"
    ),
    "a hold of nobody": (
        _row("INSERT INTO holds SELECT 'h-forged', terminal, generation, 999, visit, card, account, amount_minor, "
             "currency, 'voided', day, 0, 0, 0, '', 0, '' FROM holds LIMIT 1"), "no journal knows"
    ),
    "a number left undecided": (
        _row("UPDATE numbers SET state = 'deciding' WHERE rowid = (SELECT MIN(rowid) FROM numbers)"), "is deciding"
    ),
}  # fmt: skip


# ── Duplicates ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Crowd:
    """A crowd after its campaign."""

    folder: Path
    outcome: Outcome

    def faults(self) -> list[str]:
        return duplicates.reckoned(self.folder, self.outcome.visitors)


def test_duplicates_are_decided_once(tmp_path: Path) -> None:
    """Every number is said several times at once, and otherwise: one decision, one hold, one posting, one row.

    And had one answer or one row been otherwise, it would have been seen.
    """
    folder = tmp_path / "crowd"
    crowd = Crowd(folder, duplicates.campaign(folder, DUPLICATES, seed=1, terminals=8))
    assert crowd.outcome.faults == []
    assert crowd.outcome.count.sent >= DUPLICATES
    assert crowd.outcome.count.beside > DUPLICATES // 4, "copies were under way together"
    assert f"Duplicates: {crowd.outcome.count.sent} submissions" in duplicates.report(crowd.outcome)
    for what, (statement, said) in FORGED_BOOKS.items():
        with altered(folder / "bank", "books.sqlite*"):
            forged(folder / "bank", statement)
            found = crowd.faults()
        assert any(said in fault for fault in found), (what, found)
    for reason, said in SECOND_DECISIONS.items():
        _a_second_decision_is_seen(crowd, m.Refused(reason=reason), said)
    assert crowd.faults() == []


def _a_second_decision_is_seen(crowd: Crowd, answer: m.Refused, said: str) -> None:
    """One copy that was answered otherwise than the others."""
    deeds = [deed for visitor in crowd.outcome.visitors for deed in visitor.speaker.deeds]
    deed = next(one for one in deeds if one.kind == "release" and one.decided is not None and not one.ended)
    assert deed.decided is not None
    deed.heard.append(Heard(deed.decided.body, answer, after_end=False))
    found = crowd.faults()
    deed.heard.pop()
    assert any(said in fault for fault in found), found


SECOND_DECISIONS = {
    m.Reason.FUNDS: "different decisions",
    m.Reason.ENDED: "nobody had ended it",
    m.Reason.OTHER_BODY: "refused for being another",
}

_SECOND_HOLD = (
    "INSERT INTO holds SELECT 'h-forged', terminal, generation, 9999, visit, card, account, amount_minor, currency, "
    "'voided', day, 0, 0, 0, '', 0, '' FROM holds LIMIT 1"
)
_STRANGE_NUMBER = (
    "INSERT INTO numbers SELECT terminal, generation, 9999, kind, digest, state, answered, try_counted, answer, body, "
    "at_ms FROM numbers LIMIT 1"
)
_EVENT_AGAIN = (
    "INSERT INTO audit_events (at_ms, kind, terminal, number, detail) SELECT at_ms, kind, terminal, number, detail "
    "FROM audit_events WHERE kind = 'authorised' LIMIT 1"
)
_A_NUMBER = "rowid = (SELECT MIN(rowid) FROM numbers WHERE state = 'answered' AND kind ="

FORGED_BOOKS: dict[str, tuple[str, str]] = {
    "posted twice": (_POSTED_AGAIN, "too often"),
    "another answer": (
        f"UPDATE numbers SET answer = answer || x'20' WHERE {_A_NUMBER} 'release')", "another answer is kept"
    ),
    "another body": (
        f"UPDATE numbers SET digest = zeroblob(32) WHERE {_A_NUMBER} 'authorise')", "another body is kept"
    ),
    "a number that nobody said": (_STRANGE_NUMBER, "known on one side alone"),
    "held twice": (_SECOND_HOLD, "the hold of"),
    "a hold of more": (
        "UPDATE holds SET amount_minor = amount_minor + 1 WHERE hold = (SELECT MIN(hold) FROM holds)", "the hold of"
    ),
    "a balance": (f"UPDATE accounts SET balance_minor = balance_minor - 1 WHERE {_A_CUSTOMER}", "and should have"),
    "a machine's cash": (
        "UPDATE accounts SET balance_minor = balance_minor - 1 WHERE account = 'cash.T1.USD'", "the books have"
    ),
    "an event twice": (_EVENT_AGAIN, "the audit log has"),
}  # fmt: skip
