"""Shows a screen and returns the customer's answer. The only place with time limits for people."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from msgspec.structs import replace

from bank_link.pin_block import LONGEST, SHORTEST, Pin
from drivers.devices import CardReader
from kiosk.display.face import Display, Look
from kiosk.keys import NUDGE, Keys
from kiosk.leaving import Cancelled, CardPulled, DoorOpened, TimedOut
from kiosk.pace import Pace
from kiosk.screens import catalogue
from kiosk.screens import model as s
from kiosk.screens.words.load import Words
from kiosk.voice.voice import AGAIN, LOUDER, Voice

MAIN = "main"
BACK = "back"

_SIGNS = (NUDGE, AGAIN, LOUDER)

#: The ring is drawn in the last seconds only.
RING_S = 20
#: So many times to answer pass before headphones that are in are taken for forgotten ones.
LISTENS = 5
#: Then the machine says that it is still working.
SLOW_S = 8


class Holding(Protocol):
    """Where something lies that a hand takes out."""

    @property
    def present(self) -> bool: ...

    async def removed(self) -> None: ...


@dataclass(frozen=True)
class Patience:
    """How long is waited for people, in seconds (WCAG 2.2.1: warned at least 20 s before, extended at least 10 times)."""

    answer_s: int = 30
    more_time_s: int = 20
    extensions: int = 10
    card_s: int = 30
    cash_s: int = 10


class Ask:
    """One customer at a time. Inside `guarding(reader)` every question ends with CardPulled when the card goes."""

    def __init__(
        self, display: Display, words: Words, keys: Keys, patience: Patience, *, phone: str = "",
        contrast: Callable[[], None] | None = None, voice: Voice | None = None,
        door_opened: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """`phone`: whom a customer may call. `contrast` changes the display to the other theme, where it has one.

        `voice` adds to Help what it can; the display is what tells it of the screens. Once `door_opened`, every question
        ends with DoorOpened, as soon as the keys are nudged.
        """
        self._display = display
        self._words = words
        self.keys = keys
        self.patience = patience
        self.phone = phone
        self._contrast = contrast
        self._voice = voice
        self._door_opened = door_opened
        self._helping = False
        self._guard: asyncio.Task[None] | None = None
        self._contrasted = False
        self.card_went = False

    def next_customer(self) -> None:
        """Whatever the one before has set at screen and voice is as it was."""
        if self._contrasted and self._contrast is not None:
            self._contrast()
        self._contrasted = False
        if self._voice is not None:
            self._voice.next_customer()

    @property
    def pace(self) -> Pace:
        """Time as the customer is given it."""
        return self.keys.pace

    @property
    def helping(self) -> bool:
        """Help is shown over something that asks nothing."""
        return self._helping

    def show(self, screen: s.Screen, left_s: int | None = None) -> None:
        """Something to look at while the machine works."""
        self._display.show(self._words.again(screen), Look(left_s=left_s))

    @asynccontextmanager
    async def waiting(self, screen: s.Wait, slow: s.Wait) -> AsyncIterator[None]:
        """Show `screen` while the block works, and `slow` after eight seconds of it."""
        self.show(screen)
        timer = asyncio.get_running_loop().call_later(SLOW_S, self.show, slow)
        try:
            yield
        finally:
            timer.cancel()

    @asynccontextmanager
    async def guarding(self, reader: CardReader) -> AsyncIterator[None]:
        """The card must stay in while questions are asked. Afterwards `card_went` says whether it did not: whatever is in
        then is the next customer's.
        """
        self.card_went = False
        self._guard = asyncio.create_task(reader.removed())
        self._guard.add_done_callback(self._guard_ended)
        try:
            yield
        finally:
            # One that was let go is not missed.
            guard = self._guard
            self.card_went = guard is not None and guard.done() and not guard.cancelled() and guard.exception() is None
            self.card_may_go()

    def card_may_go(self) -> None:
        """From here on the card is the customer's to take; its going ends nothing."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.cancel()

    def _guard_ended(self, guard: asyncio.Task[None]) -> None:
        """Whoever waits for a key looks again."""
        if not guard.cancelled() and guard is self._guard:
            self.keys.nudge()

    # ── Questions ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def choose(self, screen: s.Choose | s.Confirm | s.NoticeScreen | s.ListScreen) -> str:
        """The chosen card's key, MAIN or BACK. Raises LeftEarly."""
        while True:
            key = await self._key(screen)
            if key == "A" and screen.keys.cancel:
                raise Cancelled
            if key == "B" and screen.keys.back:
                return BACK
            if key == "D" and screen.keys.main:
                return MAIN
            chosen = _chosen(screen.choices, key)
            if chosen:
                return chosen

    async def any_key(self, screen: s.NoticeScreen) -> str:
        """Any key, whatever it means elsewhere: the pad itself is asked about. Raises LeftEarly."""
        return await self._key(screen)

    async def amount(self, screen: s.Amount) -> int | None:
        """The number that was entered, or None for Back (Clear on an empty entry). Raises LeftEarly."""
        entered = await self._digits(screen, first_zero=False)
        return int(entered) if entered else None

    async def digits(self, screen: s.Amount) -> str:
        """An account number or a code, zeros before it too; "" for Back. Raises LeftEarly."""
        return await self._digits(screen, first_zero=True)

    async def _digits(self, screen: s.Amount, *, first_zero: bool) -> str:
        entered = screen.entered
        while True:
            key = await self._key(replace(screen, entered=entered))
            if key == "A":
                raise Cancelled
            if key == "B":
                if not entered:
                    return ""
                entered = ""
            elif key == "D" and entered:
                return entered
            elif key.isdigit() and len(entered) < screen.most_digits and (entered or first_zero or key != "0"):
                entered += key

    async def pin(self, screen: s.Pin) -> Pin:
        """A PIN of 4 to 12 digits; the caller wipes it. Raises LeftEarly."""
        pin = Pin()
        try:
            while True:
                key = await self._key(replace(screen, count=len(pin)))
                if key == "A":
                    raise Cancelled
                if key == "B":
                    pin.wipe()
                    pin = Pin()
                elif key == "D" and len(pin) >= SHORTEST:
                    return pin
                elif key.isdigit() and len(pin) < LONGEST:
                    pin.add(key)
        except BaseException:
            pin.wipe()
            raise

    def still_there(self) -> None:
        """Before something private is shown, which is no question. Raises CardPulled, DoorOpened."""
        if self._door_opened():
            raise DoorOpened
        if self._guard is not None and self._guard.done() and not self._guard.cancelled():
            # Raises what the reader does.
            self._guard.result()
            raise CardPulled

    async def told(
        self, screen: s.NoticeScreen | s.Confirm | s.Take | s.Code, seconds: float,
        until: Coroutine[Any, Any, object] | None = None,
    ) -> str:  # fmt: skip
        """Something to read: until one of its keys, or `seconds`, or the end of `until`. MAIN, a card's key, or "". Never
        raises LeftEarly.
        """
        if until is None:
            return await self._told(screen, seconds, lambda: False)
        ending = asyncio.create_task(until)
        ending.add_done_callback(lambda _: self.keys.nudge())
        try:
            return await self._told(screen, seconds, ending.done)
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    async def _told(
        self, screen: s.NoticeScreen | s.Confirm | s.Take | s.Code, seconds: float, is_over: Callable[[], bool]
    ) -> str:  # fmt: skip
        self.keys.forget()
        async with _Countdown(self, screen, self.pace.longer(seconds)) as countdown:
            while (left := countdown.left()) > 0 and not is_over():
                key = await self.keys.next(left)
                if _wants_help(screen, key):
                    await self._help_at_rest(key)
                    self.show(screen)
                if key in {"A", "D"}:
                    return MAIN if key == "D" else ""
                chosen = _chosen(getattr(screen, "choices", ()), key or "")
                if chosen:
                    return chosen
        return ""

    @property
    def in_ear(self) -> bool:
        """Whether something can be said to this customer alone."""
        return self._voice is not None and self._voice.in_ear

    async def told_in_ear(self, screen: s.Confirm, seconds: float) -> None:
        """As `told`, but nothing of it is seen."""
        assert self._voice is not None, "there are headphones"
        with self._voice.unseen():
            await self.told(screen, seconds)

    # ── Questions that something else may answer ────────────────────────────────────────────────────────────────────

    async def moment(self, screen: s.Screen, seconds: float) -> str | None:
        """A key, NUDGE where something else happened, None after `seconds`. Raises Cancelled, CardPulled. Serves Help."""
        self.show(screen)
        key = await self._one(self.pace.longer(seconds))
        if _wants_help(screen, key):
            await self._help(key)
            return NUDGE
        if key == "A" and screen.keys.cancel:
            raise Cancelled
        return key

    async def more_time(self, *, cash: bool = False) -> None:
        """Whether anybody is still there; what happens meanwhile is a sign of it. Raises TimedOut, DoorOpened. `cash`: it
        is taken back then.
        """
        await self._more_time(cash=cash)

    # ── Waiting for hands ───────────────────────────────────────────────────────────────────────────────────────────

    async def taken(self, slot: Holding, screen: s.Take, seconds: int) -> bool:
        """Show `screen` until what lies in the slot is out; False after `seconds`."""
        seconds = int(self.pace.longer(seconds))
        helping = asyncio.create_task(self.answer_help(screen))
        try:
            async with _Countdown(self, screen, seconds), self.pace.limit(seconds):
                await slot.removed()
        except TimeoutError:
            return not slot.present
        finally:
            helping.cancel()
            await asyncio.gather(helping, return_exceptions=True)
        return True

    async def given(self, reader: CardReader, screen: s.Wait, seconds: int) -> bool:
        """Show `screen` until something is put in; False after `seconds`. Raises Cancelled."""
        seconds = int(self.pace.longer(seconds))
        inserted = asyncio.create_task(reader.inserted())
        helping = asyncio.create_task(self.answer_help(screen))
        try:
            async with _Countdown(self, screen, seconds), self.pace.limit(seconds):
                await asyncio.wait({inserted, helping}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return reader.present
        finally:
            for task in (inserted, helping):
                task.cancel()
            await asyncio.gather(inserted, helping, return_exceptions=True)
        if not reader.present:
            raise Cancelled
        return True

    async def answer_help(self, screen: s.Screen) -> str:
        """Serve the Help key of a screen that waits for something else, until cancelled, or until one of its choices is
        made (its key is returned), or Cancel where it works ("").
        """
        self.keys.forget()
        while True:
            key = await self.keys.next(self.pace.longer(self.patience.answer_s)) or NUDGE
            if _wants_help(screen, key):
                await self._help_at_rest(key)
                self.show(screen)
            elif key == "A" and screen.keys.cancel:
                return ""
            elif key and (chosen := _chosen(getattr(screen, "choices", ()), key)):
                return chosen

    async def answer_between(self, screen: s.Screen) -> str:
        """Serve Help and the choice of a language while nobody is served. Returns any other choice of the screen, and ""
        when another language is spoken.
        """
        self.keys.forget()
        before, idle = self._words.code, 0
        while self._words.code == before:
            key = await self.keys.next(self.pace.longer(self.patience.answer_s))
            idle = idle + 1 if key is None else 0
            if key is None:
                # Whoever chose something has gone: the next one finds the machine's own. Who listens may take a while.
                self._words.next_customer()
                if not self.in_ear or idle >= LISTENS:
                    self.next_customer()
            elif _wants_help(screen, key):
                await self._help_at_rest(key)
                self.show(screen)
            elif chosen := _chosen(getattr(screen, "choices", ()), key):
                if not chosen.startswith((catalogue.LANGUAGE, catalogue.LANGUAGES)):
                    return chosen
                await self._speak(chosen)
                self.show(screen)
        return ""

    async def pause(self, screen: s.Screen, seconds: float) -> None:
        """Something that stays for `seconds`, whatever is pressed; only Help is served."""
        self.show(screen)
        helping = asyncio.create_task(self.answer_help(screen))
        await self.pace.sleep(self.pace.longer(seconds))
        helping.cancel()
        await asyncio.gather(helping, return_exceptions=True)

    # ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _key(self, screen: s.Screen) -> str:
        """The next key for `screen`. Serves Help by itself; asks for more time when no key comes."""
        self.show(screen)
        for _ in range(self.patience.extensions + 1):
            key = await self._answer()
            while _wants_help(screen, key):
                await self._help(key)
                self.show(screen)
                key = await self._answer()
            if key is not None:
                return key
            await self._more_time()
            self.show(screen)
        raise TimedOut

    async def _help_at_rest(self, key: str | None) -> None:
        """Help where nothing is asked: a card that goes out meanwhile ends only the help."""
        self._helping = True
        try:
            with contextlib.suppress(CardPulled, DoorOpened):
                await self._help(key)
        finally:
            self._helping = False

    async def _help(self, key: str | None) -> None:
        """What can be heard, language, contrast, and whom to call; Back, Cancel or the time limit lead back to the question.

        "Say it again" needs nothing more: a question that comes back is said.
        """
        if key == s.LANGUAGE_KEY:
            await self._choose_language()
            return
        screen = self._help_screen()
        self.show(screen)
        chosen = _chosen(screen.choices, await self._meant() or "")
        if chosen == "contrast" and self._contrast is not None:
            self._contrasted = not self._contrasted
            self._contrast()
        elif chosen == "person":
            self.show(catalogue.help_person(self._words, self.phone))
            await self._meant()
        elif chosen == "language":
            await self._choose_language()
        elif chosen and self._voice is not None:
            self._voice.chosen(chosen)

    async def _choose_language(self) -> None:
        screen = catalogue.languages(self._words)
        self.show(screen)
        await self._speak(_chosen(screen.choices, await self._meant() or ""))

    async def _speak(self, chosen: str) -> None:
        """What a choice of languages means; any other means nothing here."""
        if chosen == catalogue.LANGUAGES:
            self._helping = True
            try:
                await self._choose_language()
            finally:
                self._helping = False
        elif chosen.startswith(catalogue.LANGUAGE):
            self._words.choose(chosen.removeprefix(catalogue.LANGUAGE))

    def _help_screen(self) -> s.Choose:
        heard = self._voice.help if self._voice is not None else ()
        offered = {*heard, "person", *(("contrast",) if self._contrast is not None else ())}
        if len(self._words.languages) > 1:
            offered.add("language")
        on = self._voice.switched if self._voice is not None else ()
        return catalogue.help_(self._words, [key for key in catalogue.HELP if key in offered], on)

    async def _meant(self) -> str | None:
        """A key that is meant for what is shown: to hear it again, or louder, answers nothing."""
        key = await self._answer()
        while key is not None and key in _SIGNS:
            key = await self._answer()
        return key

    async def _answer(self) -> str | None:
        """A key, None when the time to answer is over."""
        return await self._one(self.pace.longer(self.patience.answer_s))

    async def _more_time(self, *, cash: bool = False) -> None:
        seconds = int(self.pace.longer(self.patience.more_time_s))
        for left in range(seconds, 0, -1):
            screen = catalogue.time_more(self._words, left, card=self._guard is not None, cash=cash)
            self.show(screen, left_s=min(left, RING_S))
            key = await self._one(1)
            if key == "A":
                raise TimedOut
            if key is not None:
                return
        raise TimedOut

    async def _one(self, seconds: float) -> str | None:
        """A key, None after `seconds`; CardPulled at once when the guarded card goes, DoorOpened when a door is opened."""
        # Also where it went while nothing was asked: what is in now may be the next customer's.
        self.still_there()
        key = await self.keys.next(seconds)
        self.still_there()
        return key


class _Countdown:
    """Shows a screen with its ring in the last seconds, while somebody else waits for what ends it."""

    def __init__(self, ask: Ask, screen: s.Screen, seconds: float) -> None:
        self._ask = ask
        self._screen = screen
        self._until = ask.pace.now() + seconds
        self._task: asyncio.Task[None] | None = None

    def left(self) -> float:
        return self._until - self._ask.pace.now()

    async def __aenter__(self) -> Self:
        self._ask.show(self._screen)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while (left := self.left()) > 0:
            whole = int(left + 0.999)
            if not self._ask.helping:
                self._ask.show(self._screen, left_s=whole if whole <= RING_S else None)
            await self._ask.pace.sleep(left - (whole - 1) if whole <= RING_S else left - RING_S)


def _wants_help(screen: s.Screen, key: str | None) -> bool:
    """Help, or a touch on the header's language, where the screen has them."""
    return bool(screen.keys.help) and (key == "C" or (key == s.LANGUAGE_KEY and bool(screen.language)))


def _chosen(choices: tuple[s.Choice, ...], key: str) -> str:
    if not key.isdigit() or key == "0" or int(key) > len(choices):
        return ""
    choice = choices[int(key) - 1]
    return choice.key if choice.enabled else ""
