"""What the journal says of this kiosk at a sign-on, and what a new session changes here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bank_link.messages import Answered, CassetteCount, Rest, Session
from bank_link.ranges import group, spread
from bank_link.sign_on import MOST_RANGES
from kiosk.host import Host
from kiosk.journal import records as r
from kiosk.journal.store import Journal, Part
from kiosk.service_state import Cause, ServiceState

#: A sign-on names at most so many numbers of a kind.
MOST_NUMBERS = 3_000


class JournalStanding:
    """`bank_link.client.Standing` over the journal. `host` is set once it is made: each needs the other."""

    def __init__(
        self, journal: Journal, generation: int, service: ServiceState, opened: Callable[[Session], None]
    ) -> None:  # fmt: skip
        self._journal = journal
        self._generation = generation
        self._service = service
        self._opened = opened
        self._newest = self._older = Part()
        self.host: Host | None = None

    @property
    def journal_id(self) -> str:
        return self._journal.journal_id

    @property
    def boot_id(self) -> str:
        return self._journal.boot_id

    def knows_boot(self, boot: str) -> bool:
        return self._journal.knows_boot(boot)

    def answered(self) -> Answered:
        """What came last; where a restored bank has lost more than that, also the next part of what came before."""
        self._newest = self._journal.answered(most_numbers=MOST_NUMBERS, most_ranges=MOST_RANGES // 2)
        before, self._older = self._journal.named_from(), Part()
        if before:
            self._older = self._journal.answered(
                before=before, most_numbers=MOST_NUMBERS, most_ranges=MOST_RANGES // 2
            )  # fmt: skip
        return Answered(
            ranges=group(self._newest.numbers), more=self._newest.more,
            walk=group(self._older.numbers), walk_more=self._older.more,
        )  # fmt: skip

    def highest_taken(self) -> int:
        return self._journal.highest_taken(self._generation)

    def outbox_length(self) -> int:
        return self._journal.outbox_length()

    def counts(self) -> Sequence[CassetteCount]:
        return self._journal.counts()

    def opened(self, session: Session) -> None:
        """Keep the session's number and audit head; queue again what the bank has lost, before anything is sent."""
        lost = [number for number in spread(session.missing) if self._journal.fact(*number) is not None]
        again: dict[int, list[int]] = {}
        for generation, number in lost:
            again.setdefault(generation, []).append(number)
        self._journal.write(
            r.SignedOn(
                generation=self._generation, session=session.session, audit_head=session.audit_head,
                missing=session.missing, named_from=self._named_from(session), next_number=session.next_number,
            ),
            *(r.Resent(generation=generation, numbers=tuple(numbers)) for generation, numbers in again.items()),
        )  # fmt: skip
        if lost or session.rest:
            self._service.close(Cause.RECOVERY, f"the bank was restored: {len(lost)} facts are sent again")
        elif self._journal.outbox_length() == 0:
            self._service.clear(Cause.RECOVERY)
        assert self.host is not None
        self.host.session = session
        self._stand(session)
        self._opened(session)

    def _named_from(self, session: Session) -> int:
        """Where the next sign-on goes on. A bank that lacks of the newest was restored now, perhaps once more."""
        if not session.rest:
            return 0
        if any(number in self._newest.numbers for number in spread(session.missing)):
            return self._newest.oldest
        return self._older.oldest if session.rest is Rest.OLDER else self._journal.named_from()

    def _stand(self, session: Session) -> None:
        suspended = session.state_sentence or "the bank has suspended this terminal"
        self._service.set(Cause.BANK, "" if session.state == "active" else suspended)
        exchange = "the bank wants an exchange by an operator first (atm-kiosk cash load)"
        self._service.set(Cause.EXCHANGE, exchange if session.exchange_needed else "")
        self._service.clear(Cause.LINE)
