"""Whether the machine is in service, and every reason why it is not: one for the operator, one kind for the customer."""

from __future__ import annotations

import enum
from collections.abc import Callable


class Cause(enum.StrEnum):
    """What closes the machine. The order is that in which a customer is told."""

    STARTING = "starting"
    JOURNAL = "journal"
    CONFIG = "config"
    CLOCK = "clock"
    UNSYNCHRONISED = "unsynchronised"
    DISPENSER = "dispenser"
    READER = "reader"
    KEYPAD = "keypad"
    DOOR = "door"
    CASH = "cash"
    EXCHANGE = "exchange"
    OPERATOR = "operator"
    CLOSED = "closed"
    BANK = "bank"
    RECOVERY = "recovery"
    LINE = "line"


#: What the customer reads (`kiosk.screens.at_rest.OUT_REASONS`).
CUSTOMER_WORDS = {Cause.CASH: "cash", Cause.LINE: "line", Cause.RECOVERY: "line", Cause.BANK: "line"}

#: What is to be done, for whoever stands at the machine and has no command line.
AT_THE_MACHINE = {Cause.CASH: "there is nothing to pay with: exchange the cassettes"}


class ServiceState:
    """The set of reasons; in service is when there is none. `changed` is called, with the new state, on each change."""

    def __init__(self, changed: Callable[[ServiceState], None] = lambda _: None) -> None:
        self._causes: dict[Cause, str] = {Cause.STARTING: "the machine is starting"}
        self.changed = changed

    def __repr__(self) -> str:
        return f"<ServiceState {self.sentence or 'in service'}>"

    @property
    def in_service(self) -> bool:
        return not self._causes

    @property
    def causes(self) -> dict[Cause, str]:
        return dict(self._causes)

    @property
    def sentence(self) -> str:
        """All reasons, for the operator."""
        return "; ".join(self._causes[cause] for cause in Cause if cause in self._causes)

    @property
    def at_the_machine(self) -> str:
        """All reasons in one sentence, for an operator who stands there; "" in service."""
        said = "; ".join(self.reasons_at_the_machine.values())
        return f"{said[0].upper()}{said[1:].rstrip('.')}." if said else ""

    @property
    def reasons_at_the_machine(self) -> dict[Cause, str]:
        return {cause: AT_THE_MACHINE.get(cause, self._causes[cause]) for cause in Cause if cause in self._causes}

    @property
    def for_customers(self) -> str:
        """The kind of reason that a customer is told: cash, service or line."""
        first = next((cause for cause in Cause if cause in self._causes), Cause.OPERATOR)
        return CUSTOMER_WORDS.get(first, "service")

    def close(self, cause: Cause, sentence: str) -> None:
        """Out of service for `cause`."""
        if self._causes.get(cause) != sentence:
            self._causes[cause] = sentence
            self.changed(self)

    def clear(self, cause: Cause) -> None:
        """This reason is gone."""
        if self._causes.pop(cause, None) is not None:
            self.changed(self)

    def set(self, cause: Cause, sentence: str) -> None:
        """Out of service while `sentence` is not empty."""
        if sentence:
            self.close(cause, sentence)
        elif self._causes:
            self.clear(cause)
