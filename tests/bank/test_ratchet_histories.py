"""Every short history of one card: uses, lost answers and writes, payments, a copy, backups, restores, re-issues.

The model walks all histories of a given length, breadth first, and keeps one of those that end in the same world. The
original is *honest*; a copy is taken whenever the thief likes, and used like a card. A restore takes the bank back to
its last backup, and at least one second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest

from bank.cards import ratchet
from bank.cards.ratchet import Accepted, Outdated, Position, State

ORIGINAL, COPY = "original", "copy"


class Card(NamedTuple):
    """A card file: what it holds, the visit that it is in, and whether it was paid since the copy was taken.

    A visit that was open as the copy was taken does not count: both files were one then.
    """

    holds: Position
    visit: Position | None = None
    counts: bool = True
    paid: bool = False


class Backup(NamedTuple):
    """The bank's books as they were, and what has happened in the world since, whatever the bank forgets.

    `told`: the newest position that terminals were paid for; `settled`: staff handed out a new file.
    """

    state: State
    fork: int
    paid: tuple[bool, bool]
    barred: bool
    told: Position | None = None
    settled: bool = False


class World(NamedTuple):
    """Bank, both cards, and what a judge remembers."""

    state: State
    original: Card
    copy: Card | None = None
    second: int = 1
    fork: int = 0
    barred: bool = False  # the original was re-issued since the copy was taken: the copy must not be paid any more
    thief: bool = False  # the copy was ever accepted
    backups: tuple[Backup, ...] = ()


class Broken(AssertionError):
    """A promise was broken; the message is the history."""


class Model:
    """What can happen next.

    `reports`: after a restore the terminals report what they paid before any card is used. `kept`: how many backups
    can be gone back to. `copies`: whether there is a thief.
    """

    def __init__(
        self, *, rules: Any = ratchet, reports: bool = False, kept: int = 1, copies: bool = True, restore_s: int = 1
    ) -> None:
        self.rules = rules
        self.reports = reports
        self.kept = kept
        self.copies = copies
        self.restore_s = restore_s

    def steps(self, world: World) -> Iterator[tuple[str, Callable[[], World]]]:
        for who in (ORIGINAL, COPY):
            if getattr(world, who) is not None:
                yield f"{who} used", partial(self.use, world, who, written=True)
                yield f"{who} used, write or answer lost", partial(self.use, world, who, written=False)
                yield f"{who} pays", partial(self.pay, world, who)
        if self.copies:
            yield "copied", partial(self.take_copy, world)
        yield "backup", partial(self.back_up, world)
        for age, backup in enumerate(reversed(world.backups)):
            yield f"restore of backup -{age}", partial(self.restore, world, backup)
        yield "re-issued", partial(self.reissue, world)

    def use(self, world: World, who: str, *, written: bool) -> World:
        card: Card = getattr(world, who)
        turned = self.rules.present(world.state, *card.holds, world.second * 1000)
        if isinstance(turned, Outdated):
            if who == ORIGINAL and not world.thief:
                raise Broken("the honest card is blocked")
            return world
        assert isinstance(turned, Accepted)
        new = (turned.epoch, turned.n)
        card = card._replace(holds=new, visit=new, counts=True) if written else card._replace(visit=None)
        return _with(world, who, card)._replace(state=turned.state, thief=world.thief or who == COPY)

    def pay(self, world: World, who: str) -> World:
        card: Card = getattr(world, who)
        if card.visit is None:
            return world
        spent = self.rules.spend(world.state, card.visit[1])
        if spent is None:
            if not world.thief:
                raise Broken("the honest card, written and in a visit, is not paid")
            return world
        if who == COPY and world.barred:
            raise Broken("a copy is paid after the card was re-issued")
        told = tuple(b._replace(told=max(b.told or spent.confirmed, spent.confirmed)) for b in world.backups)
        card = card._replace(paid=card.paid or card.counts)
        world = _with(world, who, card)._replace(state=spent, backups=told)
        if world.copy is not None and world.original.paid and world.copy.paid:
            raise Broken("the original and its copy are both paid")
        return world

    def take_copy(self, world: World) -> World:
        original = world.original._replace(paid=False, counts=False)
        backups = tuple(backup._replace(settled=False) for backup in world.backups)
        copy = Card(original.holds)
        return world._replace(original=original, copy=copy, fork=world.fork + 1, barred=False, backups=backups)

    def back_up(self, world: World) -> World:
        paid = (world.original.paid, world.copy.paid if world.copy else False)
        new = Backup(world.state, world.fork, paid, world.barred)
        return world._replace(backups=(*world.backups, new)[-self.kept :])

    def restore(self, world: World, backup: Backup) -> World:
        """Visits are gone. Without reports the judge forgets with the bank what was paid in the lost history."""
        state, same_fork = backup.state, backup.fork == world.fork
        paid = backup.paid if same_fork else (False, False)
        if backup.settled:  # the original's file is the new one: what the copy got before was settled by a person
            paid = (paid[0], False)
        if self.reports:
            paid = (world.original.paid, world.copy.paid if world.copy else False)
            state = self.rules.remember(state, *backup.told) if backup.told else state
        return world._replace(
            state=state,
            original=world.original._replace(visit=None, paid=paid[0]),
            copy=world.copy._replace(visit=None, paid=paid[1]) if world.copy else None,
            second=world.second + self.restore_s,
            barred=backup.barred and same_fork,
        )

    def reissue(self, world: World) -> World:
        """Staff hand out a new file: the original's holder has it, every other file is dead."""
        state = self.rules.reissue(world.state, world.second * 1000)
        copy = world.copy._replace(paid=False) if world.copy else None
        backups = tuple(backup._replace(settled=True) for backup in world.backups)
        return world._replace(state=state, original=Card(state.issued), copy=copy, barred=True, backups=backups)


def _with(world: World, who: str, card: Card) -> World:
    return world._replace(original=card) if who == ORIGINAL else world._replace(copy=card)


class CountedEpochs:
    """The rules with epochs that are only counted: one more at a re-issue and after a restore. They are not enough."""

    spend = staticmethod(ratchet.spend)
    remember = staticmethod(ratchet.remember)

    @staticmethod
    def reissue(state: State, now_ms: int) -> State:
        new = (state.issued[0] + 1, state.issued[1] + 1)
        return State(new, new)

    @staticmethod
    def present(state: State, epoch: int, n: int, now_ms: int) -> Accepted | Outdated:
        confirmed, issued = state.confirmed, state.issued
        if (epoch == issued[0] and n > issued[1]) or epoch > issued[0]:
            new = (max(epoch, issued[0]) + 1, n + 1)
            return Accepted(State((epoch, n), new), *new, restored=True)
        of_confirmed = (epoch, n) == confirmed
        of_issued = confirmed[1] < n <= issued[1] and epoch == issued[0]
        new = (issued[0], issued[1] + 1)
        return Accepted(State(confirmed, new), *new) if of_confirmed or of_issued else Outdated()


class SameSecretAgain:
    """The rules, but after a lost write the same secret is handed out again."""

    spend, reissue, remember = ratchet.spend, ratchet.reissue, ratchet.remember

    @staticmethod
    def present(state: State, epoch: int, n: int, now_ms: int) -> Accepted | Outdated:
        if (epoch, n) == state.confirmed and state.issued > state.confirmed:
            return Accepted(state, *state.issued)
        return ratchet.present(state, epoch, n, now_ms)


class NeverOutdated:
    """The rules, but a payment confirms nothing."""

    present, reissue, remember = ratchet.present, ratchet.reissue, ratchet.remember

    @staticmethod
    def spend(state: State, n: int) -> State | None:
        return state if n == state.issued[1] else None


def explore(model: Model, depth: int) -> int:
    """Walk all histories of up to `depth` steps; returns how many different worlds they lead to."""
    first = ratchet.issue(1000)
    start = World(state=first, original=Card(first.issued))
    seen = {start}
    layer: list[tuple[World, tuple[str, ...]]] = [(start, ())]
    for _ in range(depth):
        layer = list(_next_layer(model, layer, seen))
    return len(seen)


def _next_layer(
    model: Model, layer: list[tuple[World, tuple[str, ...]]], seen: set[World]
) -> Iterator[tuple[World, tuple[str, ...]]]:
    for world, history in layer:
        for name, step in model.steps(world):
            try:
                following = step()
            except Broken as broken:
                raise Broken(f"{broken}: {', '.join((*history, name))}") from None
            if following not in seen:
                seen.add(following)
                yield following, (*history, name)


@pytest.mark.parametrize(
    ("model", "depth", "at_least"),
    [
        pytest.param(Model(), 8, 100_000, id="one-backup"),
        pytest.param(Model(reports=True), 8, 100_000, id="one-backup-terminals-report"),
        pytest.param(Model(kept=2), 7, 70_000, id="two-backups"),
        pytest.param(Model(kept=2, reports=True), 7, 70_000, id="two-backups-terminals-report"),
    ],
)
def test_no_history_pays_two_copies_or_blocks_an_honest_card(model: Model, depth: int, at_least: int) -> None:
    """Lost writes and answers, copies, backups, restores and re-issues in any order: of two copies at most one is
    paid, and a card whose copy was never used always opens a visit and is paid. Where terminals report what they paid,
    this holds across a restore as well.
    """
    assert explore(model, depth) > at_least


def test_no_history_blocks_a_card_that_was_never_copied() -> None:
    """Without a thief the card always works, over two backups that the bank goes back to in any order."""
    assert explore(Model(copies=False, kept=2), 9) > 50_000


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(Model(rules=CountedEpochs), id="epochs-only-counted"),
        pytest.param(Model(rules=CountedEpochs, copies=False, kept=2), id="epochs-only-counted-honest-card"),
        pytest.param(Model(restore_s=0), id="a-restore-that-takes-no-time"),
        pytest.param(Model(rules=SameSecretAgain), id="same-secret-after-a-lost-write"),
        pytest.param(Model(rules=NeverOutdated), id="payment-confirms-nothing"),
    ],
)
def test_the_enumeration_finds_rules_that_are_wrong(model: Model) -> None:
    """It is no idle walk: each known mistake in the rules is found, with the history that shows it."""
    with pytest.raises(Broken, match=r"(are both paid|is paid after|is blocked).*: \w"):
        explore(model, 8)
