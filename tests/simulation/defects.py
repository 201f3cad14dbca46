"""Deliberate defects in the code that ships, each planted in memory for as long as a block lasts.

    with planted("journal-not-synced"):
        result = simulate(Plan(seed))       # must not be clean

Each is one mistake that a programmer could make, in the place where it would be made. That the simulator finds them all
is the proof that its silence means something; `hunt.py` searches for the seeds.
"""

from __future__ import annotations
import __future__

import asyncio
import contextlib
import inspect
import math
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from bank.authoriser import pin, visits, withdrawal
from bank.cards import ratchet
from bank.decision import decide, sweep
from bank.decision.committer import Committer
from bank.facts import completion, exchange, reversal
from bank.ledger import moves
from bank.store import store
from bank.terminals import sign_on
from bank_link.card_file import CardFile
from bank_link.client import EXCHANGE_MS, BankClient
from bank_link.errors import OutcomeUnknown
from bank_link.session import OpenSession
from drivers import passage
from drivers.stick_reader import StickReader
from kiosk.host import Host
from kiosk.journal import recovery, tables
from kiosk.journal import store as journal
from kiosk.machine import Machine
from kiosk.operator import exchange as cassettes
from kiosk.outbox import Outbox
from kiosk.payment import Dispense
from kiosk.standing import JournalStanding
from kiosk.vault import Vault

# ── How code is changed in memory ───────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def with_text(function: Callable[..., Any], old: str, new: str) -> Iterator[None]:
    """`function` as if its source said `new` where it says `old`, which must stand in it exactly once.

    The function stays the same object and gets other code, so it changes wherever it was imported to.
    """
    real = inspect.unwrap(function)
    assert isinstance(real, FunctionType), function
    before = real.__code__
    real.__code__ = _compiled(real, old, new)
    try:
        yield
    finally:
        real.__code__ = before


def _compiled(function: FunctionType, old: str, new: str) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    found = source.count(old)
    assert found == 1, f"{function.__qualname__} says {found} times {old!r}"
    file = inspect.getsourcefile(function) or "<defect>"
    flags = __future__.annotations.compiler_flag
    made = compile(source.replace(old, new), file, "exec", flags=flags, dont_inherit=True)
    return next(
        one for one in made.co_consts if isinstance(one, CodeType) and one.co_name == function.__name__
    )  # fmt: skip


@contextlib.contextmanager
def with_value(owner: Any, name: str, value: Any) -> Iterator[None]:
    """`owner.name` is `value`."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@dataclass(frozen=True)
class Text:
    """`with_text` as a value."""

    function: Callable[..., Any]
    old: str
    new: str

    def made(self) -> AbstractContextManager[None]:
        return with_text(self.function, self.old, self.new)


@dataclass(frozen=True)
class Value:
    """`with_value` as a value."""

    owner: Any
    name: str
    value: Any

    def made(self) -> AbstractContextManager[None]:
        return with_value(self.owner, self.name, self.value)


@dataclass(frozen=True)
class Defect:
    """`breaks`: one sentence that says what goes wrong. `changes`: what differs from the code that ships."""

    name: str
    breaks: str
    changes: tuple[Text | Value, ...]


@contextlib.contextmanager
def planted(name: str) -> Iterator[Defect]:
    """The defect of that name is in the code. Raises KeyError for a name that is none."""
    defect = DEFECTS[name]
    with ExitStack() as stack:
        for change in defect.changes:
            stack.enter_context(change.made())
        yield defect


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


_NO_FSYNC = tuple(pragma.replace("synchronous = FULL", "synchronous = NORMAL") for pragma in store._PRAGMAS)

# ── The defects ─────────────────────────────────────────────────────────────────────────────────────────────────────

_JOURNAL = (
    Defect(
        "journal-not-synced",
        "The journal's writes are not flushed before the next step: a power cut takes back what was acted upon.",
        (Text(journal._connect, "synchronous = FULL", "synchronous = NORMAL"),),
    ),
    Defect(
        "books-not-synced",
        "The bank's commits are not flushed before it answers: a power cut takes back what it has promised.",
        (Value(store, "_PRAGMAS", _NO_FSYNC),),
    ),
    Defect(
        "answer-before-commit",
        "The bank answers what it has decided and commits it afterwards: a kill in between forgets what it has promised.",
        (
            Text(
                Committer._settle,
                "decision = await self._commit(",
                "self.__dict__['taken'] = taken\n        decision = await self._commit(",
            ),
            Text(
                Committer._commit,
                "        await tx.run(write, books, decision.view)\n",
                "        for (_, future), outcome in zip(self.__dict__['taken'], decision.outcomes, strict=True):\n"
                "            if not isinstance(outcome, Again) and not future.done():\n"
                "                future.set_result(outcome)\n"
                "        await tx.run(write, books, decision.view)\n",
            ),
        ),
    ),
    Defect(
        "sent-before-journalled",
        "A number is journalled when its answer is there, not before its first byte leaves: a power cut uses it twice.",
        (
            Text(
                Host._numbered,
                "    self._journal.write(r.Taken(transaction=name, number=name.number, kind=kind(message)))\n"
                "    try:\n"
                "        answer = await self._ask(message, until)\n"
                "    except NoAnswer:\n",
                "    taken = r.Taken(transaction=name, number=name.number, kind=kind(message))\n"
                "    try:\n"
                "        answer = await self._ask(message, until)\n"
                "        self._journal.write(taken)\n"
                "    except NoAnswer:\n"
                "        self._journal.write(taken)\n",
            ),
        ),
    ),
    Defect(
        "paid-before-journalled",
        "The notes move before the burnt nonce and the authority are in the journal.",
        (
            Text(
                Vault.pay,
                "        self._journal.write(\n"
                "            r.AuthorityHeld(transaction=held.transaction, authority=authority),\n"
                "            r.NonceBurnt(transaction=held.transaction, nonce=nonce, plan=plan),\n"
                "        )\n"
                "        hand = Hand(self._dispenser, self._journal, self.stock, self._failing)\n"
                "        return await Dispense(hand, held, plan, moved).run()\n",
                "        hand = Hand(self._dispenser, self._journal, self.stock, self._failing)\n"
                "        payment = await Dispense(hand, held, plan, moved).run()\n"
                "        self._journal.write(\n"
                "            r.AuthorityHeld(transaction=held.transaction, authority=authority),\n"
                "            r.NonceBurnt(transaction=held.transaction, nonce=nonce, plan=plan),\n"
                "        )\n"
                "        return payment\n",
            ),
        ),
    ),
    Defect(
        "nonce-not-burnt",
        "The vault pays without burning the authority's nonce: nothing says any more that it was used.",
        (Text(Vault.pay, "            r.NonceBurnt(transaction=held.transaction, nonce=nonce, plan=plan),\n", ""),),
    ),
    Defect(
        "next-note-before-commit",
        "A note moves while the one before it is not in the journal yet: a power cut then hides two, not one.",
        (
            Text(
                Dispense._keep, "self._hand.journal.write(", "self.__dict__.setdefault('behind', []).append("
            ),
            Text(
                Dispense.run, "        self._keep(note, pick)\n",
                "        self._hand.journal.write(*self.__dict__.pop('behind', ()))\n"
                "        self._keep(note, pick)\n",
            ),
            Text(
                Dispense._present, "self._hand.journal.write(", "self._hand.journal.write(*self.__dict__.pop('behind', ()), "
            ),
        ),
    ),
    Defect(
        "no-recovery",
        "What a crash left open is not concluded at the next start.",
        (Text(Machine.start, "recover(self.journal, self.host.now())", "pass"),),
    ),
    Defect(
        "numbers-from-the-journal-alone",
        "After a disk was lost the kiosk counts from 1 again, whatever number the bank has named.",
        (Text(journal.Journal.next_number, "max(self.highest_taken(generation) + 1, int(floor))",
              "self.highest_taken(generation) + 1"),),
    ),
)  # fmt: skip

_OUTBOX = (
    Defect(
        "fact-forgotten-after-a-restart",
        "A restart in the middle of a dispense ends the transaction and puts no completion into the outbox.",
        (
            Text(
                recovery._last_word, "    if progress.moved:\n",
                "    if progress.moved and not same_boot:\n        return []\n    if progress.moved:\n",
            ),
        ),
    ),
    Defect(
        "fact-forgotten-where-nothing-came",
        "A released payment of which no note came ends without a word to the bank.",
        (
            Text(
                recovery._last_word, "return _completion(journal, progress, now, outcome=Outcome.NOT_PRESENTED)",
                "return []",
            ),
        ),
    ),
    Defect(
        "sent-is-delivered",
        "A fact whose answer did not come counts as delivered.",
        (
            Text(
                Outbox.deliver, "except NoAnswer:\n            return False\n",
                "except NoAnswer:\n            self._acknowledge(entry, Acknowledged())\n",
            ),
        ),
    ),
    Defect(
        "restored-and-not-sent-again",
        "The kiosk hears what a restored bank has lost, and sends nothing of it again.",
        (
            Text(
                JournalStanding.opened,
                "lost = [number for number in spread(session.missing) if self._journal.fact(*number) is not None]",
                "lost = []",
            ),
        ),
    ),
    Defect(
        "restore-noticed-only-at-sign-on",
        "A session that survived in a backup goes on: nobody asks what the bank has lost since.",
        (Text(decide._one, "if envelope.sequence > session.sequence:", "if session.ended:"),),
    ),
    Defect(
        "completion-without-authority",
        "A completion goes without its authority: a bank that forgot the hold cannot tell whose money it was.",
        (Text(recovery._completion, "authority=progress.authority", "authority=None"),),
    ),
    Defect(
        "exchange-forgets-rejects",
        "The notes that the operator finds in the reject bin are not counted as found.",
        (Text(cassettes._counted, "rejected=found.rejected", "rejected=0"),),
    ),
    Defect(
        "rejects-not-booked-at-exchange",
        "The bank books an exchange by the cassettes alone and leaves out the reject bin.",
        (Text(exchange._value, "(cassette.count + cassette.rejected)", "cassette.count"),),
    ),
)  # fmt: skip

_PAYMENT = (
    Defect(
        "unknown-is-not-presented",
        'The bank gives the money back on "unknown", as if the machine had proven that no note came.',
        (
            Text(
                completion._settle,
                "proven = fact.outcome is Outcome.NOT_PRESENTED and fact.made_by.boot == release_boot",
                "proven = fact.outcome is not Outcome.PRESENTED",
            ),
        ),
    ),
    Defect(
        "new-boot-speaks-for-the-old",
        'After a restart the kiosk says "not presented" of what the old boot was paid for, and the bank believes it.',
        (
            Text(recovery._last_word, "outcome=Outcome.UNKNOWN", "outcome=Outcome.NOT_PRESENTED"),
            Text(
                completion._settle,
                "proven = fact.outcome is Outcome.NOT_PRESENTED and fact.made_by.boot == release_boot",
                "proven = fact.outcome is Outcome.NOT_PRESENTED",
            ),
        ),
    ),
    Defect(
        "restart-reverses-a-release",
        "A restart reverses whatever has no note in the journal, and the bank voids also what it had released.",
        (
            Text(
                recovery._last_word, "return _completion(journal, progress, now, outcome=Outcome.UNKNOWN)",
                "return _reversal(journal, progress, now, why)",
            ),
            Text(reversal.reverse, 'if hold.state == "held" or', 'if hold.state in {"held", "released"} or'),
        ),
    ),
    Defect(
        "partial-rounded-up",
        "A payment of which some notes came is reported as paid in full.",
        (
            Text(
                recovery._completion, "presented=notes(progress.dispensed)",
                "presented=held.mix if any(progress.dispensed.values()) else ()",
            ),
        ),
    ),
    Defect(
        "doubt-is-certain",
        "A note that nothing proves to have come is counted as presented.",
        (
            Text(
                recovery._completion, "presented=notes(progress.dispensed),\n        in_doubt=notes(in_doubt)",
                "presented=notes(progress.dispensed + in_doubt),\n        in_doubt=()",
            ),
        ),
    ),
    Defect(
        "next-note-not-in-doubt",
        "After a restart in the middle of a dispense the note that may have been moving is not mentioned.",
        (Text(recovery._last_word, "doubt=None if same_boot else _next_note(progress)", "doubt=None"),),
    ),
    Defect(
        "reject-is-paid",
        "A note that went to the reject bin counts as one that the customer has.",
        (
            Text(
                passage.judge, "Pick(PickOutcome.REJECTED, rejected=rejected, sentence=sentence)",
                "Pick(PickOutcome.DISPENSED, dispensed=1, sentence=sentence)",
            ),
        ),
    ),
    Defect(
        "unseen-is-paid",
        "A pick of which no sensor saw a note counts as a note that came.",
        (
            Text(
                passage.judge, "Pick(PickOutcome.TIMEOUT, in_doubt=1, sentence=sentence)",
                "Pick(PickOutcome.DISPENSED, dispensed=1, sentence=sentence)",
            ),
        ),
    ),
    Defect(
        "rejects-stay-in-the-cassette",
        "A rejected note is not taken off its cassette's count.",
        (
            Text(
                tables._moved, "left = record.dispensed + record.surplus + record.rejected + record.in_doubt",
                "left = record.dispensed + record.surplus + record.in_doubt",
            ),
        ),
    ),
)  # fmt: skip

_BANK = (
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

_CARD = (
    Defect(
        "secret-handed-out-twice",
        "A card that shows an older secret gets the last one issued once more: so does its copy.",
        (
            Text(
                ratchet.present, "new = _next(max(shown, state.issued), now_ms)",
                "new = state.issued if shown < state.issued else _next(shown, now_ms)",
            ),
        ),
    ),
    Defect(
        "release-ignores-n",
        "A release does not look at the card's n and confirms nothing: every copy is paid.",
        (
            Text(
                withdrawal.release, "spent = _spend(view, message, hold)",
                "spent = ratchet_state(view.need(Card, hold.card))",
            ),
        ),
    ),
    Defect(
        "reversal-touches-the-card",
        "A reversal confirms the secret that its visit was given, which may never have reached the card.",
        (
            Text(
                reversal._close_visit, '    view.put(replace(visit, state="closed"))\n',
                '    view.put(replace(visit, state="closed"))\n'
                "        from bank.ledger.rows import Card\n"
                "        card = view.need(Card, visit.card)\n"
                "        view.put(replace(card, confirmed_epoch=visit.epoch, confirmed_n=visit.n))\n",
            ),
        ),
    ),
    Defect(
        "open-visit-overtakes-a-hold",
        "A copy may open a visit elsewhere while a payment is authorised and its card is on the way out.",
        (Text(visits.open_visit, "    _not_in_use_elsewhere(view, context, card)\n", ""),),
    ),
    Defect(
        "two-tries-counted-once",
        "Two PIN tries of one card in one batch are counted as one.",
        (
            Text(
                pin.check_pin, "    raise CountTry(counted(card, context))\n",
                "    under = view\n"
                "        while isinstance(under, View):\n"
                "            under = under._under\n"
                "        raise CountTry(counted(under.get(Card, card.key), context))\n",
            ),
        ),
    ),
    Defect(
        "newest-secret-overwritten",
        "The next secret goes over the card's newest one: a stick that is pulled then has lost what the bank wants.",
        (Text(CardFile.older_offset.fget, "SLOT if self.slots[0] is self.newest else 0",  # type: ignore[attr-defined]
              "SLOT if self.slots[0] is not self.newest else 0"),),
    ),
    Defect(
        "card-not-synced",
        "The card's new secret is not flushed before the card is out.",
        (Text(StickReader._write_now, "        file.fsync()\n", ""),),
    ),
)  # fmt: skip

DEFECTS = {defect.name: defect for defect in (*_JOURNAL, *_OUTBOX, *_PAYMENT, *_BANK, *_CARD)}
