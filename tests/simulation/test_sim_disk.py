"""The simulated disk does what it says, and a crash-point campaign over it finds what it is there to find."""

from __future__ import annotations

import contextlib
import gc
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation import crash_points
from simulation.crash_books import BankOnDisk, JournalOnDisk, OnDisk
from simulation.crash_points import Tally, Trial
from simulation.disk import Disk, PowerCut
from simulation.medium import SECTOR, File
from support.town import SeededRandom

from bank.store.store import Store
from kiosk.journal import chain
from kiosk.journal import records as r
from kiosk.journal import store as journal_store
from kiosk.journal.store import Journal, JournalError, JournalInUse

T = TypeVar("T")

PATH = Path("/no-such-kiosk/journal.sqlite")


class Mood(random.Random):
    """Chance as it is, but for how a power cut goes: always this way."""

    def __init__(self, mood: str, seed: int = 1) -> None:
        super().__init__(seed)
        self._mood = mood

    def choice(self, seq: Sequence[T]) -> T:  # type: ignore[override]  # a sequence is what the disk gives
        return next((one for one in seq if one == self._mood), super().choice(seq))


def open_journal(disk: Disk) -> Journal:
    return Journal.open(PATH, random=SeededRandom(1), now=lambda: 7, vfs=disk.vfs)


def started(disk: Disk, events: int = 0, boot: str = "b1") -> Journal:
    journal = open_journal(disk)
    journal.write(r.Booted(boot=boot, version="1", terminal="T1", generation=1))
    for number in range(events):
        journal.write(r.Event(what=f"event {number}"))
    return journal


def kept(disk: Disk) -> list[str]:
    """What a new machine on this disk finds in the journal."""
    journal = open_journal(disk)
    found = [line.record.what for line in journal.lines(last=1000) if isinstance(line.record, r.Event)]
    journal.close()
    return found


@pytest.fixture
def disk() -> Iterator[Disk]:
    found = Disk(Mood("lose"))
    yield found
    found.close()


class Cutter:
    """An effect that cuts the power at the `at`th one from now, and remembers them all."""

    def __init__(self, at: int = 10**9, how: Callable[[], None] = lambda: None) -> None:
        self.left = at
        self.how = how
        self.seen: list[str] = []

    def __call__(self, what: str) -> None:
        self.seen.append(what)
        self.left -= 1
        if self.left == 0:
            self.how()
            raise PowerCut


# ── A file ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 4000), st.integers(1, 1500)),
        st.tuples(st.just("truncate"), st.integers(0, 4000), st.just(0)),
    ),
    max_size=8,
)


def changed(changes: list[tuple[str, int, int]], chance: random.Random) -> tuple[File, bytes, set[int]]:
    """A file with a durable part and pending changes; the durable part; the bytes that some change has touched."""
    file = File(chance.randbytes(2500))
    durable, touched = bytes(file.content), set[int]()
    for kind, at, length in changes:
        before = len(file.content)
        if kind == "write":
            file.write(at, chance.randbytes(length))
            touched.update(range(min(at, before), at + length))
        else:
            file.truncate(at)
            touched.update(range(at, before))
    return file, durable, touched


@given(CHANGES, st.integers(0, 10_000), st.sampled_from(["lose", "keep", "order", "tear", "garbage"]))
def test_what_was_durable_and_not_overwritten_stays(
    changes: list[tuple[str, int, int]], seed: int, mood: str
) -> None:  # fmt: skip
    """However the power goes off, a byte that no pending change covers is what it was (power-safe overwrite)."""
    chance = random.Random(seed)
    file, durable, touched = changed(changes, chance)
    file.lose_power(mood, chance)
    assert not file.pending
    for at in set(range(len(durable))) - touched:
        assert file.content[at] == durable[at]


@given(CHANGES, st.integers(0, 10_000))
def test_all_lost_is_the_last_sync_and_all_kept_is_what_readers_saw(
    changes: list[tuple[str, int, int]], seed: int
) -> None:  # fmt: skip
    """The two ends of what a power cut can do."""
    file, durable, _ = changed(changes, random.Random(seed))
    seen, other = bytes(file.content), file.copy()
    file.lose_power("lose", random.Random(seed))
    assert file.content == durable
    other.lose_power("keep", random.Random(seed))
    assert other.content == seen


@given(st.integers(0, 3000), st.integers(1, 4000), st.integers(0, 10_000))
def test_a_torn_write_is_torn_at_sectors(at: int, length: int, seed: int) -> None:
    """Of one write each sector is wholly there or wholly lost; nothing in between, where there is no garbage."""
    file = File(b"o" * 8000)
    file.write(at, b"n" * length)
    file.lose_power("tear", random.Random(seed))
    for begin in range(0, 8000, SECTOR):
        part = file.content[max(at, begin) : min(at + length, begin + SECTOR)]
        assert len(set(part)) <= 1
    assert len(file.content) == 8000


def test_every_fate_of_a_write_happens() -> None:
    """Whole, lost, torn, garbage: each within a few dozen cuts, in the mood that has them all."""
    fates = set()
    for seed in range(60):
        file = File(b"o" * 2048)
        file.write(0, b"n" * 2048)
        file.lose_power("garbage", random.Random(seed))
        letters = set(file.content) & {ord("n"), ord("o")}
        fates.add("garbage" if set(file.content) - letters else "".join(sorted(map(chr, letters))))
    assert fates == {"n", "o", "no", "garbage"}


@given(CHANGES, st.integers(0, 10_000), st.integers(0, 6000))
def test_a_flipped_bit_is_flipped_now_and_after_a_cut(
    changes: list[tuple[str, int, int]], seed: int, at: int
) -> None:  # fmt: skip
    """A flip is on the medium: neither keeping nor losing what is pending brings the right bit back."""
    file, durable, _ = changed(changes, random.Random(seed))
    if at >= len(file.content):
        return
    seen, wrong = file.content[at], file.copy()
    wrong.flip(at, 4)
    assert wrong.content[at] == seen ^ 4
    assert sum(a != b for a, b in zip(file.content, wrong.content, strict=True)) == 1
    if at < len(durable):
        wrong.lose_power("lose", random.Random(seed))
        assert sum(a != b for a, b in zip(wrong.content, durable, strict=True)) <= 1


# ── The disk ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_journal_lives_on_it_and_no_real_file_is_touched(disk: Disk) -> None:
    """Written, closed, opened again: all there, and the machine's own disk has none of it."""
    journal = started(disk, events=3)
    assert disk.names() == ["journal.sqlite", "journal.sqlite-wal"]
    assert disk.size("journal.sqlite-wal") > 0
    journal.close()
    assert disk.names() == ["journal.sqlite"]
    assert kept(disk) == ["event 0", "event 1", "event 2"]
    assert not PATH.parent.exists()


def test_each_effect_is_told_before_it_happens(disk: Disk) -> None:
    """A commit is writes to the WAL, then its sync; closing folds it into the file and deletes it."""
    journal = started(disk)
    disk.effect = cutter = Cutter()
    writes, syncs = disk.writes, disk.syncs
    journal.write(r.Event(what="one"))
    *written, last = cutter.seen
    assert set(written) == {"write journal.sqlite-wal"}
    assert last == "sync journal.sqlite-wal"
    assert (disk.writes - writes, disk.syncs - syncs) == (len(written), 1)
    cutter.seen.clear()
    journal.close()
    assert cutter.seen[-1] == "delete journal.sqlite-wal"
    assert "sync journal.sqlite" in cutter.seen


@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("way", ["raised", "cut and raised"])
def test_power_cut_comes_out_and_the_dead_do_no_more(at: int, way: str) -> None:
    """PowerCut leaves `write` as itself; nothing that the old journal does after it, not even its end, is seen."""
    disk = Disk(random.Random(at))
    journal = started(disk, events=2)
    disk.effect = Cutter(at, disk.cut if way == "cut and raised" else lambda: None)
    with contextlib.suppress(PowerCut):
        journal.write(r.Event(what="at hand"))
        with pytest.raises(PowerCut):
            journal.write(r.Event(what="at hand"))
    assert disk.dead == (way == "raised")
    if disk.dead:
        journal.write(r.Event(what="of the dead"))
        disk.cut()
    before = disk.copy()
    journal.write(r.Event(what="of the dead"))
    journal.close()
    del journal
    gc.collect()
    assert disk.copy() == before
    disk.effect = lambda _: None
    assert kept(disk)[:2] == ["event 0", "event 1"]
    assert set(kept(disk)[2:]) <= {"at hand"}
    disk.close()


def test_a_dead_connection_that_nobody_closes_is_harmless(disk: Disk) -> None:
    """The garbage collector ends it without a word and without an effect, also in the middle of a transaction."""
    journal = started(disk)
    journal._connection.execute("BEGIN IMMEDIATE")
    journal._connection.execute("DELETE FROM records")
    disk.cut()
    again = started(disk, boot="b2")
    del journal
    gc.collect()
    again.close()
    assert [line.boot for line in open_journal(disk).lines()] == ["b1", "b2"]


def test_a_cut_loses_what_was_not_synced_and_a_kill_does_not(disk: Disk) -> None:
    """A write whose sync never came: the next process sees it after a kill, and nobody does after a cut."""
    journal = started(disk)
    disk.effect = Cutter(how=disk.kill)
    disk.effect.left = 7  # its six writes are done, its sync is not
    with pytest.raises(PowerCut):
        journal.write(r.Event(what="written"))
    assert disk.effect.seen[-1] == "sync journal.sqlite-wal"
    disk.effect = lambda _: None
    fork = disk.fork(Mood("lose"))
    fork.cut()
    assert kept(fork) == []
    fork.close()
    assert kept(disk) == ["written"]


def test_a_new_name_lasts_once_a_journal_was_synced(disk: Disk) -> None:
    """As with SQLite's own: a created file is lost with its directory entry until a journal's or WAL's first sync."""
    connection = apsw.Connection("/x/plain.sqlite", vfs=disk.vfs)
    disk.effect = cutter = Cutter()
    cutter.how = lambda: None
    names = []

    def look(what: str) -> None:
        fork = disk.fork(Mood("lose"))
        fork.cut()
        names.append((what, fork.names()))
        fork.close()

    disk.effect = look
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    synced = next(place for place, (what, _) in enumerate(names) if what == "sync plain.sqlite-journal")
    assert all(found == [] for _, found in names[: synced + 1])
    assert all("plain.sqlite" in found for _, found in names[synced + 1 :])


def test_an_unsynced_deletion_may_be_undone(disk: Disk) -> None:
    """A WAL that was deleted without a sync of the directory comes back, and changes nothing."""
    journal = started(disk, events=1)
    journal.close()
    assert disk.names() == ["journal.sqlite"]
    disk.cut()
    assert disk.names() == ["journal.sqlite", "journal.sqlite-wal"]
    assert kept(disk) == ["event 0"]


def test_one_connection_a_file(disk: Disk) -> None:
    """A second one is busy while the first lives; a cut, a kill or a close lets the next one in."""
    for end in ("close", "cut", "kill"):
        journal = started(disk, boot=end)
        with pytest.raises(JournalInUse):
            open_journal(disk)
        journal.close() if end == "close" else getattr(disk, end)()
    open_journal(disk).close()


def test_a_full_disk_says_so_and_keeps_what_it_has(disk: Disk) -> None:
    """No file grows; the journal says there is no room; with room again nothing that was kept is missing."""
    journal = started(disk, events=2)
    before, disk.full = disk.size("journal.sqlite-wal"), True
    # What the log was emptied of is written over first.
    with pytest.raises(JournalError, match="no room left"):
        _write_many(journal)
    assert disk.size("journal.sqlite-wal") == before
    disk.full = False
    disk.cut()
    found = kept(disk)
    assert found[:2] == ["event 0", "event 1"]
    assert set(found[2:]) <= {"event 2"}


def _write_many(journal: Journal) -> None:
    for _ in range(1_000):
        journal.write(r.Event(what="event 2"))


def test_a_disk_answers_the_error_that_effect_raises(disk: Disk) -> None:
    """A read-only, failing or worn-out card is an apsw error; the disk itself lives on."""

    def fails(what: str) -> None:
        raise apsw.IOError(what)

    journal = started(disk, events=1)
    disk.effect = fails
    with pytest.raises(JournalError, match="check its disk"):
        journal.write(r.Event(what="not kept"))
    assert not disk.dead
    disk.effect = lambda _: None
    disk.cut()
    assert kept(disk) == ["event 0"]


def test_a_lying_disk_says_yes_to_a_sync_and_loses_it(disk: Disk) -> None:
    """`lies` alone makes an acknowledged record go; what it holds back is bounded, as a card's own memory is."""
    journal = started(disk, events=1)
    disk.lies = True
    syncs = disk.syncs
    journal.write(r.Event(what="acknowledged"))
    assert disk.syncs == syncs + 1
    disk.cut()
    assert kept(disk) == ["event 0"]
    journal = open_journal(disk)
    for number in range(900):
        journal.write(r.Event(what=f"many {number}"))
    assert 1000 < max(len(file.pending) for file in disk.folder.files.values()) < 5000
    disk.cut()
    journal.close()


def test_a_copy_is_a_backup_beside_a_running_process_and_replace_puts_it_back(disk: Disk) -> None:
    """The older copy opens as the journal was then, is durable as a whole, and the journal of before is harmless."""
    journal = started(disk, events=2)
    backup = disk.copy()
    journal.write(r.Event(what="since"))
    disk.replace({f"/elsewhere/{name}": content for name, content in backup.items()})
    journal.write(r.Event(what="of the dead"))
    disk.cut()
    assert disk.copy() == backup
    assert kept(disk) == ["event 0", "event 1"]


def test_flipped_bits_are_noticed_or_change_nothing(disk: Disk) -> None:
    """One bit anywhere in either file: refused in one sentence, or exactly what was written."""
    journal = started(disk, events=5)
    outcomes = set()
    for seed in range(60):
        fork = disk.fork(random.Random(seed))
        fork.kill()
        name = fork.names()[seed % 2]
        fork.flip(name, random.Random(seed).randrange(fork.size(name)))
        try:
            found = kept(fork)
        except JournalError as error:
            outcomes.add("refused" if "damaged" in str(error) else str(error))
        else:
            # A WAL ends at its first frame that does not fit: what came before it is what there is.
            outcomes.add("read")
            assert found == [f"event {number}" for number in range(len(found))]
        fork.close()
    assert outcomes <= {"read", "refused"}
    assert "read" in outcomes
    journal.close()
    with pytest.raises(KeyError):
        disk.flip("nothing", 0)
    with pytest.raises(IndexError):
        disk.flip("journal.sqlite", 10**9)


def test_disks_do_not_meet() -> None:
    """The same path on two disks is two files; a closed disk takes no connection and disturbs no other."""
    one, other = Disk(random.Random(1)), Disk(random.Random(1))
    journals = started(one, events=1), started(other, events=2)
    one.close()
    with pytest.raises(JournalError):
        open_journal(one)
    journals[1].write(r.Event(what="goes on"))
    other.cut()
    assert kept(other) == ["event 0", "event 1", "goes on"]
    other.close()


def test_the_banks_store_lives_on_it() -> None:
    """The bank's real schema and transactions; a commit that was acknowledged is there after a cut."""
    disk, bank = Disk(Mood("lose")), BankOnDisk()
    bank.open(disk)
    work = bank.work(random.Random(1))
    done = [next(work) for _ in range(3)]
    for piece in done[:2]:
        bank.keep(piece)
    disk.effect = Cutter(4)
    with pytest.raises(PowerCut):
        bank.keep(done[2])
    disk.cut()
    disk.effect = lambda _: None
    again = BankOnDisk()
    again.open(disk)
    assert again.rows() == done[:2]
    assert again.flaw() == ""
    again.close()
    disk.close()


def test_a_disk_that_fails_while_a_journal_is_made_is_told(disk: Disk) -> None:
    """The journal is in WAL or it does not open: in any other mode a power cut may lose what was acknowledged."""
    deletions = []

    def fails(what: str) -> None:
        if what.startswith("delete"):
            deletions.append(what)
            if len(deletions) == 1:
                raise apsw.IOError(what)

    disk.effect = fails
    with pytest.raises(JournalError, match="check its disk"):
        open_journal(disk)


@pytest.mark.parametrize("books", [JournalOnDisk, BankOnDisk])
def test_what_a_restarted_process_has_read_stays(disk: Disk, books: Callable[[], OnDisk]) -> None:
    """Killed before a commit's sync, started again: what it then reads, and acts on, survives a later power cut."""
    first = books()
    first.open(disk)
    first.keep(first.boot("first"))
    disk.effect = lambda what: cut_off(disk) if what.startswith("sync") and what.endswith("-wal") else None
    with pytest.raises(PowerCut):
        first.keep(first.boot("second"))
    disk.effect = lambda _: None
    second, third = books(), books()
    second.open(disk)
    seen = second.rows()
    assert len(seen) == 2
    disk.cut()
    third.open(disk)
    assert third.rows() == seen


def cut_off(disk: Disk) -> None:
    disk.kill()
    raise PowerCut


DIGEST = """
import hashlib, random
from simulation.test_sim_disk import Disk, started
disk = Disk(random.Random(5))
journal = started(disk, events=30)
disk.cut()
print(hashlib.sha256(repr(sorted(disk.copy().items())).encode()).hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    """The WAL's salts, the cut's garbage, all of it: whatever the hash seed."""
    digests = set()
    for hash_seed in ("0", "1"):
        tests = Path(__file__).parents[1]
        environment = {"PYTHONPATH": f"{tests}:{tests.parent}", "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(run.stdout)
    assert len(digests) == 1


# ── Crash points ────────────────────────────────────────────────────────────────────────────────────────────────────


def tried(kind: str, histories: range) -> Tally:
    total = Tally()
    for index in histories:
        total.add(Trial(kind, 7, index).run())
    return total


def test_no_cut_loses_what_was_acknowledged() -> None:
    """A few hundred cuts of journal and bank, at all kinds of places: nothing lost, nothing refused, nothing torn."""
    total = tried("journal", range(3))
    total.add(tried("bank", range(1)))
    assert total.failures == []
    assert total.points > 300
    for place in ("write", "sync", "delete", "recovery", "killed, cut later", "PowerCut"):
        assert total.counts[f"at {place}"] > 0, place


def test_a_lying_disk_loses_but_never_silently() -> None:
    """Syncs that do nothing lose acknowledged records; what opens was once the state, or is refused."""
    total = tried("lying", range(2))
    assert total.failures == []
    for outcome in ("lost acknowledged records", "lost nothing", "refused"):
        assert total.counts[f"liar {outcome}"] > 0, outcome


def on(statement: str) -> Callable[[Path, str | None], apsw.Connection]:
    connect = journal_store._connect

    def connected(path: Path, vfs: str | None) -> apsw.Connection:
        connection = connect(path, vfs)
        connection.execute(statement)
        return connection

    return connected


@pytest.mark.parametrize("level", ["OFF", "NORMAL"])
def test_a_journal_that_does_not_sync_each_commit_is_found(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    """The campaign can fail: with less than FULL, acknowledged records are lost, or the log has a hole and is refused."""
    monkeypatch.setattr(journal_store, "_connect", on(f"PRAGMA synchronous = {level}"))
    total = tried("journal", range(1, 4))
    assert total.counts["lost"] > 0
    assert any("acknowledged rows are lost" in sentence for _, sentence in total.failures)


def test_a_disk_that_lies_is_found_where_it_must_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged as an honest disk, a lying one loses acknowledged records."""
    effect = Trial._effect

    def lying(trial: Trial, what: str) -> None:
        trial._disk.lies = True
        effect(trial, what)

    monkeypatch.setattr(Trial, "_examine", examine_honestly)
    monkeypatch.setattr(Trial, "_effect", lying)
    assert tried("journal", range(1, 2)).counts["lost"] > 0


def examine_honestly(trial: Trial, point: Any, before: Any) -> None:
    point.disk.cut()
    trial._judge(point.disk, [before, before + trial._flight], "honest")


def test_a_write_that_returns_before_its_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that commits only with the next write acknowledges what no disk has."""

    @contextlib.contextmanager
    def late(journal: Journal) -> Iterator[None]:
        if journal._connection.in_transaction:
            journal._connection.execute("COMMIT")
        journal._connection.execute("BEGIN IMMEDIATE")
        yield

    monkeypatch.setattr(Journal, "_transaction", late)
    assert tried("journal", range(1, 2)).counts["lost"] > 0


def test_a_write_in_two_transactions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that belong together and are committed one by one come up without their companions."""
    append = Journal._append

    def alone(journal: Journal, record: r.AnyRecord) -> None:
        append(journal, record)
        journal._connection.execute("COMMIT")
        journal._connection.execute("BEGIN IMMEDIATE")

    monkeypatch.setattr(Journal, "_append", alone)
    assert tried("journal", range(2)).counts["invented"] > 0


def test_a_bank_that_does_not_sync_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's own FULL is what keeps its commits."""
    opened = Store._open

    def careless(store: Store, *args: Any) -> None:
        opened(store, *args)
        assert store._driver is not None
        store._driver.apsw_connection.execute("PRAGMA synchronous = OFF")

    monkeypatch.setattr(Store, "_open", careless)
    assert tried("bank", range(1)).counts["lost"] > 0


def test_a_silent_mixture_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the journal's own check a lying disk comes up as a state that never was."""
    monkeypatch.setattr(chain, "find_damage", lambda _: "")
    monkeypatch.setattr(journal_store, "find_damage", lambda _: "")
    assert tried("lying", range(12)).counts["mixture"] > 0


def test_the_same_seed_tries_the_same_points() -> None:
    """Twice the same tally, also where only one point of a history is asked for."""
    first, again = tried("journal", range(4, 5)), tried("journal", range(4, 5))
    assert first == again
    alone = Trial("journal", 7, 4, only=3).run()
    assert (
        sum(count for place, count in alone.counts.items() if place.startswith("at ") and "PowerCut" not in place) == 1
    )


def test_the_campaign_reports_and_repeats(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A clean run ends well; a violation ends with 1 and the command that shows that one point again, which does."""
    assert crash_points.main(["--points", "60", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "crash points of" in told
    assert "lost acknowledged records" in told
    monkeypatch.setattr(journal_store, "_connect", on("PRAGMA synchronous = OFF"))
    assert crash_points.main(["--points", "60", "--jobs", "1"]) == 1
    told = capsys.readouterr().out
    command = next(line for line in told.splitlines() if "simulation.crash_points" in line).split()
    arguments = command[command.index("--seed") :]
    assert crash_points.main(arguments) == 1
    assert re.search("acknowledged rows are lost|is damaged", capsys.readouterr().out)
