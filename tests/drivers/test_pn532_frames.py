"""The PN532's frames: the manual's own bytes, and whatever else may come down a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.pn532.frames import ACK, MAX_BODY, NACK, Frame, FrameParser, Signal, frame, syntax_error

bodies = st.binary(min_size=1, max_size=MAX_BODY).filter(lambda body: body != b"\x7f")
noise = st.binary(max_size=600) | st.lists(st.sampled_from([0x00, 0xFF, 0x01, 0x80, 0xD5]), max_size=60).map(bytes)


def parse(data: bytes) -> list[Signal | Frame]:
    return FrameParser().feed(data)


@pytest.mark.parametrize(
    ("body", "on_the_line"),
    [
        ("d402", "0000ff02fed4022a00"),  # GetFirmwareVersion
        ("d50332010607", "0000ff06fad50332010607e800"),  # its answer
        ("d44a0100", "0000ff04fcd44a0100e100"),  # InListPassiveTarget
        ("d41401", "0000ff03fdd414011700"),  # SAMConfiguration
    ],
)
def test_frames_are_the_manuals_bytes(body, on_the_line):
    """What goes on the line is what UM0701-02 and its examples show, byte for byte, and is read back so."""
    assert frame(bytes.fromhex(body)).hex() == on_the_line
    assert parse(bytes.fromhex(on_the_line)) == [Frame(bytes.fromhex(body))]


def test_an_extended_frame_has_its_own_head():
    """From 256 bytes on the length takes two bytes, with a checksum of their own (6.2.1.2)."""
    sent = frame(bytes(256))
    assert sent.startswith(bytes.fromhex("0000ffffff0100ff"))
    assert len(frame(bytes(255))) == 255 + 7
    assert parse(sent) == [Frame(bytes(256))]


def test_signals_are_told_apart():
    """ACK, NACK and the error frame are each themselves, also back to back."""
    assert ACK.hex() == "0000ff00ff00"
    assert NACK.hex() == "0000ffff0000"
    assert syntax_error().hex() == "0000ff01ff7f8100"
    assert parse(ACK + NACK + syntax_error() + ACK) == [Signal.ACK, Signal.NACK, Signal.SYNTAX_ERROR, Signal.ACK]


@pytest.mark.parametrize("length", [0, MAX_BODY + 1])
def test_a_body_that_fits_no_frame_is_refused(length):
    """A frame is 1 to 265 bytes; anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match="265"):
        frame(bytes(length))


@given(st.lists(bodies, max_size=4), st.data())
def test_pieces_do_not_matter(parts, data):
    """However the line cuts the bytes, the same frames come out, in order."""
    stream = b"".join(ACK + frame(body) for body in parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parser = FrameParser()
    found = [
        event
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for event in parser.feed(stream[begin:end])
    ]
    assert found == [event for body in parts for event in (Signal.ACK, Frame(body))]
    assert parser.waiting == 0


@given(st.lists(noise, max_size=6))
def test_any_bytes_are_survived_within_bounds(pieces):
    """Hostile bytes never raise, and what is kept of them stays shorter than one largest frame."""
    parser = FrameParser()
    for piece in pieces:
        for event in parser.feed(piece):
            assert isinstance(event, Signal | Frame)
        assert parser.waiting <= MAX_BODY + 8


@given(noise, bodies)
def test_it_finds_its_way_back(garbage, body):
    """After any noise a frame that is sent again and again is found, at the latest when a largest frame has passed."""
    parser = FrameParser()
    parser.feed(garbage)
    events = []
    for _ in range(2 + (MAX_BODY + 8) // len(frame(body))):
        events += parser.feed(frame(body))
    assert Frame(body) in events


@given(bodies, st.data())
def test_no_single_damaged_byte_passes(body, data):
    """One byte changed anywhere in a frame, and no information frame with another body comes out."""
    sent = bytearray(frame(body))
    at = data.draw(st.integers(0, len(sent) - 1))
    sent[at] ^= data.draw(st.integers(1, 255))
    assert [event for event in parse(bytes(sent) + bytes(300)) if isinstance(event, Frame)] in ([], [Frame(body)])


@given(bodies.filter(lambda body: b"\x00" in body))
def test_a_lost_zero_does_not_pass(body):
    """A zero lost inside leaves the checksum right with everything shifted by one; the postamble gives it away."""
    sent = frame(body)
    at = sent.index(0x00, len(sent) - 2 - len(body))
    assert parse(sent[:at] + sent[at + 1 :]) == []


def test_a_reset_forgets_half_a_frame():
    """After `reset` the rest of an older frame is noise, and the next frame is read."""
    parser = FrameParser()
    parser.feed(frame(b"\xd5\x03old")[:8])
    parser.reset()
    assert parser.feed(frame(b"\xd5\x03new")) == [Frame(b"\xd5\x03new")]
