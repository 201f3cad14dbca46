"""The control socket: a command reaches the running bank, or is carried out by itself; never by two, never by none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bank.control import MOST_CALLERS, CommandRefused, ControlError, ControlSocket, NotRunning, call, run_command
from bank.listener import ServiceError
from bank.store.errors import StoreError
from bank.store.store import Store


async def execute(command: str, arguments: dict[str, Any]) -> Any:
    if command == "refuse":
        raise CommandRefused("there is no account A-9")
    if command == "disk":
        raise StoreError("the disk is full")
    if command == "break":
        raise KeyError("what nobody should read")
    return {"did": command, "with": arguments, "by": "the running bank"}


async def nobody() -> Any:
    raise AssertionError("the command must not run by itself beside a running bank")


def beside(path: Path, talk: Callable[[Path], Awaitable[object]], doing: Any = execute) -> object:
    async def main() -> object:
        control = ControlSocket(path, doing)
        await control.start()
        try:
            return await talk(path)
        finally:
            await control.stop(grace_s=2)

    return asyncio.run(main())


def test_a_command_is_carried_out_by_the_running_bank(tmp_path: Path) -> None:
    """Arguments and result pass as they are, of any size that a report may have."""
    long = "ä" * 300_000

    async def talk(path: Path) -> object:
        return await run_command(path, "show", {"text": long, "n": [1, None, True]}, locally=nobody)

    assert beside(tmp_path / "control", talk) == {
        "did": "show", "with": {"text": long, "n": [1, None, True]}, "by": "the running bank",
    }  # fmt: skip


def test_what_the_bank_refuses_arrives_as_its_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Refusals and faults of the disk are told as they are; of a programmer's error the caller gets no inside."""

    async def talk(path: Path) -> list[str]:
        sentences = []
        for command in ("refuse", "disk", "break"):
            with pytest.raises(CommandRefused) as caught:
                await call(path, command, {"pin": "90210"})
            sentences.append(str(caught.value))
        return sentences

    assert beside(tmp_path / "control", talk) == [
        "there is no account A-9",
        "the disk is full",
        "the bank failed at this command (KeyError); its log says where",
    ]
    assert "the command 'break' failed" in caplog.text
    assert "90210" not in caplog.text


def test_only_the_owner_may_open_it_and_it_goes_with_the_bank(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask is; nothing is left after a clean end."""
    path = tmp_path / "control"

    async def talk(path: Path) -> int:
        return await asyncio.to_thread(lambda: stat.S_IMODE(path.stat().st_mode))

    before = os.umask(0)
    try:
        assert beside(path, talk) == 0o600
    finally:
        os.umask(before)
    assert not path.exists()


def test_without_a_bank_the_command_runs_by_itself(tmp_path: Path) -> None:
    """No socket, or one that a killed bank left: the command opens the store itself."""
    path = tmp_path / "control"

    async def locally() -> str:
        return "by itself"

    assert asyncio.run(run_command(path, "show", {}, locally=locally)) == "by itself"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert asyncio.run(run_command(path, "show", {}, locally=locally)) == "by itself"
    with pytest.raises(NotRunning, match="no bank is running"):
        asyncio.run(call(path, "show", {}))


SERVER = """
import asyncio, sys
from pathlib import Path
from bank.control import ControlSocket
async def execute(command, arguments):
    if command == "hang":
        print("hanging", flush=True)
        await asyncio.sleep(60)
    return command
async def main():
    await ControlSocket(Path(sys.argv[1]), execute).start()
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_a_bank_that_is_killed_in_a_command_is_told_and_the_next_one_takes_its_place(tmp_path: Path) -> None:
    """The caller learns that the outcome is open; nothing is done twice; the stale socket is no hindrance."""
    path = tmp_path / "control"

    async def doomed(kill: Callable[[], None], hanging: Callable[[], bytes]) -> None:
        task = asyncio.create_task(run_command(path, "hang", {}, locally=nobody))
        assert await asyncio.to_thread(hanging) == b"hanging\n"
        kill()
        with pytest.raises(ControlError, match="look whether it took effect"):
            await task

    with subprocess.Popen([sys.executable, "-c", SERVER, str(path)], stdout=subprocess.PIPE) as bank:
        assert bank.stdout is not None
        assert bank.stdout.readline() == b"ready\n"
        asyncio.run(doomed(lambda: bank.send_signal(signal.SIGKILL), bank.stdout.readline))
    assert path.exists()

    async def talk(path: Path) -> object:
        return await call(path, "show", {})

    assert beside(path, talk) == {"did": "show", "with": {}, "by": "the running bank"}


def test_a_second_bank_does_not_take_over_the_socket_of_the_first(tmp_path: Path) -> None:
    """It is told that another one runs; the first goes on."""

    async def talk(path: Path) -> object:
        with pytest.raises(ServiceError, match="another bank is running on"):
            await ControlSocket(path, execute).start()
        return await call(path, "show", {})

    assert beside(tmp_path / "control", talk)


def test_what_is_in_the_way_is_left_alone(tmp_path: Path) -> None:
    """A plain file or a missing folder: one sentence."""
    path = tmp_path / "control"
    path.write_text("mine")
    with pytest.raises(ServiceError, match="is in the way of the control socket"):
        beside(path, lambda _path: asyncio.sleep(0))
    assert path.read_text() == "mine"
    with pytest.raises(ServiceError, match="cannot be made: No such file"):
        beside(tmp_path / "nowhere" / "control", lambda _path: asyncio.sleep(0))


def test_a_deep_data_directory_is_no_hindrance(tmp_path: Path) -> None:
    """The kernel's limit of 108 bytes for a socket's path does not reach the user."""
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    folder.mkdir(parents=True)

    async def talk(path: Path) -> object:
        return await call(path, "show", {})

    assert beside(folder / "control", talk)
    with pytest.raises(NotRunning):
        asyncio.run(call(folder / "control", "show", {}))


def test_a_bank_that_is_just_starting_or_stopping_is_waited_for(tmp_path: Path) -> None:
    """Between the store's lock and the socket there is a moment in which neither way works: it is waited out."""
    path, database = tmp_path / "control", tmp_path / "bank.db"

    async def locally() -> str:
        async with await Store.open(database):
            return "by itself"

    async def main() -> list[object]:
        store = await Store.open(database)
        first = asyncio.create_task(run_command(path, "show", {}, locally=locally))
        await asyncio.sleep(0.2)
        control = ControlSocket(path, execute)
        await control.start()
        served = await first
        await control.stop(grace_s=1)
        second = asyncio.create_task(run_command(path, "show", {}, locally=locally))
        await asyncio.sleep(0.2)
        await store.close()
        return [served["by"], await second]

    assert asyncio.run(main()) == ["the running bank", "by itself"]


def test_a_bank_that_does_not_answer_is_not_waited_for_without_end(tmp_path: Path) -> None:
    """The caller is told that the outcome is open."""

    async def hang(_command: str, _arguments: dict[str, Any]) -> None:
        await asyncio.sleep(30)

    async def talk(path: Path) -> None:
        with pytest.raises(ControlError, match=r"did not answer within 0\.2 s"):
            await call(path, "show", {}, timeout_s=0.2)

    async def main() -> None:
        control = ControlSocket(tmp_path / "control", hang)
        await control.start()
        await talk(tmp_path / "control")
        await control.stop(grace_s=0.1)

    asyncio.run(main())


def test_a_command_under_way_is_finished_when_the_bank_stops(tmp_path: Path) -> None:
    """Stopping in good order answers what was asked."""

    async def main() -> object:
        begun = asyncio.Event()

        async def slow(command: str, _arguments: dict[str, Any]) -> str:
            begun.set()
            await asyncio.sleep(0.2)
            return command

        control = ControlSocket(tmp_path / "control", slow)
        await control.start()
        asked = asyncio.create_task(call(tmp_path / "control", "show", {}))
        await begun.wait()
        await control.stop(grace_s=5)
        return await asked

    assert asyncio.run(main()) == "show"


async def once_there_is_room(path: Path) -> object:
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(ControlError):
                return await call(path, "show", {})
            await asyncio.sleep(0)


JUNK = st.one_of(
    st.binary(max_size=60),
    st.recursive(st.none() | st.text(max_size=5), st.lists).map(lambda v: json.dumps(v).encode()),
)


def test_junk_on_the_socket_is_answered_with_a_sentence_or_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No line of any kind stops the socket, and too many callers at once are turned away."""
    lines: list[bytes] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(JUNK)
    def gather(line: bytes) -> None:
        lines.append(line.replace(b"\n", b""))

    gather()

    async def talk(path: Path) -> object:
        for line in [*lines, b"[" * 100_000, b'{"command":"show","arguments":{},"more":1}']:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
            writer.write(line + b"\n")
            answer = json.loads(await reader.readline())
            assert "does not understand this command" in answer["error"]
            writer.close()
        held = [await asyncio.open_unix_connection(str(path)) for _ in range(MOST_CALLERS + 5)]
        assert await held[-1][0].read() == b""
        for _, writer in held:
            writer.close()
        return await once_there_is_room(path)

    with caplog.at_level(logging.INFO):
        assert beside(tmp_path / "control", talk)
    assert not caplog.records
