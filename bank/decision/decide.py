"""The one pure function that decides a batch: books and messages in, changes and answers out.

For each message in turn: MAC, transmission number, deadline, key or tombstone, the terminal's state, and then the
rules of its kind. Facts stop only at MAC and transmission number. What one message changes is seen by the next; what a
refused one did is not.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from bank.audit.events import AuditEvent
from bank.authoriser import depositing, inquiries, newcomers, posting, visits, withdrawal
from bank.authoriser.context import Context, Refusal, Tools
from bank.authoriser.pin import CountTry
from bank.facts.card_written import card_written
from bank.facts.common import FactUnreadable, Subject, file_case
from bank.facts.completion import complete
from bank.facts.credit import credit
from bank.facts.exchange import exchange
from bank.facts.posted import post_again
from bank.facts.reversal import reverse
from bank.ledger import numbers
from bank.ledger.rows import NumberRow, PostRow, SessionRow, Terminal, Visit
from bank.ledger.view import Books, View
from bank.terminals.echo import echo
from bank.terminals.sign_on import Missing, sign_on, used_twice
from bank_link.envelope import (
    Envelope,
    Frame,
    Window,
    answering,
    body_digest,
    decode_answer,
    decode_request,
    encode,
    seal,
    verify,
)
from bank_link.errors import MessageRefused
from bank_link.messages import (
    FACTS,
    NUMBERED,
    AccountOpened,
    Acknowledged,
    Answer,
    Authorise,
    CardWritten,
    CloseVisit,
    Completion,
    Credit,
    Deposit,
    Echo,
    Exchange,
    Fact,
    InProgress,
    Inquire,
    OpenAccount,
    OpenVisit,
    Post,
    Posted,
    Reason,
    Refused,
    Release,
    Request,
    Reversal,
    SignOn,
    SignOnNeeded,
    StatementLine,
    VisitOpened,
    kind,
)
from bank_link.money import Money
from bank_link.sign_on import SessionKeys, read_claims

#: Two minutes, and what the kiosk's idea of bank time may be ahead.
LONGEST_DEADLINE_MS = 150_000
#: A message that waits longer between its two commits was being decided by a bank that died.
ABANDONED_MS = 3_000

_NOTHING = Missing()


@dataclass(frozen=True, kw_only=True)
class Item:
    """One message as it waits for its turn.

    `missing`: for a sign-on, the answered numbers that this bank does not have. `lines`: for a statement, what moved
    last in the account that it names. `resumed`: its PIN try is on disk.
    """

    frame: Frame
    missing: Missing = _NOTHING
    lines: tuple[StatementLine, ...] = ()
    resumed: bool = False

    @functools.cached_property
    def request(self) -> Request:
        """The message in the frame. Raises MessageRefused for what cannot be read."""
        return decode_request(self.frame.envelope.kind, self.frame.envelope.body)


@dataclass(frozen=True)
class Reply:
    """The answer's bytes."""

    data: bytes


@dataclass(frozen=True)
class Dropped:
    """A message that proves nothing about its sender: it gets no answer."""

    sentence: str


@dataclass(frozen=True)
class Again:
    """Decide this message once more after the commit."""


Outcome = Reply | Dropped | Again
Numbered = OpenVisit | Authorise | Release | Post | OpenAccount | Deposit


@dataclass(frozen=True)
class Decision:
    """What is to be written, and each message's outcome, in their order."""

    view: View
    outcomes: tuple[Outcome, ...]


def decide(books: Books, batch: Sequence[Item], tools: Tools) -> Decision:
    """Decide `batch` in its order. Pure: `books` is not changed, and nothing else is read but `tools`."""
    view = View(books)
    return Decision(view, tuple(_one(view, item, tools) for item in batch))


def _one(view: View, item: Item, tools: Tools) -> Outcome:
    envelope = item.frame.envelope
    if envelope.kind == "sign-on":
        return _sign_on(view, item, tools)
    session = view.get(SessionRow, envelope.session)
    terminal = view.get(Terminal, envelope.terminal)
    if session is None or terminal is None or session.ended or not _is_of(session, envelope):
        return _sign_on_needed(envelope)
    try:
        keys = tools.keys.session_keys(session.keys)
        verify(item.frame, keys.to_bank)
    except MessageRefused as error:
        return _drop(view, tools, envelope, "mac-refused", str(error))
    window = Window.accept(session.highest, int.from_bytes(session.mask), envelope.transmission)
    if not item.resumed:
        if window is None:
            return _drop(view, tools, envelope, "replay-refused", f"transmission {envelope.transmission} again")
        session = replace(session, highest=window[0], mask=window[1].to_bytes(8))
    if envelope.sequence > session.sequence:
        # The kiosk heard answers that this bank never gave: it was restored, and must be told what it lost.
        view.put(replace(session, ended=1))
        return _sign_on_needed(envelope)
    session = replace(session, sequence=session.sequence + 1)
    view.put(session)
    context = Context(tools=tools, terminal=terminal, session=session, sent_at=envelope.time)
    answer = _answer(view, context, item)
    return answer if isinstance(answer, Again) else _sealed(item.frame, context, answer, keys)


def _is_of(session: SessionRow, envelope: Envelope) -> bool:
    return (session.terminal, session.generation) == (envelope.terminal, envelope.generation)


def _answer(view: View, context: Context, item: Item) -> Answer | Again:
    try:
        message = item.request
    except MessageRefused as error:
        context.note(view, "malformed", str(error)[:200])
        return Refused(reason=Reason.MALFORMED, sentence="the bank cannot read this message")
    if isinstance(message, FACTS):
        return _fact(view, context, message)
    if isinstance(message, NUMBERED):
        return _numbered(view, replace_number(context, message.number), message, resumed=item.resumed)
    return _unnumbered(view, context, message, item)


def replace_number(context: Context, number: int) -> Context:
    return Context(tools=context.tools, terminal=context.terminal, session=context.session, number=number)


# ── Requests without a number ───────────────────────────────────────────────────────────────────────────────────────


def _unnumbered(view: View, context: Context, message: Request, item: Item) -> Answer:
    if isinstance(message, Echo):
        return echo(view, context, message)
    if isinstance(message, CloseVisit):
        return visits.close_visit(view, context, message)
    if isinstance(message, Inquire):
        if context.now_ms > message.deadline:
            return Refused(reason=Reason.LATE, sentence="past its deadline")
        return _by_rules(view, context, lambda branch: _inquire(branch, context, message, item))
    return Refused(reason=Reason.UNSUPPORTED, sentence=f"{kind(message)} is not for a session")


def _inquire(view: View, context: Context, message: Inquire, item: Item) -> Answer:
    _terminal_is_in_service(context)
    return inquiries.inquire(view, context, message, item.lines)


# ── Requests with a number ──────────────────────────────────────────────────────────────────────────────────────────


def _numbered(view: View, context: Context, message: Numbered, *, resumed: bool) -> Answer | Again:
    key = (context.terminal.terminal, context.terminal.generation, message.number)
    row, digest = numbers.find(view, key), body_digest(message)
    if context.now_ms > message.deadline and not (row is not None and row.answered):
        # Not kept: after a restore it would look like the answer that the kiosk has had, and hide what that was.
        return _late(view, context, row)
    if row is None and message.deadline - context.now_ms > LONGEST_DEADLINE_MS:
        too_far = Refused(reason=Reason.MALFORMED, sentence="its deadline is too far away")
        return _record(view, context, message, digest, too_far)
    known = _known_number(view, context, row, digest, resumed=resumed)
    if known is not None:
        return known
    try:
        answer = _by_rules(
            view, _with_try(context, row), lambda branch: _rules(branch, _with_try(context, row), message)
        )
    except CountTry as counted:
        view.put(counted.row)
        numbers.deciding(view, key, kind=kind(message), digest=digest, at_ms=context.now_ms)
        return Again()
    return _record(view, context, message, digest, answer)


def _late(view: View, context: Context, row: NumberRow | None) -> Refused:
    context.note(view, "late", "" if row is None else row.state)
    return Refused(reason=Reason.LATE, sentence="past its deadline")


def _known_number(
    view: View, context: Context, row: NumberRow | None, digest: bytes, *, resumed: bool
) -> Answer | None:
    """The stored answer, or why there is none; None where the number is new."""
    if row is None:
        return None
    if row.state in {"ended", "lost"}:
        numbers.refuse_ended(view, row)
        context.note(view, "ended", "a message came after its transaction had ended")
        return Refused(reason=Reason.ENDED, sentence="this transaction has ended")
    if row.digest != digest:
        context.note(view, "other-body", "the same number came with another body")
        return Refused(reason=Reason.OTHER_BODY, sentence="this number was used for another message")
    if row.state == "deciding":
        # Left behind by a bank that was killed: its try is counted, so it is decided now.
        abandoned = context.now_ms - row.at_ms > ABANDONED_MS
        return None if resumed or abandoned else InProgress()
    return _with_secret(view, context, decode_answer(msgspec.Raw(row.answer)))


def _with_try(context: Context, row: NumberRow | None) -> Context:
    return Context(
        tools=context.tools, terminal=context.terminal, session=context.session, number=context.number,
        try_counted=bool(row is not None and row.try_counted),
    )  # fmt: skip


def _rules(view: View, context: Context, message: Request) -> Answer:
    if isinstance(message, OpenVisit):
        _may_be_visited(view, context, message)
        return visits.open_visit(view, context, message)
    _terminal_is_in_service(context)
    if isinstance(message, Authorise):
        return withdrawal.authorise(view, context, message)
    if isinstance(message, Release):
        return withdrawal.release(view, context, message)
    if isinstance(message, Post):
        return posting.post(view, context, message)
    if isinstance(message, OpenAccount):
        return newcomers.open_account(view, context, message)
    if isinstance(message, Deposit):
        return depositing.deposit(view, context, message)
    raise Refusal(Reason.UNSUPPORTED, f"this bank does not offer {kind(message)}")


def _may_be_visited(view: View, context: Context, message: OpenVisit) -> None:
    """An operator comes just when a machine is out of service, and moves no money; one that nobody confirmed is nobody's."""
    if context.terminal.state == "pending" or not visits.is_operators(view, context, message):
        _terminal_is_in_service(context)


def _terminal_is_in_service(context: Context) -> None:
    if context.terminal.state != "active":
        reason = Reason.PENDING if context.terminal.state == "pending" else Reason.SUSPENDED
        raise Refusal(reason, "this machine is not in service at the bank", events=[("terminal", reason.value)])
    if context.session.partial:
        raise Refusal(Reason.SUSPENDED, "the bank was restored, and has not been told yet all that it lost")
    if context.terminal.exchange_needed:
        raise Refusal(Reason.SUSPENDED, "an operator must exchange this machine's cassettes first")


def _by_rules(view: View, context: Context, rules: Callable[[View], Answer]) -> Answer:
    branch = view.branch()
    try:
        answer = rules(branch)
    except Refusal as refusal:
        for event_kind, detail in refusal.events:
            context.note(view, event_kind, detail)
        for row in refusal.keeps:
            view.put(row)
        return refusal.answer
    view.merge(branch)
    return answer


def _record(view: View, context: Context, message: Numbered, digest: bytes, answer: Answer) -> Answer:
    key = (context.terminal.terminal, context.terminal.generation, message.number)
    row = numbers.find(view, key)
    if row is not None and row.state == "ended":
        numbers.refuse_ended(view, row)
    else:
        numbers.record(view, key, kind=kind(message), digest=digest, answer=bytes(encode(answer)), at_ms=context.now_ms)
    return _with_secret(view, context, answer)


def _with_secret(view: View, context: Context, answer: Answer) -> Answer:
    """A card's secrets are never stored: they are derived again, each time the answer is sent."""
    if isinstance(answer, AccountOpened):
        return newcomers.with_file(view, context, answer)
    if not isinstance(answer, VisitOpened) or answer.fixed is not None:
        return answer
    visit = view.need(Visit, answer.visit)
    secret = context.tools.keys.card_secret(visit.card, answer.next_epoch, answer.next_n)
    return replace(answer, next_secret=secret)


# ── Facts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fact(view: View, context: Context, message: Fact) -> Answer:
    context = replace_number(context, message.number)
    key = (context.terminal.terminal, message.made_by.generation, message.number)
    row, digest = numbers.find(view, key), body_digest(message)
    if row is not None and row.digest:
        if row.digest == digest and row.answer:
            return decode_answer(msgspec.Raw(row.answer))
        if isinstance(message, Posted) and view.get(PostRow, *key) is not None:
            # The post itself is in these books: a restored bank had lost it, and a later backup has it.
            return Acknowledged()
        return _conflict(view, context, message, row)
    branch = view.branch()
    try:
        answer = _take(branch, context, message)
    except FactUnreadable as error:
        context.note(view, "fact-unreadable", str(error))
        return Refused(reason=Reason.MALFORMED, sentence=str(error))
    view.merge(branch)
    numbers.record(
        view, key, kind=kind(message), digest=digest, answer=bytes(encode(answer)), at_ms=context.now_ms,
        body=bytes(encode(message)),
    )  # fmt: skip
    return answer


def _take(view: View, context: Context, message: Fact) -> Answer:
    if isinstance(message, Completion):
        return complete(view, context, message)
    if isinstance(message, Reversal):
        return reverse(view, context, message)
    if isinstance(message, Exchange):
        return exchange(view, context, message)
    if isinstance(message, Posted):
        return post_again(view, context, message)
    if isinstance(message, CardWritten):
        return card_written(view, context, message)
    if isinstance(message, Credit):
        return credit(view, context, message)
    raise FactUnreadable(f"this bank does not offer {kind(message)}")


def _conflict(view: View, context: Context, message: Fact, row: NumberRow) -> Answer:
    """The same key with another body: acknowledged, not posted, and a case that holds both."""
    about = Subject(context.terminal.terminal, message.made_by.generation, message.number)
    # A request's body is not kept (it holds a PIN block): its kind and digest then stand for it.
    first = msgspec.Raw(row.body) if row.body else {"kind": row.kind, "digest": row.digest.hex()}
    detail = {"first": first, "second": message}
    case = file_case(
        view, context, about, f"other-body-{body_digest(message).hex()[:8]}", _amount_in(message, context),
        detail=detail,
    )  # fmt: skip
    terminal = view.need(Terminal, context.terminal.terminal)
    if row.kind != kind(message) and message.made_by.generation == terminal.generation:
        # A sign-on could not tell: it took as many numbers as it had lost before it was heard.
        why = used_twice(view, terminal, message.number)
        if why:
            context.note(view, "suspended", why)
    return Acknowledged(case=case)


def _amount_in(message: Fact, context: Context) -> Money:
    return message.amount if isinstance(message, Completion) else Money(0, context.tools.limits.currency)


# ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sealed(request: Frame, context: Context, answer: Answer, keys: SessionKeys) -> Reply:
    envelope = answering(request.envelope, answer, time=context.now_ms, sequence=context.session.sequence)
    return Reply(seal(envelope, keys.to_kiosk, request_mac=request.mac))


def _sign_on_needed(envelope: Envelope) -> Reply:
    return Reply(seal(answering(envelope, SignOnNeeded(), time=0), None))


def _sign_on(view: View, item: Item, tools: Tools) -> Outcome:
    envelope = item.frame.envelope
    try:
        message = item.request
        assert isinstance(message, SignOn)
        claimed = read_claims(message).terminal
    except MessageRefused as error:
        return Dropped(str(error))
    if claimed != envelope.terminal:
        return Dropped("the sign-on of one terminal in the name of another")
    answer = sign_on(view, message, tools, missing=item.missing)
    return Reply(seal(answering(envelope, answer, time=tools.now_ms), None))


def _drop(view: View, tools: Tools, envelope: Envelope, event: str, sentence: str) -> Dropped:
    view.note(AuditEvent(kind=event, terminal=envelope.terminal[:64], detail=sentence[:200], at_ms=tools.now_ms))
    return Dropped(sentence)
