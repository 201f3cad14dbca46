"""The control socket of a running kiosk: what an operator asks is answered by the process that holds the journal."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.living_kiosk import LivingKiosk, bank_in, with_card
from support.real_processes import RealBank, RealKiosk

from bank_link.control_socket import (
    CommandRefused,
    ControlError,
    ControlSocket,
    NotRunning,
    call,
    run_command,
)

PIN = "4711"


# ── The socket ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def echo(command: str, arguments: dict[str, Any]) -> Any:
    if command == "no":
        raise CommandRefused("it says no")
    if command == "bug":
        raise ZeroDivisionError
    return {"command": command, **arguments}


async def ask(path: Path, command: str = "say", **arguments: Any) -> Any:
    return await call(path, command, arguments, program="kiosk", timeout_s=10)


def with_socket(path: Path, story: Any, **kwargs: Any) -> None:
    async def whole() -> None:
        serving = ControlSocket(path, echo, program="kiosk", **kwargs)
        await serving.start()
        try:
            await story()
        finally:
            await serving.stop()

    asyncio.run(whole())


def test_only_its_own_user_may_ask(tmp_path: Path) -> None:
    """The socket's file is closed to others before anybody can connect, and gone afterwards."""
    path = tmp_path / "c.sock"

    async def story() -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await ask(path, "say", word="ja") == {"command": "say", "word": "ja"}

    with_socket(path, story)
    assert not path.exists()


def test_refusals_and_bugs_are_sentences(tmp_path: Path) -> None:
    """A command that is refused says why; a bug is named to the caller and kept for the log."""
    bugs: list[BaseException] = []

    async def story() -> None:
        with pytest.raises(CommandRefused, match="it says no"):
            await ask(tmp_path / "s", "no")
        with pytest.raises(CommandRefused, match="ZeroDivisionError"):
            await ask(tmp_path / "s", "bug")

    with_socket(tmp_path / "s", story, failed=lambda _, error: bugs.append(error))
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


def test_a_killed_program_leaves_no_trap(tmp_path: Path) -> None:
    """A socket file without a listener is replaced; one with a listener, or another file, is not touched."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def story() -> None:
        assert await ask(path)
        with pytest.raises(ControlError, match="another kiosk is running"):
            await ControlSocket(path, echo, program="kiosk").start()

    with_socket(path, story)
    path.write_text("mine")
    with pytest.raises(ControlError, match="in the way"):
        asyncio.run(ControlSocket(path, echo, program="kiosk").start())
    assert path.read_text() == "mine"


def test_a_path_too_long_for_the_kernel_works(tmp_path: Path) -> None:
    """A state directory deep down is no reason to be deaf."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    with_socket(deep / "s", lambda: ask(deep / "s"))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_get_a_sentence_or_nothing(data: bytes) -> None:
    """Whatever a caller writes, the program lives on."""

    async def whole(path: Path) -> None:
        serving = ControlSocket(path, echo, program="kiosk")
        await serving.start()
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(data + b"\n")
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 10)
            assert answer == b"" or "error" in json.loads(answer) or "result" in json.loads(answer)
            writer.close()
            assert await ask(path)
        finally:
            await serving.stop()

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(whole(Path(folder) / "s"))


def test_where_nobody_listens_it_is_done_here(tmp_path: Path) -> None:
    """And a program that is just starting is waited for, not bypassed."""

    class InUse(Exception):
        pass

    tries: list[int] = []

    async def locally() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise InUse
        return "done here"

    async def run(patience_s: float) -> Any:
        return await run_command(
            tmp_path / "s", "say", {}, program="kiosk", locally=locally, in_use=InUse, patience_s=patience_s
        )

    assert asyncio.run(run(10)) == "done here"
    tries.clear()
    with pytest.raises(InUse):
        asyncio.run(run(0))
    with pytest.raises(NotRunning):
        asyncio.run(ask(tmp_path / "s"))


# ── A running kiosk ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    with bank_in(tmp_path_factory.mktemp("control")) as bank:
        yield bank


@pytest.fixture
def kiosk(bank: RealBank, tmp_path: Path) -> RealKiosk:
    return RealKiosk.enrolled(bank, tmp_path / "kiosk")


def test_operator_beside_a_running_kiosk(kiosk: RealKiosk) -> None:
    """Status, exchange, totals and journal come from the process that runs, and the notes lie in its cassettes."""
    with LivingKiosk(kiosk) as living:
        living.until("Closed for now")
        done = kiosk.run("cash", "load", "top=20", "middle=30", "--by", "Olga", "--json")
        assert done.code == 0, done
        assert done.json["value"] == "1600.00 USD"
        living.until("Welcome")
        status = living.status()
        assert status["in_service"]
        assert status["why"] == {}
        assert {device["state"] for device in status["devices"]} == {"online"}
        assert "in service" in kiosk.run("status").out
        shown = kiosk.run("journal", "show", "--filter", "counts-set").out
        assert "by Olga" in shown
        assert stat.S_IMODE((kiosk.directory / "control.sock").stat().st_mode) == 0o600
        assert kiosk.notes["top"]["cassette"] == 20
        assert living.kill(signal.SIGTERM) == 0
    totals = kiosk.run("cash", "totals", "--json").json
    assert [(row["cassette"], row["count"]) for row in totals["cassettes"]] == [
        ("top", 20), ("middle", 30), ("bottom", 0),
    ]  # fmt: skip
    assert not (kiosk.directory / "control.sock").exists()


def test_an_exchange_waits_for_the_customer(bank: RealBank, kiosk: RealKiosk) -> None:
    """With a card in, it is refused in one sentence and changes nothing; afterwards it is done."""
    with_card(bank, kiosk, pin=PIN)
    kiosk.load(top=20)
    with LivingKiosk(kiosk, terminal=True) as living:
        at = living.until("Welcome")
        living.type("i")
        at = living.until("Enter your PIN", since=at)
        done = kiosk.run("cash", "load", "top=40", "--by", "Olga")
        assert done.code == 3, done
        assert "a customer is being served" in done.sentence
        assert kiosk.notes["top"]["cassette"] == 20
        assert "is being served" in kiosk.run("status").out
        living.type("a")
        at = living.until("Take your card", since=at)
        living.type("p")
        living.until("Welcome", since=at)
        assert kiosk.run("cash", "load", "top=40", "--by", "Olga").code == 0
        assert kiosk.notes["top"]["cassette"] == 40


def test_notes_and_journal_survive_sigkill(kiosk: RealKiosk) -> None:
    """A killed kiosk leaves its notes where they are and a socket that does not mislead."""
    kiosk.load(top=20, bottom=7)
    with LivingKiosk(kiosk) as living:
        living.until("Welcome")
        living.kill()
    assert kiosk.notes["bottom"]["cassette"] == 7
    assert (kiosk.directory / "control.sock").exists()
    assert "in the cassettes: 1070.00 USD" in kiosk.run("cash", "totals").out
    with LivingKiosk(kiosk) as living:
        living.until("Welcome")
        assert living.status()["in_service"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["top"], 2, "write CASSETTE=NOTES"),
        (["attic=5"], 2, "no cassette 'attic'; it has top, middle, bottom"),
        (["top=501"], 2, "it holds 500"),
        (["top=-1"], 2, "write CASSETTE=NOTES"),
        (["top=1", "top=2"], 2, "named twice"),
        (["top=1+1"], 2, "give them with --found"),
        (["top=٣"], 2, "write CASSETTE=NOTES"),
    ],
)
def test_a_count_that_cannot_be(kiosk: RealKiosk, words: list[str], code: int, says: str) -> None:
    """Each is refused in one sentence before a note or a record moves."""
    done = kiosk.run("cash", "load", *words, "--by", "Olga")
    assert (done.code, done.out) == (code, "")
    assert says in done.sentence
    assert not (kiosk.directory / "notes.json").exists()


def test_found_notes_and_rejects_are_told_to_the_bank(bank: RealBank, kiosk: RealKiosk) -> None:
    """What was counted on opening goes into the fact, rejects apart; the bank learns it when the kiosk is there."""
    kiosk.load(top=20)
    done = kiosk.run("cash", "load", "top=100", "--by", "Olga", "--found", "top=18+1")
    assert done.code == 0, done
    assert "2 waiting" in done.out
    with LivingKiosk(kiosk) as living:
        living.until("Welcome")
        assert living.status()["waiting"] == 0
    bank.sound()


def test_the_state_of_nobody(tmp_path: Path) -> None:
    """No auth file: an exchange cannot be anybody's, and nothing is made."""
    from support.real_processes import Programs

    kiosk = RealKiosk(tmp_path, Programs(tmp_path / "logs"))
    (tmp_path / "kiosk.toml").write_text(
        '[terminal]\nprofile = "laptop"\nstate = "."\nauth_file = "terminal.auth"\nkey_file = "terminal.key"\n'
    )
    done = kiosk.run("cash", "load", "top=1", "--by", "Olga")
    assert done.code == 6
    assert "terminal.key" in done.sentence
    assert not (tmp_path / "journal.sqlite").exists()


def test_nobody_reads_the_journal_while_notes_move(tmp_path: Path) -> None:
    """A long answer would keep the motor running: asked in mid-payment, it is refused for a moment."""
    from support.town import Town, run_town

    from kiosk.control import KioskControl
    from kiosk.operator.desk import Desk

    async def story(town: Town) -> None:
        await town.open_for_business()
        desk = Desk(journal=town.machine.journal, config=town.config, generation=1)
        control = KioskControl(town.machine, desk, "T1")
        town.machine.vault._paying = True
        with pytest.raises(CommandRefused, match="notes are moving"):
            await control.execute("journal-show", {"last": 10, "contains": ""})
        town.machine.vault._paying = False
        assert await control.execute("journal-show", {"last": 10, "contains": ""})

    run_town(tmp_path, story)
