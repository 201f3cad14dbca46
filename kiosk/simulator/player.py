"""Plays a scenario on a simulated machine and says, in one sentence each, where it does not go as the file says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from bank_link.control_socket import CommandRefused
from drivers.devices import DeviceError
from drivers.simulated.faults import UnknownFault
from kiosk.display.face import Look
from kiosk.display.terminal_text import block
from kiosk.exit_codes import CommandError
from kiosk.operator.exchange import ExchangeError
from kiosk.screens.model import Attract, Choose, Confirm, NoticeScreen, Pin, Screen
from kiosk.simulator.hands import Hands
from kiosk.simulator.scenario import Scenario, Step

LOOK_S = 0.02
#: A finger needs a moment after a screen has come; so does the pad's own scan.
HUMAN_S = 0.15
#: Wide enough that no sentence of a screen is broken in two.
COLUMNS = 400

#: A card's PIN by its name. Raises CommandError where there is none.
PinOf = Callable[[str], str]


class _Mismatch(Exception):
    """A step that did not go as the file says."""


class _Hopeless(_Mismatch):
    """Nothing that follows can go as the file says either."""


class Player:
    """`tell` is given each step before it happens. `play` returns the mismatches."""

    def __init__(self, hands: Hands, pin_of: PinOf, tell: Callable[[Step], None]) -> None:
        self._hands = hands
        self._pin_of = pin_of
        self._tell = tell
        self._before: dict[str, int] = {}
        self._heard = 0
        self._do: dict[str, Callable[[Step], Awaitable[None]]] = {
            "expect": self._expect, "expect_text": self._expect_text, "expect_notes": self._expect_notes,
            "expect_counts": self._expect_counts, "expect_said": self._expect_said, "headphones": self._headphones,
            "insert_note": self._insert_note, "take_notes": self._take_notes, "expect_taken": self._expect_taken,
            "take_receipt": self._take_receipt, "new_roll": self._new_roll,
            "open_door": self._open_door, "shut_door": self._shut_door,
            "insert": self._insert, "pin": self._pin,
            "wrong_pin": self._wrong_pin, "keys": self._keys, "touch": self._touch, "take_card": self._take_card,
            "take_cash": self._take_cash, "wait_s": self._wait, "fault": self._fault, "line": self._line,
            "load": self._load, "take_out": self._take_out, "clear_path": self._clear_path, "restart": self._restart,
        }  # fmt: skip

    async def play(self, scenario: Scenario) -> list[str]:
        """Step by step; a screen that does not come ends it, other mismatches do not."""
        self._before = self._customers()
        self._heard = len(self._hands.said)
        mismatches = []
        for step in scenario.steps:
            self._tell(step)
            try:
                await self._do[step.does](step)
            except _Mismatch as error:
                mismatches.append(f"{scenario.name}, step {step.number} ({step}): {error}")
                if isinstance(error, _Hopeless):
                    break
            except (DeviceError, UnknownFault, ExchangeError, CommandRefused, CommandError) as error:
                mismatches.append(f"{scenario.name}, step {step.number} ({step}): {error}")
                break
        return mismatches

    # ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _until(self, true: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    if self._hands.simulation.ended:
                        await self._hands.simulation.until_ended()
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return False
        return True

    async def _expect(self, step: Step) -> None:
        wanted = [step.value] if isinstance(step.value, str) else step.value
        if await self._until(lambda: self._shown_id() in wanted, step.within_s):
            return
        raise _Hopeless(f"expected screen {' or '.join(wanted)} within {step.within_s:g} s, saw {self._described()}")

    async def _expect_text(self, step: Step) -> None:
        if not await self._until(lambda: step.value in self._words(), step.within_s):
            raise _Mismatch(f"expected the words {step.value!r}, saw {self._described()}")

    async def _expect_notes(self, step: Step) -> None:
        def got() -> dict[str, int]:
            return {
                name: count - self._before[name]
                for name, count in self._customers().items()
                if count != self._before[name]
            }

        wanted = {name: count for name, count in step.value.items() if count}
        if not await self._until(lambda: got() == wanted, step.within_s):
            raise _Mismatch(f"expected the customer to have {_notes(wanted)}, and it is {_notes(got())}")

    async def _expect_counts(self, step: Step) -> None:
        def counts() -> dict[str, int]:
            counted = self._hands.simulation.machine.journal.counts()
            return {each.cassette: each.count for each in counted if each.cassette in step.value}

        if not await self._until(lambda: counts() == step.value, step.within_s):
            raise _Mismatch(f"expected the machine to count {_notes(step.value)}, it counts {_notes(counts())}")

    async def _expect_said(self, step: Step) -> None:
        if not await self._until(lambda: self._said(step.value) is not None, step.within_s):
            heard = " | ".join(self._hands.said[self._heard :]) or "nothing"
            raise _Mismatch(f"expected to hear {step.value!r}, heard {heard}")
        self._heard = (self._said(step.value) or 0) + 1

    def _said(self, words: str) -> int | None:
        """Where it was said, after what was expected before."""
        said = self._hands.said
        return next((at for at in range(self._heard, len(said)) if words in said[at]), None)

    def _shown_id(self) -> str:
        shown = self._hands.simulation.relay.shown
        return shown.id if shown is not None else "nothing"

    def _words(self) -> str:
        shown = self._hands.simulation.relay.shown
        return "\n".join(block(shown, Look(), name="", columns=COLUMNS)) if shown is not None else ""

    def _described(self) -> str:
        shown = self._hands.simulation.relay.shown
        return f"{shown.id} ({shown.title!r})" if shown is not None else "no screen"

    def _customers(self) -> dict[str, int]:
        return {name: where.customer for name, where in self._hands.simulation.laptop.dispenser.physical.items()}

    # ── Hands ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _insert(self, step: Step) -> None:
        self._hands.insert(step.value)

    async def _pin(self, step: Step) -> None:
        await self._press(self._pin_of(step.value) + "D")

    async def _wrong_pin(self, step: Step) -> None:
        pin = self._pin_of(step.value)
        await self._press(pin[:-1] + str((int(pin[-1]) + 1) % 10) + "D")

    async def _keys(self, step: Step) -> None:
        await self._press(step.value)

    async def _press(self, keys: str) -> None:
        await asyncio.sleep(HUMAN_S)
        await self._hands.press(keys)
        await asyncio.sleep(HUMAN_S)

    async def _touch(self, step: Step) -> None:
        await asyncio.sleep(HUMAN_S)
        self._hands.touch(self._target(step.value))
        await asyncio.sleep(HUMAN_S)

    def _target(self, wanted: Any) -> str:
        """The pad's key of a target that is on the screen now."""
        shown = self._hands.simulation.relay.shown
        choices = shown.choices if isinstance(shown, Attract | Choose | Confirm | NoticeScreen) else ()
        for place, choice in enumerate(choices, start=1):
            if wanted in (place, str(place), choice.key):
                if not choice.enabled:
                    raise _Hopeless(f"{choice.label} cannot be chosen ({choice.second})")
                return str(place)
        if _is_button(shown, wanted):
            return str(wanted)
        have = ", ".join(choice.key for choice in choices) or "no choices"
        raise _Hopeless(f"there is no {wanted} on {self._described()}; it has {have}")

    async def _take_card(self, step: Step) -> None:
        await asyncio.sleep(HUMAN_S)
        if self._hands.pull() is None:
            raise _Mismatch("there is no card in the slot")
        del step

    async def _take_cash(self, step: Step) -> None:
        if not await self._until(lambda: bool(self._tray()), step.within_s):
            raise _Mismatch("there is nothing in the tray")
        self._hands.take_cash()

    def _tray(self) -> int:
        return sum(where.tray for where in self._hands.simulation.laptop.dispenser.physical.values())

    async def _insert_note(self, step: Step) -> None:
        """As soon as the machine takes notes and the one before is in."""
        await asyncio.sleep(HUMAN_S)
        acceptor = self._hands.simulation.laptop.acceptor
        if acceptor is not None:
            await self._until(lambda: acceptor.ready, step.within_s)
        self._hands.insert_note(step.value)

    async def _take_notes(self, step: Step) -> None:
        if not await self._until(lambda: bool(self._hands.notes_taken().get("mouth")), step.within_s):
            raise _Mismatch("there is nothing in the mouth of the note acceptor")
        self._hands.take_notes()

    async def _expect_taken(self, step: Step) -> None:
        """Notes by where they are, in any order."""

        def found() -> dict[str, list[int]]:
            return {place: sorted(notes) for place, notes in self._hands.notes_taken().items() if place in step.value}

        wanted = {place: sorted(notes) for place, notes in step.value.items()}
        if not await self._until(lambda: found() == wanted, step.within_s):
            raise _Mismatch(f"expected the acceptor to have {wanted}, it has {found()}")

    async def _take_receipt(self, step: Step) -> None:
        printer = self._hands.simulation.laptop.printer
        if printer is not None and not await self._until(lambda: bool(printer.hanging), step.within_s):
            raise _Mismatch("there is no receipt to take")
        found = self._hands.take_receipt()
        if step.value not in found:
            raise _Mismatch(f"expected a receipt with {step.value!r}, it says {' / '.join(found.splitlines())}")

    async def _new_roll(self, _step: Step) -> None:
        self._hands.new_roll()

    async def _open_door(self, step: Step) -> None:
        self._hands.door(step.value, is_open=True)

    async def _shut_door(self, step: Step) -> None:
        self._hands.door(step.value, is_open=False)

    async def _wait(self, step: Step) -> None:
        await asyncio.sleep(step.value)

    async def _fault(self, step: Step) -> None:
        wanted = step.value
        times = None if "on" in wanted else wanted.get("times", 1)
        self._hands.fault(wanted["device"], wanted["name"], times=times, on=wanted.get("on", True))

    async def _line(self, step: Step) -> None:
        if step.value == "cut":
            self._hands.cut_line()
        else:
            self._hands.mend_line()

    async def _headphones(self, step: Step) -> None:
        if step.value == "in":
            self._hands.plug()
        else:
            self._hands.unplug()

    async def _load(self, step: Step) -> None:
        await self._hands.load(step.value)

    async def _take_out(self, step: Step) -> None:
        for cassette, left in step.value.items():
            self._hands.take_out(cassette, left)

    async def _clear_path(self, _step: Step) -> None:
        await self._hands.clear_path()

    async def _restart(self, _step: Step) -> None:
        await self._hands.simulation.restart()


def _is_button(shown: Screen | None, wanted: Any) -> bool:
    """A, B, C or D where the screen has a word for it; a digit where it takes digits."""
    if shown is None:
        return False
    words = {"A": shown.keys.cancel, "B": shown.keys.back, "C": shown.keys.help, "D": shown.keys.main}
    return bool(words.get(str(wanted))) or (isinstance(shown, Pin) and str(wanted).isdigit())


def _notes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in counts.items()) or "nothing"


def pins_beside(card_of: Callable[[str], Path]) -> PinOf:
    """PINs from a file beside each card: `card-1.atm` and `card-1.pin`."""

    def pin_of(name: str) -> str:
        path = card_of(name).with_suffix(".pin")
        try:
            return path.read_text(encoding="ascii").partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"the PIN of {name} should be in {path}, and cannot be read") from error

    return pin_of
