"""Whatever machines report and staff decides, in whatever order: the books stay right, and suspense empties at the end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cases import MAKERS
from support.hall import PIN, Hall, HeldCard, Machine, run_hall

from bank.commands import requests as r
from bank_link.card_file import parse

#: By how many notes each kind lowers the machine's own counter, at most.
MOVED = {"doubt": 2, "forced": 2, "surplus": 3, "suspense": 2, "no-authority": 2, "other-body": 2, "conflict": 1}
TROUBLES = sorted(set(MAKERS) - {"missing-cash", "too-much-cash"})

STEPS = st.one_of(
    st.tuples(st.just("trouble"), st.sampled_from(TROUBLES)),
    st.tuples(st.just("withdraw"), st.sampled_from(["1", "2", "3"])),
    st.tuples(st.just("exchange"), st.integers(-3, 3).map(str)),
    st.tuples(st.just("resolve"), st.integers(0, 9).map(str)),
    st.tuples(st.just("staff"), st.sampled_from(["reissue", "unblock", "pin", "account", "suspend", "card"])),
    st.tuples(st.just("echo"), st.just("")),
)


class Branch:
    """One machine and one customer, whom everything happens to."""

    def __init__(self, hall: Hall, machine: Machine, card: HeldCard) -> None:
        self.hall, self.machine, self.card = hall, machine, card
        self.counter = 100

    async def step(self, what: str, which: str) -> None:
        await getattr(self, what)(which)
        await self.hall.sound()

    async def trouble(self, kind: str) -> None:
        await MAKERS[kind](self.hall, self.machine, self.card)
        self.counter -= MOVED.get(kind, 0)

    async def withdraw(self, count: str) -> None:
        await self.machine.complete(await self.machine.hold(self.card, 20 * int(count)), presented=int(count))
        self.counter -= int(count)

    async def exchange(self, more: str) -> None:
        await self.machine.exchange(found=max(0, self.counter + int(more)), after=100)
        self.counter = 100

    async def echo(self, _: str) -> None:
        await self.machine.echo(self.counter)

    async def resolve(self, choice: str) -> None:
        """One of the open cases, in one of the ways that it offers."""
        cases = (await self.hall.do(r.CaseList)).cases
        if not cases:
            return
        shown = await self.hall.do(r.CaseShow, case=cases[int(choice) % len(cases)].case)
        how = sorted(shown.may)[int(choice) % len(shown.may)]
        amount = ""
        if how in {"debit", "credit"}:
            amount = (shown.in_suspense or shown.held or shown.case.amount).amount.lstrip("-")
        known = shown.case.account == self.card.account
        await self.hall.resolve(shown.case.case, how, amount, "" if known else self.card.account)

    async def staff(self, what: str) -> None:
        hall, card = self.hall, self.card
        if what == "reissue":
            made = await hall.do(r.CardReissue, card=card.reference)
            self.card = HeldCard(parse(made.file), made.card, card.account)
        elif what == "unblock":
            await hall.do(r.CardUnblock, card=card.reference)
        elif what == "pin":
            await hall.do(r.PinSet, card=card.reference, pin=PIN)
        elif what == "account":
            await hall.account(opening="0.01", overdraft="5")
        elif what == "card":
            await hall.do(r.CardIssue, customer="C1001", pin=PIN)
        else:
            await hall.do(r.TerminalSuspend, terminal="T1")
            await hall.do(r.TerminalResume, terminal="T1")
            await self.machine.sign_on()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_the_books_stay_right_through_any_sequence(steps: list[tuple[str, str]]) -> None:
    """After each step nothing is found; once every case is resolved, nothing is held and nothing is in suspense."""

    async def story(hall: Hall) -> None:
        branch = Branch(hall, await hall.machine(), await hall.card(opening="100000"))
        await branch.machine.exchange(found=0, after=100)
        for what, which in steps:
            await branch.step(what, which)
        while await hall.open_cases():
            await branch.resolve("0")
        await branch.echo("")
        await hall.sound()
        assert await hall.balance("suspense.EUR") == ("0.00", "0.00")
        assert (await hall.balance(branch.card.account))[1] == "0.00"

    with tempfile.TemporaryDirectory() as folder:
        run_hall(Path(folder), story, day_amount=100_000, day_count=1_000)
