"""The simulator's page as a program speaks to it: plain HTTP on its port, with whatever headers a stranger would send."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from support.living_kiosk import LivingKiosk
from support.real_processes import PATIENCE_S, RealKiosk

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/([\w-]+)/")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Guest:
    """Whoever has the address that was printed."""

    def __init__(self, said: str) -> None:
        found = _ADDRESS.search(said)
        assert found is not None, said
        self.address, self.port, self.token = found[0], int(found[1]), found[2]
        self.origin = f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Answer:
        """A request with its own Host; a header that is named is sent otherwise, or with None not at all."""
        sent = {"Host": f"127.0.0.1:{self.port}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, text in sent.items():
                if text is not None:
                    connection.putheader(name, text)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            found = {name.lower(): text for name, text in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, name: str = "", **headers: str | None) -> Answer:
        return self.ask("GET", f"/{self.token}/{name}", **headers)

    def do(self, deed: dict[str, Any] | bytes, **headers: str | None) -> Answer:
        """As the page itself sends a deed."""
        body = deed if isinstance(deed, bytes) else json.dumps(deed).encode()
        own = {"Origin": self.origin, "Content_Type": "application/json"}
        return self.ask("POST", f"/{self.token}/do", body, **{**own, **headers})

    def done(self, deed: dict[str, Any]) -> Any:
        """A deed that must be done; its answer."""
        answer = self.do(deed)
        assert answer.status == 200, answer
        return answer.json

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as line:
            line.sendall(f"GET /{self.token}/events HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
            yield Listener(line)


class Listener:
    """The page's stream of events. `now`: the newest of each section of its news; `heard`: everything else by name."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._rest = b""
        self.now: dict[str, Any] = {}
        self.heard: dict[str, list[Any]] = {}
        self.head = self._until(b"\r\n\r\n").decode()

    def _until(self, end: bytes) -> bytes:
        while end not in self._rest:
            data = self._line.recv(65_536)
            assert data, "the page ended its stream"
            self._rest += data
        found, _, self._rest = self._rest.partition(end)
        return found

    def next(self) -> None:
        """One event more."""
        text = self._until(b"\n\n").decode()
        if text.startswith(":"):
            return
        name, _, data = text.partition("\ndata: ")
        name, value = name.removeprefix("event: "), json.loads(data)
        if name == "news":
            self.now |= value
        elif isinstance(value, list):
            self.heard.setdefault(name, []).extend(value)
        else:
            self.heard.setdefault(name, []).append(value)

    def until(self, true: Any, what: str) -> None:
        """Hear on until it is so."""
        end = time.monotonic() + PATIENCE_S
        while not true(self):
            assert time.monotonic() < end, f"{what}: {self.now}"
            self.next()

    def until_screen(self, screen: str) -> None:
        self.until(lambda one: one.now.get("screen", {}).get("id") == screen, f"the screen {screen}")


@contextmanager
def with_page(kiosk: RealKiosk, *arguments: str) -> Iterator[tuple[LivingKiosk, Guest]]:
    """A simulated kiosk of that directory with its page."""
    with LivingKiosk(kiosk, "--page", "--quiet", *arguments) as living:
        living.until("/\n", since=living.until("http://127.0.0.1:"))
        yield living, Guest(living.out)
