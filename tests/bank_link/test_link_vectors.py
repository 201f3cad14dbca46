"""The test vectors of docs/protocol.md are what this code computes: who writes the other end can rely on them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from bank_link import card_file, sign_on
from bank_link.enrolment_string import compose, fingerprint
from bank_link.envelope import Envelope, seal, unseal
from bank_link.keys import Purpose, agree, agreement_public, derive, framed, sign, signing_public
from bank_link.pin_block import Pin, seal_pin

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
VECTORS = re.sub(r"\s+", "", PAGE.partition("## 17. Test vectors")[2]).replace("`", "")
FRAMES = re.findall(r"^\{\"version\".*\}$", PAGE, re.MULTILINE)


def key(byte: int) -> bytes:
    return bytes([byte]) * 32


class Always:
    """Randomness that is always the same byte."""

    def token_bytes(self, count: int) -> bytes:
        return b"\x04" * count


def a_frame(text: str) -> Envelope:
    data = bytes(32) + text.encode()
    return unseal(data.ljust(-(-len(data) // 512) * 512)).envelope


def test_frames_and_their_macs() -> None:
    """A request and its answer, to the byte; the answer's MAC also covers the request's."""
    request, answer = FRAMES
    sent = seal(a_frame(request), key(1))
    back = seal(a_frame(answer), key(2), request_mac=sent[:32])
    assert sent[32:].decode().rstrip(" ") == request
    assert back[32:].decode().rstrip(" ") == answer
    assert sent[:32].hex() in VECTORS
    assert back[:32].hex() in VECTORS


def test_challenge_and_session_keys() -> None:
    """What both ends derive without having said it."""
    assert sign_on.challenge(key(6), 1_790_000_000_000, "T1", key(7)).hex() in VECTORS
    secret = agree(key(9), agreement_public(key(10)))
    transcript = hashlib.sha256(framed(b"A", b"B" * 64, b"C", b"D" * 64)).digest()
    keys = derive(secret, b"atm/1 session keys\n" + transcript, 64)
    assert keys[:32].hex() in VECTORS
    assert keys[32:].hex() in VECTORS


def test_card_and_pin() -> None:
    """What lies on a stick, what it proves, and what a bank opens."""
    data = card_file.compose("9999000000000012", "harbour", 203_612, 1_790_000_000, 1, key(3))
    assert data[:56].hex() in VECTORS
    assert data[56:100].hex() in VECTORS
    assert not any(data[100:])
    assert card_file.proof(key(3), "T1", 1, 2).hex() in VECTORS
    block = seal_pin(Pin("4711"), "9999000000000012", agreement_public(key(5)), Always())
    assert block.hex() in VECTORS


def test_signature_and_enrolment() -> None:
    """Who signed, and whose bank a terminal is enrolled at."""
    assert signing_public(key(8)).hex() in VECTORS
    assert sign(key(8), Purpose.SLIP, b"x").hex() in VECTORS
    assert fingerprint(key(13)) in VECTORS
    string = compose(key(11), b"\x0c" * 20, "bank.example:8444")
    assert string in VECTORS


def test_a_vector_that_is_not_there_is_missed() -> None:
    """The page is read at all."""
    assert len(VECTORS) > 1_000
    with pytest.raises(AssertionError):
        assert key(99).hex() in VECTORS
