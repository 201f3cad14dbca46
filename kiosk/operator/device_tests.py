"""Devices: what each says of itself, and tests of the pad, the lamps, the card slot and the dispenser's way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bank_link.card_file import parse
from bank_link.errors import CardFileError
from drivers.devices import KEYS, DeviceError, DeviceState, Light, Manner
from kiosk.ask import BACK
from kiosk.operator.bench import Bench
from kiosk.operator.journal_view import show_text
from kiosk.screens import operator as screens

READ_S = 60
LAMP_S = 2
WORDS_A_MINUTE = 165
LOUDNESS = 3


async def run(bench: Bench) -> None:
    """One test after another; back to the menu by Back."""
    parts = bench.parts
    while True:
        offered = [key for key in _RUN if key != "voice" or bench.devices.speaker is not None]
        key = await parts.ask.choose(screens.op_devices(parts.words, offered))
        if key == BACK:
            return
        await _RUN[key](bench)


async def _states(bench: Bench) -> None:
    reports = [(device.name, device.report) for device in bench.devices.all()]
    lines = [
        (name, report.state.value if report.state is DeviceState.ONLINE else report.sentence or report.state.value)
        for name, report in reports
    ]
    await show_text(bench, "op.states", lines)


async def _keys(bench: Bench) -> None:
    """Every key once; the same key twice running ends it, so that a pad with a dead key is no trap."""
    parts, missing, last = bench.parts, list(KEYS), ""
    while missing:
        key = await parts.ask.any_key(screens.op_keys(parts.words, missing))
        if key == last:
            break
        last = key
        if key in missing:
            missing.remove(key)
    said = f"keys without a press: {' '.join(missing)}" if missing else "every key works"
    bench.note(f"tested the keypad, {said}")
    await _result(bench, good=not missing, sentence=said.capitalize())


async def _lamps(bench: Bench) -> None:
    """Each in turn, while the screen names it."""
    parts = bench.parts
    for lamp in bench.devices.indicators.lamps:
        parts.lamp(lamp, Light.QUICK)
        await parts.ask.pause(screens.op_lamp(parts.words, lamp), LAMP_S)
        parts.lamp(lamp, Light.OFF)
    parts.lamp("card", Light.ON)
    bench.note("tested the lamps")


async def _card(bench: Bench) -> None:
    """The card that is in is read once more."""
    try:
        parse(await bench.parts.reader.read())
    except (DeviceError, CardFileError) as error:
        bench.note(f"tested the card slot: {error}")
        await _result(bench, good=False, sentence=str(error))
        return
    bench.note("tested the card slot, it reads")
    await _result(bench, good=True, sentence="The card was read")


async def _dispenser(bench: Bench) -> None:
    """Motors off, way clear, tray emptied; what a note in doubt has closed stays closed until an exchange."""
    try:
        await bench.devices.dispenser.reset()
        if bench.devices.tray is not None:
            await bench.devices.tray.retract()
    except DeviceError as error:
        bench.note(f"reset the dispenser: {error}")
        await _result(bench, good=False, sentence=str(error))
        return
    bench.note("reset the dispenser, its way is clear")
    await _result(bench, good=True, sentence="The way is clear")


async def _voice(bench: Bench) -> None:
    """One sentence, by headphones or loudspeaker, whatever is switched."""
    speaker, words = bench.devices.speaker, bench.parts.words
    assert speaker is not None, "offered only where there is one"
    try:
        await speaker.say(
            words.say("op.voice", "said"), Manner(words.say("voice", "speaker"), WORDS_A_MINUTE, LOUDNESS)
        )
    except DeviceError as error:
        bench.note(f"tested the voice: {error}")
        await _result(bench, good=False, sentence=str(error))
        return
    bench.note("tested the voice")
    await _result(bench, good=True, sentence=words.say("op.voice", "done"))


async def _result(bench: Bench, *, good: bool, sentence: str) -> None:
    await bench.parts.ask.told(screens.op_result(bench.parts.words, sentence, good=good), READ_S)


_RUN: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "states": _states, "keys": _keys, "lamps": _lamps, "card": _card, "dispenser": _dispenser, "voice": _voice,
}  # fmt: skip
