"""The simulator's keyboard: what is on the pad presses the pad, other letters are hands and tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bank_link.control_socket import CommandRefused
from drivers.devices import DeviceError
from drivers.simulated.faults import UnknownFault
from drivers.simulated.speaker import Said
from kiosk.simulator.hands import Hands

HELP = """\
keys   0-9 * # and A B C D press the pad; Enter is D (OK), Backspace B (back), Escape A (cancel)
hands  i insert a card   p pull the card   t take the cash   n put a note in   r take the receipt   j headphones in or out
tools  f faults   l cut or mend the line   o take stuck notes out   e doors   s status   h this help   q quit"""


class Console:
    """`pad` and `letter` hear a terminal or a window. `print_line` shows an answer; `quit` ends the simulator."""

    def __init__(self, hands: Hands, print_line: Callable[[str], None], quit_: Callable[[], None]) -> None:
        self._hands = hands
        self._print = print_line
        self._quit = quit_
        self._number: Callable[[int], None] | None = None
        self._digits, self._typed = 0, ""
        self._tasks: set[asyncio.Task[None]] = set()
        hands.listen(self._said)
        self._commands: dict[str, Callable[[], None]] = {
            "i": self._insert, "p": self._pull, "t": self._take, "f": self._faults, "l": self._line, "o": self._clear,
            "j": self._headphones, "n": self._note, "r": self._receipt, "e": self._door, "s": self._status, "h": self._help, "?": self._help, "q": quit_,
        }  # fmt: skip

    def pad(self, key: str) -> None:
        """A key of the pad, unless a number is being asked for."""
        if self._number is None:
            self._begin(self._hands.press(key))
        elif key.isdigit():
            self._typed += key
            if len(self._typed) == self._digits:
                chosen, self._number = self._number, None
                self._guarded(lambda: chosen(int(self._typed)))
        else:
            self._number = None
            self._print("never mind")

    def letter(self, letter: str) -> None:
        """Any other letter."""
        self._number = None
        self._guarded(self._commands.get(letter.lower(), self._help))

    def _guarded(self, do: Callable[[], None]) -> None:
        try:
            do()
        except (DeviceError, UnknownFault, CommandRefused) as error:
            self._print(str(error))

    def _begin(self, doing: object) -> None:
        task = asyncio.ensure_future(self._told(doing))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _told(self, doing: object) -> None:
        try:
            await doing  # type: ignore[misc]  # a coroutine of the hands
        except (DeviceError, CommandRefused) as error:
            self._print(str(error))

    def _ask(self, digits: int, then: Callable[[int], None]) -> None:
        self._number, self._digits, self._typed = then, digits, ""

    # ── The commands ────────────────────────────────────────────────────────────────────────────────────────────────

    def _help(self) -> None:
        self._print(HELP)

    def _insert(self) -> None:
        names = list(self._hands.cards)
        if len(names) <= 1:
            self._hands.insert(names[0] if names else "card-1")
            return
        self._print("which card?  " + "   ".join(f"{place} {name}" for place, name in enumerate(names, start=1)))
        self._ask(1, lambda number: self._hands.insert(f"card-{number}"))

    def _pull(self) -> None:
        card = self._hands.pull()
        self._print(f"the card {card.name} is in your hand" if card else "there is no card in the slot")

    def _take(self) -> None:
        taken = self._hands.take_cash()
        back = self._hands.take_notes() if self._hands.simulation.laptop.acceptor is not None else []
        notes = [f"{count} of {name}" for name, count in taken.items()] + [f"{value} given back" for value in back]
        self._print(f"in your hand: {', '.join(notes)}" if notes else "there is nothing in the tray")

    def _receipt(self) -> None:
        self._print(self._hands.take_receipt() or "there is no receipt to take")

    def _note(self) -> None:
        """Which one goes in."""
        acceptor = self._hands.simulation.config.note_acceptor
        if acceptor is None:
            self._hands.insert_note(1)  # says that there is none
            return
        values = sorted(acceptor.pulses.values())
        self._print("which note?  " + "   ".join(f"{place} {value}" for place, value in enumerate(values, start=1)))
        self._ask(1, lambda number: self._hands.insert_note(values[number - 1]) if 0 < number <= len(values) else None)

    def _headphones(self) -> None:
        if self._hands.headphones_in:
            self._hands.unplug()
            self._print("the headphones are out")
        else:
            self._hands.plug()
            self._print("the headphones are in")

    def _said(self, said: Said) -> None:
        """What is in the ear can be read here."""
        self._print(f"  )) {said.text or 'tick'}")

    def _door(self) -> None:
        """Which one is moved; an open one is shut."""
        doors = self._hands.simulation.laptop.doors
        names = list(doors)
        told = "   ".join(
            f"{place} {name} ({'open' if doors[name].is_open else 'closed'})"
            for place, name in enumerate(names, start=1)
        )
        self._print(f"which door?  {told}" if told else "this machine's doors have no switches")
        self._ask(1, self._move_door)

    def _move_door(self, number: int) -> None:
        names = list(self._hands.simulation.laptop.doors)
        if 0 < number <= len(names):
            name = names[number - 1]
            self._hands.door(name, is_open=not self._hands.simulation.laptop.doors[name].is_open)
            self._print(
                f"the {name} door is {'open' if self._hands.simulation.laptop.doors[name].is_open else 'closed'}"
            )

    def _faults(self) -> None:
        self._print("which fault? two digits; the same again switches it off")
        for place, (device, name, sentence, on) in enumerate(self._hands.all_faults(), start=1):
            self._print(f"{'*' if on else ' '}{place:02d} {device} {name}: {sentence}")
        self._ask(2, self._toggle)

    def _toggle(self, number: int) -> None:
        faults = self._hands.all_faults()
        if not 0 < number <= len(faults):
            self._print(f"there is no fault {number:02d}")
            return
        device, name, _, on = faults[number - 1]
        self._hands.fault(device, name, on=not on)
        self._print(f"{device} {name} is {'off' if on else 'to come, once'}")

    def _line(self) -> None:
        if self._hands.simulation.line.is_cut:
            self._hands.mend_line()
            self._print("the line to the bank is there again")
        else:
            self._hands.cut_line()
            self._print("the line to the bank is cut")

    def _clear(self) -> None:
        async def clear() -> None:
            self._print(f"{await self._hands.clear_path()} notes were taken out of the path; the dispenser is reset")

        self._begin(clear())

    def _status(self) -> None:
        from kiosk.control import status_text

        if not self._hands.simulation.powered:
            self._print("the power is off")
            return
        self._print(status_text(self._hands.simulation.control.status()))
