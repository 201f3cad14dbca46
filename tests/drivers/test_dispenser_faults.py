"""Whatever breaks in whatever order: no note is counted that is not out, and none is out that nobody spoke of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.dispenser_rig import DispenserRig
from support.virtual_time import run_virtual

from drivers.devices import DeviceError, DeviceState

NOTE_FAULTS = (
    "jam-before-sensor",
    "jam-in-sensor",
    "falls-back",
    "stuck-in-throat",
    "slow-note",
    "double-overlap",
    "double-gap",
    "reject-next",
    "motor-dead",
)
LINE_FAULTS = ("sensor-bounce", "sensor-stuck-covered", "sensor-stuck-clear", "looks-empty", "looks-full")
DOUBLES = ("double-overlap", "double-gap")

Step = tuple[str, Any]


def note_fault(name: str) -> Step:
    return ("once", name)


steps = st.one_of(
    st.sampled_from(NOTE_FAULTS).map(note_fault),
    st.tuples(st.just("switch"), st.tuples(st.sampled_from(LINE_FAULTS), st.booleans())),
    st.tuples(st.just("pick"), st.sampled_from(["A", "B"])),
    st.tuples(st.just("pick"), st.sampled_from(["A", "B"])),
    st.tuples(st.just("cancel"), st.integers(0, 1200)),
    st.tuples(st.just("reset"), st.none()),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("take"), st.none()),
)


class Play:
    """Does one step after the other on a rig. What a blind sensor or a broken-off pick cannot see is left out: doubles."""

    def __init__(self) -> None:
        self.rig = DispenserRig()

    async def do(self, step: Step) -> None:
        kind, value = step
        action: Callable[[Any], Coroutine[Any, Any, None]] = getattr(self, f"_{kind}")
        await action(value)
        await self.rig.settle()
        assert self.rig.device.motors_on == ()
        self.rig.check()

    async def _once(self, fault: str) -> None:
        if fault in DOUBLES and "sensor-stuck-clear" in self.rig.device.active_faults:
            return
        self.rig.device.fault_once(fault)

    async def _switch(self, fault_and_on: tuple[str, bool]) -> None:
        fault, on = fault_and_on
        self.rig.device.set_fault(fault, on)
        if fault == "sensor-stuck-clear" and on:
            self._no_doubles()

    async def _pick(self, cassette: str) -> None:
        before = self.rig.device.physical
        try:
            await self.rig.pick(cassette)
        except DeviceError:
            assert self.rig.device.physical == before, "a pick that raises has moved nothing"

    async def _cancel(self, after_ms: int) -> None:
        self._no_doubles()
        task = asyncio.ensure_future(self.rig.driver.pick("A"))
        await asyncio.sleep(after_ms / 1000)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert self.rig.device.motors_on == ()
        if isinstance(result, asyncio.CancelledError):
            self.rig.said.in_doubt += 1  # the journal's rule: the note that was moving is in doubt
        elif not isinstance(result, DeviceError):
            self.rig.said.add(result)

    async def _reset(self, _: None) -> None:
        try:
            await self.rig.driver.reset()
        except DeviceError:
            assert self.rig.driver.report.state is DeviceState.HARDWARE_ERROR

    async def _clear(self, _: None) -> None:
        self.rig.device.clear_path()

    async def _take(self, _: None) -> None:
        self.rig.device.take_cash()

    def _no_doubles(self) -> None:
        for fault in DOUBLES:
            self.rig.device.set_fault(fault, on=False)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=25))
def test_no_order_of_faults_makes_the_driver_claim_or_miss_a_note(plan: list[Step]) -> None:
    """Over random histories: counted <= out <= counted + surplus + in doubt, every note somewhere, motors off."""

    async def go() -> None:
        play = Play()
        for step in plan:
            await play.do(step)

    run_virtual(go())
