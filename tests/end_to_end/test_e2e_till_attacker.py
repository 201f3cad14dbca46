"""Between `atm` and `bank`: whoever reads, cuts, alters, repeats, delays or reorders bytes moves no money and learns nothing."""

from __future__ import annotations

import json
import socket
from collections import defaultdict
from collections.abc import Iterator

import pytest
from support.real_till import Attacker, RealTillBank

pytestmark = [pytest.mark.xdist_group("till"), pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTillBank]:
    with RealTillBank(tmp_path_factory.mktemp("till")) as bank:
        for name in ("bob", "a", "z" * 122):
            assert bank.atm("-a", name, "-n", "100000.00").code == 0
        yield bank


def balance(bank: RealTillBank, name: str = "bob") -> float:
    return float(bank.atm("-a", name, "-g").json["balance"])


def test_who_only_passes_on_changes_nothing(bank: RealTillBank) -> None:
    """The proxy itself is no obstacle."""
    with Attacker(bank.port) as attacker:
        before = balance(bank)
        assert bank.atm("-a", "bob", "-w", "1.00", port=attacker.port).code == 0
        assert balance(bank) == before - 1


@pytest.mark.parametrize("up", [True, False], ids=["request", "answer"])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("how", ["flip", "cut", "double", "drop-half"])
def test_bytes_that_were_changed_are_63_and_do_nothing_twice(
    bank: RealTillBank, up: bool, place: int, how: str
) -> None:
    """Each piece of either direction, in each way: no answer is believed, at most one withdrawal is done, and told."""
    counts: defaultdict[bool, int] = defaultdict(int)

    def meddle(towards_bank: bool, which: int, piece: bytes) -> bytes | None:
        at, counts[towards_bank] = counts[towards_bank], counts[towards_bank] + 1
        if which or towards_bank is not up or at != place:
            return piece
        middle = len(piece) // 2
        return {
            "flip": piece[:middle] + bytes([piece[middle] ^ 1]) + piece[middle + 1 :], "cut": None,
            "double": piece + piece, "drop-half": piece[:middle],
        }[how]  # fmt: skip

    before, since = balance(bank), len(bank.lines)
    with Attacker(bank.port, meddle) as attacker:
        done = bank.atm("-a", "bob", "-w", "10.00", port=attacker.port)
    reached = counts[up] > place
    after = balance(bank)
    told = [json.loads(line) for line in bank.lines[since:] if line.startswith("{")]
    taken = sum(line.get("withdraw", 0) for line in told)
    assert before - after == taken
    assert taken in {0, 10}
    if done.code == 0:
        assert taken == 10
        # It was passed on whole, or what was changed came after all that counts.
        assert not reached or (not up) or how == "double" or place == 2
    else:
        assert (done.code, done.out) == (63, "")


def test_a_recorded_session_that_is_played_again_does_nothing(bank: RealTillBank) -> None:
    """All that went to the bank, once more, in one piece and in its pieces, and in another order."""
    with Attacker(bank.port) as attacker:
        assert bank.atm("-a", "bob", "-w", "5.00", port=attacker.port).code == 0
        recorded = [piece for up, _, piece in attacker.seen if up]
    before, since = balance(bank), len(bank.lines)
    for pieces in ([b"".join(recorded)], recorded, recorded[::-1], recorded[1:]):
        with socket.create_connection(("127.0.0.1", bank.port)) as again:
            again.settimeout(30)
            try:
                for piece in pieces:
                    again.sendall(piece)
                while again.recv(65_536):
                    pass
            except OSError:
                pass
    said = bank.until_said(since + 4)[since:]
    assert said.count("protocol_error") == 4
    assert balance(bank) == before


def test_an_old_answer_is_no_answer(bank: RealTillBank) -> None:
    """What the bank said to one call, said to the next one: 63."""
    with Attacker(bank.port) as attacker:
        assert bank.atm("-a", "bob", "-g", port=attacker.port).code == 0
        old = b"".join(piece for up, _, piece in attacker.seen if not up)
    first = True

    def meddle(up: bool, _which: int, piece: bytes) -> bytes | None:
        nonlocal first
        if up:
            return piece
        if first:
            first = False
            return old
        return b""

    with Attacker(bank.port, meddle) as attacker:
        done = bank.atm("-a", "bob", "-w", "1.00", port=attacker.port)
        assert (done.code, done.out) == (63, "")


def test_who_stands_in_for_the_bank_learns_and_sells_nothing(bank: RealTillBank) -> None:
    """Silent, or with junk for an answer: 63 within the rules' time."""
    for answer in (None, b"\x15\x03\x03\x00\x02\x02\x28", b"HTTP/1.1 200 OK\r\n\r\n"):
        with Attacker(bank.port, lambda up, _which, _piece, answer=answer: b"" if up else answer) as attacker:
            done = bank.atm("-a", "bob", "-g", port=attacker.port)
            assert (done.code, done.out) == (63, "")


def test_length_tells_nothing(bank: RealTillBank) -> None:
    """Shortest name and longest, least amount and most, done and refused: the same number of bytes in both directions."""
    sizes = set()
    for words in (
        ("-a", "a", "-w", "0.01"), ("-a", "z" * 122, "-d", "4294967295.99"), ("-a", "z" * 122, "-g"), ("-a", "a", "-g"),
        ("-a", "a", "-w", "4294967295.99"), ("-a", "new", "-n", "10.00"), ("-a", "q" * 122, "-n", "4294967295.99"),
        ("-a", "a", "-n", "10.00", "-c", "unused.card"),
    ):  # fmt: skip
        with Attacker(bank.port) as attacker:
            assert bank.atm(*words, port=attacker.port).code in {0, 255}
            both = tuple(sum(len(piece) for way, _, piece in attacker.seen if way is up) for up in (True, False))
            sizes.add(both)
    # Certificates and their signatures are of one length, too.
    assert len({up for up, _ in sizes}) == 1, sizes
    assert len({down for _, down in sizes}) == 1, sizes


def test_nothing_is_seen_in_the_clear(bank: RealTillBank) -> None:
    """No name, no amount, no word of the protocol's."""
    with Attacker(bank.port) as attacker:
        assert bank.atm("-a", "bob", "-d", "1234.56", port=attacker.port).code == 0
        seen = b"".join(piece for _, _, piece in attacker.seen)
    for secret in (b"bob", b"1234", b"123456", b"deposit", b"till", b"POST"):
        assert secret not in seen
