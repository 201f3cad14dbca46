"""`atm` as a program, against a bank that a test scripts: what it prints, how it ends, and what it leaves in its directory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.link_authority import Authority
from support.programs import PATIENCE_S, Done, Programs
from support.till_bank import HOST, TillBank, card_bytes, done, write_auth_file
from support.tls_server import Hangup, Request

from bank_link.messages import Reason, Refused
from bank_link.till.messages import TillAnswer, TillCall

AUTHORITY = Authority()
ACCOUNT = "zaphod"


@dataclass
class Till:
    """A directory with an auth file, and the program that is run in it."""

    here: Path
    programs: Programs

    def line(self, *words: str) -> list[str]:
        return [*self.programs.line("atm"), "-a", ACCOUNT, *words]

    def run(self, bank: TillBank | None, *words: str, account: str = ACCOUNT) -> Done:
        """The program's end. Only stdout ever holds the account's name or an amount."""
        port = ["-p", str(bank.port)] if bank else []
        ended = self.programs.run([*self.programs.line("atm"), "-a", account, *words, *port])
        assert account not in ended.err
        assert not re.search(r"[0-9]+\.[0-9]{2}", ended.err)
        assert ended.err.count("\n") == bool(ended.code), ended
        return ended

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.here.iterdir()}


@pytest.fixture
def till(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Till:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    write_auth_file(here / "bank.auth", AUTHORITY.identity(address=f"{HOST}:3000"))
    return Till(here, Programs(tmp_path / "logs"))


@pytest.fixture
def card(till: Till) -> bytes:
    """The account's card, as an opening has left it."""
    (till.here / f"{ACCOUNT}.card").write_bytes(card_bytes())
    return card_bytes()


def refused(ended: Done, code: int = 255) -> None:
    assert (ended.code, ended.out) == (code, "")


# ── What is done ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_from_its_opening_to_its_balance(till: Till) -> None:
    """One line of JSON each, and 0; the card is made by the opening and changed by nothing."""
    with TillBank(AUTHORITY) as bank:
        for words, said in (
            (("-n", "1000.00"), '{"account":"zaphod","initial_balance":1000}\n'),
            (("-d", "100.00"), '{"account":"zaphod","deposit":100}\n'),
            (("-w63.10",), '{"account":"zaphod","withdraw":63.1}\n'),
            (("-g",), '{"account":"zaphod","balance":43.63}\n'),
        ):
            assert till.run(bank, *words) == Done(0, said, "")
            assert till.files()[f"{ACCOUNT}.card"] == card_bytes()
    assert sorted(till.files()) == ["bank.auth", f"{ACCOUNT}.card"]
    assert [call.amount for call in bank.calls] == [100_000, 10_000, 6_310, 0]


def test_files_of_other_names(till: Till) -> None:
    """The auth file, the card and the address are where the line says."""
    (till.here / "bank.auth").rename(till.here / "my.auth")
    with TillBank(AUTHORITY) as bank:
        for words in (("-n", "10.00"), ("-g",)):
            assert till.run(bank, *words, "-s", "my.auth", "-c", "my.card", "-i", "127.0.0.1").code == 0
    assert sorted(till.files()) == ["my.auth", "my.card"]


# ── What is refused before anybody is called ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words", [("-n", "9.99"), ("-n", "10"), ("-g", "-g"), ("-g", "--"), (), ("-h",), ("-g", "-p", "80"), ("-g", "x")]
)
def test_an_invalid_line_touches_nothing(till: Till, words: tuple[str, ...]) -> None:
    """No bank is needed to say so, nor any file."""
    (till.here / "bank.auth").unlink()
    refused(till.run(None, *words))
    assert till.files() == {}


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    "spoil", [Path.unlink, damaged, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"x")]
)
@pytest.mark.parametrize("words", [("-n", "10.00"), ("-g",)])
@pytest.mark.usefixtures("card")
def test_an_auth_file_that_is_none(till: Till, spoil: Callable[[Path], object], words: tuple[str, ...]) -> None:
    """Ends it with 255; no connection is made."""
    spoil(till.here / "bank.auth")
    with TillBank(AUTHORITY) as bank:
        refused(till.run(bank, "-c", "new.card" if words[0] == "-n" else f"{ACCOUNT}.card", *words))
    assert bank.server.connections == 0
    assert "new.card" not in till.files()


def test_a_card_that_is_none(till: Till) -> None:
    """Missing, empty, cut off: 255 for every mode that needs one, and no connection."""
    with TillBank(AUTHORITY) as bank:
        for data in (None, b"", card_bytes()[:-1]):
            if data is not None:
                (till.here / f"{ACCOUNT}.card").write_bytes(data)
            for words in (("-g",), ("-d", "1.00"), ("-w", "1.00")):
                refused(till.run(bank, *words))
    assert bank.server.connections == 0


def test_an_opening_over_a_card(till: Till, card: bytes) -> None:
    """255, no connection, and the card is as it was."""
    with TillBank(AUTHORITY) as bank:
        refused(till.run(bank, "-n", "10.00"))
    assert bank.server.connections == 0
    assert till.files()[f"{ACCOUNT}.card"] == card


# ── What comes of a call that is not answered well ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [("-n", "10.00"), ("-w", "1.00", "-c", "a.card")])
def test_what_the_bank_refuses(till: Till, words: tuple[str, ...]) -> None:
    """255 and no JSON; a refused opening leaves no card."""
    (till.here / "a.card").write_bytes(card_bytes())
    with TillBank(AUTHORITY, lambda _call: Refused(reason=Reason.FUNDS, sentence=f"{ACCOUNT} has 1.00")) as bank:
        refused(till.run(bank, *words))
    assert sorted(till.files()) == ["a.card", "bank.auth"]


@pytest.mark.parametrize("words", [("-n", "10.00"), ("-w", "1.00", "-c", "a.card")])
def test_no_bank(till: Till, words: tuple[str, ...]) -> None:
    """63, and no card."""
    (till.here / "a.card").write_bytes(card_bytes())
    with TillBank(AUTHORITY) as bank:
        pass
    refused(till.run(bank, *words), 63)
    assert sorted(till.files()) == ["a.card", "bank.auth"]


def hangup(_request: Request) -> None:
    raise Hangup


@pytest.mark.parametrize("handler", [hangup, lambda request: request.answer(b"x" * 2_048)])
def test_a_faulty_answer(till: Till, handler: Callable[[Request], None]) -> None:
    """63, and no card."""
    with TillBank(AUTHORITY, handler=handler) as bank:
        refused(till.run(bank, "-n", "10.00"), 63)
    assert sorted(till.files()) == ["bank.auth"]


@pytest.mark.usefixtures("card")
def test_the_auth_file_of_another_bank(till: Till) -> None:
    """Is a good one: it is the exchange that fails."""
    with TillBank(Authority("Another bank")) as bank:
        refused(till.run(bank, "-g"), 63)
    assert bank.calls == []


def test_a_card_file_that_somebody_else_makes_meanwhile(till: Till) -> None:
    """255: their file stays, and nothing is reported that the caller could not use."""

    def decide(call: TillCall) -> TillAnswer:
        (till.here / f"{ACCOUNT}.card").write_bytes(b"theirs")
        return done(call)

    with TillBank(AUTHORITY, decide) as bank:
        refused(till.run(bank, "-n", "10.00"))
    assert till.files()[f"{ACCOUNT}.card"] == b"theirs"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 255)])
def test_ended_while_it_waits(till: Till, number: signal.Signals, code: int) -> None:
    """No card is left, no part of one, and no traceback."""
    process: list[subprocess.Popen[str]] = []

    def handler(_request: Request) -> None:
        process[0].send_signal(number)
        process[0].wait(PATIENCE_S)

    with TillBank(AUTHORITY, handler=handler) as bank:
        process.append(started(till, "-n", "10.00", "-p", str(bank.port)))
        out, err = process[0].communicate(timeout=PATIENCE_S)
    assert (process[0].returncode, out) == (code, "")
    assert "Traceback" not in err
    assert sorted(till.files()) == ["bank.auth"]


# ── Nowhere to print to ─────────────────────────────────────────────────────────────────────────────────────────────


def started(till: Till, *words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        till.line(*words), stdout=stdout, stderr=subprocess.PIPE, text=True, env=till.programs.environment
    )


def test_an_output_that_is_closed_or_full(till: Till) -> None:
    """It is done, the card is kept, and the end is 255 without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    with TillBank(AUTHORITY) as bank:
        for output in (writer, full):
            process = started(till, "-n", "10.00", "-c", f"{output}.card", "-p", str(bank.port), stdout=output)
            os.close(output)
            _, err = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 255
            assert "cannot be printed" in err
            assert err.count("\n") == 1
            assert till.files()[f"{output}.card"] == card_bytes()


@pytest.mark.parametrize(("closing", "calls", "code"), [(">&-", 0, 255), ("2>&-", 1, 0), (">&- 2>&-", 0, 255)])
def test_no_output_at_all(till: Till, closing: str, calls: int, code: int) -> None:
    """Without stdout no money is moved; without stderr nothing changes. No file is ever taken for either."""
    with TillBank(AUTHORITY) as bank:
        ended = shell(till, ["-n", "10.00", "-p", str(bank.port)], closing)
        assert ended == (code, '{"account":"zaphod","initial_balance":10}\n' if calls else "")
    assert len(bank.calls) == calls
    assert till.files().get(f"{ACCOUNT}.card", card_bytes()) == card_bytes()
    with TillBank(AUTHORITY, lambda _call: Refused(reason=Reason.FUNDS)) as bank:
        assert shell(till, ["-n", "10.00", "-c", "x.card", "-p", str(bank.port)], closing) == (255, "")
    assert "x.card" not in till.files()


def shell(till: Till, words: Sequence[str], closing: str) -> tuple[int, str]:
    line = ["sh", "-c", f'exec "$@" {closing}', "sh", *till.line(*words)]
    ended = subprocess.run(
        line, stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE_S, env=till.programs.environment
    )
    return ended.returncode, ended.stdout
