"""Kiosks and banks as real processes, killed with SIGKILL at random moments of a stream of withdrawals: nothing is lost.

A town is a bank with a few kiosks and cards. Its kiosks are visited, and killed, all at the same time; now and then
everybody stops, whatever was killed is brought to its end, and notes, journals and books are reckoned to the note.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from campaigns import staff
from campaigns.evidence import books
from campaigns.killing import KeptBank, WentWrong
from campaigns.lane import LOADED, Cards, Lane
from campaigns.phases import PHASES
from campaigns.reckoning import Everything, faults
from campaigns.tally import Line, Tally, table
from support.programs import no_bug_was_kept
from support.real_processes import RealBank, RealCard, RealKiosk

OPENING = 100_000
ROUND_S = 40.0
#: Half of the towns: the bank's own ends by time come so soon that they come in the campaign, too. In the other half they
#: come so late that nothing is ended by time that should have been ended by a fact.
SOON = {"hold_s": 10, "release_case_s": 10, "visit_idle_s": 30}


class Town:
    """A bank and `kiosks` kiosks in `folder`; `seed` makes everything that chance decides there.

    `by_hand`: the share of visits that are a person's at the whole machine (`simulate`), the others are `once`. `soon`: the bank's ends by time are near, and now and then a machine stays dead for longer than they take.
    """

    def __init__(
        self, folder: Path, kiosks: int, tally: Tally, seed: str, *, soon: bool = False, by_hand: float = 0.12
    ) -> None:  # fmt: skip
        self._folder = folder
        self._by_hand = by_hand
        self._kiosks = kiosks
        self._tally = tally
        self._seed = seed
        self._soon = soon
        self._stack = ExitStack()
        self.lanes: list[Lane] = []
        self.openings: dict[str, int] = {}

    def __enter__(self) -> Self:
        """The bank is founded, and every kiosk enrolled as a real one is."""
        with contextlib.ExitStack() as stack:
            folder = self._folder
            self.bank = stack.enter_context(_founded(folder, SOON if self._soon else {}))
            self.kept = stack.enter_context(KeptBank(self.bank))
            with ThreadPoolExecutor(4) as pool:
                kiosks = [pool.submit(_enrolled, self.bank, folder / f"kiosk-{place}") for place in range(self._kiosks)]
                cards = [pool.submit(self.bank.customer, folder, opening=str(OPENING)) for _ in range(self._kiosks + 2)]
            self._open([one.result() for one in kiosks], [one.result() for one in cards])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self, kiosks: Sequence[RealKiosk], cards: Sequence[RealCard]) -> None:
        self.openings = {card.account: OPENING * 100 for card in cards}
        hands = Cards(cards)
        self.lanes = [
            Lane(
                kiosk, self.kept, hands, self._tally, f"{self._seed}/{place}", by_hand=self._by_hand, stays_away=self._soon
            )
            for place, kiosk in enumerate(kiosks)
        ]  # fmt: skip

    def run(self, round_s: float = ROUND_S) -> None:
        """Until the tally is over; faults go there."""
        self._all(Lane.calm)
        while True:
            self._round(round_s)
            self._all(Lane.settle)
            self._tally.fault(*self.reckoned())
            if self._tally.over.is_set():
                break

    def close_books(self) -> None:
        """The staff decides every case by what really happened: then the books are the notes, to the cent."""
        before = self.everything()
        self._tally.case(case["kind"] for case in before.books.cases)
        staff.decide_cases(self.bank, before)
        with self.kept.frozen():
            after = books(self.bank.directory)
        self._tally.fault(*_unsound(self.bank), *staff.left_over(before, after))

    def _round(self, round_s: float) -> None:
        end = time.monotonic() + round_s

        def through(lane: Lane) -> None:
            while time.monotonic() < end and not self._tally.over.is_set():
                lane.disturbed()

        self._all(through)

    def _all(self, work: Callable[[Lane], None]) -> None:
        """At every kiosk at once. Raises what the first of them raises, when all are over."""

        def at(lane: Lane) -> None:
            try:
                work(lane)
            except BaseException:
                self._tally.over.set()
                raise

        with ThreadPoolExecutor(len(self.lanes)) as pool:
            told = [pool.submit(at, lane) for lane in self.lanes]
        for one in told:
            one.result()
        if self.kept.failed:
            raise WentWrong(self.kept.failed)

    # ---- what is true ----

    def everything(self) -> Everything:
        """All that is to be reckoned, as it lies there now."""
        self.kept.until_it_listens()
        with self.kept.frozen():
            found = books(self.bank.directory)
        return Everything([lane.machine for lane in self.lanes], found, self.openings)

    def reckoned(self) -> list[str]:
        """Every fault that is to be seen now; everybody must have stopped."""
        self._tally.count("reckonings of a whole town")
        return [*_unsound(self.bank), *faults(self.everything())]


@contextlib.contextmanager
def _founded(folder: Path, limits: dict[str, int]) -> Iterator[RealBank]:
    """Its process is not started here: others keep it."""
    folder.mkdir(parents=True)
    bank = RealBank.found(folder / "bank", logs=folder / "logs")
    bank.set_limits(**limits)
    try:
        yield bank
    finally:
        bank.ports.release()


def _enrolled(bank: RealBank, directory: Path) -> RealKiosk:
    """By the real enrolment, its cassettes full."""
    kiosk = RealKiosk.enrolled(bank, directory)
    # A busy computer that loses a note's pulse must not let a second note come before the pick ends.
    config = directory / "kiosk.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub(r"(?m)^pick_timeout_ms = \d+$", "pick_timeout_ms = 600", text), encoding="utf-8")
    kiosk.load(top=LOADED, middle=LOADED, bottom=LOADED)
    return kiosk


def _unsound(bank: RealBank) -> list[str]:
    """What the bank itself finds."""
    ledger, audit = bank.ask("ledger-check"), bank.ask("audit-verify")
    return [f"ledger check: {one['sentence']}" for one in ledger["findings"]] + [
        f"audit verify: {one['sentence']}" for one in audit["findings"]
    ]


# ── The campaign ────────────────────────────────────────────────────────────────────────────────────────────────────


def campaign(folder: Path, tally: Tally, *, seed: int, towns: int = 2, kiosks: int = 3) -> None:
    """Until `tally` has all its kills, or a fault. What goes wrong is in the tally, in sentences."""

    def town(number: int) -> Town:
        return Town(folder / f"town-{number}", kiosks, tally, f"{seed}/{number}", soon=number % 2 == 1)

    line = Line()
    with ThreadPoolExecutor(towns) as pool:
        told = [pool.submit(_town, town(number), tally) for number in range(towns)]
        try:
            _watch(line, tally, told)
        finally:
            # Also where somebody breaks it off: then what runs comes to its end, and no more begins.
            tally.over.set()
    for one in told:
        one.result()


def _town(town: Town, tally: Tally) -> None:
    try:
        with town:
            town.run()
            if not tally.faults:
                town.close_books()
        no_bug_was_kept(town.bank.programs.logs, town.bank.directory)
    except (WentWrong, AssertionError) as error:
        tally.fault(f"{type(error).__name__}: {error}")
    except BaseException:
        tally.over.set()
        raise


def _watch(line: Line, tally: Tally, told: Sequence[Future[None]]) -> None:
    while not all(one.done() for one in told):
        line.say(
            f"kills {tally.kills.total():,} of {tally.wanted:,}, {tally.visits.total():,} visits, "
            f"{len(tally.faults)} faults, {tally.took_s:.0f} s"
        )
        time.sleep(0.5)
    line.end()


def report(tally: Tally) -> str:
    """What happened, in words and figures."""
    victims = ("kiosk", "bank")
    by_phase = [
        f"  {tally.kills['kiosk', phase]:7,}{tally.kills['bank', phase]:9,}  {phase}"
        for phase in PHASES
        if any(tally.kills[victim, phase] for victim in victims)
    ]
    totals = [sum(count for (victim, _), count in tally.kills.items() if victim == one) for one in victims]
    return "\n".join([
        f"Kills: {tally.kills.total():,} (SIGKILL), in {tally.took_s:.0f} s",
        "    kiosk     bank  in the kiosk's visit, by its journal's last word",
        *by_phase, f"  {totals[0]:7,}{totals[1]:9,}  together",
        f"Visits: {tally.visits.total():,}", *table(tally.visits),
        "How they ended:", *table(tally.ends),
        "Cases, by kind, all decided at the end by what had happened:", *table(tally.cases),
        "Beside it:", *table(tally.others),
    ])  # fmt: skip
