"""The envelope: what an attacker on the line can do to a message, and that each of it is noticed."""

import hashlib
import hmac
import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bank_link import messages
from bank_link.envelope import (
    BLOCK,
    MAX_FRAME,
    NO_MAC,
    Envelope,
    Window,
    answering,
    body_digest,
    decode_answer,
    decode_request,
    encode,
    seal,
    unseal,
    verify,
)
from bank_link.errors import MessageRefused
from bank_link.messages import Acknowledged, Echo, Inquire, Refused
from bank_link.money import Money
from bank_link.sign_on import SessionKeys

KEYS = SessionKeys(to_bank=b"b" * 32, to_kiosk=b"k" * 32)


def envelope(message=None, **changes) -> Envelope:
    message = message or Inquire(deadline=5, visit="v1", account="a1")
    fields = {
        "terminal": "T1",
        "generation": 1,
        "session": "S1",
        "transmission": 7,
        "time": 1000,
        "sequence": 3,
        "kind": messages.kind(message),
        "body": encode(message),
    }
    return Envelope(**(fields | changes))


def rewritten(text: bytes) -> bytes:
    """A frame without MAC around any text."""
    size = -(-(32 + len(text)) // BLOCK) * BLOCK
    return NO_MAC + text.ljust(size - 32)


def test_a_message_comes_through_whole() -> None:
    """What is sealed is read again, under its key, and its length is a multiple of 512."""
    data = seal(envelope(), KEYS.to_bank)
    frame = unseal(data)
    verify(frame, KEYS.to_bank)
    assert frame.envelope == envelope()
    assert decode_request("inquire", frame.envelope.body) == Inquire(deadline=5, visit="v1", account="a1")
    assert len(data) % BLOCK == 0


def test_the_mac_is_hmac_sha256_over_everything_behind_it() -> None:
    """Written out by hand from the standard library, padding included; an answer's covers its request's MAC."""
    data = seal(envelope(), KEYS.to_bank)
    assert data[:32] == hmac.new(KEYS.to_bank, b"atm/1 request\n" + data[32:], hashlib.sha256).digest()
    answer = seal(envelope(Acknowledged()), KEYS.to_kiosk, request_mac=data[:32])
    expected = hmac.new(KEYS.to_kiosk, b"atm/1 answer\n" + data[:32] + answer[32:], hashlib.sha256).digest()
    assert answer[:32] == expected


def test_hmac_is_the_one_of_the_standard() -> None:
    """RFC 4231, test case 2: the primitive underneath is what it is called."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex() == expected


@given(st.integers(0, 1023), st.integers(1, 255))
def test_no_byte_can_be_altered(place: int, change: int) -> None:
    """Any byte changed, MAC and padding too, is refused."""
    data = bytearray(seal(envelope(Echo(why="x" * 300)), KEYS.to_bank))
    data[place % len(data)] ^= change
    with pytest.raises(MessageRefused):
        verify(unseal(bytes(data)), KEYS.to_bank)


def test_an_answer_to_another_send_does_not_verify() -> None:
    """The same request sent twice: the first answer is none to the second, and a request is no answer."""
    first = seal(envelope(transmission=1), KEYS.to_bank)
    second = seal(envelope(transmission=2), KEYS.to_bank)
    answer = unseal(seal(envelope(Acknowledged()), KEYS.to_kiosk, request_mac=first[:32]))
    verify(answer, KEYS.to_kiosk, request_mac=first[:32])
    for wrong in (second[:32], b""):
        with pytest.raises(MessageRefused, match="MAC"):
            verify(answer, KEYS.to_kiosk, request_mac=wrong)
    with pytest.raises(MessageRefused, match="MAC"):
        verify(unseal(first), KEYS.to_kiosk)


def test_length_tells_neither_amount_nor_name() -> None:
    """A short and a long amount, a yes and a refusal, are equally long on the line."""
    answers = (
        Acknowledged(),
        Refused(reason=messages.Reason.FUNDS, sentence="there is less in the account", possible=Money(12_345, "USD")),
        messages.Figures(available=Money(1, "USD"), ledger=Money(10**15, "USD")),
    )
    assert {len(seal(envelope(answer), KEYS.to_kiosk, request_mac=b"m" * 32)) for answer in answers} == {512}


@given(st.binary(max_size=1600))
@example(b"")
@example(b" " * 512)
def test_hostile_frames_raise_one_error(data: bytes) -> None:
    """Any bytes, and any bytes dressed as a frame, are read or refused."""
    for candidate in (data, rewritten(data)):
        try:
            unseal(candidate)
        except MessageRefused:
            continue


@given(st.data())
def test_frames_that_are_almost_right_raise_one_error(data: st.DataObject) -> None:
    """A good frame's JSON with pieces replaced, repeated or cut is read or refused, never something else."""
    text = bytearray(seal(envelope(), None)[32:].rstrip())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text[start:end] = data.draw(
            st.one_of(st.binary(max_size=12), st.sampled_from([b"\\ud800", b"1e400", b"{", b'"']))
        )
    try:
        frame = unseal(rewritten(bytes(text)))
        decode_request(frame.envelope.kind, frame.envelope.body)
    except MessageRefused:
        return


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"generation":1', b'"generation":1,"generation":2', id="duplicate key"),
        pytest.param(b'"generation":1', b'"generation":1.0', id="a float"),
        pytest.param(b'"generation":1', b'"generation": 1', id="a blank"),
        pytest.param(b'"generation":1', b'"generation":01', id="leading zero"),
        pytest.param(b'"generation":1', b'"generation":NaN', id="NaN"),
        pytest.param(b'"generation":1', b'"generation":-1', id="negative"),
        pytest.param(b'"generation":1', b'"generation":9007199254740992', id="too large"),
        pytest.param(b'"generation":1', b'"generation":' + b"9" * 400, id="far too large"),
        pytest.param(b'"generation":1', b'"generation":true', id="a boolean"),
        pytest.param(b'"generation":1', b'"generation":1,"more":1', id="unknown field"),
        pytest.param(b'"terminal":"T1"', b'"terminal":"\\u0054\\u0031"', id="escaped letters"),
        pytest.param(b'"terminal":"T1"', b'"terminal":"T1\\n"', id="a line break"),
        pytest.param(b'"terminal":"T1"', b'"terminal":"\\ud800"', id="lone surrogate"),
        pytest.param(b'"terminal":"T1"', b'"terminal":"\xff"', id="not UTF-8"),
        pytest.param(b'"terminal":"T1"', b'"terminal":"' + b"T" * 65 + b'"', id="too long"),
        pytest.param(b'"body":{', b'"body":' + b"[" * 20_000 + b"{", id="deep nesting"),
    ],
)
def test_a_message_has_one_encoding(old: bytes, new: bytes) -> None:
    """What the two ends could read differently is refused by name of what is wrong, not guessed at."""
    text = seal(envelope(), None)[32:].rstrip()
    assert old in text
    with pytest.raises(MessageRefused, match="cannot be read"):
        unseal(rewritten(text.replace(old, new)))


def test_a_body_has_one_encoding_too() -> None:
    """Blanks, explicit defaults and other base64 in the body are refused: the digest of the body is the body's."""
    good = bytes(encode(Inquire(deadline=5, visit="v1", account="a1")))
    for body in (good.replace(b",", b", "), good.replace(b"}", b',"what":"balance"}'), good + b" "):
        with pytest.raises(MessageRefused):
            decode_request("inquire", body)


def test_a_default_is_left_out_however_its_text_was_made() -> None:
    """The same body built from other sources (a row, a file) has the same bytes, so it is never "another body"."""
    for kind in (*messages.Message.__subclasses__(), *messages.Part.__subclasses__()):
        for field in msgspec.structs.fields(kind):
            if isinstance(field.default, str) and field.default:
                required = {f.name: 0 for f in msgspec.structs.fields(kind) if f.required}
                plain, built = kind(**required), kind(**required, **{field.name: "".join(field.default)})
                assert msgspec.json.encode(plain) == msgspec.json.encode(built), (kind, field.name)


def test_a_newer_version_is_named() -> None:
    """A message of another version is refused with that reason."""
    with pytest.raises(MessageRefused, match="of version 2; this program speaks version 1"):
        unseal(seal(envelope(version=2), None))


def test_padding_is_neither_more_nor_less_than_needed() -> None:
    """A frame with a spare block, and one whose end was cut, are refused."""
    data = seal(envelope(), KEYS.to_bank)
    for wrong in (data + b" " * BLOCK, data[:-1], data[:-BLOCK], b"", data * 200):
        with pytest.raises(MessageRefused):
            unseal(wrong)


def test_a_message_that_is_too_large_is_not_sealed() -> None:
    """Nothing is sent that the other end must refuse for its size."""
    many = tuple(messages.DeviceStatus(device=f"d{n}", state="ok", sentence="x" * 300) for n in range(400))
    with pytest.raises(MessageRefused, match="too large"):
        seal(envelope(Echo(devices=many)), None)
    assert len(seal(envelope(Echo(devices=many[:150])), None)) <= MAX_FRAME


@given(st.binary(max_size=400))
def test_hostile_bodies_raise_one_error(data: bytes) -> None:
    """Any bytes as a body are read or refused."""
    for read in (lambda: decode_request("echo", data), lambda: decode_answer(data)):
        try:
            read()
        except MessageRefused:
            continue


def test_hostile_values_in_a_body_raise_one_error() -> None:
    """Unknown currencies, amounts beyond all limits, and answers in place of requests are refused."""
    figures = json.loads(bytes(encode(messages.Figures(available=Money(1, "USD"), ledger=Money(1, "USD")))))
    for money in (
        {"minor": 1, "currency": "XXX"},
        {"minor": 10**16, "currency": "USD"},
        {"minor": 1.5, "currency": "USD"},
    ):
        body = json.dumps(figures | {"ledger": money}, separators=(",", ":")).encode()
        with pytest.raises(MessageRefused, match="cannot be read"):
            decode_answer(body)
    with pytest.raises(MessageRefused):
        decode_request("acknowledged", bytes(encode(Acknowledged())))
    with pytest.raises(MessageRefused, match="another kind"):
        decode_request("echo", encode(Inquire(deadline=5, visit="v1", account="a1")))


def test_the_same_body_has_the_same_digest_in_every_envelope() -> None:
    """What each send makes anew does not count; what it says does."""
    one, two = Inquire(deadline=5, visit="v1", account="a1"), Inquire(deadline=5, visit="v1", account="a2")
    again = decode_request("inquire", unseal(seal(envelope(one, session="S9"), None)).envelope.body)
    assert body_digest(one) == body_digest(again) == hashlib.sha256(bytes(encode(one))).digest()
    assert body_digest(one) != body_digest(two)


def test_an_answer_repeats_where_its_request_came_from() -> None:
    """`answering` keeps terminal, generation, session and transmission, and takes the bank's time."""
    answer = answering(envelope(), Acknowledged(case="c1"), time=2000)
    assert (answer.terminal, answer.generation, answer.session, answer.transmission) == ("T1", 1, "S1", 7)
    assert (answer.time, answer.kind, decode_answer(answer.body)) == (2000, "acknowledged", Acknowledged(case="c1"))


@given(st.lists(st.integers(-3, 200), max_size=80))
def test_the_window_accepts_each_number_once_and_none_too_old(numbers: list[int]) -> None:
    """Against the plain rule: fresh, at least 1, and less than 64 behind the highest so far."""
    highest, mask, seen = 0, 0, set()
    for number in numbers:
        fresh = number >= 1 and number not in seen and number > max(seen, default=0) - Window.SIZE
        after = Window.accept(highest, mask, number)
        assert (after is not None) == fresh
        if after:
            highest, mask = after
            seen.add(number)
            assert highest == max(seen)
            assert 0 <= mask < 2**63


def test_the_window_stands_great_leaps() -> None:
    """A leap forgets everything before, and a replay of what is before it stays refused."""
    after = Window.accept(5, 0b1111, 2**53 - 1)
    assert after == (2**53 - 1, 0)
    assert Window.accept(*after, 5) is None
