"""The client over a line that loses, delays, repeats, alters and invents, in virtual time."""

import asyncio

import pytest
from msgspec.structs import replace
from support.link_authority import Authority, FixedClock, SeededRandom
from support.link_bank import BANK_TIME, Journal, MemoryBank, MemoryLine
from support.virtual_time import run_virtual

from bank_link.bank_time import BankTime
from bank_link.client import EXCHANGE_MS, BankClient
from bank_link.envelope import NO_MAC, answering, seal, unseal
from bank_link.errors import MessageRefused, NotSent, OutcomeUnknown, SignOnRefused
from bank_link.messages import (
    Acknowledged,
    CloseVisit,
    DeviceStatus,
    Echo,
    EchoBack,
    InProgress,
    Inquire,
    Reason,
    Refused,
    Session,
    SignOnNeeded,
)
from bank_link.pauses import Pauses

AUTHORITY = Authority()
IDENTITY = AUTHORITY.identity()
MINUTE = 60_000


class Rig:
    """A client, its line, and the bank behind it; the bank's clock follows the loop's."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.bank = MemoryBank(AUTHORITY, IDENTITY.signing_key)
        self.bank.now_ms = lambda: BANK_TIME + int(loop.time() * 1000)
        self.line = MemoryLine(self.bank)
        self.journal = Journal()
        self.client = BankClient(
            line=self.line,
            identity=IDENTITY,
            random=SeededRandom("client"),
            clock=FixedClock(AUTHORITY.now),
            standing=self.journal,
        )

    def until(self, ms: int = MINUTE) -> int:
        return self.bank.now_ms() + ms

    async def ask(self, message=None, ms: int = MINUTE):
        return await self.client.ask(message or Echo(), until=self.until(ms))


def played(scene):
    """Run `scene(rig)` to its end in virtual time."""

    async def main():
        return await scene(Rig())

    return run_virtual(main())


def script(line: MemoryLine, *faults) -> None:
    """What happens to the next sends in a session, one fault each; later sends come through."""
    waiting = list(faults)

    def fault(request: bytes, deliver) -> bytes:
        if not unseal(request).envelope.session or not waiting:
            return deliver(request)
        return waiting.pop(0)(request, deliver)

    line.fault = fault


def lost(request: bytes, deliver) -> bytes:
    raise OutcomeUnknown("lost before it arrived")


def answer_lost(request: bytes, deliver) -> bytes:
    deliver(request)
    raise OutcomeUnknown("the answer was lost")


def not_sent(request: bytes, deliver) -> bytes:
    raise NotSent("connection refused")


def altered(request: bytes, deliver) -> bytes:
    answer = bytearray(deliver(request))
    answer[100] ^= 1
    return bytes(answer)


def garbage(request: bytes, deliver) -> bytes:
    return b"<html>it works</html>"


def bare(message):
    """An answer without a MAC, as anybody on the line could make it."""
    return lambda request, deliver: seal(answering(unseal(request).envelope, message, time=1), None)


def test_a_sign_on_opens_a_session_before_anything_else_is_sent() -> None:
    """The journal hears of the session first; the bank gets what the journal said of itself."""

    async def scene(rig: Rig) -> None:
        seen_at_opening = []
        rig.journal.opened = lambda session: seen_at_opening.append((session, len(rig.bank.seen)))
        session = await rig.client.sign_on()
        assert seen_at_opening == [(session, 0)]
        assert rig.client.session == session
        claims = rig.bank.claims
        assert (claims.terminal, claims.generation, claims.journal, claims.boot) == ("T1", 1, "J1", "B1")
        assert (claims.answered.ranges, claims.highest_taken, claims.knows_last_boot) == (((1, 1, 3),), 4, True)
        assert isinstance(await rig.ask(), EchoBack)

    played(scene)


@pytest.mark.parametrize(("last_boot", "knows"), [("", True), ("B1", True), ("B9", False)])
def test_the_kiosk_says_whether_it_knows_the_last_start(last_boot: str, knows: bool) -> None:
    """A journal that was rolled back or cloned does not hold the start that the bank has seen."""

    async def scene(rig: Rig) -> None:
        rig.bank.last_boot = last_boot
        await rig.client.sign_on()
        assert rig.bank.claims.knows_last_boot is knows

    played(scene)


def test_ask_signs_on_by_itself() -> None:
    """The first message after a start opens the session that it needs."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        rig.bank.end_session()
        assert isinstance(await rig.ask(), EchoBack)
        assert rig.bank.sign_ons == 2
        assert [session.session for session in rig.journal.sessions] == ["S1", "S2"]

    played(scene)


@pytest.mark.parametrize(
    "fault", [lost, answer_lost, not_sent, altered, garbage, bare(EchoBack()), bare(Acknowledged())]
)
def test_what_is_no_answer_is_asked_again_on_a_fresh_connection(fault) -> None:
    """Lost, altered, invented or cut: the same message goes out again under a new transmission number."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        script(rig.line, fault)
        resets = rig.line.resets
        assert isinstance(await rig.ask(), EchoBack)
        assert rig.line.resets == resets + 1
        assert len(set(rig.bank.transmissions)) == len(rig.bank.transmissions)
        assert set(map(repr, rig.bank.seen)) == {
            "Echo(session='', devices=(), counts=(), outbox=0, parked=0, in_service=False, why='')"
        }

    played(scene)


def test_an_answer_to_another_request_is_no_answer() -> None:
    """A recorded answer, a swapped one, one to an earlier send of the same message: none is taken."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        recorded = []

        def record(request: bytes, deliver) -> bytes:
            recorded.append(deliver(request))
            raise OutcomeUnknown("held back")

        script(rig.line, record, lambda request, deliver: recorded[0], lambda request, deliver: recorded[0])
        rig.bank.decide = lambda message: EchoBack(why=f"answer {len(rig.bank.seen)}")
        answer = await rig.ask()
        assert answer == EchoBack(why="answer 2")

    played(scene)


def test_an_answer_of_another_kind_is_no_answer() -> None:
    """Even with the bank's own MAC: an echo's answer ends no visit."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        with pytest.raises(OutcomeUnknown, match="echo-back is no answer to close-visit"):
            await rig.ask(CloseVisit(visit="v1", ended="card-taken"), ms=3000)

    played(scene)


def test_an_envelope_that_names_another_kind_is_no_answer() -> None:
    """Log and decision must speak of the same message, even with the bank's own MAC."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()

        def mislabelled(request: bytes, deliver) -> bytes:
            answer = unseal(deliver(request)).envelope
            return seal(replace(answer, kind="figures"), rig.bank.keys.to_kiosk, request_mac=request[:32])

        script(rig.line, mislabelled)
        assert isinstance(await rig.ask(), EchoBack)
        assert len(rig.bank.seen) == 2

    played(scene)


def test_an_answer_from_another_session_or_terminal_is_no_answer() -> None:
    """The same, for where it says that it comes from."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()

        def elsewhere(**changes):
            def fault(request: bytes, deliver) -> bytes:
                answer = unseal(deliver(request)).envelope
                return seal(replace(answer, **changes), rig.bank.keys.to_kiosk, request_mac=request[:32])

            return fault

        script(rig.line, elsewhere(session="S9"), elsewhere(terminal="T9"))
        assert isinstance(await rig.ask(), EchoBack)
        assert len(rig.bank.seen) == 3

    played(scene)


def test_a_refusal_is_an_answer() -> None:
    """The bank's no ends the asking at once."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        rig.bank.decide = lambda message: Refused(reason=Reason.FUNDS)
        assert await rig.ask(Inquire(deadline=rig.until(), visit="v", account="a")) == Refused(reason=Reason.FUNDS)
        assert len(rig.bank.seen) == 1

    played(scene)


def test_in_progress_is_asked_again_without_a_new_connection() -> None:
    """The bank is still deciding: the same number again, a little later."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        rig.bank.decide = lambda message: InProgress() if len(rig.bank.seen) < 4 else EchoBack()
        resets = rig.line.resets
        assert isinstance(await rig.ask(), EchoBack)
        assert (len(rig.bank.seen), rig.line.resets) == (4, resets)

    played(scene)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(not_sent, NotSent), (lost, OutcomeUnknown), (answer_lost, OutcomeUnknown), (altered, OutcomeUnknown)],
)
def test_without_an_answer_it_ends_at_the_deadline(fault, error: type[Exception]) -> None:
    """Not earlier, not later, and it says whether the message may have arrived. The cause is carried along."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        script(rig.line, *[fault] * 1000)
        until = rig.until(20_000)
        with pytest.raises(error) as ended:
            await rig.client.ask(Echo(), until=until)
        assert type(ended.value) is error
        assert ended.value.__cause__ is not None
        assert 0 <= rig.bank.now_ms() - until < 50
        assert 6 <= rig.line.sent - 2 <= 40

    played(scene)


def test_one_send_that_may_have_arrived_is_enough_for_doubt() -> None:
    """Refused connections before and after do not make an unknown outcome a known one."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        script(rig.line, not_sent, lost, *[not_sent] * 1000)
        with pytest.raises(OutcomeUnknown):
            await rig.ask(ms=10_000)

    played(scene)


def test_no_send_outlives_the_deadline() -> None:
    """Each send waits at most ten seconds, and never past the deadline."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()

        async def hang(request: bytes, timeout_ms: int) -> bytes:
            rig.line.timeouts.append(timeout_ms)
            await asyncio.sleep(timeout_ms / 1000)
            raise OutcomeUnknown("no answer in time")

        rig.line.exchange = hang
        until = rig.until(25_000)
        with pytest.raises(OutcomeUnknown):
            await rig.client.ask(Echo(), until=until)
        assert rig.line.timeouts[2:4] == [EXCHANGE_MS, EXCHANGE_MS]
        assert rig.line.timeouts[4] < EXCHANGE_MS
        assert rig.bank.now_ms() - until < 50

    played(scene)


def test_past_its_deadline_nothing_is_sent() -> None:
    """A message whose time is over does not leave."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        sent = rig.line.sent
        with pytest.raises(NotSent):
            await rig.ask(ms=-1)
        assert rig.line.sent == sent

    played(scene)


def test_a_deadline_guessed_before_bank_time_was_known_is_not_sent() -> None:
    """The sign-on tells what time it is: the message's time was over long ago, and it does not leave."""

    async def scene(rig: Rig) -> None:
        with pytest.raises(NotSent, match="time was over"):
            await rig.client.ask(Echo(), until=20_000)
        assert (rig.bank.sign_ons, rig.bank.seen) == (1, [])

    played(scene)


def test_without_a_line_the_first_message_ends_soon() -> None:
    """Before the bank was ever reached there is no bank time to wait for; the sign-on's cause is told."""

    async def scene(rig: Rig) -> None:
        rig.line.fault = not_sent
        with pytest.raises(NotSent, match="connection refused"):
            await rig.ask()
        with pytest.raises(NotSent, match="not known yet"):
            rig.client.bank_now()
        rig.line.fault = lost
        with pytest.raises(NotSent, match="lost before it arrived"):
            await rig.ask()

    played(scene)


def test_a_refused_sign_on_ends_the_asking() -> None:
    """The bank will not have this terminal: the reason is told, nobody waits for a deadline."""

    async def scene(rig: Rig) -> None:
        rig.bank.refuses = Refused(reason=Reason.PENDING, sentence="not confirmed yet")
        with pytest.raises(SignOnRefused, match="not confirmed yet") as refused:
            await rig.client.sign_on()
        assert refused.value.reason == "pending"
        with pytest.raises(NotSent, match="not confirmed yet"):
            await rig.ask()

    played(scene)


def test_a_bank_that_cannot_prove_itself_opens_no_session() -> None:
    """Another CA's slip key: no session, no message, and the sentence says why."""

    async def scene(rig: Rig) -> None:
        rig.bank.slip = Authority("Bank CA").slip()
        with pytest.raises(OutcomeUnknown, match="not signed by a CA of this bank"):
            await rig.client.sign_on()
        assert (rig.client.session, rig.journal.sessions) == (None, [])

    played(scene)


@pytest.mark.parametrize("answer", [garbage, bare(EchoBack()), bare(SignOnNeeded()), bare(InProgress())])
def test_nothing_else_answers_a_hello(answer) -> None:
    """Any other answer to the first message is told as a failed sign-on."""

    async def scene(rig: Rig) -> None:
        rig.line.fault = answer
        with pytest.raises(OutcomeUnknown, match="sign-on failed"):
            await rig.client.sign_on()

    played(scene)


def test_several_messages_share_one_sign_on() -> None:
    """Visit, outbox and echo find the session gone at the same moment: one sign-on, three answers."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        rig.bank.end_session()
        answers = await asyncio.gather(*(rig.ask(Echo(outbox=n)) for n in range(5)))
        assert answers == [EchoBack()] * 5
        assert rig.bank.sign_ons == 2

    played(scene)


def test_an_answer_in_the_older_session_still_counts() -> None:
    """A new session opens while an answer is on its way: it was asked for in the older one and verifies there."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        script(rig.line, lambda request, deliver: deliver(request))
        slow = rig.line.latency_s

        async def late(request: bytes, timeout_ms: int) -> bytes:
            answer = rig.bank.handle(request)
            await asyncio.sleep(2 if unseal(request).envelope.transmission == 1 else slow)
            return answer

        rig.line.exchange = late
        waiting = asyncio.create_task(rig.ask())
        await asyncio.sleep(0.5)
        await rig.client.sign_on()
        assert isinstance(await waiting, EchoBack)
        assert len(rig.bank.seen) == 1

    played(scene)


def test_injected_sign_on_needed_makes_no_storm() -> None:
    """An attacker answers every message with it, for ten minutes: the sign-ons keep a growing distance."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        script(rig.line, *[bare(SignOnNeeded())] * 10_000)
        with pytest.raises(OutcomeUnknown):
            await rig.ask(ms=10 * MINUTE)
        assert rig.bank.sign_ons < 70
        script(rig.line)
        assert isinstance(await rig.ask(), EchoBack)

    played(scene)


def test_after_an_answer_a_lost_session_is_renewed_at_once() -> None:
    """The distance between sign-ons is for strangers: where answers verify, a restarted bank costs no wait."""

    async def scene(rig: Rig) -> None:
        for _ in range(10):
            await rig.ask()
            rig.bank.end_session()
            started = asyncio.get_running_loop().time()
            await rig.ask()
            assert asyncio.get_running_loop().time() - started < 0.5

    played(scene)


def test_running_out_of_time_does_not_stop_a_sign_on_for_others() -> None:
    """One message's deadline passes during the sign-on; the sign-on goes on and serves the next."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        rig.bank.end_session()
        rig.line.latency_s = 1.0
        hasty = asyncio.create_task(rig.ask(ms=1500))
        patient = asyncio.create_task(rig.ask())
        with pytest.raises((NotSent, OutcomeUnknown)):
            await hasty
        assert isinstance(await patient, EchoBack)
        assert rig.bank.sign_ons == 2

    played(scene)


def test_an_unwritable_journal_stops_the_session() -> None:
    """What the journal raises comes out of `ask`; nothing was sent in a session that it does not know."""

    async def scene(rig: Rig) -> None:
        def full(session: Session) -> None:
            raise OSError("disk full")

        rig.journal.opened = full
        with pytest.raises(OSError, match="disk full"):
            await rig.ask()
        assert rig.bank.seen == []
        assert rig.client.session is None

    played(scene)


def test_the_next_ca_serves_from_the_session_that_brought_it() -> None:
    """The bank moves to its next CA: the following sign-on is under it, without a restart."""

    async def scene(rig: Rig) -> None:
        following = Authority("Next CA")
        rig.bank.changes = {"next_cas": (following.pem,)}
        await rig.client.sign_on()
        rig.bank.slip, rig.bank.changes = following.slip(), {}
        assert (await rig.client.sign_on()).session == "S2"

    played(scene)


def test_a_cancelled_call_leaves_the_client_whole() -> None:
    """A stop in the middle: the next message gets its answer."""

    async def scene(rig: Rig) -> None:
        task = asyncio.create_task(rig.ask())
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(await rig.ask(), EchoBack)
        assert rig.bank.sign_ons == 1

    played(scene)


def test_a_message_too_large_for_the_line_is_told_at_once() -> None:
    """It never could be sent: no waiting for its deadline."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        many = tuple(DeviceStatus(device=f"d{n}", state="ok", sentence="x" * 300) for n in range(400))
        with pytest.raises(MessageRefused, match="too large"):
            await rig.ask(Echo(devices=many))

    played(scene)


def test_bank_time_goes_on_between_answers() -> None:
    """The last answer's time and the loop's clock; the wall clock has no part in it."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        await asyncio.sleep(3600)
        assert abs(rig.client.bank_now() - rig.bank.now_ms()) <= 20

    played(scene)


def test_an_unauthenticated_time_moves_nothing() -> None:
    """A forged `sign-on-needed` says another time: bank time stays."""

    async def scene(rig: Rig) -> None:
        await rig.client.sign_on()
        script(rig.line, bare(SignOnNeeded()))
        await rig.ask()
        assert abs(rig.client.bank_now() - rig.bank.now_ms()) <= 20

    played(scene)


def test_bank_time_follows_what_answers_prove() -> None:
    """A slow answer sets nothing back; a clock that ran ahead or was corrected is followed."""
    time = BankTime()
    with pytest.raises(NotSent):
        time.now_ms(0)
    time.heard(1_000_000, asked_s=0, answered_s=0.1)
    assert time.now_ms(0.1) == 1_000_000
    time.heard(1_000_000, asked_s=0.1, answered_s=9)
    assert time.now_ms(9) == 1_008_900
    time.heard(5_000_000, asked_s=10, answered_s=10.5)
    assert time.now_ms(10.5) == 5_000_000
    time.heard(1_000_000, asked_s=11, answered_s=11.2)
    assert time.now_ms(11.2) == 1_000_200


def test_pauses_grow_to_their_bound_and_start_again() -> None:
    """Doubling, bounded, spread, and short again after a success."""
    pauses = Pauses(SeededRandom(), first_s=0.2, most_s=5)
    taken = [pauses.next_s() for _ in range(40)]
    assert all(0.15 <= taken[0] <= 0.2 and pause <= 5 for pause in taken)
    assert min(taken[6:]) >= 3.75
    assert len(set(taken)) > 20
    pauses.reset()
    assert pauses.next_s() <= 0.2


def test_frames_before_a_session_bear_no_mac() -> None:
    """`hello` and `sign-on` go out with zeros where the MAC would be, everything after with a MAC."""

    async def scene(rig: Rig) -> None:
        macs = []

        def watch(request: bytes, deliver) -> bytes:
            macs.append((unseal(request).envelope.kind, request[:32] == NO_MAC))
            return deliver(request)

        rig.line.fault = watch
        await rig.client.sign_on()
        await rig.ask()
        assert macs == [("hello", True), ("sign-on", True), ("echo", False)]

    played(scene)
