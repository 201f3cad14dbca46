"""`atm` and `bank` as installed, by the contest's rules: files, output, exit codes, protocol errors, many at once."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.real_till import RealTillBank, closing_all, is_private, strangers

pytestmark = [pytest.mark.xdist_group("till"), pytest.mark.timeout(200)]

CASH = 4294967295


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTillBank]:
    with RealTillBank(tmp_path_factory.mktemp("till")) as bank:
        yield bank


@pytest.fixture
def bank(shared: RealTillBank) -> RealTillBank:
    return shared


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealTillBank]:
    """A bank that nobody else has troubled."""
    with RealTillBank(tmp_path / "alone") as bank:
        yield bank


def objects(bank: RealTillBank, since: int) -> list[dict[str, object]]:
    return [json.loads(line) for line in bank.lines[since:]]


def test_the_example_of_the_rules(bank: RealTillBank) -> None:
    """Opened, filled, emptied, read: one line each on both sides, the same one, exit code 0."""
    since, said = len(bank.lines), []
    for words in (("-n", "1000.00"), ("-d", "100.00"), ("-w", "63.10"), ("-g",), ("-w", "1036.90"), ("-g",)):
        done = bank.atm("-a", "bob", *words)
        assert done.code == 0, done
        assert done.out.endswith("\n")
        said.append(done.json)
    assert said == [
        {"account": "bob", "initial_balance": 1000}, {"account": "bob", "deposit": 100},
        {"account": "bob", "withdraw": 63.1}, {"account": "bob", "balance": 1036.9},
        {"account": "bob", "withdraw": 1036.9}, {"account": "bob", "balance": 0},
    ]  # fmt: skip
    assert objects(bank, since) == said


def test_its_files(bank: RealTillBank) -> None:
    """The auth file as it was made and private, one card an account, and nothing else."""
    before = {path.name for path in bank.folder.iterdir()}
    auth = (bank.folder / "bank.auth").read_bytes()
    assert bank.atm("-a", "files", "-n", "10.00").code == 0
    assert bank.atm("-a", "other", "-n", "10.00", "-c", "given.card").code == 0
    assert {path.name for path in bank.folder.iterdir()} - before == {"files.card", "given.card"}
    assert is_private(bank.folder / "bank.auth")
    card = (bank.folder / "files.card").read_bytes()
    assert bank.atm("-a", "files", "-d", "1.00").code == 0
    assert (bank.folder / "files.card").read_bytes() == card
    assert (bank.folder / "bank.auth").read_bytes() == auth


@pytest.mark.parametrize(
    "words",
    [
        ("-a", "refused", "-n", "20.00"), ("-a", "nobody", "-d", "1.00", "-c", "refused.card"),
        ("-a", "refused", "-w", "20.01"), ("-a", "refused", "-g", "-c", "none.card"),
        ("-a", "refused", "-g", "-c", "empty.card"), ("-a", "refused", "-g", "-c", "second.card"),
        ("-a", "third", "-n", "20.00", "-c", "refused.card"), ("-a", "refused", "-n", "20.00", "-c", "new.card"),
        ("-a", "refused", "-d", "0.00"), ("-a", "refused", "-w", "0.00"), ("-a", "refused", "-n", "9.99"),
        ("-a", "refused"), ("-a", "refused", "-g", "-g"), ("-g",), ("-a", "refused", "-g", "-s", "none.auth"),
        ("-a", "refused", "-g", "-s", "empty.card"), ("-a", "refused", "-g", "extra"), ("-h",), ("--", "-g"),
    ],
)  # fmt: skip
def test_what_is_refused(bank: RealTillBank, words: tuple[str, ...]) -> None:
    """255, nothing on stdout, no line of the bank's, no file more than before, the balance as it was."""
    if not (bank.folder / "refused.card").exists():
        assert bank.atm("-a", "refused", "-n", "20.00").code == 0
        assert bank.atm("-a", "second", "-n", "20.00").code == 0
        (bank.folder / "empty.card").touch()
    files, since = {path.name for path in bank.folder.iterdir()}, len(bank.lines)
    done = bank.atm(*words)
    assert (done.code, done.out) == (255, ""), done
    assert len(done.err.splitlines()) <= 1
    assert {path.name for path in bank.folder.iterdir()} == files
    assert bank.lines[since:] == []
    assert bank.atm("-a", "refused", "-g").json == {"account": "refused", "balance": 20}


def test_large_amounts_are_exact(bank: RealTillBank) -> None:
    """To the cent, beyond what is allowed on one command line."""
    assert bank.atm("-a", "rich", "-n", f"{CASH}.99").code == 0
    for _ in range(2):
        assert bank.atm("-a", "rich", "-d", f"{CASH}.99").code == 0
    done = bank.atm("-a", "rich", "-g")
    assert done.out == f'{{"account":"rich","balance":{3 * CASH + 2}.97}}\n'
    assert bank.atm("-a", "rich", "-d", f"{CASH + 1}.00").code == 255


def test_the_longest_and_the_oddest_names(bank: RealTillBank) -> None:
    """Their cards are files of this directory."""
    for name in ("z" * 122, ".", "..", "-a", "_-.9"):
        assert bank.atm("-a", name, "-n", "10.00").code == 0, name
        assert (bank.folder / f"{name}.card").exists()
        assert bank.atm("-a", name, "-g").json == {"account": name, "balance": 10}


def test_ten_at_once_do_ten_things(bank: RealTillBank) -> None:
    """All are done; the bank's lines are the order; what is left is what ten leave."""
    assert bank.atm("-a", "many", "-n", "100.00").code == 0
    since = len(bank.lines)
    started = [bank.begin("-a", "many", "-w", "10.00") for _ in range(10)]
    codes = [one.wait(90) for one in started]
    for one in started:
        one.communicate()
    assert codes == [0] * 10
    assert objects(bank, since) == [{"account": "many", "withdraw": 10}] * 10
    assert bank.atm("-a", "many", "-w", "0.01").code == 255
    assert bank.atm("-a", "many", "-g").json == {"account": "many", "balance": 0}


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_bank_is_63_and_a_bad_line_is_255_all_the_same(alone: RealTillBank) -> None:
    """The line is looked at first; a failed opening leaves no card."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = alone.atm("-a", "late", "-n", "10.00", port=port)
    assert (done.code, done.out) == (63, "")
    assert not (alone.folder / "late.card").exists()
    assert alone.atm("-a", "late", "-n", "1.00", port=port).code == 255


def test_another_banks_auth_file_is_63_and_a_protocol_error(alone: RealTillBank, tmp_path: Path) -> None:
    """Neither believes the other."""
    assert alone.atm("-a", "mine", "-n", "10.00").code == 0
    since = len(alone.lines)
    with RealTillBank(tmp_path / "other") as other:
        card = (alone.folder / "mine.card").read_bytes()
        (other.folder / "mine.card").write_bytes(card)
        done = alone.atm("-a", "mine", "-g", folder=other.folder)
        assert (done.code, done.out) == (63, "")
        assert other.lines == []
    assert alone.until_said(since + 1)[since:] == ["protocol_error"]


@pytest.mark.parametrize("first", [b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x00" * 4000, b""])
def test_whoever_speaks_no_tls_is_a_protocol_error(alone: RealTillBank, first: bytes) -> None:
    """Junk, and one that comes and goes: one line each, at once; the next caller is served."""
    since = len(alone.lines)
    with closing_all(strangers(alone.port, 1, first)) as (one,):
        one.shutdown(socket.SHUT_WR)
        one.settimeout(30)
        while one.recv(4096):
            pass
    assert alone.until_said(since + 1)[since:] == ["protocol_error"]
    assert alone.atm("-a", "after", "-n", "10.00").code in {0, 255}


def test_silence_ends_after_ten_seconds_and_locks_nobody_out(alone: RealTillBank) -> None:
    """Many who say nothing, and one who stops in the middle of a word: others are served meanwhile, then each is one line."""
    since = len(alone.lines)
    silent = [*strangers(alone.port, 40), *strangers(alone.port, 1, b"\x16\x03\x01\x02\x00\x01")]
    with closing_all(silent):
        done = alone.atm("-a", "quick", "-n", "10.00")
        assert done.code == 0, done
        assert alone.lines == [done.out.strip()]
        said = alone.until_said(since + 1 + len(silent), 20)
        assert said.count("protocol_error") == len(silent)


def test_a_flood_of_half_open_connections_locks_nobody_out(alone: RealTillBank) -> None:
    """More than there are places for: the oldest make room."""
    with closing_all(strangers(alone.port, 400)):
        assert alone.atm("-a", "flooded", "-n", "10.00").code == 0
        assert alone.atm("-a", "flooded", "-g").code == 0


# ── The bank's own ends ─────────────────────────────────────────────────────────────────────────────────────────────


def test_sigterm_ends_it_at_once_and_the_next_has_the_port(tmp_path: Path) -> None:
    """Code 0 with connections open; in memory nothing was kept; with `--database` it was."""
    kept = RealTillBank(tmp_path / "kept", "--database", "books", "-s", "one.auth")
    with kept, RealTillBank(tmp_path / "memory") as memory:
        for bank, auth in ((kept, "one.auth"), (memory, "bank.auth")):
            assert bank.atm("-a", "bob", "-n", "10.00", "-s", auth).code == 0
            with closing_all(strangers(bank.port, 2)):
                assert bank.stop(signal.SIGTERM) == 0
        memory.words = ("-s", "two.auth")
        memory.start()
        assert memory.atm("-a", "bob", "-g", "-s", "two.auth").code == 255
        kept.words = ("--database", "books", "-s", "two.auth")
        kept.start()
        for auth in ("one.auth", "two.auth"):
            assert kept.atm("-a", "bob", "-g", "-s", auth).json == {"account": "bob", "balance": 10}


@pytest.mark.parametrize(
    "words", [("-p", "80"), ("-p", "3000", "-p", "3000"), ("-s", "a/b"), ("--",), ("-x",), ("word",), ("-p",)]
)
def test_a_bad_line_of_the_bank_is_255(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Nothing printed, nothing made."""
    bank = RealTillBank(tmp_path / "none")
    done = subprocess.run(
        [*bank.programs.line("bank"), *words], cwd=tmp_path, env=bank.programs.environment, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip
    bank.ports.release()
    assert (done.returncode, done.stdout) == (255, b"")
    assert [path.name for path in tmp_path.iterdir()] == ["none"]


def test_an_auth_file_or_a_port_that_is_taken_is_255(bank: RealTillBank, tmp_path: Path) -> None:
    """What is there stays as it was; without a port there is no auth file."""
    taken = tmp_path / "bank.auth"
    taken.write_text("mine")
    for words in (("-p", str(bank.port), "-s", "new.auth"), ("-p", "3999")):
        done = subprocess.run(
            [*bank.programs.line("bank"), *words], cwd=tmp_path, env=bank.programs.environment, capture_output=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (255, b""), done
        assert len(done.stderr.splitlines()) == 1
    assert taken.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["bank.auth"]
