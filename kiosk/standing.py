"""What the journal says of this kiosk at a sign-on, and what a new session changes here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bank_link.messages import Answered, CassetteCount, Session
from kiosk.host import Host
from kiosk.journal import records as r
from kiosk.journal.store import Journal
from kiosk.service_state import Cause, ServiceState


class JournalStanding:
    """`bank_link.client.Standing` over the journal. `host` is set once it is made: each needs the other."""

    def __init__(
        self, journal: Journal, generation: int, service: ServiceState, opened: Callable[[Session], None]
    ) -> None:  # fmt: skip
        self._journal = journal
        self._generation = generation
        self._service = service
        self._opened = opened
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
        return self._journal.answered(self._generation)

    def answered_ranges(self) -> Sequence[tuple[int, int]]:
        return self._journal.answered_ranges(self._generation)

    def highest_taken(self) -> int:
        return self._journal.highest_taken(self._generation)

    def outbox_length(self) -> int:
        return self._journal.outbox_length()

    def counts(self) -> Sequence[CassetteCount]:
        return self._journal.counts()

    def opened(self, session: Session) -> None:
        """Keep the session's number and audit head; queue again what the bank has lost, before anything is sent."""
        lost = tuple(number for number in session.missing if self._holds_fact(number))
        again = self._older_facts() if self._journal.is_new(self._generation) else {}
        records: list[r.AnyRecord] = [
            r.SignedOn(
                generation=self._generation, session=session.session, audit_head=session.audit_head,
                missing=session.missing, next_number=session.next_number,
            )
        ]  # fmt: skip
        # The first word of a generation: a bank restored to before it knows nothing of what older ones were told.
        records += [r.Resent(generation=generation, numbers=numbers) for generation, numbers in again.items()]
        if lost:
            records.append(r.Resent(generation=self._generation, numbers=lost))
            self._service.close(Cause.RECOVERY, f"the bank was restored: {len(lost)} facts are sent again")
        self._journal.write(*records)
        assert self.host is not None
        self.host.session = session
        self._stand(session)
        self._opened(session)

    def _stand(self, session: Session) -> None:
        suspended = session.state_sentence or "the bank has suspended this terminal"
        self._service.set(Cause.BANK, "" if session.state == "active" else suspended)
        exchange = "the bank wants an exchange by an operator first (atm-kiosk cash load)"
        self._service.set(Cause.EXCHANGE, exchange if session.exchange_needed else "")
        self._service.clear(Cause.LINE)

    def _older_facts(self) -> dict[int, tuple[int, ...]]:
        return {
            generation: numbers
            for generation, numbers in self._journal.acknowledged_facts().items()
            if generation < self._generation
        }

    def _holds_fact(self, number: int) -> bool:
        return self._journal.fact(self._generation, number) is not None
