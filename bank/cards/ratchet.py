"""The card's ratchet: which of a card's secrets still open a visit, and which one moves money. Pure rules.

A *position* is (epoch, n): n counts the renewals of one card and never repeats in one history of the books; epoch is
the second of bank time in which that renewal was issued. The bank keeps two: *confirmed*, the last one that moved
money, and *issued*, the last one handed out. Positions are compared as pairs.

Why an epoch for each renewal, and time for it: a bank that is restored from a backup starts counting again where the
backup stood. Were positions only counted, it would hand out a secret a second time, once to a card and once to its
copy, and pay both. Time never comes again, so a position of a forgotten history equals none of this one; a restore
takes longer than a second.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

Position = tuple[int, int]

NOTHING: Position = (0, 0)


@dataclass(frozen=True, slots=True)
class State:
    """What the bank keeps of a card: two positions (epoch, n), `confirmed` ≤ `issued`."""

    confirmed: Position
    issued: Position

    def __post_init__(self) -> None:
        assert self.confirmed <= self.issued, "nothing is confirmed that was not issued"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The card may go on: put `state` into the books and its secret of (`epoch`, `n`) onto the card.

    `restored`: the card proved a secret that these books have not issued: they are older than the card. Alarm.
    """

    state: State
    epoch: int
    n: int
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Outdated:
    """A copy, or the original after its copy was used; only this file is blocked."""


def issue(now_ms: int) -> State:
    """A new card: its file holds the secret of `issued`."""
    return _begin(_next(NOTHING, now_ms))


def reissue(state: State, now_ms: int) -> State:
    """A new file for the card: every older file of it is outdated from now on."""
    return _begin(_next(state.issued, now_ms))


def present(state: State, epoch: int, n: int, now_ms: int) -> Accepted | Outdated:
    """A card came whose proof by the secret of (`epoch`, `n`) holds; `now_ms` is bank time.

    Anything confirmed or newer is good: of several secrets handed out (writes and answers get lost) the card holds
    one, and which one is settled by the next payment. One that is newer than any issued can only come from a history
    that these books have lost: it is taken as confirmed, since it may have been paid there.
    """
    shown = (epoch, n)
    if shown < state.confirmed:
        return Outdated()
    restored = shown > state.issued
    new = _next(max(shown, state.issued), now_ms)
    confirmed = shown if restored else state.confirmed
    return Accepted(State(confirmed, new), *new, restored=restored)


def spend(state: State, n: int) -> State | None:
    """Money moves by a message that names renewal `n`: only the last one issued counts; None refuses.

    From then on every older secret is outdated, so of two copies at most one is paid.
    """
    return replace(state, confirmed=state.issued) if n == state.issued[1] else None


def remember(state: State, epoch: int, n: int) -> State:
    """A terminal's slip shows that (`epoch`, `n`) moved money in a history that these books have lost."""
    paid = (epoch, n)
    return State(max(state.confirmed, paid), max(state.issued, paid))


def secret(card_key: bytes, epoch: int, n: int) -> bytes:
    """The 32 bytes that the card holds at a position: HMAC-SHA256 by the card's key at the bank."""
    return hmac.digest(card_key, b"atm/1 card secret\n" + epoch.to_bytes(8, "big") + n.to_bytes(8, "big"), "sha256")


def _begin(first: Position) -> State:
    return State(confirmed=first, issued=first)


def _next(last: Position, now_ms: int) -> Position:
    """Later than `last` even where the clock stands behind it."""
    return max(last[0], now_ms // 1000, 1), last[1] + 1
