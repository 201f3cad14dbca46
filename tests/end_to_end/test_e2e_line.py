"""The line between real processes is cut, slow, loses answers or holds them up: no double debit, no cash without a debit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from support.bad_wire import BadWire, Moment
from support.real_processes import Done, RealBank
from support.real_reckoning import Expected, Lane

pytestmark = pytest.mark.xdist_group("line")

AMOUNT = 20
PLAN = ("middle",)
PAID = Expected(given=PLAN, counted=PLAN)
#: The write of the kiosk's journal after which each message leaves.
MESSAGES = {"authorise": "taken:authorise", "release": "taken:release", "completion": "fact-made:completion"}
#: So long a line is away, where it comes back before a deadline; longer than one try takes.
AWAY_S = 0.8
#: Deadlines of the kiosk, where a line is away for longer.
SHORT_MS = 1_000


@dataclass
class Street:
    """A bank, a kiosk, and the wire between them."""

    bank: RealBank
    wire: BadWire
    lane: Lane

    def withdraw(self, message: str, then: Callable[[], None], *probe: str) -> Done:
        """A withdrawal; when `message` is about to leave, `then` happens to the wire."""
        with Moment(then) as moment:
            done, trace = self.lane.withdraw(AMOUNT, "--ask", moment.path, "--when", MESSAGES[message], *probe)
            assert moment.came == 1, (message, trace)
        return done


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    with RealBank.found(folder / "bank", logs=folder / "logs", host="127.0.0.2") as bank:
        home, away = "127.0.0.1", "127.0.0.2"
        with BadWire((home, bank.port), to=(away, bank.port)) as wire:
            with BadWire((home, bank.enrol_port), to=(away, bank.enrol_port)):
                lane = Lane(bank, folder / "lane", opening="9000")
            lane.kiosk.set("line", connect_ms=600, read_ms=600)
            assert lane.plan(AMOUNT) == PLAN
            yield Street(bank, wire, lane)
            assert lane.plan(AMOUNT) == PLAN
        bank.sound()


@pytest.fixture(autouse=True)
def _the_line_is_mended(street: Street) -> Iterator[None]:
    """After whatever a test did to it; every other test shows that the next customer is served."""
    yield
    street.wire.mend()


def _cut(wire: BadWire) -> None:
    wire.cut()
    threading.Timer(AWAY_S, wire.mend).start()


HURTS: dict[str, Callable[[BadWire], None]] = {
    "cut": _cut,
    "answer lost": lambda wire: wire.lose_answers(),
    "answer broken off": lambda wire: wire.break_answers(300),
    "held up": lambda wire: wire.hold(),
}


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("hurt", HURTS)
def test_a_line_that_is_bad_for_a_moment(street: Street, message: str, hurt: str) -> None:
    """The same number goes out again, is decided once, and the customer is paid and debited once."""
    before = street.lane.state()
    done = street.withdraw(message, lambda: HURTS[hurt](street.wire))
    assert (done.code, done.json["outcome"], done.json["delivered"]) == (0, "paid", True), done
    street.lane.agrees(before, PAID, (message, hurt))
    arrived = street.wire.bytes_to_bank
    street.wire.mend()
    if hurt == "held up":
        # The first copy reaches the bank now, when everything is over.
        _until(lambda: street.wire.bytes_to_bank > arrived)
        street.lane.agrees(before, PAID, (message, hurt, "late"))


def test_a_slow_line(street: Street) -> None:
    """Everything takes its time, both ways, and nothing is sent twice: it is paid all the same."""
    before = street.lane.state()
    done = street.withdraw("authorise", lambda: street.wire.slow(0.15))
    assert (done.code, done.json["outcome"], done.json["delivered"]) == (0, "paid", True), done
    street.lane.agrees(before, PAID)


@pytest.mark.parametrize("reached", [False, True])
@pytest.mark.parametrize("message", ["authorise", "release"])
def test_a_line_that_is_down_past_the_deadline(street: Street, message: str, reached: bool) -> None:
    """No cash, no debit, no hold that stays, whether the bank had done what was asked or never heard of it."""

    def then() -> None:
        if reached:
            street.wire.lose_answers()
            threading.Timer(0.5, street.wire.cut).start()
        else:
            street.wire.cut()

    before = street.lane.state()
    done = street.withdraw(message, then, "--deadlines", str(SHORT_MS))
    assert done.code == 4, done
    assert street.lane.kiosk.notes == before.notes
    _waits(street.lane, 1)
    assert street.bank.account(street.lane.card).held - before.account.held == (
        AMOUNT * 100 if reached or message == "release" else 0
    )
    assert "the bank" in street.lane.kiosk.once(street.lane.card, "--balance").sentence
    street.wire.mend()
    street.lane.restart()
    street.lane.agrees(before, Expected(), (message, reached))


def test_facts_wait_for_the_line_and_arrive(street: Street) -> None:
    """Paid without a line: the completion waits over starts of the kiosk, and debits once when the line is back."""
    before = street.lane.state()
    done = street.withdraw("completion", street.wire.cut, "--deadlines", str(SHORT_MS))
    assert (done.code, done.json["outcome"], done.json["delivered"]) == (0, "paid", False), done
    for _ in range(2):
        _waits(street.lane, 1)
        refused = street.lane.kiosk.once(street.lane.card, "--withdraw", str(AMOUNT))
        assert refused.code == 4, refused
    assert street.bank.account(street.lane.card).balance == before.account.balance
    street.wire.mend()
    street.lane.restart()
    street.lane.agrees(before, PAID)


@pytest.mark.parametrize("message", ["authorise", "release"])
def test_a_message_that_arrives_after_its_kiosk_died(street: Street, message: str) -> None:
    """The start after a crash ends the transaction; what was under way arrives then, and has no effect."""
    before = street.lane.state()
    done = street.withdraw(
        message, street.wire.hold, "--kill", "after", "--at", MESSAGES[message], "--later", "400"
    )  # fmt: skip
    assert done.killed, done
    street.lane.restart()
    street.lane.agrees(before, Expected(), message)
    arrived = street.wire.bytes_to_bank
    street.wire.mend()
    _until(lambda: street.wire.bytes_to_bank > arrived)
    street.lane.crash_is_over(before, Expected(closes=message == "release"), (message, "late"))


def _waits(lane: Lane, facts: int) -> None:
    with lane.kiosk.journal() as journal:
        assert journal.outbox_length() == facts


def _until(it_is_so: Callable[[], bool]) -> None:
    pause, waited = threading.Event(), 0
    while not it_is_so():
        pause.wait(0.02)
        waited += 1
        assert waited < 500, "it never came"
    # What has arrived must be decided too before anybody looks.
    pause.wait(0.2)
