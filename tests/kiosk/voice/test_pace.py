"""A customer's time: it stands still while the machine speaks, and is longer for who listens."""

from __future__ import annotations

import asyncio

import pytest
from support.virtual_time import run_virtual

from kiosk.keys import Keys
from kiosk.pace import LONGER, Pace


async def _held(pace: Pace, begin: float, end: float) -> None:
    await asyncio.sleep(begin)
    pace.hold()
    await asyncio.sleep(end - begin)
    pace.go_on()


def test_a_limit_stands_still_while_something_is_said() -> None:
    """30 s with 12 s of speech in them end after 42 s; those of who was not spoken to, after 30."""

    async def story() -> float:
        pace, loop = Pace(), asyncio.get_running_loop()
        holding = asyncio.create_task(_held(pace, 10, 22))
        with pytest.raises(TimeoutError):
            async with pace.limit(30):
                await asyncio.Event().wait()
        await holding
        return loop.time()

    assert run_virtual(story()) == pytest.approx(42)


def test_a_limit_that_begins_while_something_is_said_waits_for_its_end() -> None:
    """The time to answer begins when the question has been said."""

    async def story() -> float:
        pace = Pace()
        pace.hold()
        asyncio.get_running_loop().call_later(7, pace.go_on)
        await pace.sleep(5)
        return asyncio.get_running_loop().time()

    assert run_virtual(story()) == pytest.approx(12)


def test_two_limits_and_the_clock_stand_still_together() -> None:
    """What is counted down on the screen and what ends the wait are the same time, also after several pauses."""

    async def story() -> list[float]:
        pace, loop = Pace(), asyncio.get_running_loop()
        holding = [asyncio.create_task(_held(pace, begin, begin + 1)) for begin in (1, 3, 5)]
        begun = pace.now()

        async def ended(seconds: float) -> float:
            await pace.sleep(seconds)
            assert pace.now() - begun == pytest.approx(seconds)
            return loop.time()

        times = await asyncio.gather(ended(2), ended(4), ended(10))
        await asyncio.gather(*holding)
        return times

    assert run_virtual(story()) == pytest.approx([3, 7, 13])


def test_who_listens_has_longer() -> None:
    """60 s instead of 30 (FACE, section 11), but not while the machine is being stopped."""
    pace = Pace()
    assert pace.longer(30) == 30
    pace.listening = True
    assert pace.longer(30) == 30 * LONGER == 60
    pace.hurried = True
    assert pace.longer(30) == 30


def test_holding_twice_is_holding_once() -> None:
    """One sentence after another keeps time standing; one end lets it run."""

    async def story() -> float:
        pace = Pace()
        pace.go_on()
        pace.hold()
        await asyncio.sleep(2)
        pace.hold()
        await asyncio.sleep(2)
        pace.go_on()
        pace.go_on()
        return pace.now()

    assert run_virtual(story()) == pytest.approx(0)


def test_a_key_is_still_heard_while_time_stands() -> None:
    """Standing time keeps nobody from answering, and a cancelled wait leaves nothing behind."""

    async def story() -> tuple[str | None, str | None]:
        keys = Keys()
        keys.pace.hold()
        asyncio.get_running_loop().call_later(100, keys.press, "1")
        heard = await keys.next(30)
        waiting = asyncio.create_task(keys.next(30))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        keys.pace.go_on()
        return heard, await keys.next(1)

    assert run_virtual(story()) == ("1", None)
