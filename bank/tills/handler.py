"""Answers tills: each call is one transaction of the books, done once for its number, and told in the order of its effect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from bank.authoriser.context import Refusal, Tools
from bank.ledger import numbers
from bank.ledger.read import books_over
from bank.ledger.rows import Terminal
from bank.ledger.view import View
from bank.ledger.write import write
from bank.store.store import Store
from bank.tills import rules
from bank.tills.rules import Asked
from bank_link import coding
from bank_link.envelope import Envelope, answering, body_digest, seal, unseal
from bank_link.errors import MessageRefused
from bank_link.messages import Reason, Refused
from bank_link.till.messages import TillAnswer, TillCall, TillDone, What, answer_envelope, pack, read_call, unpack

#: Called with each transaction that took effect, in their order, and once each.
Told = Callable[[TillDone], None]


@dataclass(frozen=True)
class _Decided:
    """`is_new`: it took effect just now."""

    answer: TillAnswer
    is_new: bool


class TillHandler:
    """`handle` is for the listener's app. `tools` carries the time and is asked anew for each call."""

    def __init__(
        self, *, store: Store, tools: Callable[[], Tools], told: Told, committed: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._tools = tools
        self._told = told
        self._committed = committed

    async def handle(self, body: bytes, *, certified: str, began: float) -> bytes:
        """The answer's bytes. `certified`: whose certificate the connection was opened with, `terminal:generation`;
        `began`: loop time at which it was accepted.

        Raises MessageRefused for what is no till's message, another's than the certificate's, or one that its till has
        given up: see `TillCall.left_ms`.
        """
        try:
            envelope = unpack(body)
        except MessageRefused:
            return _to_a_kiosk(body)
        if f"{envelope.terminal}:{envelope.generation}" != certified:
            raise MessageRefused("one terminal's call under another's certificate")
        call = read_call(envelope)
        async with self._store.transaction() as tx:
            # Its till saw the bank's first word after the connection was accepted, and waits no longer than this.
            if asyncio.get_running_loop().time() > began + call.left_ms / 1000:
                raise MessageRefused("this call came when its till had given up")
            decided = await tx.run(self._decide, envelope, call)
        # No await between commit and this: lines stand in the order of what they tell.
        if decided.is_new and isinstance(decided.answer, TillDone):
            self._told(decided.answer)
        self._committed()
        return pack(answer_envelope(envelope, decided.answer))

    def _decide(self, connection: Connection, envelope: Envelope, call: TillCall) -> _Decided:
        books, tools = books_over(connection), self._tools()
        view = View(books)
        terminal = view.get(Terminal, envelope.terminal)
        if terminal is None or terminal.generation != envelope.generation:
            return _Decided(Refused(reason=Reason.SUSPENDED, sentence="the bank knows no such till"), is_new=False)
        asked = Asked(tools, terminal)
        decided = _once(view, asked, call)
        write(connection, books, view)
        if isinstance(decided.answer, TillDone) and call.what is What.OPEN:
            made = rules.with_file(asked, decided.answer, rules.card_number(asked, call))
            return _Decided(made, is_new=decided.is_new)
        return decided


def _once(view: View, asked: Asked, call: TillCall) -> _Decided:
    """The same number again does nothing, and is answered as it was; with another content it is refused."""
    key = (asked.terminal.terminal, asked.terminal.generation, call.number)
    row, digest = numbers.find(view, key), body_digest(call)
    if row is not None:
        if row.digest != digest:
            asked.note(view, "other-body", call.number, "the same number came with another body")
            return _Decided(Refused(reason=Reason.OTHER_BODY, sentence="this number was used already"), is_new=False)
        answer: TillAnswer = coding.decode(TillAnswer, row.answer, "the answer")
        return _Decided(answer, is_new=False)
    branch = view.branch()
    try:
        answer = rules.decide(branch, asked, call)
    except Refusal as refusal:
        for kind, detail in refusal.events:
            asked.note(view, kind, call.number, detail)
        answer = refusal.answer
    else:
        view.merge(branch)
    numbers.record(
        view, key, kind=f"till-{call.what}", digest=digest, answer=coding.encode(answer), at_ms=asked.tools.now_ms
    )
    return _Decided(answer, is_new=True)


def _to_a_kiosk(body: bytes) -> bytes:
    """One sentence for a kiosk that was brought here. Raises MessageRefused for what is no message at all."""
    envelope = unseal(body).envelope
    sentence = "this bank is for tills: a kiosk belongs to a bank that was made for kiosks"
    return seal(answering(envelope, Refused(reason=Reason.UNSUPPORTED, sentence=sentence), time=0), None)
