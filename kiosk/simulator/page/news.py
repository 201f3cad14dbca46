"""What there is to be seen of a simulated kiosk by its hands and by whoever looks into it, as plain data for the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.kiosk import KioskConfig
from drivers.simulated.dispenser import Whereabouts
from kiosk.display.terminal_text import told
from kiosk.journal.store import JournalError
from kiosk.operator.journal_text import moment, shown_line
from kiosk.simulator.hands import Hands
from kiosk.simulator.page.clocks import Clocks
from kiosk.simulator.page.heard import Heard
from kiosk.simulator.page.paper import Paper
from kiosk.simulator.page.power import Power

#: So much of what was said before it is sent to a browser that comes.
LAST_RECORDS = 120


class News:
    """`seen` costs little and may be asked for at each picture; `looked_into` asks the journal's tables."""

    def __init__(self, hands: Hands, power: Power, heard: Heard, clocks: Clocks | None) -> None:
        self._hands = hands
        self._heard = heard
        self._paper = Paper()
        self._simulation = hands.simulation
        self._power = power
        self._clocks = clocks
        self._names = {path.resolve(): name for name, path in hands.cards.items()}

    def seen(self) -> dict[str, Any]:
        """Section by section; the page is sent those that have changed."""
        laptop, shown = self._simulation.laptop, self._simulation.relay.shown
        dark = shown is None or not self._simulation.powered
        return {
            "power": {"on": self._simulation.powered, "why": self._power.why},
            "line": {"cut": self._simulation.line.is_cut},
            "lamps": dict(laptop.lamps.lit),
            "cards": self._cards(),
            "cash": _cash(self._simulation.config, laptop.dispenser.physical),
            "acceptor": self._acceptor(),
            "receipts": self._paper.told(laptop.printer),
            "doors": [{"name": name, "open": door.is_open} for name, door in laptop.doors.items()],
            "jack": {"plugged": laptop.jack.plugged} if laptop.jack is not None else None,
            "faults": self._faults(),
            "clocks": {"ahead": self._clocks.ahead} if self._clocks is not None else None,
            "screen": {"id": "", "words": []} if dark or shown is None else {"id": shown.id, "words": told(shown)},
        }

    def looked_into(self) -> dict[str, Any]:
        """Service state and cassettes; while the power is off, what can be seen without it."""
        if not self._simulation.powered:
            return {"service": None, "cassettes": self._cassettes({}), "journal": ""}
        try:
            status = self._simulation.control.status()
            counted = {each.cassette: each.count for each in self._simulation.machine.journal.counts()}
        except JournalError as error:
            return {"service": None, "cassettes": self._cassettes({}), "journal": str(error)}
        service = {
            "terminal": status.terminal, "open": status.in_service, "customer": status.customer,
            "why": list(status.why.values()), "waiting": status.waiting, "parked": status.parked,
            "devices": [
                {"name": each.device, "state": each.state, "why": each.sentence} for each in status.devices
            ],
        }  # fmt: skip
        return {"service": service, "cassettes": self._cassettes(counted), "journal": ""}

    def records(self, after: int) -> list[dict[str, Any]]:
        """The journal's records after that sequence number, oldest first, at most LAST_RECORDS."""
        if not self._simulation.powered:
            return []
        journal = self._simulation.machine.journal
        try:
            newest = journal.lines(last=1)
            missed = newest[0].sequence - after if newest else 0
            lines = journal.lines(last=min(missed, LAST_RECORDS)) if missed > 0 else ()
        except JournalError:
            return []  # `looked_into` says why
        return [_record(shown_line(line, self._simulation.config.time.zone)) for line in lines]

    def sends(self, after: int) -> list[dict[str, Any]]:
        """What went over the line after that number."""
        zone = self._simulation.config.time.zone
        return [
            {
                "number": said.number, "at": _clock(moment(said.at_ms, zone)), "kind": said.kind,
                "answer": said.answer, "lost": said.lost, "ms": said.took_ms,
            }
            for said in self._simulation.overheard.since(after)
        ]  # fmt: skip

    def said(self, after: int) -> list[dict[str, Any]]:
        """What was begun in the headphones after that number."""
        return [{"number": one.number, "text": one.text} for one in self._heard.since(after)]

    def _acceptor(self) -> dict[str, Any] | None:
        acceptor, config = self._simulation.laptop.acceptor, self._simulation.config.note_acceptor
        if acceptor is None or config is None:
            return None
        return {"values": sorted(config.pulses.values()), "ready": acceptor.ready, **self._hands.notes_taken()}

    def _cards(self) -> dict[str, Any]:
        inside = self._simulation.laptop.slot.card
        name = self._name(inside) if inside is not None else ""
        return {"inside": name, "all": list(self._hands.cards), "blanks": sorted(self._hands.blanks)}

    def _name(self, card: Path) -> str:
        """A card of an earlier simulator may be in, and may be none of these."""
        return self._names.get(card.resolve(), card.stem)

    def _faults(self) -> list[dict[str, str]]:
        menus = self._simulation.laptop.faults
        lasting = {(device, name) for device, menu in menus.items() for name in menu.lasting_faults}
        return [
            {
                "device": device, "name": name, "says": sentence,
                "how": "stays" if (device, name) in lasting else "once" if on else "off",
            }
            for device, name, sentence, on in self._hands.all_faults()
        ]  # fmt: skip

    def _cassettes(self, counted: Mapping[str, int]) -> list[dict[str, Any]]:
        physical = self._simulation.laptop.dispenser.physical
        return [
            {
                "name": each.name, "value": each.value, "notes": physical[each.name].cassette,
                "stuck": physical[each.name].throat, "rejected": physical[each.name].reject,
                "counted": counted.get(each.name),
            }
            for each in self._simulation.config.cassettes
        ]  # fmt: skip


def _cash(config: KioskConfig, physical: Mapping[str, Whereabouts]) -> dict[str, Any]:
    """Notes by their value, largest first: in the tray, and in the customer's hand so far."""
    tray: dict[int, int] = {}
    hand: dict[int, int] = {}
    for cassette in sorted(config.cassettes, key=lambda each: -each.value):
        place = physical[cassette.name]
        tray[cassette.value] = tray.get(cassette.value, 0) + place.tray
        hand[cassette.value] = hand.get(cassette.value, 0) + place.taken
    return {"currency": config.terminal.currency, "tray": _counts(tray), "hand": _counts(hand)}


def _counts(notes: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"value": value, "count": count} for value, count in notes.items() if count]


def _record(line: Any) -> dict[str, Any]:
    return {"number": line.sequence, "at": _clock(line.at), "kind": line.kind, "text": line.text}


def _clock(at: str) -> str:
    """Hours, minutes, seconds of an ISO moment; "" where there is none."""
    return at[11:19]
