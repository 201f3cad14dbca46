"""A customer who is not there: answers the visit's questions at once, as was wished, and takes what is handed out.

The visit and its transactions are those that serve people; only whom they ask is another.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from bank_link.money import MINOR_DIGITS, Money
from bank_link.pin_block import Pin
from kiosk.ask import MAIN, Ask, Holding, Patience
from kiosk.display.face import Look
from kiosk.keys import Keys
from kiosk.leaving import Cancelled
from kiosk.screens import model as s
from kiosk.screens.words.load import Words
from kiosk.simulator.slots import Slot

#: The choice that is made on each screen; on any other one the visit is cancelled.
_CHOICES = {"cash": "other", "cash.mix": "fewest", "cash.receipt": "no", "balance": "show"}


class NoDisplay:
    """`kiosk.display.face.Display` where nobody looks."""

    def show(self, screen: s.Screen, look: Look = Look()) -> None: ...

    def listen(self, pressed: object) -> None: ...

    async def run(self) -> None: ...

    def close(self) -> None: ...


class Unattended(Ask):
    """`amount` is what is wished for (None: the balance); `take_cash` is a hand in the tray. `seen` are the screens that
    asked or told something.
    """

    def __init__(
        self, words: Words, *, slot: Slot, pin: str, amount: Money | None, take_cash: Callable[[], object]
    ) -> None:  # fmt: skip
        super().__init__(NoDisplay(), words, Keys(), Patience())
        self._take_cash = take_cash
        self._slot = slot
        self._pin = pin
        self._wished = amount
        self.seen: list[s.Screen] = []

    def saw(self, *ids: str) -> bool:
        """Whether a screen of these was among them."""
        return any(screen.id in ids for screen in self.seen)

    async def choose(self, screen: s.Choose | s.Confirm | s.NoticeScreen | s.ListScreen) -> str:
        """The wish, once. A screen that offers something else ends the visit."""
        again = self.saw(screen.id)
        self.seen.append(screen)
        if again:
            raise Cancelled
        if screen.id == "account":
            return screen.choices[0].key
        if isinstance(screen, s.NoticeScreen):
            return MAIN
        if screen.id not in _CHOICES:
            raise Cancelled
        return _CHOICES[screen.id]

    async def amount(self, screen: s.Amount) -> int | None:
        """The wished amount, once, where the screen takes so many digits."""
        again = self.saw(screen.id)
        self.seen.append(screen)
        if again:
            raise Cancelled
        assert self._wished is not None
        entered: int = self._wished.minor // 10 ** MINOR_DIGITS[self._wished.currency]
        if len(str(entered)) > screen.most_digits:
            raise Cancelled
        return entered

    async def pin(self, screen: s.Pin) -> Pin:
        """The PIN, once: a wrong one stays wrong."""
        again = self.saw("pin")
        self.seen.append(screen)
        if again:
            raise Cancelled
        return Pin(self._pin)

    async def told(
        self, screen: s.NoticeScreen | s.Confirm | s.Take | s.Code, seconds: float,  # noqa: ARG002 - nobody reads for long
        until: Coroutine[Any, Any, object] | None = None,
    ) -> str:  # fmt: skip
        """Read at once."""
        if until is not None:
            until.close()
        self.seen.append(screen)
        return MAIN

    async def taken(self, slot: Holding, screen: s.Take, seconds: int) -> bool:  # noqa: ARG002 - nobody hesitates
        """Card and cash are taken at once."""
        self.seen.append(screen)
        if screen.slot is s.Slot.CASH:
            self._take_cash()
        else:
            self._slot.pull()
        await slot.removed()
        return True

    async def pause(self, screen: s.Screen, seconds: float) -> None:  # noqa: ARG002 - nobody waits
        """Nothing to look at."""
        self.seen.append(screen)
