"""Who may come in: this computer's own browser, by the address that was printed, and no other page through it."""

from __future__ import annotations

import base64
import hmac
from http import HTTPStatus

from bank_link.seams import Randomness
from kiosk.simulator.page.http import JSON, BadRequest, Request

_TOKEN_BYTES = 24


def new_token(random: Randomness) -> str:
    """192 bits as they stand in an address."""
    return base64.urlsafe_b64encode(random.token_bytes(_TOKEN_BYTES)).decode("ascii")


class Gate:
    """Opens only for a request whose Host is this machine's loopback, whose Origin is ours, and whose path has the token.

    A name of a stranger's that was made to resolve to 127.0.0.1 comes with that name as its Host; a stranger's page that
    sends a POST comes with its own Origin; whoever guesses a path has no token.
    """

    def __init__(self, port: int, token: str) -> None:
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._token = token
        self.address = f"http://127.0.0.1:{port}/{token}/"

    def __repr__(self) -> str:
        return f"<Gate of {min(self._hosts)}>"

    def enter(self, request: Request) -> str:
        """What is wanted, relative to the page's own address. Raises BadRequest (403, and 415 for a strange POST)."""
        if request.headers.get("host", "") not in self._hosts:
            raise _closed("This page is reached as 127.0.0.1 on this computer only.")
        origin = request.headers.get("origin")
        if origin not in self._origins and (origin is not None or request.method == "POST"):
            raise _closed("Another page may not use this one.")
        token, _, wanted = request.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode("ascii"), self._token.encode("ascii")):
            raise _closed("This is not the page's address: open the one that the simulator printed.")
        if request.method == "POST" and request.headers.get("content-type") != JSON:
            raise BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Only JSON is taken here.")
        return wanted


def _closed(sentence: str) -> BadRequest:
    return BadRequest(HTTPStatus.FORBIDDEN, sentence)
