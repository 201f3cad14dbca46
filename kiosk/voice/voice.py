"""When something is said: hears which screen is shown, which keys are pressed, and whether headphones are in.

Speech never holds up a visit: it runs in a task of its own, ends at the next key, and a voice that fails is silent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from drivers.devices import LOUDEST, DeviceError, DeviceState, Jack, Manner, Speaker
from kiosk.pace import Pace
from kiosk.screens.model import Attract, Out, Screen, Wait
from kiosk.screens.words.load import Words
from kiosk.voice.plain import said
from kiosk.voice.speech import Phrase, change, speech

USUAL_WPM, SLOW_WPM = 165, 130
USUAL_LOUDNESS = 3
#: A phrase that takes longer than anybody speaks is a sound card that hangs.
MOST_S, MOST_S_A_LETTER = 5.0, 0.25

AGAIN, LOUDER = "*", "#"


class Voice:
    """Says screens by `speaker`. `pace` stands still meanwhile; `touched` is called where a customer's time begins anew.

    Speech is on while headphones are in; with `loudspeaker` also aloud, from the key `*` to the end of the visit, but
    then without anything private. `failed` is told a trouble once. `words` may be changed for another language.
    """

    def __init__(
        self, speaker: Speaker, words: Words, pace: Pace, *, loudspeaker: bool = False,
        touched: Callable[[], None] = lambda: None, failed: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.words = words
        self.pace = pace
        self.blanked: Callable[[], None] = lambda: None
        self._speaker = speaker
        self._loudspeaker = loudspeaker
        self._touched = touched
        self._failed = failed
        self._told: set[str] = set()
        self._screen: Screen | None = None
        self._headphones = False
        self._aloud = False
        self._loudness = USUAL_LOUDNESS
        self._slow = False
        self._blank = self._in_ear_only = False
        self._left: deque[Phrase] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Voice, {'listened to' if self.audible else 'silent'}>"

    def start(self, jack: Jack | None) -> None:
        """Hear the jack from now on; a speaker that could not be opened stays silent until the next start."""
        if self._speaker.report.state is not DeviceState.ONLINE:
            self._loudspeaker = False
        elif jack is not None:
            jack.listen(self.plugged)
            if jack.plugged:
                self.plugged(True)

    async def stop(self) -> None:
        """Silence; returns when nothing of it runs any more."""
        self._silence()
        await asyncio.gather(*self._ending, return_exceptions=True)

    # ── What others see ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def audible(self) -> bool:
        """Somebody listens."""
        return self._headphones or self._aloud

    @property
    def speaking(self) -> bool:
        return self._task is not None

    @property
    def in_ear(self) -> bool:
        """Headphones are in: what is private can be said."""
        return self._headphones

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        """What is shown meanwhile is only heard."""
        before, self._in_ear_only = self._blank, True
        self._show_nothing(True)
        try:
            yield
        finally:
            self._in_ear_only = False
            self._show_nothing(before and self._headphones)

    @property
    def blank(self) -> bool:
        """Nothing is to be seen: the customer wished so, and hears."""
        return self._blank

    @property
    def help(self) -> tuple[str, ...]:
        """What Help offers now, by its keys (`kiosk.screens.trouble.HELP`)."""
        if not self.audible:
            return ()
        return ("again", "slower", "blank") if self._headphones else ("again", "slower")

    @property
    def switched(self) -> frozenset[str]:
        """Those of `help` that are on and can be switched off again."""
        on = {"slower": self._slow, "blank": self._blank}
        return frozenset(key for key, is_on in on.items() if is_on)

    # ── What happens ────────────────────────────────────────────────────────────────────────────────────────────────

    def shown(self, screen: Screen) -> None:
        """This is the screen now. Returns at once."""
        old, self._screen = self._screen, screen
        if screen == old or not self.audible:
            return
        new = None if old is None else change(old, screen, self.words, headphones=self._headphones)
        if new is None:
            self._say(self._all())
        elif isinstance(screen, Wait):
            self._say_next(new)
        elif new:
            self._say(new)

    def pressed(self, key: str) -> None:
        """A key, whichever: it ends what is being said."""
        left = self._silence()
        if key == AGAIN:
            self._aloud = self._aloud or (self._loudspeaker and not self._headphones)
            self.pace.listening = self.audible
            self.again()
        elif key == LOUDER and self.audible:
            self._loudness = self._loudness % LOUDEST + 1
            step = self.words.say("voice", "loudness", step=str(self._loudness), steps=str(LOUDEST))
            self._say([Phrase(said(step, self.words)), *left])

    def again(self) -> None:
        """Say the whole screen once more."""
        if self.audible:
            self._say(self._all())

    def chosen(self, key: str) -> None:
        """A choice of Help that is ours; what follows is said when the question is back."""
        if key == "slower":
            self._slow = not self._slow
        elif key == "blank":
            self._show_nothing(not self._blank)

    def plugged(self, plugged: bool) -> None:
        """Headphones went in, or came out."""
        self._silence()
        self._headphones = plugged
        self.pace.listening = self.audible
        if plugged:
            self._touched()
            self._say([Phrase(said(self.words.say("voice", "hello"), self.words)), *self._all()])
        else:
            # What was to be heard by one alone is seen by nobody because of it.
            self._show_nothing(self._in_ear_only)
            if isinstance(self._screen, Attract | Out):
                self.next_customer()

    def next_customer(self) -> None:
        """Everything that a customer set is as it was."""
        self._aloud = self._slow = False
        self._loudness = USUAL_LOUDNESS
        self.pace.listening = self.audible
        self._show_nothing(False)

    def _show_nothing(self, blank: bool) -> None:
        if blank != self._blank:
            self._blank = blank
            self.blanked()

    # ── Speaking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _all(self) -> tuple[Phrase, ...]:
        return () if self._screen is None else speech(self._screen, self.words, headphones=self._headphones)

    def _say(self, phrases: Sequence[Phrase]) -> None:
        """From now on this, and nothing of what was being said."""
        self._silence()
        self._left = deque(phrases)
        if self._left:
            self.pace.hold()
            self._task = asyncio.get_running_loop().create_task(self._speak(), name="voice")

    def _say_next(self, phrases: Sequence[Phrase]) -> None:
        """This when the phrase at hand is over, in place of what would have followed it."""
        if self._task is None:
            self._say(phrases)
        else:
            self._left = deque([self._left[0], *phrases])

    def _silence(self) -> Sequence[Phrase]:
        """Stop at once; what was left to say."""
        left, self._left = list(self._left), deque()
        if self._task is not None:
            self._task.cancel()
            self._ending.add(self._task)
            self._task.add_done_callback(self._ending.discard)
            self._task = None
            self.pace.go_on()
        return left

    async def _speak(self) -> None:
        mine = asyncio.current_task()
        if self._ending:
            # A sound card plays for one at a time.
            await asyncio.wait(self._ending, timeout=MOST_S)
        try:
            while self._left:
                await self._utter(self._left[0])
                self._left.popleft()
        except DeviceError as error:
            self._tell(str(error))
        except TimeoutError:
            self._tell("The voice does not come to its end: check the sound card.")
        finally:
            if self._task is mine:
                self._task, self._left = None, deque()
                self.pace.go_on()

    async def _utter(self, phrase: Phrase) -> None:
        await asyncio.sleep(phrase.before_s)
        manner = Manner(self.words.say("voice", "speaker"), SLOW_WPM if self._slow else USUAL_WPM, self._loudness)
        async with asyncio.timeout(MOST_S + MOST_S_A_LETTER * len(phrase.text)):
            await (self._speaker.say(phrase.text, manner) if phrase.text else self._speaker.tick(manner))

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._failed(sentence)
