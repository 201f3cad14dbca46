"""`atm-bank serve` as a process: real enrolment over TLS, commands beside it and without it, and every end in good order."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.bank_program import PROGRAM, BankProgram, free_port
from support.hall import Journal

from bank_link.client import BankClient
from bank_link.enrolment import enrol
from bank_link.enrolment_string import fingerprint, parse
from bank_link.errors import EnrolmentError, LinkError, SignOnRefused
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.line import HttpsLine
from bank_link.messages import Echo, EchoBack
from bank_link.seams import SystemClock, SystemRandomness


@pytest.fixture
def bank(tmp_path: Path) -> BankProgram:
    program = BankProgram(tmp_path / "bank", tmp_path / "home")
    program.found()
    return program


@pytest.fixture
def serving(bank: BankProgram) -> Iterator[BankProgram]:
    with bank.serving():
        yield bank


def enrolled(bank: BankProgram, *more: str) -> Identity:
    string = bank.ok("enrol", *more)["string"]
    return enrol(string, random=SystemRandomness(), now_ms=SystemClock().now_ms())


def print_of(identity: Identity) -> str:
    return fingerprint(signing_public(identity.signing_key))


def echo_of(identity: Identity) -> EchoBack:
    """Sign on over mutual TLS, as a kiosk does, and echo once."""

    async def talk() -> EchoBack:
        line = HttpsLine(identity, SystemRandomness())
        client = BankClient(
            line=line, identity=identity, random=SystemRandomness(), clock=SystemClock(), standing=Journal()
        )
        try:
            await client.sign_on()
            answer = await client.ask(Echo(), until=SystemClock().now_ms() + 10_000)
        finally:
            line.close()
        assert isinstance(answer, EchoBack)
        return answer

    return asyncio.run(talk())


def test_a_terminal_is_enrolled_confirmed_and_served(serving: BankProgram) -> None:
    """From the printed string to the first message, over the bank's own two listeners."""
    identity = enrolled(serving)
    assert (identity.terminal, identity.address) == ("T1", f"localhost:{serving.ports[0]}")
    assert [one["state"] for one in serving.ok("terminal", "list")["terminals"]] == ["pending"]
    with pytest.raises(SignOnRefused, match="not confirmed"):
        echo_of(identity)
    assert "do not confirm" in serving.sentence("terminal", "confirm", "T1", "--fingerprint", "AAAA-AAAA-AAAA-AAAA")
    confirmed = serving.ok("terminal", "confirm", "T1", "--fingerprint", print_of(identity))
    assert confirmed["state"] == "active"
    assert echo_of(identity) == EchoBack()
    serving.ok("terminal", "suspend", "T1", "--why", "under repair")
    assert echo_of(identity).why == "under repair"
    serving.ok("terminal", "resume", "T1")
    assert echo_of(identity) == EchoBack()


def test_a_string_enrols_one_machine_once(serving: BankProgram) -> None:
    """The same machine may ask again; another one learns that the string is no good."""
    string = serving.ok("enrol")["string"]
    key = SystemRandomness().token_bytes(32)
    now = SystemClock().now_ms()
    first = enrol(string, random=SystemRandomness(), now_ms=now, signing_key=key)
    assert enrol(string, random=SystemRandomness(), now_ms=now, signing_key=key) == first
    with pytest.raises(EnrolmentError, match="not any more"):
        enrol(string, random=SystemRandomness(), now_ms=now)


def test_an_enrolment_anew_shuts_the_old_identity_out(serving: BankProgram) -> None:
    """Its certificate is still the CA's, but its generation is over."""
    old = enrolled(serving)
    serving.ok("terminal", "confirm", "T1", "--fingerprint", print_of(old))
    echo_of(old)
    new = enrolled(serving, "--terminal", "T1")
    assert (new.terminal, new.generation) == ("T1", 2)
    serving.ok("terminal", "confirm", "T1", "--fingerprint", print_of(new))
    with pytest.raises(LinkError, match="enrolled anew"):
        echo_of(old)
    assert echo_of(new) == EchoBack()


def test_commands_beside_a_running_bank_do_not_meet(serving: BankProgram, tmp_path: Path) -> None:
    """Dozens at the same time: each carried out once, the books and the log whole."""
    (tmp_path / "pin").write_text("1234")
    serving.ok("customer", "add", "Ada")

    def one(place: int) -> str:
        opened = serving.ok("account", "open", "C1001", "--opening", f"{place}.50", "--label", f"n{place}")
        serving.ok("card", "issue", "C1001", "--pin-file", f"{tmp_path}/pin", "--out", f"{tmp_path}/{place}.card")
        return str(opened["account"])

    with ThreadPoolExecutor(6) as pool:
        accounts = list(pool.map(one, range(12)))
    assert len(set(accounts)) == 12
    assert len({(tmp_path / f"{place}.card").read_bytes() for place in range(12)}) == 12
    assert serving.ok("ledger", "check")["postings"] == 12
    assert serving.ok("audit", "verify")["sound"]


def test_commands_find_their_way_while_the_bank_comes_and_goes(bank: BankProgram) -> None:
    """Started, stopped, and started again under them: none fails, none is lost or done twice."""
    added: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            process = bank.start()
            running = pool.submit(lambda: [bank.ok("customer", "add", "x")["customer"] for _ in range(4)])
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            assert process.returncode == 0
            added += running.result(timeout=60)
    assert added == [f"C{1001 + place}" for place in range(8)]
    assert bank.ok("audit", "verify")["sound"]


def test_a_killed_bank_leaves_nothing_in_the_way(bank: BankProgram) -> None:
    """SIGKILL, then a command by itself, then a new start over the old socket."""
    process = bank.start()
    bank.ok("customer", "add", "Ada")
    process.kill()
    process.communicate(timeout=60)
    assert (bank.directory / "control.sock").exists()
    assert bank.ok("customer", "add", "Bo")["customer"] == "C1002"
    with bank.serving():
        assert bank.ok("customer", "add", "Cy")["customer"] == "C1003"
    assert bank.ok("audit", "verify")["sound"]


def test_a_second_bank_on_the_same_books_is_refused(serving: BankProgram) -> None:
    """In one sentence, and the first goes on."""
    assert "in use by a running bank" in serving.sentence("serve")
    serving.ok("customer", "add", "Ada")


def test_a_port_in_use_is_one_sentence(bank: BankProgram) -> None:
    """It names the address and what to do; the books are free again afterwards."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"127.0.0.1:{port}" in bank.sentence("serve", "--port", str(port))
        assert "in use" in bank.sentence("serve", "--enrol-port", str(port))
    bank.ok("customer", "add", "Ada")


def test_other_ports_than_configured_go_into_string_and_identity(bank: BankProgram) -> None:
    """What a terminal is told is where the bank really listens."""
    port, enrol_port = free_port(), free_port()
    with bank.serving("--port", str(port), "--enrol-port", str(enrol_port)):
        assert parse(bank.ok("enrol")["string"]).address == f"localhost:{enrol_port}"
        assert enrolled(bank).address == f"localhost:{port}"


def test_systemd_is_told_when_it_serves_and_when_it_ends(bank: BankProgram, tmp_path: Path) -> None:
    """READY=1 once the ports are open, WATCHDOG=1 while the database answers, STOPPING=1 at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        with bank.serving(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="400000"):
            said = {manager.recv(100) for _ in range(4)}
            assert {b"READY=1", b"WATCHDOG=1"} <= said
        while manager.recv(100) != b"STOPPING=1":
            pass


def test_what_the_service_logs_is_its_owners_alone(serving: BankProgram) -> None:
    """A stranger's visit leaves a line there; no other user can read it."""
    log = serving.directory / "bank.log"
    with socket.create_connection(("127.0.0.1", serving.ports[0])) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while stranger.recv(100):
            pass
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE((serving.directory / "control.sock").stat().st_mode) == 0o600
    for _ in range(100):
        if "was not admitted" in log.read_text():
            return
        asyncio.run(asyncio.sleep(0.05))
    raise AssertionError("the stranger left no line")


def test_a_bug_in_a_command_leaves_the_bank_serving(serving: BankProgram) -> None:
    """Garbage on the control socket is answered with a sentence, and the next command works."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(serving.directory / "control.sock"))
        caller.sendall(b'{"command":"customer-add","arguments":{"by":"x","name":7}}\n')
        answer = json.loads(caller.makefile().readline())
    assert "the name is not one" in answer["error"]
    serving.ok("customer", "add", "Ada")


def test_the_server_can_be_interrupted_from_the_keyboard(bank: BankProgram) -> None:
    """Ctrl-C ends it as systemd would, without a traceback."""
    process = bank.start()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_help_is_there_for_every_command() -> None:
    """`atm-bank --help` names them all."""
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60, check=True)
    for group in (
        "init",
        "serve",
        "enrol",
        "customer",
        "account",
        "card",
        "pin",
        "terminal",
        "case",
        "audit",
        "ledger",
        "ca",
    ):
        assert f"\n    {group} " in done.stdout
