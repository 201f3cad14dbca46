"""The ratchet's single rules, as a customer, a thief or a restored bank meets them."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank.cards.ratchet import Accepted, Outdated, State, issue, present, reissue, remember, secret, spend

NOW = 1_800_000_000_000
positions = st.tuples(st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1))


@st.composite
def states(draw: st.DrawFn) -> State:
    low, high = sorted(draw(st.lists(positions, min_size=2, max_size=2)))
    return State(low, high)


def test_a_new_card_opens_a_visit_with_the_secret_on_its_file() -> None:
    """The file that was issued is accepted, and gets a secret that it did not hold."""
    state = issue(NOW)
    turned = present(state, *state.issued, NOW + 5000)
    assert isinstance(turned, Accepted)
    assert (turned.epoch, turned.n) == (NOW // 1000 + 5, 2)
    assert not turned.restored
    assert turned.state == State(confirmed=state.issued, issued=(turned.epoch, turned.n))


def test_a_lost_write_never_gets_the_same_secret_again() -> None:
    """The card still holds its older secret: it is accepted, and what is handed out is fresh each time."""
    state, seen = issue(NOW), set()
    held = state.issued
    for _ in range(5):
        turned = present(state, *held, NOW)
        assert isinstance(turned, Accepted)
        seen.add((turned.epoch, turned.n))
        state = turned.state
    assert len(seen) == 5


def test_only_the_last_secret_moves_money_and_outdates_all_older_ones() -> None:
    """Two visits are open on two copies: the later one is paid, the earlier is refused, its file is outdated."""
    state = issue(NOW)
    first = present(state, *state.issued, NOW)
    assert isinstance(first, Accepted)
    second = present(first.state, *state.issued, NOW)
    assert isinstance(second, Accepted)
    assert spend(second.state, first.n) is None
    paid = spend(second.state, second.n)
    assert paid is not None
    assert isinstance(present(paid, first.epoch, first.n, NOW), Outdated)
    assert isinstance(present(paid, *state.issued, NOW), Outdated)
    assert isinstance(present(paid, second.epoch, second.n, NOW), Accepted)


def test_a_card_ahead_of_the_books_is_accepted_and_told() -> None:
    """The bank was restored: the card proves a secret that these books have not issued. It goes on, older files not."""
    old = issue(NOW)
    turned = present(old, NOW // 1000 + 60, 9, NOW + 120_000)
    assert isinstance(turned, Accepted)
    assert turned.restored
    assert turned.state.confirmed == (NOW // 1000 + 60, 9)
    assert (turned.epoch, turned.n) == (NOW // 1000 + 120, 10)
    assert isinstance(present(turned.state, *old.issued, NOW + 120_000), Outdated)


def test_a_clock_that_stands_behind_still_issues_something_newer() -> None:
    """A bank clock set back by a day neither repeats a secret nor outdates the card."""
    state = issue(NOW)
    turned = present(state, *state.issued, NOW - 86_400_000)
    assert isinstance(turned, Accepted)
    assert (turned.epoch, turned.n) > state.issued


@given(states(), st.integers(0, 2**53))
def test_whatever_is_issued_is_newer_than_all_before(state: State, now_ms: int) -> None:
    """A re-issue outdates every older position; a payment leaves the card that made it usable."""
    new = reissue(state, now_ms)
    assert new.confirmed == new.issued > state.issued
    assert isinstance(present(new, *state.issued, now_ms), Outdated)
    paid = spend(state, state.issued[1])
    assert paid is not None
    assert isinstance(present(paid, *paid.confirmed, now_ms), Accepted)


@given(states(), positions, st.integers(0, 2**53))
def test_a_card_is_outdated_exactly_when_something_newer_was_paid(
    state: State, shown: tuple[int, int], now_ms: int
) -> None:
    """Anything confirmed or newer opens a visit and leads to the newest position of all; nothing else does."""
    turned = present(state, *shown, now_ms)
    assert isinstance(turned, Outdated) == (shown < state.confirmed)
    if isinstance(turned, Accepted):
        assert turned.state.issued == (turned.epoch, turned.n) > max(shown, state.issued)
        assert turned.state.confirmed >= state.confirmed
        assert turned.restored == (shown > state.issued)


@given(states(), positions)
def test_a_reported_payment_is_never_forgotten_again(state: State, paid: tuple[int, int]) -> None:
    """What a terminal's slip shows outdates older files at once, and changes nothing where the bank knew."""
    told = remember(state, *paid)
    assert told.confirmed == max(state.confirmed, paid)
    assert told.issued == max(state.issued, paid)


def test_a_state_that_confirms_what_was_not_issued_is_a_mistake() -> None:
    """Books that say so are not worked with."""
    with pytest.raises(AssertionError, match="not issued"):
        State(confirmed=(2, 2), issued=(1, 9))


def test_the_secret_is_an_hmac_of_the_position_alone() -> None:
    """HMAC-SHA256 by the card's key, with its own purpose before it; other positions or keys give another secret."""
    key = bytes(range(32))
    message = b"atm/1 card secret\n" + bytes.fromhex("0000000000000007 0000000000000003")
    assert secret(key, 7, 3) == hmac.new(key, message, hashlib.sha256).digest()
    assert len({secret(key, 7, 3), secret(key, 3, 7), secret(bytes(32), 7, 3)}) == 3
