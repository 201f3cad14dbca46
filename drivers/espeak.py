"""A voice by espeak-ng: the program makes the sound of a sentence, and aplay plays it on the sound card.

Two programs, since espeak-ng alone ends with success where there is no sound card. Text goes in by standard input: what
stands on a command line can be read by every user of the system, and a balance may be among it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import shutil
import struct
import wave
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterator, Sequence

from drivers.devices import LOUDEST, ONLINE, DeviceError, DeviceReport, DeviceState, Fault, Manner

PROGRAM = "espeak-ng"
PLAYER = "aplay"
#: espeak-ng's amplitude by loudness, some 20 dB from the first to the last.
AMPLITUDE = (20, 45, 100, 150, 200)
assert len(AMPLITUDE) == LOUDEST
#: espeak-ng's own sample rate; the tick has the same.
RATE = 22_050
TICK_HZ, TICK_S = 1_000, 0.03
_HEADER = 44


class EspeakSpeaker:
    """A `devices.Speaker`. `device` is the sound card as ALSA names it ("" for the default one).

    `program` and `player` are what is run; `find` looks for them, as `shutil.which` does.
    """

    def __init__(
        self, *, device: str = "", name: str = "voice", program: str = PROGRAM, player: str = PLAYER,
        find: Callable[[str], str | None] = shutil.which,
    ) -> None:  # fmt: skip
        self.name = name
        self._program = program
        self._player = (player, "-q", *(("-D", device) if device else ()))
        self._device = device
        self._find = find
        self._open = False
        self._trouble = ""

    def __repr__(self) -> str:
        return f"<{self.name} by {self._program}, {'open' if self._open else 'closed'}>"

    @property
    def report(self) -> DeviceReport:
        if self._trouble:
            return DeviceReport(DeviceState.HARDWARE_ERROR if self._open else DeviceState.NO_DEVICE, self._trouble)
        return ONLINE if self._open else DeviceReport(DeviceState.OFFLINE, f"The {self.name} is not open.")

    def open(self) -> None:
        """Look for both programs. Raises DeviceError (CONFIG)."""
        for program, package in ((self._program, "espeak-ng"), (self._player[0], "alsa-utils")):
            if self._find(program) is None:
                self._trouble = (
                    f"{program} is not installed, so nothing can be said: sudo apt install {package}, then restart."
                )
                raise DeviceError(self.name, Fault.CONFIG, self._trouble)
        self._open, self._trouble = True, ""

    def close(self) -> None:
        """Nothing is kept open between two sentences."""
        self._open = False

    async def say(self, text: str, manner: Manner) -> None:
        """Returns when it has been said; cancelled, it is silent at once. Raises DeviceError (CONFIG, UNPLUGGED)."""
        with self._judged():
            await self._play(await self.render(text, manner))

    async def tick(self, manner: Manner) -> None:
        """The sound of a key. Raises DeviceError (CONFIG, UNPLUGGED)."""
        with self._judged():
            await self._play(tick_sound(manner.loudness))

    async def render(self, text: str, manner: Manner) -> bytes:
        """What would be heard, as a WAV file (mono, 16 bit); empty where there is nothing to say. Raises DeviceError."""
        if not text.strip():
            return b""
        command = (
            self._program, "--stdin", "--stdout", "-b", "1", "-v", manner.language,
            "-s", str(manner.words_per_minute), "-a", str(AMPLITUDE[manner.loudness - 1]),
        )  # fmt: skip
        made, said, code = await _run(command, text.encode(), self.name)
        if code:
            raise DeviceError(
                self.name, Fault.CONFIG, f"{self._program} cannot speak {manner.language}: {_last(said) or code}"
            )
        return _measured(made)

    async def _play(self, sound: bytes) -> None:
        if not sound:
            return
        _, said, code = await _run(self._player, sound, self.name)
        if code:
            card = f"the sound card {self._device}" if self._device else "the default sound card"
            raise DeviceError(
                self.name, Fault.UNPLUGGED,
                f"{self._player[0]} cannot play on {card} ({_last(said) or code}): check the card, "
                "and device under [voice].",
            )  # fmt: skip

    @contextlib.contextmanager
    def _judged(self) -> Iterator[None]:
        """What went wrong stands in the report until something is said again."""
        if not self._open:
            raise DeviceError(self.name, Fault.CONFIG, self._trouble or f"The {self.name} is not open.")
        try:
            yield
        except DeviceError as error:
            self._trouble = str(error)
            raise
        self._trouble = ""


async def _run(command: Sequence[str], given: bytes, name: str) -> tuple[bytes, bytes, int]:
    """Output, what was said on standard error, exit code. Cancelled, the program is killed before this returns."""
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        raise DeviceError(name, Fault.CONFIG, f"{command[0]} cannot be run: {error.strerror}") from error
    try:
        made, said = await process.communicate(given)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return made, said, process.returncode


def _last(said: bytes) -> str:
    """The last line of a program's complaint."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def _measured(made: bytes) -> bytes:
    """espeak-ng writes the head before it knows how long the sound is; whoever else reads the file must know."""
    if len(made) <= _HEADER:
        return b""
    sizes = struct.pack("<I", len(made) - 8), struct.pack("<I", len(made) - _HEADER)
    return made[:4] + sizes[0] + made[8:40] + sizes[1] + made[_HEADER:]


def tick_sound(loudness: int) -> bytes:
    """A short soft knock as a WAV file: the same whatever it stands for."""
    count = int(RATE * TICK_S)
    top = 32_767 * AMPLITUDE[loudness - 1] / AMPLITUDE[-1] / 2
    samples = (int(top * math.sin(2 * math.pi * TICK_HZ * at / RATE) * (1 - at / count) ** 2) for at in range(count))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(struct.pack(f"<{count}h", *samples))
    return file.getvalue()
