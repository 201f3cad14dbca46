"""Looks after everything that closes or opens the machine and is not the line's: devices, journal, cash, clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bank_link.messages import CassetteCount
from bank_link.money import Money
from config.kiosk import KioskConfig
from drivers.devices import Device, DeviceError, DeviceState
from kiosk.cabinet import Devices, note_value
from kiosk.journal.store import Journal
from kiosk.service_state import Cause, ServiceState
from kiosk.vault import Vault


class Health:
    """`look()` each second at rest; `mend()` after an operator was at the cassettes."""

    def __init__(
        self, *, config: KioskConfig, devices: Devices, journal: Journal, vault: Vault, service: ServiceState,
        most: Callable[[], Money], clock_is_good: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._config = config
        self._values = {cassette.name: note_value(config, cassette) for cassette in config.cassettes}
        self._devices = devices
        pays: tuple[Device, ...] = (devices.dispenser, *((devices.tray,) if devices.tray is not None else ()))
        self._watched: tuple[tuple[Cause, tuple[Device, ...]], ...] = (
            (Cause.DISPENSER, pays), (Cause.READER, (devices.reader,)), (Cause.KEYPAD, (devices.keypad,)),
        )  # fmt: skip
        self._journal = journal
        self._vault = vault
        self._service = service
        self._most = most
        self._clock_is_good = clock_is_good
        self._judged: tuple[Sequence[CassetteCount], str] | None = None
        self._mend_wanted = False
        self._mending = asyncio.Lock()

    def exchanged(self) -> None:
        """An operator exchanged cassettes: the vault trusts them again, the dispenser is tried anew."""
        self._vault.exchanged()
        self._mend_wanted = True

    async def mend(self) -> None:
        """Try the dispenser again, where an exchange asked for it; what it says stands in its report."""
        if not self._mend_wanted and not self._mending.locked():
            return
        async with self._mending:
            if not self._mend_wanted:
                return
            self._mend_wanted = False
            try:
                await self._devices.dispenser.reset()
            except DeviceError as error:
                self._service.close(Cause.DISPENSER, str(error))
                self._mend_wanted = True

    def look(self) -> None:
        """Close for each reason that there is, open for each that is gone."""
        self._service.set(Cause.JOURNAL, self._journal.look())
        self._look_at_devices()
        self._service.set(Cause.CONFIG, self._wrong_cassettes())
        paid = self._vault.largest(self._most()) is not None
        self._service.set(Cause.CASH, "" if paid else "there is nothing to pay with; load cash (atm-kiosk cash load)")
        waits = self._config.time.require_synchronised and not self._clock_is_good()
        self._service.set(Cause.UNSYNCHRONISED, "the clock is not synchronised yet" if waits else "")

    def _look_at_devices(self) -> None:
        for cause, devices in self._watched:
            sentence = next((said for device in devices if (said := _fault(device))), "")
            if cause is Cause.DISPENSER and not sentence:
                sentence = self._stuck()
            self._service.set(cause, sentence)

    def _stuck(self) -> str:
        """A note that got stuck is somewhere, also after a restart: the next customer's motor must not push it out."""
        stuck = self._journal.stuck()
        if self._mend_wanted:
            return "the dispenser is being tried"
        if "unknown" in stuck:
            return "nobody knows what a payment left in the path; clear the path and load cash"
        return f"a note of cassette {', '.join(stuck)} got stuck; clear the path and load cash" if stuck else ""

    def _wrong_cassettes(self) -> str:
        """A cassette whose notes are others than those that were counted in it must be exchanged first."""
        counts = self._journal.counts()
        if self._judged is None or self._judged[0] is not counts:
            self._judged = counts, self._judge(counts)
        return self._judged[1]

    def _judge(self, counts: Sequence[CassetteCount]) -> str:
        values = self._values
        wrong = [
            count.cassette for count in counts if count.count and values.get(count.cassette, count.value) != count.value
        ]
        return f"cassette {', '.join(wrong)} was counted with other notes; load it anew" if wrong else ""


def _fault(device: Device) -> str:
    """Why it cannot be counted on now; "" where it can."""
    report = device.report
    if report.state is DeviceState.ONLINE:
        return ""
    return report.sentence or f"the {device.name} is {report.state}"
