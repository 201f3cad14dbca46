"""One kiosk of a town, and what customers, a killer and an operator do at it."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Iterable

from campaigns.evidence import Places, Visit, story
from campaigns.killing import NEVER, Ended, KeptBank, Moment, WentWrong, run
from campaigns.phases import phase, words_since
from campaigns.reckoning import Machine
from campaigns.tally import Tally
from support.real_processes import VALUES, RealCard, RealKiosk

from drivers.simulated.card_slot import CardSlot

#: Whole units. Each is paid by another mix of cassettes.
AMOUNTS = (10, 20, 30, 40, 50, 60, 70, 80, 100, 130)
LOADED = 100
#: Longer than the bank of the campaign keeps a hold, and waits for a completion; it looks every five seconds.
LONG_S = 16.0
#: An operator comes before a cassette is empty.
FEWEST = 25

SCENARIO = """
title = "A withdrawal of {amount} dollars"
steps = [
    {{ expect = "welcome", within_s = 10 }},
    {{ insert = "{card}" }},
    {{ expect = "pin" }},
    {{ pin = "{card}" }},
    {{ expect = "menu" }},
    {{ keys = "1" }},
    {{ expect = "cash" }},
    {{ touch = "other" }},
    {{ expect = "cash.other" }},
    {{ keys = "{amount} D" }},
    {{ expect = "cash.mix" }},
    {{ touch = "fewest" }},
    {{ expect = "cash.receipt" }},
    {{ touch = "no" }},
    {{ expect = "take.card" }},
    {{ take_card = true }},
    {{ expect = "take.cash" }},
    {{ expect_notes = {{ {notes} }} }},
    {{ take_cash = true }},
]
"""
#: What a person at the machine asks for, and the fewest notes for it.
BY_HAND = {30: {"middle": 1, "bottom": 1}, 80: {"top": 1, "middle": 1, "bottom": 1}}


class Cards:
    """The town's cards. Each is in one hand, or in one machine, at a time."""

    def __init__(self, cards: Iterable[RealCard]) -> None:
        self._free = list(cards)
        self._lock = threading.Lock()

    def take(self, chance: random.Random) -> RealCard:
        with self._lock:
            return self._free.pop(chance.randrange(len(self._free)))

    def give_back(self, card: RealCard) -> None:
        with self._lock:
            self._free.append(card)


class Lane:
    """`seed` makes its customers and its killer. `stays_away`: now and then nobody starts it for longer than a hold lasts."""

    def __init__(
        self, kiosk: RealKiosk, bank: KeptBank, cards: Cards, tally: Tally, seed: str, *, by_hand: float, stays_away: bool
    ) -> None:  # fmt: skip
        self.kiosk = kiosk
        self.visits: list[Visit] = []
        self._bank = bank
        self._cards = cards
        self._tally = tally
        self._chance = random.Random(seed)
        self._by_hand = by_hand
        self._stays_away = stays_away
        self._sequence = 0
        #: How long an undisturbed visit takes, and how often its journal's file is seen to change.
        self._lasts = {"once": (2.0, 12), "simulate": (5.5, 14)}
        self._keep_words()

    @property
    def machine(self) -> Machine:
        """All that is to be reckoned of it. Raises JournalError."""
        return Machine(self.kiosk.terminal, self.visits, Places.of(self.kiosk), story(self.kiosk))

    # ---- what a round is made of ----

    def calm(self) -> None:
        """One visit by each program that nobody disturbs; learns how long they take."""
        for program in ("once", "simulate") if self._by_hand else ("once",):
            ended = self._undisturbed(program)
            self._lasts[program] = ended.took_s, max(4, ended.writes)

    def disturbed(self) -> None:
        """A visit in which, most of the time, something is killed; and what an operator must do after it."""
        program = "simulate" if self._chance.random() < self._by_hand else "once"
        victim = self._chance.choices(("kiosk", "bank", "both", "nobody"), (50, 25, 15, 10))[0]
        ended = self._visit(program, self._moment(program) if victim != "nobody" else NEVER, victim)
        if ended.code == 0 and ended.took_s:
            self._lasts[program] = ended.took_s, self._lasts[program][1]
        if ended.killed:
            self._stay_away()
        elif _is_stuck(ended) or min(Places.of(self.kiosk).inside.values()) < FEWEST:
            self._exchange()
        elif program == "simulate" and ended.code != 0:
            self.settle()
        elif ended.code == NO_LINE and self._chance.random() < 0.7:
            # The next customer comes when the machine is open again, most of the time.
            self._bank.until_it_listens()

    def settle(self) -> None:
        """Started until all of its past is over, and exchanged where a note is in doubt."""
        for _ in range(20):
            ended = self._look()
            if ended.code == 0:
                return
            if _is_stuck(ended):
                self._exchange()
            else:
                time.sleep(0.2)
        raise WentWrong(f"{self.kiosk.terminal} does not come back: {ended}")

    # ---- inside ----

    def _undisturbed(self, program: str) -> Ended:
        """On a busy computer even the simulated sensors come late, and a note is in doubt: then once more."""
        for _ in range(5):
            ended = self._visit(program, NEVER, "nobody")
            if ended.code == 0:
                return ended
            self.settle()
        raise WentWrong(f"{self.kiosk.terminal}: no undisturbed visit goes well, the last one ended with {ended}")

    def _moment(self, program: str) -> Moment:
        """Anywhere in the visit, by the clock or by the journal's writes."""
        lasts_s, writes = self._lasts[program]
        if self._chance.random() < 0.5:
            return Moment(after_s=self._chance.uniform(0.02, lasts_s))
        return Moment(
            writes=self._chance.randint(1, writes), after_s=self._chance.choice((0, self._chance.uniform(0, 0.02)))
        )

    def _visit(self, program: str, moment: Moment, victim: str) -> Ended:
        card = self._cards.take(self._chance)
        try:
            amount = self._chance.choice(AMOUNTS if program == "once" else tuple(BY_HAND))
            words = self._words(program, card, amount)
            return self._run(program, words, moment, victim, amount)
        finally:
            # A card that is in a dead machine is pulled out by its owner.
            CardSlot(self.kiosk.directory / "slot").pull()
            self._cards.give_back(card)

    def _words(self, program: str, card: RealCard, amount: int) -> list[str]:
        if program == "once":
            return ["once", "--card", str(card.file), "--pin-file", str(card.pin_file), "--withdraw", str(amount)]
        notes = ", ".join(f"{name} = {count}" for name, count in BY_HAND[amount].items())
        scenario = self.kiosk.directory.with_suffix(".toml")
        scenario.write_text(SCENARIO.format(amount=amount, card=card.file.stem, notes=notes), encoding="utf-8")
        return ["simulate", "--quiet", "--scenario", str(scenario), "--card", str(card.file)]

    def _look(self) -> Ended:
        """The balance: nothing of the past may be left then."""
        card = self._cards.take(self._chance)
        try:
            words = ["once", "--card", str(card.file), "--pin-file", str(card.pin_file), "--balance"]
            return self._run("balance", words, NEVER, "nobody", 0)
        finally:
            self._cards.give_back(card)

    def _run(self, program: str, words: list[str], moment: Moment, victim: str, amount: int) -> Ended:
        before = Places.of(self.kiosk)
        bank_died: list[bool] = []

        def strike(process: subprocess.Popen[bytes]) -> None:
            if victim in {"kiosk", "both"}:
                process.kill()
            if victim in {"bank", "both"}:
                bank_died.append(self._bank.kill(self._pause_s()))

        line = [*self.kiosk.programs.line("atm-kiosk"), *words, "--state", str(self.kiosk.directory)]
        journal = self.kiosk.directory / "journal.sqlite-wal"
        ended = run(self.kiosk.programs, line, journal=journal, moment=moment, strike=strike)
        said = _said(program, ended)
        boot = self._keep_words(ended, bank=any(bank_died))
        told = _told(program, ended, amount)
        self.visits.append(
            Visit(self.kiosk.terminal, program, boot, ended.killed, said, told, before, Places.of(self.kiosk))
        )
        self._tally.visit(program, said)
        if fault := _fault(ended):
            self._tally.fault(f"{self.kiosk.terminal}, {' '.join(words[:1])}: {fault}")
        return ended

    def _keep_words(self, ended: Ended | None = None, *, bank: bool = False) -> str:
        """Which start of the firmware it was, by its journal; what was killed is counted under its last word."""
        words = words_since(self.kiosk, self._sequence)
        self._sequence = words[-1].sequence if words else self._sequence
        if ended is not None and ended.killed:
            self._tally.kill("kiosk", phase(words, time.time_ns()))
        if ended is not None and bank:
            self._tally.kill("bank", phase(words, ended.struck_at))
        return next((word.boot for word in words if word.boot), "")

    def _pause_s(self) -> float:
        """Before the bank is started again: at once, most of the time."""
        return self._chance.choice((0.0, 0.0, 0.0, self._chance.uniform(0, 3)))

    def _stay_away(self) -> None:
        """Now and then nobody starts the machine for longer than the bank waits: it ends by itself what it can."""
        if self._stays_away and self._chance.random() < 0.08:
            self._tally.count("outages longer than a hold and a silence last")
            self._tally.over.wait(LONG_S)

    def _exchange(self) -> None:
        """An operator counts what is really there, what lies in the path too, and loads anew."""
        places = Places.of(self.kiosk)
        counts = [f"{name}={LOADED}" for name in VALUES]
        found = [f"{name}={places.inside[name]}+{places.throat[name]}" for name in VALUES]
        done = self.kiosk.run("cash", "load", *counts, "--found", *found, "--by", "Olga")
        if done.code != 0:
            raise WentWrong(f"{self.kiosk.terminal}: an exchange ended with {done}")
        self._keep_words()
        self._tally.count("exchanges")


# ── What an end says ────────────────────────────────────────────────────────────────────────────────────────────────

#: Exit codes of `atm-kiosk` that a kill beside it may lead to: refused, no line, a device, a scenario off its course.
REFUSED, NO_LINE, DEVICE, MISMATCH = 3, 4, 5, 8
#: What a bank or a machine may refuse after a kill; whatever else it says is not to be explained by one.
REASONS = ("card-in-use: ", "not-paid: ")


def _is_stuck(ended: Ended) -> bool:
    """Closed until somebody has looked after a note."""
    return ended.code == DEVICE and "clear the" in ended.err and "path" in ended.err


def _said(program: str, ended: Ended) -> str:
    if ended.killed:
        return "killed"
    if ended.code == 0:
        return "balance told" if program == "balance" else "paid"
    if ended.code == MISMATCH:
        return "not as the person's file says"
    if _is_stuck(ended):
        return "closed until an exchange"
    if ended.code == NO_LINE and not ended.out:
        return "no line, nothing done"
    return f"{ended.err.strip().removeprefix('atm-kiosk: ').partition(':')[0][:60]} (code {ended.code})"


def _told(program: str, ended: Ended, amount: int) -> int | None:
    if program == "balance" or ended.code not in {0, REFUSED, NO_LINE, DEVICE}:
        return None
    if program == "simulate":
        return amount * 100 if ended.code == 0 else None
    for line in ended.out.splitlines():
        whole, _, cents = json.loads(line)["amount"].partition(".")
        return int(whole) * 100 + int(cents)
    return None


def _fault(ended: Ended) -> str:
    """Why this end cannot come of a kill; "" where it can."""
    if "Traceback" in ended.err:
        return f"a traceback: {ended.err}"
    if ended.killed or ended.code in {0, NO_LINE, DEVICE, MISMATCH}:
        return ""
    said = ended.err.removeprefix("atm-kiosk: ")
    if ended.code == REFUSED and said.startswith(REASONS):
        return ""
    return f"it ended with code {ended.code}: {ended.err.strip()}"
