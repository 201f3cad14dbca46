"""The service as a whole: both ports and the workers live and die together, and systemd is told the truth."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from support.bank_port import Caller, Keys, echo, post

from bank.api import enrolment_app, message_app
from bank.keys.tls import keep_certificate, server_context
from bank.listener import ENROLMENT_LIMITS, Listener, ServiceError
from bank.service import Notifier, Service
from bank.store.errors import StoreError, StoreFailed
from bank_link.envelope import CA_PATH, ENROL_PATH


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("service"))


def doors(keys: Keys, port: int = 0) -> tuple[Listener, Listener]:
    main = Listener(
        "main", "127.0.0.1", port, context=server_context(keys.ring, enrolment=False), app=message_app(echo)
    )
    enrolment = Listener(
        "enrolment", "127.0.0.1", 0,
        context=server_context(keys.ring, enrolment=True), app=enrolment_app(echo, keys.ring.ca_pem), limits=ENROLMENT_LIMITS,
    )  # fmt: skip
    return main, enrolment


async def for_ever() -> None:
    await asyncio.Event().wait()


def test_two_ports_serve_in_one_process_and_one_loop(keys: Keys) -> None:
    """The main port takes messages of enrolled terminals; the other one shows the CA and takes enrolments, no more."""

    async def main() -> None:
        service = Service(notifier=Notifier())
        main, enrolment = doors(keys)
        service.open(main)
        service.open(enrolment)
        await service.start()
        assert service.ready.is_set()
        terminal = await Caller.connect(main, keys.caller())
        assert await terminal.ask(b"hello") == b"127.0.0.1:hello"
        stranger = await Caller.connect(enrolment, keys.caller(own=False))
        await stranger.send(post(b"", method="GET", path=CA_PATH))
        assert (await stranger.answer())[::2] == (200, keys.ring.ca_pem().encode())
        await stranger.send(post(b"token", path=ENROL_PATH))
        assert (await stranger.answer())[2] == b"127.0.0.1:token"
        await stranger.send(post(b"withdraw"))
        assert (await stranger.answer())[0] == 404
        for caller in (terminal, stranger):
            await caller.close()
        await service.stop()
        await service.stop()
        assert not service.ready.is_set()

    asyncio.run(main())


def ended_by(service: Service) -> str:
    with pytest.raises(ServiceError) as caught:
        asyncio.run(asyncio.wait_for(service.run(), 10))
    return str(caught.value)


def made(**more: Any) -> Service:
    return Service(notifier=Notifier(), **more)


async def dies() -> None:
    raise ZeroDivisionError


async def ends() -> None:
    pass


async def is_full() -> None:
    raise StoreError("the disk that holds bank.db is full; free some space")


@pytest.mark.parametrize(
    ("worker", "sentence"),
    [
        (dies, "the bank stops because its part 'sealer' died of ZeroDivisionError; the log says where"),
        (ends, "the bank stops because its part 'sealer' ended, which it never should"),
        (is_full, "the disk that holds bank.db is full; free some space"),
    ],
)
def test_a_worker_that_ends_takes_the_service_down_with_a_sentence(
    keys: Keys, worker: Callable[[], Coroutine[Any, Any, None]], sentence: str
) -> None:
    """A bank without its sealer or committer does not go on half alive."""
    service = made()
    service.open(doors(keys)[0])
    service.work("committer", for_ever)
    service.work("sealer", worker)
    assert ended_by(service) == sentence


def test_a_store_that_failed_ends_the_service(keys: Keys) -> None:
    """The probe tells: after a failed disk only a new start can say what is true."""
    asked = []

    async def probe() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise StoreFailed("the disk that holds bank.db fails; check it, then start the bank again")

    service = made(probe=probe, probe_s=0.01)
    service.open(doors(keys)[0])
    assert ended_by(service).startswith("the disk that holds bank.db fails")


def test_a_port_in_use_is_one_sentence_and_leaves_nothing_open(keys: Keys) -> None:
    """The second bank says which port; its other doors and its workers are closed again."""
    cancelled = []

    async def worker() -> None:
        try:
            await for_ever()
        finally:
            cancelled.append(1)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            service = made()
            first, second = doors(keys)[1], doors(keys, taken.getsockname()[1])[0]
            service.open(first)
            service.open(second)
            service.work("committer", worker)
            with pytest.raises(ServiceError, match="the port is in use by another program"):
                await service.run()
            with pytest.raises(OSError, match="Connect call failed"):
                await Caller.plain(first)
        assert cancelled

    asyncio.run(main())


def test_what_was_asked_is_decided_before_the_workers_end(keys: Keys) -> None:
    """On a stop the committer still works while the last answers go out."""

    async def main() -> None:
        asked: asyncio.Queue[asyncio.Future[bytes]] = asyncio.Queue()
        taken = asyncio.Event()

        async def committer() -> None:
            while True:
                future = await asked.get()
                taken.set()
                await asyncio.sleep(0.2)
                future.set_result(b"decided")

        async def handle(body: bytes, *, peer: str) -> bytes:
            future = asyncio.get_running_loop().create_future()
            await asked.put(future)
            return await future  # type: ignore[no-any-return]

        listener = Listener(
            "main", "127.0.0.1", 0, context=server_context(keys.ring, enrolment=False), app=message_app(handle)
        )
        service = made()
        service.open(listener)
        service.work("committer", committer)
        running = asyncio.create_task(service.run())
        await service.ready.wait()
        caller = await Caller.connect(listener, keys.caller())
        await caller.send(post(b"withdraw"))
        await taken.wait()
        service.request_stop()
        assert (await caller.answer())[2] == b"decided"
        await running
        await caller.close()

    asyncio.run(main())


# ── systemd ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def heard(line: socket.socket) -> list[str]:
    states = []
    line.settimeout(0.05)
    try:
        while True:
            states.append(line.recv(1000).decode())
    except TimeoutError:
        return states


def test_systemd_hears_ready_after_the_doors_are_open_and_the_watchdog_while_the_store_answers(
    keys: Keys, tmp_path: Path
) -> None:
    """READY is not said before a terminal can come in; the watchdog is fed only by a probe that came back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "40000"}
        stuck = asyncio.Event()

        async def probe() -> None:
            if stuck.is_set():
                await for_ever()

        async def main() -> tuple[list[str], list[str], list[str]]:
            service = Service(notifier=Notifier.of(environment), probe=probe)
            listener = doors(keys)[0]
            service.open(listener)
            running = asyncio.create_task(service.run())
            await service.ready.wait()
            await (await Caller.connect(listener, keys.caller())).close()
            await asyncio.sleep(0.2)
            alive = heard(line)
            stuck.set()
            await asyncio.sleep(0.05)
            heard(line)
            await asyncio.sleep(0.2)
            silent = heard(line)
            service.request_stop()
            await running
            return alive, silent, heard(line)

        alive, silent, ended = asyncio.run(main())
    assert "READY=1" in alive
    assert alive.count("WATCHDOG=1") >= 3
    assert not silent
    assert ended == ["STOPPING=1"]


def test_a_watchdog_that_is_meant_for_another_process_is_not_fed() -> None:
    """WATCHDOG_PID names whose it is; nonsense in the environment means none."""
    assert Notifier.of({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "7"}, pid=7).watchdog_s == 4
    assert Notifier.of({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "8"}, pid=7).watchdog_s == 0
    assert Notifier.of({"WATCHDOG_USEC": "many"}).watchdog_s == 0
    Notifier.of({"NOTIFY_SOCKET": "/nowhere/at/all"}).say("READY=1")
    Notifier("@not-there").say("READY=1")


def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    """The worker renews in time, and the next handshake sees it."""
    keys = Keys.make(tmp_path)

    class Later:
        def __init__(self) -> None:
            self.shift_ms = 0

        def now_ms(self) -> int:
            return time.time_ns() // 1_000_000 + self.shift_ms

    async def shown(listener: Listener) -> bytes:
        caller = await Caller.connect(listener, keys.caller())
        certificate = caller.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        await caller.ask(b"x")
        await caller.close()
        assert isinstance(certificate, bytes)
        return certificate

    async def main() -> None:
        context = server_context(keys.ring, enrolment=False)
        listener = Listener("main", "127.0.0.1", 0, context=context, app=message_app(echo))
        service = made()
        service.open(listener)
        await service.start()
        before = await shown(listener)
        keys.ring.renew_server(now_ms=Later().now_ms(), force=True)
        assert await shown(listener) == before
        keys.ring.server_file.unlink()
        keeping = asyncio.create_task(keep_certificate(keys.ring, [context], Later(), every_s=60))
        while await shown(listener) == before:
            await asyncio.sleep(0)
        keeping.cancel()
        await service.stop()

    asyncio.run(main())


# ── as a process ────────────────────────────────────────────────────────────────────────────────────────────────────

BANK = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from bank.api import message_app
from bank.control import ControlSocket
from bank.keys.keyring import KeyRing
from bank.keys.tls import server_context
from bank.listener import Listener
from bank.service import Notifier, Service
from bank.store.store import Store
from bank.schema import metadata
from bank_link.seams import SystemRandomness

async def main(data):
    ring = KeyRing.load(data / "keys", random=SystemRandomness())
    store = await Store.open(data / "bank.db")
    await store.create_all(metadata)
    async def handle(body, *, peer):
        async with store.transaction() as tx:
            await tx.run(lambda c: c.execute(text("INSERT INTO customers VALUES (:c, '', '', 0)"), {"c": body.decode()}) and None)
        return body
    async def execute(command, arguments):
        return command
    service = Service(notifier=Notifier(), probe=lambda: store.read(lambda c: None))
    listener = Listener("main", "127.0.0.1", 0, context=server_context(ring, enrolment=False), app=message_app(handle))
    service.open(listener)
    service.open(ControlSocket(data / "control", execute))
    async def tell():
        await service.ready.wait()
        print(listener.port, flush=True)
        await asyncio.Event().wait()
    service.work("tell", tell)
    await service.run()
    await store.close()
    print("ended in good order", flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


def running(data: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", BANK, str(data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def asked(port: int, context: ssl.SSLContext, body: bytes) -> bytes:
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname="127.0.0.1") as line:
        line.sendall(post(body))
        answer = b""
        while not answer.endswith(body):
            part = line.recv(4096)
            assert part
            answer += part
        return answer


def test_sigterm_ends_it_in_good_order_and_sigkill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Killed and started again it serves at once, with every answered message on disk; SIGTERM exits 0 and tidily."""
    keys = Keys.make(tmp_path)
    with running(tmp_path) as bank:
        assert bank.stdout is not None
        port = int(bank.stdout.readline())
        for number in range(5):
            asked(port, keys.caller(), b"C-%d" % number)
        bank.kill()
    with running(tmp_path) as bank:
        assert bank.stdout is not None
        assert bank.stderr is not None
        port = int(bank.stdout.readline())
        assert b"500 " in asked_status(port, keys.caller(), b"C-1")
        asked(port, keys.caller(), b"C-9")
        with socket.create_connection(("127.0.0.1", port), 5):
            bank.send_signal(signal.SIGTERM)
            assert bank.stdout.read() == b"ended in good order\n"
        bank.stderr.read()
        assert bank.wait(10) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["T-1.pem", "bank.db", "bank.db.lock", "keys"]


def asked_status(port: int, context: ssl.SSLContext, body: bytes) -> bytes:
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname="127.0.0.1") as line:
        line.sendall(post(body))
        return line.recv(4096)


def test_sigterm_while_a_caller_holds_on_does_not_wait_for_ever(tmp_path: Path) -> None:
    """Open and half-sent connections are cut when the grace is over."""
    keys = Keys.make(tmp_path)
    with running(tmp_path) as bank:
        assert bank.stdout is not None
        port = int(bank.stdout.readline())
        context = keys.caller()
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname="127.0.0.1") as line:
            line.sendall(post(b"C-1")[:-1])
            begun = time.monotonic()
            bank.send_signal(signal.SIGTERM)
            assert bank.wait(15) == 0
            assert time.monotonic() - begun < 10
