"""`atm` and `bank` as installed, by the contest's rules: files, output, exit codes, protocol errors, many at once."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.real_till import Attacker, RealTillBank, closing_all, is_private, strangers

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


def test_created_comes_first_whoever_knocks_before(tmp_path: Path) -> None:
    """Somebody who tries the port until it is open is let in, and found wrong, only after the word."""
    bank = RealTillBank(tmp_path / "knocked")
    stop = threading.Event()

    def knock() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", bank.port), 1):
                pass
            stop.wait(0.003)

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        with bank:
            bank.until_said(1)
            stop.set()
            assert bank.atm("-a", "bob", "-n", "10.00").code == 0
    finally:
        stop.set()
        knocking.join()


def test_a_call_that_is_held_back_happens_in_time_or_never(alone: RealTillBank) -> None:
    """The line keeps it until `atm` has given up: then nothing happens any more, and the bank says what it saw."""
    assert alone.atm("-a", "bob", "-n", "100.00").code == 0
    since = len(alone.lines)
    let_go = threading.Event()

    def hold(up: bool, _which: int, piece: bytes) -> bytes:
        if up and holding:
            let_go.wait(30)
        holding.append(up)
        return piece

    holding: list[bool] = []
    with Attacker(alone.port, hold) as attacker:
        done = alone.atm("-a", "bob", "-w", "10.00", port=attacker.port)
        assert (done.code, done.out) == (63, "")
        let_go.set()
        assert alone.until_said(since + 1, 20)[since:] == ["protocol_error"]
    assert alone.atm("-a", "bob", "-g").json == {"account": "bob", "balance": 100}


# ── The bank's own ends ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("unread", ["stdout", "stderr"])
def test_who_does_not_read_its_lines_holds_up_nobody(tmp_path: Path, unread: str) -> None:
    """A pipe that is full: tills are served all the same, and SIGTERM ends it with 0."""
    bank = RealTillBank(tmp_path / "unread")
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4_096)
    with (bank.folder / "other.out").open("wb") as other:
        streams = {"stdout": other, "stderr": other, unread: writing}
        process = subprocess.Popen(
            [*bank.programs.line("bank"), "-p", str(bank.port)],
            cwd=bank.folder,
            env=bank.programs.environment,
            **streams,
        )
        os.close(writing)
        auth = bank.folder / "bank.auth"
        end = time.monotonic() + 60
        while not auth.exists() or not auth.stat().st_size:
            assert time.monotonic() < end
            time.sleep(0.02)
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", bank.port)) as one:
                one.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert bank.atm("-a", "bob", "-n", "10.00").code == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    os.close(reading)
    bank.ports.release()


@pytest.mark.parametrize("after_s", [0.02, 0.1, 0.2, 0.3, 0.5])
def test_sigterm_at_any_moment_is_a_clean_end(tmp_path: Path, after_s: float) -> None:
    """Also before `created`: 0, and no file of the bank's is left anywhere but the auth file that it may have made."""
    bank = RealTillBank(tmp_path / "early")
    process = subprocess.Popen(
        [*bank.programs.line("bank"), "-p", str(bank.port)], cwd=bank.folder, env=bank.programs.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    # However early: as soon as it has begun to look after signals at all.
    end = time.monotonic() + 30
    caught = 0
    while process.poll() is None and not caught & (1 << (signal.SIGTERM - 1)):
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        assert time.monotonic() < end
    time.sleep(after_s)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out in {b"", b"created\n"}
    assert {path.name for path in bank.folder.iterdir()} <= {"logs", "bank.auth"}
    assert list((bank.folder / "logs" / "tmp").iterdir()) == []
    bank.ports.release()


def test_the_environment_changes_no_code_and_no_line(tmp_path: Path) -> None:
    """Variables that Python listens to; and no stderr at all."""
    bank = RealTillBank(tmp_path / "strange")
    bank.programs.environment |= {"PYTHONINSPECT": "1", "PYTHONIOENCODING": "utf-16", "LC_ALL": "C", "PYTHONUTF8": "0"}
    with bank:
        assert bank.atm("-a", "bob", "-n", "10.00").json == {"account": "bob", "initial_balance": 10}
        assert bank.atm("-a", "bob", "-w", "11.00").code == 255
        assert bank.until_said(1) == ['{"account":"bob","initial_balance":10}']
        assert bank.stop(signal.SIGTERM) == 0
    line = shlex.join([*bank.programs.line("bank"), "-p", "80"])
    done = subprocess.run(
        ["sh", "-c", f"{line} 2>&-"], env=bank.programs.environment, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (255, b"")


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
