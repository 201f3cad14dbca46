"""The journal: what it was told is there after any restart, and its tables are what its records say."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation.disk import Disk
from support.town import SeededRandom

from bank_link.messages import Accuracy, CassetteCount
from bank_link.money import Money
from bank_link.ranges import group
from kiosk.journal import records as r
from kiosk.journal.store import VERSION, Journal, JournalError, JournalInUse

USD20 = Money(20_00, "USD")


def open_journal(path: Path) -> Journal:
    return Journal.open(path, random=SeededRandom(1), now=lambda: 1_790_000_000_000)


def booted(boot: str = "b1") -> r.Booted:
    return r.Booted(boot=boot, version="1", terminal="T1", generation=1)


class Story:
    """Random but possible histories: numbers taken, answered, facts made, acknowledged, notes moved."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.taken: list[int] = []
        self.answered: dict[int, None] = {}
        self.facts: list[int] = []

    def answer(self, number: int) -> None:
        """The last to be answered is the last of these."""
        self.answered.pop(number, None)
        self.answered[number] = None

    def step(self, choice: int) -> None:
        journal, number = self.journal, self.journal.next_number(1)
        name = r.Transaction(1, number)
        match choice % 7:
            case 0:
                journal.write(r.Taken(transaction=name, number=number, kind="authorise"))
                self.taken.append(number)
            case 1 if self.taken:
                one = self.taken[choice % len(self.taken)]
                journal.write(
                    r.Answered(transaction=r.Transaction(1, one), number=one, kind="authorise", answer="refused")
                )
                self.answer(one)
            case 2:
                journal.write(r.FactMade(transaction=name, number=number, kind="reversal", body="{}"))
                self.facts.append(number)
            case 3 if self.facts:
                one = self.facts[choice % len(self.facts)]
                journal.write(r.Acknowledged(generation=1, number=one))
                self.answer(one)
            case 4:
                journal.write(
                    r.NoteMoved(transaction=name, cassette="top", value=USD20, outcome="dispensed", dispensed=1)
                )
            case 5 if self.taken:
                one = self.taken[choice % len(self.taken)]
                journal.write(r.Ended(transaction=r.Transaction(1, one), why="test"))
            case 6 if self.facts:
                journal.write(r.Resent(generation=1, numbers=(self.facts[choice % len(self.facts)],)))
            case _:
                journal.write(r.Event(what="nothing"))


def _placed(steps: list[set[tuple[int, int]]]) -> list[tuple[int, set[tuple[int, int]]]]:
    starts = itertools.accumulate((len(step) for step in steps), initial=0)
    return list(zip(starts, steps, strict=False))


@given(st.lists(st.integers(0, 10_000), max_size=40), st.integers(1, 15))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_survives_restarts(
    tmp_path_factory: pytest.TempPathFactory, choices: list[int], every: int
) -> None:
    """Closed and opened again at any time, tables and records agree, and the counters are what was done."""
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    journal = open_journal(path)
    journal.write(
        booted(),
        r.CountsSet(
            after=(CassetteCount(cassette="top", value=USD20, count=100, accuracy=Accuracy.ACCURATE_SET),), by="x"
        ),
    )
    story = Story(journal)
    for place, choice in enumerate(choices):
        if place % every == every - 1:
            journal.close()
            journal = story.journal = open_journal(path)
            journal.write(booted(f"b{place}x"))
        story.step(choice)
    journal.close()
    again = open_journal(path)
    order = [(1, number) for number in reversed(story.answered)]
    walked: list[set[tuple[int, int]]] = []
    part = again.answered(most_numbers=3, most_ranges=2)
    while True:
        walked.append(part.numbers)
        assert len(part.numbers) <= 3
        assert len(group(part.numbers)) <= 2
        if not part.more:
            break
        part = again.answered(before=part.oldest, most_numbers=3, most_ranges=2)
    assert [set(order[start : start + len(step)]) for start, step in _placed(walked)] == walked
    assert sum(map(len, walked)) == len(order)
    assert again.highest_taken(1) == len(story.taken) + len(story.facts)
    again.close()


def test_a_write_is_all_or_nothing(tmp_path: Path) -> None:
    """A record that cannot be applied takes its companions with it, and nothing is written afterwards."""
    journal = open_journal(tmp_path / "journal.sqlite")
    journal.write(booted())
    name = r.Transaction(1, 1)
    journal.write(r.Taken(transaction=name, number=1, kind="authorise"))
    with pytest.raises(JournalError):
        journal.write(r.Event(what="before"), r.Taken(transaction=name, number=1, kind="authorise"))
    assert [line.record for line in journal.lines()][-1] == r.Taken(transaction=name, number=1, kind="authorise")
    with pytest.raises(JournalError):
        journal.write(r.Event(what="after"))
    journal.close()
    open_journal(tmp_path / "journal.sqlite").close()


def test_a_full_card_number_is_never_written(tmp_path: Path) -> None:
    """Sixteen digits in a row, whoever wrote them there, are masked before they reach the disk."""
    journal = open_journal(tmp_path / "journal.sqlite")
    journal.write(booted(), r.Event(what="service", detail="card 9999000000000017 was used twice"))
    assert journal.lines()[-1].record == r.Event(what="service", detail="card ************0017 was used twice")
    journal.close()
    again = open_journal(tmp_path / "journal.sqlite")
    again.close()
    assert all(b"9999000000000017" not in path.read_bytes() for path in tmp_path.iterdir())


def test_ids_that_hold_sixteen_digits_by_chance_are_written(tmp_path: Path) -> None:
    """Hexadecimal ids and signatures are no card numbers, whichever letters a random draw left out of them."""
    journal = open_journal(tmp_path / "journal.sqlite")
    journal.write(booted("b1234567890123456ab"))
    journal.write(r.Event(what="exchange", detail="card c9999000000000017f0a1b2c3"))
    assert journal.boot_id == "b1234567890123456ab"
    journal.close()


def test_a_second_kiosk_is_told(tmp_path: Path) -> None:
    """One journal, one process."""
    journal = open_journal(tmp_path / "journal.sqlite")
    with pytest.raises(JournalInUse, match="in use by a running kiosk"):
        open_journal(tmp_path / "journal.sqlite")
    journal.close()


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"not a database at all" * 100, "damaged"), (b"", ""), (b"SQLite format 3\0" + b"\xff" * 5000, "damaged")],
)
def test_strange_files_are_refused_in_one_sentence(tmp_path: Path, content: bytes, why: str) -> None:
    """Garbage in the journal's place is refused; an empty file is a new journal."""
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    if why:
        with pytest.raises(JournalError, match=why):
            open_journal(path)
    else:
        open_journal(path).close()


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    """An SQLite file that is no journal is left as it is."""
    path = tmp_path / "journal.sqlite"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="no journal of a kiosk"):
        open_journal(path)
    assert path.read_bytes() == before


def test_a_journal_says_which_firmware_can_read_it(tmp_path: Path) -> None:
    """One of before is taken over with all that it holds; one of a newer firmware is left as it is, and said to be newer."""
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    journal.write(booted())
    wanted = journal.lines()
    journal.close()
    for version, now in ((1, VERSION), (VERSION + 1, VERSION + 1)):
        other = apsw.Connection(str(path))
        other.execute(f"PRAGMA user_version = {version}")
        other.close()
        if version > VERSION:
            with pytest.raises(JournalError, match="newer firmware"):
                open_journal(path)
        else:
            again = open_journal(path)
            assert again.lines() == wanted
            again.close()
        other = apsw.Connection(str(path))
        assert other.execute("PRAGMA user_version").get == now
        other.close()


@pytest.mark.parametrize("place", range(0, 24_000, 997))
def test_flipped_bytes_are_noticed_or_change_nothing(tmp_path: Path, place: int) -> None:
    """A byte flipped anywhere in the file: refused as damaged, or what is read is exactly what was written."""
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    journal.write(booted())
    story = Story(journal)
    for choice in range(60):
        story.step(choice * 13)
    wanted = journal.lines(last=200)
    counts = journal.counts()
    journal.close()
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 0x24
    path.write_bytes(bytes(data))
    try:
        again = open_journal(path)
    except JournalError:
        return
    assert again.lines(last=200) == wanted
    assert again.counts() == counts
    again.close()


def test_a_journal_of_another_terminal_is_not_gone_on_with(tmp_path: Path) -> None:
    """A state directory carried over to another machine: its numbers and facts are not this terminal's."""
    journal = open_journal(tmp_path / "journal.sqlite")
    journal.check_owner("T2")
    journal.write(booted())
    journal.check_owner("T1")
    with pytest.raises(JournalError, match=r"is of terminal T1, and this auth file is of T2; give this terminal"):
        journal.check_owner("T2")
    journal.close()


def _fill(where: Path, disk: Disk) -> None:
    journal = Journal.open(where, random=SeededRandom(1), vfs=disk.vfs)
    try:
        for number in range(1_000):
            journal.write(r.Event(what=f"number {number}"))
    finally:
        journal.close()


def test_a_full_disk_is_told_in_one_sentence_at_the_start_and_says_nothing_at_the_end() -> None:
    """No room to empty the log into the journal's file: it stays where it is, and with room again all of it is there."""
    disk = Disk(random.Random(1))
    where = Path("/state/journal.sqlite")
    journal = Journal.open(where, random=SeededRandom(1), vfs=disk.vfs)
    journal.write(booted(), r.Event(what="kept"))
    disk.full = True
    journal.close()
    with pytest.raises(JournalError, match="no room left for the journal"):
        _fill(where, disk)
    disk.full = False
    last = Journal.open(where, random=SeededRandom(1), vfs=disk.vfs)
    assert last.lines(contains="kept")
    last.close()
    disk.close()


def test_what_waits_goes_in_the_order_in_which_it_was_made(tmp_path: Path) -> None:
    """A bank that was restored begins an older generation again: what was made under a newer one still comes first."""
    journal = open_journal(tmp_path / "journal.sqlite")
    for generation in (2, 3, 2):
        number = journal.next_number(generation)
        name = r.Transaction(generation, number)
        journal.write(r.FactMade(transaction=name, number=number, kind="reversal", body="{}"))
    assert [(entry.generation, entry.number) for entry in journal.waiting()] == [(2, 1), (3, 1), (2, 2)]
    assert journal.next_waiting() == (2, 1)
    for generation, number in ((2, 1), (3, 1)):
        journal.write(r.Acknowledged(generation=generation, number=number))
    journal.write(r.Resent(generation=3, numbers=(1,)))
    assert journal.next_waiting() == (3, 1)
    journal.close()


def test_a_log_that_is_damaged_in_its_middle_is_refused(tmp_path: Path) -> None:
    """SQLite reads a write-ahead log up to the first wrong frame; what was kept after it must not be missing unseen."""
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    for number in range(1, 9):
        journal.write(r.Event(what="card-in", detail=f"number {number}"))
    whole, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    journal.close()
    frame = 24 + 4096
    for at, refused in ((32 + frame * 2 + 300, True), (len(log) - 2000, False)):
        damaged = bytearray(log)
        damaged[at] ^= 4
        copy = tmp_path / f"copy{at}.sqlite"
        copy.write_bytes(whole)
        Path(f"{copy}-wal").write_bytes(damaged)
        if refused:
            for _ in range(3):
                # Again and again, as the kiosk tries: nothing is thrown away meanwhile.
                with pytest.raises(JournalError, match="damaged in its newest part; keep the file"):
                    open_journal(copy)
            assert Path(f"{copy}-wal").read_bytes() == damaged
        else:
            # The last commit alone may be half written: so does a power cut leave it.
            assert [line.record.detail for line in open_journal(copy).lines()][-1] == "number 7"


def test_garbage_in_the_last_commit_is_what_a_power_cut_leaves(tmp_path: Path) -> None:
    """Several frames of one commit, torn so that each looks like a commit's last: still one commit, and no damage."""
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    for number in range(1, 6):
        journal.write(r.Event(what="card-in", detail=f"number {number}"))
    before = len(Path(f"{path}-wal").read_bytes())
    journal.write(r.Event(what="card-in", detail="number 6"))
    whole, log = path.read_bytes(), bytearray(Path(f"{path}-wal").read_bytes())
    journal.close()
    frame = 24 + 4096
    frames = range(before, len(log), frame)
    assert len(frames) > 1
    for at in list(frames)[:-1]:
        log[at : at + 8] = bytes.fromhex("18fdf9bbf959b5ba")
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(whole)
    Path(f"{copy}-wal").write_bytes(log)
    again = open_journal(copy)
    assert [line.record.detail for line in again.lines()][-1] == "number 5"
    again.close()


def test_sixteen_digits_in_a_fact_are_masked_and_do_no_harm(tmp_path: Path) -> None:
    """Whoever types a card's number as a name: it is masked in all tables, and the journal opens again."""
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    name = r.Transaction(1, 1)
    body = '{"type":"exchange","by":"4929123456789012"}'
    journal.write(booted(), r.FactMade(transaction=name, number=1, kind="exchange", body=body))
    journal.close()
    journal = open_journal(path)
    assert journal.waiting()[0].body == '{"type":"exchange","by":"************9012"}'
    journal.close()
    assert b"4929123456789012" not in path.read_bytes()
