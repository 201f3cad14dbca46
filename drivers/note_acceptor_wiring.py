"""A note acceptor's lines and times, and what must hold of them before a pin is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.devices import Holds
from drivers.gpio import InputWiring, OutputWiring
from drivers.pulse_trains import PulseTimings


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAcceptorWiring:
    """`inhibit` is on while no note is taken, and safe when on. `stack` and `give_back` move what the escrow holds.

    Each note covers `stacked` on its way into the box and `returned` on its way to the mouth; `jam` is on while one is
    stuck. Without an escrow only `inhibit` and `pulse` are needed.
    """

    inhibit: OutputWiring
    pulse: InputWiring
    stack: OutputWiring | None = None
    give_back: OutputWiring | None = None
    stacked: InputWiring | None = None
    returned: InputWiring | None = None
    jam: InputWiring | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowTimings:
    """In milliseconds: within `move_ms` the next note passes, and a sensor's pulse holds for `sensor_ms`.

    For `follow_ms` after the last note that is known the escrow moves on: one whose pulses were lost may be in it.
    """

    move_ms: int = 4_000
    follow_ms: int = 1_500
    sensor_ms: int = 10


def mistake(
    wiring: NoteAcceptorWiring, pulses: Mapping[int, int], holds: Holds, most: int, timings: PulseTimings
) -> str:  # fmt: skip
    """What contradicts itself, as "needs ..."; empty where nothing does. `pulses`: count → minor units."""
    moving = [line for line in (wiring.stack, wiring.give_back) if line is not None]
    escrow = (wiring.stack, wiring.give_back, wiring.stacked, wiring.returned)
    rules = {
        "needs an inhibit line that inhibits where it is safe": wiring.inhibit.safe_on,
        "needs escrow lines that are off where they are safe": not any(line.safe_on for line in moving),
        "needs the lines stack, return, stacked and returned, as it has an escrow": holds is Holds.NOTHING
        or all(line is not None for line in escrow),
        "needs notes, each by its own number of pulses and each of another value": bool(pulses)
        and all(count > 0 and minor > 0 for count, minor in pulses.items())
        and len(set(pulses.values())) == len(pulses),
        "needs an escrow for one note at least": most > 0 and (holds is not Holds.NOTE or most == 1),
    }
    return next((rule for rule, kept in rules.items() if not kept), "") or timings.mistake()
