"""`requests` held to one host and one SSL context, and able to say whether a request's first byte ever left."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from bank_link.errors import NotSent


class Call:
    """One request on its way through a worker thread. It begins at most once, and never after it was ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = False
        self._begun = False
        self._connection: HTTPSConnection | None = None

    def begin(self, connection: HTTPSConnection) -> None:
        """The connection stands and the first byte is next. Raises NotSent where the caller has given up."""
        with self._lock:
            if self._ended:
                raise NotSent("the time to send it was over before the connection stood")
            self._begun = True
            self._connection = connection

    def finish(self) -> None:
        """The thread is done with the connection, which may serve another call now."""
        with self._lock:
            self._connection = None

    def end(self) -> bool:
        """Nobody waits any more: cut the connection if it is still at it. Returns whether a byte may have left."""
        with self._lock:
            self._ended = True
            sock = getattr(self._connection, "sock", None)
            if sock is not None:
                _cut(sock)
            return self._begun


class PinnedSession:
    """A `requests` session for one `host:port`: no redirects, no retries, no proxies, nothing from the environment.

    `current.call` is the `Call` of the thread that is about to send.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext, current: threading.local) -> None:
        self._adapter = _PinnedAdapter(host, port, context, current)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.adapters.clear()
        self._session.mount("https://", self._adapter)
        self._base = f"https://{f'[{host}]' if ':' in host else host}:{port}"

    def post(self, path: str, body: bytes, content_type: str, timeout: tuple[float, float]) -> requests.Response:
        """Connect and read time-outs in seconds; the response's body is not read yet."""
        return self._session.post(
            self._base + path,
            data=body,
            headers={"Content-Type": content_type, "Accept": content_type, "Accept-Encoding": "identity"},
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._session.close()


def whole_body(response: requests.Response, most: int) -> bytes:
    """The response's body, at most one byte more than `most`; raises as `requests` does where it was cut short."""
    body = b""
    while len(body) <= most and (piece := response.raw.read(most + 1 - len(body), decode_content=False)):
        body += piece
    return body


class _PinnedAdapter(HTTPAdapter):
    """Uses one connection pool of our own, whatever `requests` would choose by URL, environment or bundle."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, current: threading.local) -> None:
        super().__init__(max_retries=0)
        self._pool = _Pool(host, port, ssl_context=context, maxsize=4, block=False, retries=False)
        self._pool.current = current

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> HTTPSConnectionPool:
        return self._pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Does nothing: the inherited one would load the public CAs into our context."""

    def close(self) -> None:
        super().close()
        self._pool.close()


class _Connection(HTTPSConnection):
    """Says NotSent for whatever goes wrong up to the end of the TLS handshake, and tells the call when it begins."""

    current: threading.local

    def connect(self) -> None:
        try:
            super().connect()
        except Exception as error:
            raise NotSent(_why(error, f"{self.host}:{self.port}")) from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.current.call.begin(self)
        super().request(*args, **kwargs)


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection
    current: threading.local

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        assert isinstance(connection, _Connection)
        connection.current = self.current
        return connection


def _why(error: Exception, where: str) -> str:
    """One sentence for what kept the connection from standing; `error` may wrap the system's own."""
    chain = _chain(error)
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in chain):
        return (
            f"the server at {where} does not prove that it is the bank: its certificate is not the bank's for this name"
        )
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return f"the server at {where} does not speak TLS 1.3 as the bank does"
    if any(isinstance(one, socket.gaierror) for one in chain):
        return f"the bank's name in {where} is not known on this network"
    if any(isinstance(one, TimeoutError) for one in chain) or "timed out" in str(error):
        return f"the bank at {where} did not answer in time"
    return f"the bank at {where} cannot be reached: {_system_words(chain)}"


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and len(chain) < 8:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _system_words(chain: list[BaseException]) -> str:
    words = [one.strerror for one in chain if isinstance(one, OSError) and one.strerror]
    return words[-1].lower() if words else type(chain[0]).__name__


def _cut(sock: socket.socket) -> None:
    """Wakes the thread that reads from it. `SSLSocket.shutdown` would take the socket's TLS state away under it."""
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return
