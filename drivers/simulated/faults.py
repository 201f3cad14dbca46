"""The fault menu that every simulated device carries: what can be broken on it, by name, for good or once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import ClassVar


class UnknownFault(ValueError):
    """The device has no fault of that name; the sentence lists those that it has."""


class FaultMenu:
    """Faults by name, each with one sentence that says what happens. A subclass fills `faults`."""

    faults: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self._lasting: set[str] = set()
        self._once: dict[str, int] = {}

    @property
    def active_faults(self) -> tuple[str, ...]:
        """The faults that are on or still to come, in the menu's order."""
        return tuple(name for name in self.faults if name in self._lasting or self._once.get(name))

    @property
    def lasting_faults(self) -> tuple[str, ...]:
        """Those of them that stay until they are switched off."""
        return tuple(name for name in self.faults if name in self._lasting)

    def set_fault(self, name: str, on: bool = True) -> None:
        """Switch a fault on until it is switched off. Raises UnknownFault."""
        self._check(name)
        if on:
            self._lasting.add(name)
        else:
            self._lasting.discard(name)
            self._once.pop(name, None)
        self._fault_changed(name)

    def fault_once(self, name: str, times: int = 1) -> None:
        """Let a fault happen the next `times` times only. Raises UnknownFault."""
        self._check(name)
        self._once[name] = times
        self._fault_changed(name)

    def clear_faults(self) -> None:
        for name in self.active_faults:
            self.set_fault(name, on=False)

    def _has(self, name: str) -> bool:
        """The fault is on, lasting or to come; nothing is used up."""
        self._check(name)
        return name in self._lasting or self._once.get(name, 0) > 0

    def _strikes(self, name: str) -> bool:
        """The fault happens now: one that was set to happen once is used up."""
        if not self._has(name):
            return False
        if name not in self._lasting:
            self._once[name] -= 1
        return True

    def _fault_changed(self, name: str) -> None:
        """Called after someone switched a fault, for devices that show it at once."""

    def _check(self, name: str) -> None:
        if name in self.faults:
            return
        near = difflib.get_close_matches(name, self.faults, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise UnknownFault(f"{type(self).__name__} has no fault '{name}'.{hint} It has: {', '.join(self.faults)}.")
