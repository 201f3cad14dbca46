"""Stands between a machine and its displays: draws before the machine is there, and tells others what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from kiosk.display.face import Display, Look
from kiosk.screens.model import Screen

Watcher = Callable[[Screen, Look], None]


class Relay:
    """One `show` and `listen` for any number of displays.

    `start()` runs them at once, so that a picture is there while the rest is still loading; a machine is handed `Lent`
    of it. `watch` is told every screen; `touch(key)` is what a finger on that target would be.
    """

    def __init__(self, displays: Sequence[Display]) -> None:
        self._displays = tuple(displays)
        self._watchers: list[Watcher] = []
        self._pressed: Callable[[str], None] = lambda _: None
        self._task: asyncio.Task[None] | None = None
        self.shown: Screen | None = None
        self.look = Look()

    def show(self, screen: Screen, look: Look = Look()) -> None:
        self.shown, self.look = screen, look
        for display in self._displays:
            display.show(screen, look)
        for watcher in self._watchers:
            watcher(screen, look)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` at each `show`."""
        self._watchers.append(watcher)

    def listen(self, pressed: Callable[[str], None]) -> None:
        self._pressed = pressed
        for display in self._displays:
            display.listen(pressed)

    def touch(self, key: str) -> None:
        """A finger on the target of `key`."""
        self._pressed(key)

    def start(self) -> asyncio.Task[None]:
        """Draw and poll from now on; the task ends only with an error."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="display")
        return self._task

    async def first(self, drawn: asyncio.Event) -> None:
        """Returns once a display has set `drawn`. Raises DisplayError where there is nothing to draw on."""
        task = self.start()
        came = asyncio.create_task(drawn.wait())
        await asyncio.wait({task, came}, return_when=asyncio.FIRST_COMPLETED)
        came.cancel()
        if task.done():
            task.result()

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for display in self._displays:
            display.close()

    async def _run(self) -> None:
        if not self._displays:
            await asyncio.Event().wait()
        tasks = [asyncio.create_task(display.run()) for display in self._displays]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Lent:
    """The relay as a machine has it: what outlives the machine is neither stopped nor closed by it."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.show = relay.show
        self.listen = relay.listen

    async def run(self) -> None:
        """Until cancelled. Raises what the displays raise."""
        await asyncio.shield(self._relay.start())

    def close(self) -> None:
        """It is not the machine's to close."""


class Abilities:
    """What only some displays can, for a machine's `Hooks`: turn a page of theirs, change to the contrast theme."""

    def __init__(self, displays: Sequence[Display]) -> None:
        self._turning: list[Any] = [display for display in displays if hasattr(display, "offer")]
        self._themed: list[Any] = [display for display in displays if hasattr(display, "contrast")]

    def offer(self, key: str) -> bool:
        """True where a display took the pad's key for itself."""
        return any([display.offer(key) for display in self._turning])  # noqa: C419 - each of them turns its page

    @property
    def contrast(self) -> Callable[[], None] | None:
        """Changes to the other theme and back; None where no display has two."""
        return self._other_theme if self._themed else None

    def _other_theme(self) -> None:
        for display in self._themed:
            display.contrast = not display.contrast
