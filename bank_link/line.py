"""The line in production: one request to the bank over HTTPS, from a worker thread of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import requests
import urllib3

from bank_link import address as addresses
from bank_link.envelope import CONTENT_TYPE, MAX_FRAME, MESSAGE_PATH
from bank_link.errors import NotSent, OutcomeUnknown
from bank_link.identity import Identity
from bank_link.pinned_http import Call, PinnedSession, whole_body
from bank_link.seams import Randomness
from bank_link.tls import terminal_context

#: Exchanges at once: a visit, the outbox, the echo, and one that nobody waits for any more.
THREADS = 4


class HttpsLine:
    """`seams.Line` over TLS 1.3 with this terminal's certificate; connections are kept alive between exchanges.

    `connect_ms` bounds each connection (TCP and TLS). Close it, or use it as a context manager.
    """

    def __init__(self, identity: Identity, random: Randomness, *, connect_ms: int = 5_000) -> None:
        self._where = addresses.split(identity.address)
        self._address = identity.address
        self._context = terminal_context(identity, random)
        self._connect_s = connect_ms / 1000
        self._current = threading.local()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bank-line")
        self._http = self._new_session()
        self._closed = False

    def __repr__(self) -> str:
        return f"<HttpsLine to {self._address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def trust(self, cas: tuple[str, ...]) -> None:
        """Trust these CAs (PEM) too, from the next connection on: what a session handed out as `next_cas`."""
        self._context.load_verify_locations(cadata="\n".join(cas))

    async def exchange(self, request: bytes, timeout_ms: int) -> bytes:
        """See `seams.Line`. What was given up on is cut, so it neither starts later nor holds a thread."""
        if self._closed:
            raise NotSent("the line to the bank is closed")
        call = Call()
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._post, call, request, timeout_ms / 1000)
        work.add_done_callback(_looked_at)
        try:
            await asyncio.wait({work}, timeout=timeout_ms / 1000)
        finally:
            begun = call.end()
        if work.done() and not work.cancelled():
            return work.result()
        if begun:
            raise OutcomeUnknown(f"the bank at {self._address} did not answer in time")
        raise NotSent(f"no connection to the bank at {self._address} stood in time")

    async def reset(self) -> None:
        """See `seams.Line`. An exchange under way keeps its connection to its end."""
        old, self._http = self._http, self._new_session()
        old.close()

    def close(self) -> None:
        """Close the connections; may be called again. Threads end with what they are at."""
        self._closed = True
        self._http.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _new_session(self) -> PinnedSession:
        return PinnedSession(*self._where, self._context, self._current)

    def _post(self, call: Call, request: bytes, timeout_s: float) -> bytes:
        """In a worker thread."""
        self._current.call = call
        timeout = (min(self._connect_s, timeout_s), timeout_s)
        try:
            with self._http.post(MESSAGE_PATH, request, CONTENT_TYPE, timeout) as response:
                return self._body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise OutcomeUnknown(self._lost(error)) from error
        finally:
            call.finish()

    def _body(self, response: requests.Response) -> bytes:
        content_type = response.headers.get("Content-Type", "")
        if response.status_code != 200 or content_type != CONTENT_TYPE:
            raise OutcomeUnknown(f"the bank at {self._address} gave no answer but HTTP status {response.status_code}")
        body = whole_body(response, MAX_FRAME)
        if len(body) > MAX_FRAME:
            raise OutcomeUnknown(f"the bank at {self._address} answered with more than {MAX_FRAME} bytes")
        return body

    def _lost(self, error: Exception) -> str:
        if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
            return f"the bank at {self._address} did not answer in time"
        return (
            f"the connection to the bank at {self._address} ended without an answer; "
            "if it always does, the bank does not accept this terminal's certificate"
        )


def _looked_at(work: asyncio.Future[Any]) -> None:
    """Its caller may have given up; what became of it then is of no interest."""
    if not work.cancelled():
        work.exception()
