"""The kiosk's client: one message to the bank and its answer, over as many sends as that takes.

    client = BankClient(line=…, identity=…, random=…, clock=…, standing=…)
    session = await client.sign_on()
    answer = await client.ask(Inquire(deadline=until, …), until=until)

`ask` sends the same message again, each time with a fresh transmission number, until an answer verifies or bank time
`until` has come. It decides nothing about money: what an unanswered message means is the host's to say.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from bank_link.bank_time import BankTime
from bank_link.errors import LinkError, MessageRefused, NotSent, OutcomeUnknown, SignOnRefused
from bank_link.identity import Identity
from bank_link.messages import (
    Answer,
    Answered,
    CassetteCount,
    Hello,
    HelloBack,
    InProgress,
    Request,
    Session,
    SignedOn,
    SignOn,
    SignOnNeeded,
)
from bank_link.pauses import Pauses
from bank_link.seams import Line, Randomness, WallClock
from bank_link.session import OpenSession, read_first, seal_first
from bank_link.sign_on import Claim, claim, finish, new_hello

#: One send waits so long for its answer, then the next one goes out on a fresh connection.
EXCHANGE_MS = 10_000


class Standing(Protocol):
    """What the journal knows of this kiosk's words to the bank."""

    @property
    def journal_id(self) -> str:
        """Random, made with the journal's file."""

    @property
    def boot_id(self) -> str:
        """Random, made at this start of the firmware."""

    def knows_boot(self, boot: str) -> bool:
        """Whether the journal holds that start. Never asked about "" (the bank knows none)."""

    def answered(self) -> Answered:
        """What the next sign-on names of the numbers that have an answer on disk: see `bank_link.messages.Answered`."""

    def highest_taken(self) -> int:
        """The highest number that was ever taken; 0 where none was."""

    def outbox_length(self) -> int:
        """How many facts wait for their acknowledgement."""

    def counts(self) -> Sequence[CassetteCount]:
        """What is in the cassettes."""

    def opened(self, session: Session) -> None:
        """There is a new session; called before anything is sent in it. What it raises comes out of `ask`."""


class BankClient:
    """The kiosk's one voice towards the bank. Several `ask` may run at once; there is never more than one sign-on.

    Sign-ons keep a growing distance from one another until an answer with a MAC has come, so nobody who can only
    inject unauthenticated answers makes more than a few of them.

    Certificates are judged by `clock`. `ahead_ms`: by how much somebody has moved the bank's clock forward meanwhile.
    """

    def __init__(
        self, *, line: Line, identity: Identity, random: Randomness, clock: WallClock, standing: Standing,
        ahead_ms: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        self._line = line
        self._identity = identity
        self._random = random
        self._clock = clock
        self._ahead_ms = ahead_ms
        self._standing = standing
        self._time = BankTime()
        self._open: OpenSession | None = None
        self._opening: asyncio.Task[OpenSession] | None = None
        self._distance = Pauses(random, first_s=0.25, most_s=15)
        self._not_before_s = 0.0

    def __repr__(self) -> str:
        state = f"session {self._open.session.session}" if self._open else "no session"
        return f"<BankClient of {self._identity.terminal}: {state}>"

    @property
    def session(self) -> Session | None:
        """What the bank opened last; None before the first sign-on, and while the next one is due."""
        return self._open.session if self._open else None

    def bank_now(self) -> int:
        """Bank time in milliseconds. Raises NotSent before the first answer since the start."""
        return self._time.now_ms(self._carried_s())

    async def sign_on(self) -> Session:
        """Open a new session; the bank ends the older one.

        Raises SignOnRefused where the bank will not have this terminal, OutcomeUnknown or NotSent where it could not
        be asked or did not prove that it is the bank. One try; the next one keeps its distance by itself.
        """
        self._open = None
        task = self._start_opening()
        await asyncio.wait({task})
        return task.result().session

    async def ask(self, message: Request, *, until: int, still: Callable[[], bool] = lambda: True) -> Answer:
        """The bank's answer to `message`; `until` is bank time in milliseconds.

        `still` is asked before each send: a new session may have shown that something else must be said first.
        Raises NotSent where no send of it ever left this machine, OutcomeUnknown where one may have; both carry the
        last cause. MessageRefused where it is too large for the line. Where the bank refuses to sign this terminal on
        it ends at once, without waiting for `until`.
        """
        asking = _Asking()
        pauses = Pauses(self._random, first_s=0.2, most_s=5)
        while (left := self._left_s(until)) is None or left > 0:
            answer = await self._try(message, until, asking, still)
            if answer is not None and not isinstance(answer, InProgress | SignOnNeeded):
                return answer
            if asking.hopeless or not self._time.known:
                break
            if not isinstance(answer, SignOnNeeded):
                await asyncio.sleep(min(pauses.next_s(), max(0, self._left_s(until) or 0)))
        raise asking.ending()

    async def _try(
        self, message: Request, until: int, asking: _Asking, still: Callable[[], bool]
    ) -> Answer | None:  # fmt: skip
        try:
            session = await self._opened(until)
        except LinkError as error:
            asking.failed(error, sent=False)
            return None
        if (self._left_s(until) or 0) <= 0:  # the sign-on took its time, or told what time it is
            return None
        if not still():
            asking.overtaken()
            return None
        try:
            answer = await self._send(session, message, until)
        except (NotSent, OutcomeUnknown) as error:
            asking.failed(error, sent=isinstance(error, OutcomeUnknown))
            return None
        asking.undecided()
        return answer

    async def _send(self, session: OpenSession, message: Request, until: int) -> Answer:
        request = session.seal(message, time=self.bank_now())
        asked_s = self._carried_s()
        try:
            data = await self._exchange(request, self._left_s(until))
            answer, time = session.read(data, message=message, request=request)
        except MessageRefused as error:
            await self._line.reset()
            raise OutcomeUnknown(f"an answer came that is not the bank's: {error}") from error
        if time:
            self._time.heard(time, asked_s=asked_s, answered_s=self._carried_s())
            self._distance.reset()
        if isinstance(answer, SignOnNeeded) and self._open is session:
            self._open = None
        return answer

    async def _exchange(self, request: bytes, left_s: float | None) -> bytes:
        """One request on the line, on a fresh connection next time where this one failed."""
        timeout_ms = EXCHANGE_MS if left_s is None else max(1, min(EXCHANGE_MS, math.ceil(left_s * 1000)))
        try:
            return await self._line.exchange(request, timeout_ms)
        except (NotSent, OutcomeUnknown):
            await self._line.reset()
            raise

    async def _opened(self, until: int) -> OpenSession:
        """The session at hand, or a new one; the sign-on goes on for others where this message runs out of time."""
        if self._open is not None:
            return self._open
        task = self._start_opening()
        await asyncio.wait({task}, timeout=self._left_s(until))
        if not task.done():
            raise NotSent("no session with the bank could be opened in time")
        return task.result()

    def _start_opening(self) -> asyncio.Task[OpenSession]:
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._sign_on(), name="sign-on")
            self._opening.add_done_callback(_looked_at)
        return self._opening

    async def _sign_on(self) -> OpenSession:
        await asyncio.sleep(max(0.0, self._not_before_s - _loop_s()))
        try:
            session = await self._hello_and_sign_on()
        finally:
            self._not_before_s = _loop_s() + self._distance.next_s()
        self._identity = self._identity.with_cas(session.session.next_cas)
        self._standing.opened(session.session)
        self._open = session
        return session

    async def _hello_and_sign_on(self) -> OpenSession:
        try:
            hello = new_hello(self._random)
            back = await self._first(hello)
            assert isinstance(back, HelloBack)
            claimed = self._claim(hello, back)
            asked_s = self._carried_s()
            answer = await self._first(claimed.sign_on)
            assert isinstance(answer, SignedOn)
            session, keys = finish(claimed, answer, cas=self._identity.cas, now_ms=self._clock.now_ms())
        except MessageRefused as error:
            await self._line.reset()
            raise OutcomeUnknown(f"the sign-on failed: {error}") from error
        self._time.heard(session.time, asked_s=asked_s, answered_s=self._carried_s())
        return OpenSession(self._identity, session, keys)

    def _claim(self, hello: Hello, back: HelloBack) -> Claim:
        standing = self._standing
        return claim(
            hello,
            back,
            terminal=self._identity.terminal,
            generation=self._identity.generation,
            signing_key=self._identity.signing_key,
            random=self._random,
            journal=standing.journal_id,
            boot=standing.boot_id,
            knows_last_boot=not back.last_boot or standing.knows_boot(back.last_boot),
            answered=standing.answered(),
            highest_taken=standing.highest_taken(),
            outbox=standing.outbox_length(),
            counts=standing.counts(),
        )

    async def _first(self, message: Hello | SignOn) -> Answer:
        data = await self._exchange(seal_first(self._identity, message), None)
        return read_first(data, message)

    def _carried_s(self) -> float:
        """What carries bank time on between answers."""
        return _loop_s() + self._ahead_ms() / 1000

    def _left_s(self, until: int) -> float | None:
        """Seconds until bank time `until`; None while bank time is not known."""
        return (until - self.bank_now()) / 1000 if self._time.known else None


class _Asking:
    """What is known so far of one message: whether any send may have arrived, and what went wrong last."""

    def __init__(self) -> None:
        self.hopeless = False
        self._doubt = False
        self._why: LinkError = NotSent("its time was over before it could be sent")

    def failed(self, error: LinkError, *, sent: bool) -> None:
        self._doubt |= sent
        self._why = error
        self.hopeless = isinstance(error, SignOnRefused)

    def overtaken(self) -> None:
        """Something else must be said first."""
        self._why = NotSent("something older must be said first")
        self.hopeless = True

    def undecided(self) -> None:
        """It went out, and what came back is no decision."""
        self._doubt = True
        self._why = OutcomeUnknown("the bank did not decide it in time")

    def ending(self) -> LinkError:
        """The error that `ask` ends with."""
        error: LinkError = (OutcomeUnknown if self._doubt else NotSent)(str(self._why))
        error.__cause__ = self._why
        return error


def _loop_s() -> float:
    return asyncio.get_running_loop().time()


def _looked_at(task: asyncio.Task[OpenSession]) -> None:
    """Nobody may be left to hear of a failed sign-on; the next one will say it again."""
    if not task.cancelled():
        task.exception()
