"""Mistakes in the bank: decisions, ledger, facts, cards, time."""

from __future__ import annotations

import asyncio
import math

from simulation.planting import Defect, Text, Value

from bank.decision import decide, sweep
from bank.decision.committer import Committer
from bank.facts import completion, reversal
from bank.ledger import moves
from bank.terminals import sign_on
from bank_link.client import EXCHANGE_MS, BankClient
from bank_link.errors import OutcomeUnknown
from bank_link.session import OpenSession

# ── Mistakes that are more than a line ──────────────────────────────────────────────────────────────────────────────


async def _first_answer_that_comes(self: BankClient, request: bytes, left_s: float | None) -> bytes:
    """The connection is kept after a time-out: what comes on it first is taken for the answer."""
    timeout_ms = EXCHANGE_MS if left_s is None else max(1, min(EXCHANGE_MS, math.ceil(left_s * 1000)))
    late: asyncio.Task[bytes] | None = self.__dict__.pop("late", None)
    own = asyncio.ensure_future(self._line.exchange(request, 120_000))
    own.add_done_callback(lambda task: task.cancelled() or task.exception())
    waiting = {own} if late is None else {own, late}
    done, _ = await asyncio.wait(waiting, timeout=timeout_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
    if own not in done:
        self.__dict__["late"] = own
    if not done:
        raise OutcomeUnknown("no answer in time")
    if late is not None and late in done and not late.exception():
        return late.result()
    return await own


BANK = (
    Defect(
        "numbers-decided-again",
        "A number that was answered before is decided once more where it comes again.",
        (
            Text(
                decide._known_number, "return _with_secret(view, context, decode_answer(msgspec.Raw(row.answer)))",
                "return None",
            ),
        ),
    ),
    Defect(
        "transmission-replayed",
        "A transmission number that was seen before is accepted.",
        (
            Text(
                decide._one,
                'return _drop(view, tools, envelope, "replay-refused", f"transmission {envelope.transmission} again")',
                "window = session.highest, int.from_bytes(session.mask)",
            ),
        ),
    ),
    Defect(
        "fact-refused-as-a-replay",
        "A fact that comes again because its answer was lost is refused.",
        (
            Text(
                decide._fact, "return decode_answer(msgspec.Raw(row.answer))",
                'return Refused(reason=Reason.MALFORMED, sentence="this number was used before")',
            ),
        ),
    ),
    Defect(
        "older-generation-refused",
        "The facts that a terminal made before it was enrolled anew are refused.",
        (
            Text(
                decide._fact, "    row, digest = numbers.find(view, key), body_digest(message)\n",
                "    row, digest = numbers.find(view, key), body_digest(message)\n"
                "    if message.made_by.generation != context.terminal.generation:\n"
                '        return Refused(reason=Reason.MALFORMED, sentence="of an older generation")\n',
            ),
        ),
    ),
    Defect(
        "facts-keyed-by-session",
        "A fact is filed under the generation of the session that brings it, not of the one that numbered it.",
        (
            Text(
                decide._fact, "message.made_by.generation, message.number)",
                "context.terminal.generation, message.number)",
            ),
        ),
    ),
    Defect(
        "stale-books",
        "A batch is decided on books that were read before the last batch was committed.",
        (
            Text(Committer.run, "await self._settle(taken)", "asyncio.ensure_future(self._settle(taken))"),
            Text(
                Committer._settle, "    self._waiting.extendleft(reversed(again))\n",
                "    self._waiting.extendleft(reversed(again))\n    self._arrived.set()\n",
            ),
            Text(
                Committer._commit,
                "    async with self._store.transaction() as tx:\n"
                "        batch, books = await tx.run(_load, batch, tools)\n"
                "        decision = decide(books, batch, tools)\n",
                "    batch, books = await self._store.read(_load, batch, tools)\n"
                "    decision = decide(books, batch, tools)\n"
                "    async with self._store.transaction() as tx:\n",
            ),
        ),
    ),
    Defect(
        "no-tombstone",
        "A reversal of what the bank never saw leaves no trace: the message that comes late is still in effect.",
        (Text(reversal.reverse, "    _tombstone(view, context, about)\n", ""),),
    ),
    Defect(
        "late-message-in-effect",
        "An open-visit after its deadline still turns the ratchet: deadlines are not looked at.",
        (
            Text(
                decide._numbered, "if context.now_ms > message.deadline and not (row is not None and row.answered):",
                "if row is not None and row.answered and row.kind != kind(message):",
            ),
        ),
    ),
    Defect(
        "completion-refused-after-expiry",
        "A completion that comes when its hold has expired is refused.",
        (
            Text(
                completion.complete, '    if hold.state in {"posted", "voided"}:\n',
                '    if hold.state == "voided":\n'
                '        raise FactUnreadable("its hold has expired")\n'
                '    if hold.state == "posted":\n',
            ),
        ),
    ),
    Defect(
        "late-completion-not-posted",
        "A completion that comes when its hold is over is acknowledged and not posted.",
        (
            Text(
                completion.complete, '    if hold.state in {"posted", "voided"}:\n',
                '    if hold.state == "voided":\n        return Acknowledged()\n    if hold.state == "posted":\n',
            ),
        ),
    ),
    Defect(
        "hold-freed-twice",
        "A reversal frees a hold that has expired already, and so frees money that another hold has set aside.",
        (
            Text(
                reversal.reverse, '    if hold is None or hold.state == "voided":\n        return Acknowledged()\n',
                "    if hold is None:\n        return Acknowledged()\n"
                '    if hold.state == "voided":\n        _void(view, context, hold)\n        return Acknowledged()\n',
            ),
            Text(
                moves.free_hold,
                '    assert hold.state in {"held", "released", "case"}, "a hold resolves once"\n'
                "    account = view.need(Account, hold.account)\n"
                '    assert account.held_minor >= hold.amount_minor, "more would be freed than is held"\n',
                "    account = view.need(Account, hold.account)\n",
            ),
        ),
    ),
    Defect(
        "release-voided-by-time",
        "A released payment that nobody completes is given back after ten minutes, without a case.",
        (
            Text(
                sweep.sweep, "file_silent(view, tools, hold)",
                'free_hold(view, hold, state="voided", posted=Money(0, hold.currency))',
            ),
        ),
    ),
    Defect(
        "limit-not-given-back",
        "What a card did not get in the end still counts against its day.",
        (
            Text(
                moves.free_hold,
                "    count_usage(view, hold.card, hold.day, posted - hold.amount, 0 if posted.minor else -1)\n", "",
            ),
        ),
    ),
    Defect(
        "rolled-back-disk-not-noticed",
        "A kiosk whose disk is an older copy signs on as if nothing were missing.",
        (
            Text(
                sign_on._contradiction,
                "    if terminal.last_boot and not claims.knows_last_boot:\n        return _LOST_BOOT\n"
                "    if counted.highest_seen > max(claims.highest_taken, counted.adopted):\n        return _LOST_NUMBERS\n",
                "",
            ),
        ),
    ),
    Defect(
        "answer-of-another-request",
        "An answer is not bound to its request: one that comes late is taken for the next one's.",
        (
            Value(BankClient, "_exchange", _first_answer_that_comes),
            Text(decide._sealed, "request_mac=request.mac", 'request_mac=b"any"'),
            Text(OpenSession.read, "request_mac=request[:MAC_BYTES]", 'request_mac=b"any"'),
        ),
    ),
)  # fmt: skip
