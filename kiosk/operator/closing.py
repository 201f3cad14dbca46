"""Whether an operator has closed the machine: read from the journal, so that a power cut opens nothing."""

from __future__ import annotations

from kiosk.journal import records as r
from kiosk.journal.store import Journal
from kiosk.service_state import Cause, ServiceState


def closed_by(journal: Journal) -> str:
    """The sentence that keeps the machine out of service, "" where no operator has closed it."""
    line = journal.newest("service-set")
    if line is None or not isinstance(line.record, r.ServiceSet) or line.record.open:
        return ""
    if not line.record.exchange:
        return f"taken out of service by {line.record.by}"
    booked = journal.newest("counts-set")
    if booked is not None and booked.sequence > line.sequence:
        return ""
    return f"an exchange that {line.record.by} began is not booked yet"


def by_word(journal: Journal) -> bool:
    """An operator has said that the machine is to stay closed: an exchange does not open it."""
    line = journal.newest("service-set")
    return line is not None and isinstance(line.record, r.ServiceSet) and not (line.record.open or line.record.exchange)


def look(journal: Journal, service: ServiceState) -> None:
    service.set(Cause.CLOSED, closed_by(journal))
