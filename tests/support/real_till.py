"""`bank` and `atm` as real processes in one folder, and a proxy between the two that a test makes dishonest."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from support.programs import PATIENCE_S, Done, Ports, Programs, next_serial


class RealTillBank:
    """`bank -p PORT -s bank.auth` in `folder`; `lines` is what it has printed, without the first."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.programs = Programs(folder / "logs")
        self.ports = Ports(1)
        self.words = words
        self.code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._out = folder / "logs" / f"bank-{next_serial()}.out"

    @property
    def port(self) -> int:
        return self.ports.numbers[0]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGKILL)
        self.ports.release()
        if kind is None:
            for log in self.programs.logs.glob("*.err"):
                assert "Traceback" not in log.read_text(), log.read_text()

    def start(self) -> None:
        """Returns when it has said `created`."""
        self._out = self.folder / "logs" / f"bank-{next_serial()}.out"
        line = [*self.programs.line("bank"), "-p", str(self.port), *self.words]
        with self._out.open("wb") as out, self._out.with_suffix(".err").open("wb") as err:
            self._process = subprocess.Popen(
                line, stdout=out, stderr=err, cwd=self.folder, env=self.programs.environment
            )
        self._until(lambda: self._printed()[:1] == ["created"])

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Its exit code."""
        process, self._process = self._process, None
        if process is None:
            return self.code or 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        self.code = process.wait(PATIENCE_S)
        return self.code

    @property
    def lines(self) -> list[str]:
        return self._printed()[1:]

    def until_said(self, count: int, seconds: float = PATIENCE_S) -> list[str]:
        """Its lines, once there are so many; a check that fails says what there was."""
        self._until(lambda: len(self.lines) >= count, seconds)
        return self.lines

    def _printed(self) -> list[str]:
        return self._out.read_text().splitlines() if self._out.exists() else []

    def _until(self, done: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert self._process is not None
            assert self._process.poll() is None, self._out.with_suffix(".err").read_text()
            assert time.monotonic() < end, self._printed()
            time.sleep(0.02)

    # ---- the other end ----

    def atm(self, *words: str, port: int | None = None, folder: Path | None = None) -> Done:
        """One `atm`; `port` is the bank's own unless it is named, None of a line that names none."""
        line = [*self.programs.line("atm"), *words]
        line += ["-p", str(port or self.port)] if "-p" not in words else []
        done = subprocess.run(
            line, cwd=folder or self.folder, env=self.programs.environment, capture_output=True, timeout=PATIENCE_S,
            check=False,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def begin(self, *words: str, port: int | None = None) -> subprocess.Popen[bytes]:
        """An `atm` that is not waited for."""
        line = [*self.programs.line("atm"), *words, "-p", str(port or self.port)]
        return subprocess.Popen(
            line, cwd=self.folder, env=self.programs.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )


#: What the attacker makes of each piece: (towards the bank, which connection, the piece) → what goes on, None to hang up.
Meddling = Callable[[bool, int, bytes], bytes | None]


class Attacker:
    """A proxy on a port of its own. `seen` are all pieces, by direction and connection."""

    def __init__(self, target: int, meddle: Meddling = lambda _up, _which, piece: piece) -> None:
        self.meddle = meddle
        self._target = target
        self.seen: list[tuple[bool, int, bytes]] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in [self._listening, *self._open]:
            with contextlib.suppress(OSError):
                one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                bank = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, bank]
                which, self._count = self._count, self._count + 1
                for up, source, sink in ((True, client, bank), (False, bank, client)):
                    threading.Thread(target=self._pump, args=(up, which, source, sink), daemon=True).start()

    def _pump(self, up: bool, which: int, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                self.seen.append((up, which, piece))
                changed = self.meddle(up, which, piece)
                if changed is None:
                    break
                sink.sendall(changed)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def strangers(port: int, count: int, first: bytes = b"") -> list[socket.socket]:
    """Connections that say `first` and nothing more."""
    made = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(first)
        made.append(one)
    return made


@contextlib.contextmanager
def closing_all(sockets: list[socket.socket]) -> Iterator[list[socket.socket]]:
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


def is_private(path: Path) -> bool:
    return path.stat().st_mode & 0o077 == 0 and path.stat().st_uid == os.geteuid()
