"""Measures an answer that does nothing, over the bank's own mutual TLS 1.3, on each server that could carry the bank.

    python tests/bench/server_choice.py [--requests 20000] [--clients 2] [--connections 16] [CANDIDATE …]

Every candidate serves the same ASGI callable in one process, with one loop. Client processes send a bounded number of
requests over kept-alive connections. Printed are requests a second, and the processor time of the server's processes
for one request: on a machine whose cores are shared with the clients the second figure is the fairer one.
A candidate whose package is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import multiprocessing
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

BODY = bytes(512)  # the smallest frame that kiosk and bank exchange
REQUEST = (
    b"POST /v1/message HTTP/1.1\r\nHost: bank\r\nContent-Type: application/octet-stream\r\nContent-Length: 512\r\n\r\n"
) + BODY


async def handle(body: bytes, *, peer: str) -> bytes:
    """The bank that does nothing."""
    assert peer
    return body


def asgi() -> Any:
    from bank.api import message_app

    return message_app(handle)


async def granian_app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Granian's workers import their target by name."""
    await asgi()(scope, receive, send)


# ── the candidates: each serves for ever on a port that is handed in ────────────────────────────────────────────────


def uvicorn_on(loop: str, app: Any = None) -> Callable[[int, Path], None]:
    def serve(port: int, keys: Path) -> None:
        import uvicorn

        uvicorn.run(
            app() if app else asgi(), host="127.0.0.1", port=port, http="httptools", loop=loop, ws="none",
            lifespan="off", log_config=None, access_log=False, server_header=False, date_header=False,
            ssl_certfile=keys / "chain.pem", ssl_keyfile=keys / "key.pem", ssl_ca_certs=str(keys / "ca.pem"),
            ssl_cert_reqs=ssl.CERT_REQUIRED, timeout_keep_alive=75,
        )  # fmt: skip

    return serve


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def post(request: Request) -> Response:
        assert request.client
        answer = await handle(await request.body(), peer=request.client.host)
        return Response(answer, media_type="application/octet-stream")

    return Starlette(routes=[Route("/v1/message", post, methods=["POST"])])


def granian_on(loop: str) -> Callable[[int, Path], None]:
    def serve(port: int, keys: Path) -> None:
        from granian import Granian
        from granian.constants import Interfaces, Loops

        server = Granian(
            "server_choice:granian_app", address="127.0.0.1", port=port, interface=Interfaces.ASGINL, workers=1,
            loop=Loops(loop), websockets=False, log_enabled=False, ssl_cert=keys / "chain.pem",
            ssl_key=keys / "key.pem", ssl_ca=keys / "ca.pem", ssl_client_verify=True,
        )  # fmt: skip
        server.serve()

    return serve


def granian_embedded(port: int, keys: Path) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    server = Server(
        asgi(), address="127.0.0.1", port=port, interface=Interfaces.ASGINL, websockets=False, log_enabled=False,
        ssl_cert=keys / "chain.pem", ssl_key=keys / "key.pem", ssl_ca=keys / "ca.pem", ssl_client_verify=True,
    )  # fmt: skip
    asyncio.run(server.serve())


def ours(loop: str) -> Callable[[int, Path], None]:
    """The listener of `bank.listener`, as the bank runs it."""

    def serve(port: int, keys: Path) -> None:
        from bank.keys.keyring import KeyRing
        from bank.keys.tls import server_context
        from bank.listener import Listener
        from bank_link.seams import SystemRandomness

        async def main() -> None:
            ring = KeyRing.load(keys / "ring", random=SystemRandomness())
            context = server_context(ring, enrolment=False)
            listener = Listener("main", "127.0.0.1", port, context=context, app=asgi())
            await listener.start()
            await asyncio.Event().wait()

        if loop == "uvloop":
            import uvloop

            uvloop.run(main())
        asyncio.run(main())

    return serve


CANDIDATES: dict[str, tuple[tuple[str, ...], Callable[[int, Path], None]]] = {
    "uvicorn": (("uvicorn", "httptools"), uvicorn_on("asyncio")),
    "uvicorn-uvloop": (("uvicorn", "httptools", "uvloop"), uvicorn_on("uvloop")),
    "starlette-uvicorn": (("starlette", "uvicorn", "httptools"), uvicorn_on("asyncio", starlette)),
    "granian": (("granian",), granian_on("asyncio")),
    "granian-uvloop": (("granian", "uvloop"), granian_on("uvloop")),
    "granian-embedded": (("granian",), granian_embedded),
    "ours": (("uvicorn", "httptools"), ours("asyncio")),
    "ours-uvloop": (("uvicorn", "httptools", "uvloop"), ours("uvloop")),
}


# ── the measurement ─────────────────────────────────────────────────────────────────────────────────────────────────


def make_keys(directory: Path) -> Path:
    """A ring, its server's key and chain, and a terminal's certificate, as PEM files for every candidate."""
    from support.bank_ring import real_ring, terminal_files

    ring = real_ring(directory / "ring")
    key, marker, chain = ring.server_file.read_text().partition("-----BEGIN CERTIFICATE-----")
    (directory / "key.pem").write_text(key)
    (directory / "chain.pem").write_text(marker + chain)
    (directory / "ca.pem").write_text(ring.ca_pem())
    return terminal_files(directory, ring)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def connect(port: int, keys: Path, own: Path) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(keys / "ca.pem")
    context.load_cert_chain(own)
    line = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname="127.0.0.1")
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def wait_for(port: int, keys: Path, own: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with connect(port, keys, own) as line:
                exchange(line)
                return
        except (OSError, EOFError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def exchange(line: ssl.SSLSocket) -> None:
    line.sendall(REQUEST)
    receive(line)


def receive(line: ssl.SSLSocket) -> None:
    got = b""
    while not got.endswith(BODY):
        part = line.recv(8192)
        if not part:
            raise EOFError
        got += part
    assert got.startswith(b"HTTP/1.1 200"), got[:80]


def client(port: int, keys: Path, own: Path, requests: int, connections: int, seconds: Any) -> None:
    """Sends on all its connections, then reads from all: the server always has work waiting."""
    lines = [connect(port, keys, own) for _ in range(connections)]
    for line in lines:
        exchange(line)
    begun = time.monotonic()
    for _ in range(requests // connections):
        for line in lines:
            line.sendall(REQUEST)
        for line in lines:
            receive(line)
    seconds.put(time.monotonic() - begun)


def processor_s(session: int) -> float:
    """Processor seconds of all processes of a session, from /proc."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(name: str, keys: Path, own: Path, arguments: argparse.Namespace) -> tuple[float, float]:
    """(requests a second, server microseconds a request)."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", name, "--port", str(port), "--keys", str(keys)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/bench")])
    }
    server = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, env=environment)
    try:
        wait_for(port, keys, own)
        before = processor_s(server.pid)
        seconds: Any = multiprocessing.Queue()
        share = arguments.requests // arguments.clients
        clients = [
            multiprocessing.Process(target=client, args=(port, keys, own, share, arguments.connections, seconds))
            for _ in range(arguments.clients)
        ]
        for one in clients:
            one.start()
        longest = max(seconds.get(timeout=120) for _ in clients)
        for one in clients:
            one.join()
        used = processor_s(server.pid) - before
        return arguments.requests / longest, used / arguments.requests * 1e6
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidates", nargs="*", metavar="CANDIDATE", help=", ".join(CANDIDATES))
    parser.add_argument("--requests", type=int, default=20_000, help="in all, for each candidate")
    parser.add_argument("--clients", type=int, default=2, help="client processes")
    parser.add_argument("--connections", type=int, default=16, help="of each client")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is printed")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--keys", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        CANDIDATES[arguments.serve][1](arguments.port, arguments.keys)
        return
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder)
        own = make_keys(keys)
        print(f"{'candidate':20} {'requests/s':>10} {'server µs each':>15}")
        for name in arguments.candidates or CANDIDATES:
            missing = [package for package in CANDIDATES[name][0] if importlib.util.find_spec(package) is None]
            if missing:
                print(f"{name:20} left out: {', '.join(missing)} not installed")
                continue
            results = [measure(name, keys, own, arguments) for _ in range(arguments.rounds)]
            print(f"{name:20} {max(r for r, _ in results):10.0f} {min(c for _, c in results):15.1f}", flush=True)


if __name__ == "__main__":
    main()
