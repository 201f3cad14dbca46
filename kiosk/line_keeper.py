"""Keeps the line: signs on, echoes every half minute, and closes the machine while the bank does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from bank_link.errors import LinkError, SignOnRefused
from bank_link.messages import Command, DeviceStatus, Echo, EchoBack, Session
from kiosk.host import Host, NoAnswer, Turned
from kiosk.journal.store import Journal, JournalError
from kiosk.service_state import Cause, ServiceState

RETRY_S = 5.0
LONGEST_RETRY_S = 30.0
#: The wall clock may be so far from bank time: certificates are judged by it.
CLOCK_TOLERANCE_MS = 300_000


class SignsOn(Protocol):
    """What this needs of `bank_link.client.BankClient`."""

    async def sign_on(self) -> Session: ...


class LineKeeper:
    """`check()` asks for an echo now: something said that the line may be down, or up again."""

    def __init__(
        self, *, client: SignsOn, host: Host, journal: Journal, service: ServiceState,
        devices: Callable[[], tuple[DeviceStatus, ...]], wall_ms: Callable[[], int],
        answered: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._client = client
        self._host = host
        self._journal = journal
        self._service = service
        self._devices = devices
        self._wall_ms = wall_ms
        self._answered = answered
        self._soon = asyncio.Event()

    def check(self) -> None:
        self._soon.set()

    async def run(self) -> None:
        """Until cancelled."""
        pause_s = RETRY_S
        while True:
            self._soon.clear()
            if await self.once():
                pause_s = RETRY_S
                session = self._host.session
                await self._sleep(session.echo_ms / 1000 if session else pause_s)
            else:
                await self._sleep(pause_s)
                pause_s = min(LONGEST_RETRY_S, pause_s * 2)

    async def once(self) -> bool:
        """One sign-on where it is due, and one echo; whether the bank answered."""
        answered = await self._once()
        self._service.clear(Cause.STARTING)
        return answered

    async def _once(self) -> bool:
        try:
            if self._host.session is None:
                await self._client.sign_on()
            answer = await self._host.echo(self._echo())
            await self._obey(answer)
        except SignOnRefused as error:
            self._service.close(Cause.BANK, str(error))
            self._service.close(Cause.LINE, "the bank has not opened a session")
            return False
        except JournalError as error:
            self._service.close(Cause.JOURNAL, str(error))
            return False
        except (LinkError, NoAnswer, Turned) as error:
            self._service.close(Cause.LINE, f"the bank does not answer: {error}")
            return False
        self._service.clear(Cause.LINE)
        self._compare_clocks()
        self._answered()
        return True

    def _echo(self) -> Echo:
        session = self._host.session
        return Echo(
            session=session.session if session is not None else "", devices=self._devices(), counts=self._journal.counts(), outbox=self._journal.outbox_length(),
            parked=self._journal.parked_length(),
            in_service=self._service.in_service, why=self._service.sentence[:400],
        )  # fmt: skip

    async def _obey(self, answer: EchoBack) -> None:
        closed = Command.OUT_OF_SERVICE in answer.commands
        self._service.set(Cause.BANK, (answer.why or "the bank has closed this machine") if closed else "")
        if Command.SIGN_ON in answer.commands:
            session = await self._client.sign_on()
            if session.rest:
                # One step of many: the next echo asks for the next one.
                self.check()

    def _compare_clocks(self) -> None:
        apart_ms = abs(self._wall_ms() - self._host.now())
        wrong = apart_ms > CLOCK_TOLERANCE_MS
        sentence = f"the clock is {apart_ms // 60_000} minutes away from the bank's; set it" if wrong else ""
        self._service.set(Cause.CLOCK, sentence)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._soon.wait()
        except TimeoutError:
            pass
