"""What is said in the headphones, for a browser that has them on: the sentences, and the sound of each when it is asked for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from drivers.devices import Manner
from drivers.espeak import EspeakSpeaker, tick_sound
from drivers.simulated.speaker import Said
from kiosk.simulator.hands import Hands

REMEMBERED = 60


@dataclass(frozen=True)
class Sentence:
    """One thing that was begun. A tick has no text."""

    number: int
    text: str
    manner: Manner


class Heard:
    """Listens from its making on. Its own espeak-ng makes the sound; nothing is played on this computer's sound card."""

    def __init__(self, hands: Hands) -> None:
        self._said: deque[Sentence] = deque(maxlen=REMEMBERED)
        self._count = 0
        self._voice = EspeakSpeaker(name="the page's voice")
        self._speaker = hands.simulation.laptop.speaker
        hands.listen(self._begun)

    def _begun(self, said: Said) -> None:
        self._count += 1
        self._said.append(Sentence(self._count, said.text, said.manner))

    def since(self, number: int) -> list[Sentence]:
        """Those after that number, as far as they are remembered."""
        return [one for one in self._said if one.number > number]

    async def sound(self, number: int) -> bytes:
        """As a WAV file. Raises DeviceError where it cannot be made, and KeyError where that is forgotten."""
        said = next((one for one in self._said if one.number == number), None)
        if said is None:
            raise KeyError(number)
        if self._speaker is not None:
            self._speaker.leave_it_to_others()
        if not said.text:
            return tick_sound(said.manner.loudness)
        return await self._voice.render(said.text, said.manner)
