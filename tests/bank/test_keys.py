"""The key ring: made once and whole, loaded only when it is sound, and silent about what it holds."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from support.bank_ring import NOW_MS, Seeded, make_ring, request

from bank.keys import certificates
from bank.keys.decision_keys import DecisionKeys
from bank.keys.errors import CertificateRefused, KeyRingError
from bank.keys.key_files import PURPOSES
from bank.keys.keyring import KeyRing
from bank_link.certificates import slip_key
from bank_link.errors import PinError
from bank_link.keys import agreement_public
from bank_link.pin_block import Pin, seal_pin
from bank_link.sign_on import SessionKeys

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def load(directory: Path) -> KeyRing:
    return KeyRing.load(directory, random=Seeded("later"))


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


# ── made and loaded ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_makes_the_same_ring_to_the_byte(tmp_path: Path) -> None:
    """All key bytes and serials come from the randomness that is handed in, so a history repeats."""
    make_ring(tmp_path / "a")
    make_ring(tmp_path / "b")
    make_ring(tmp_path / "c", "other")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a")["pvv-1.key"] != contents(tmp_path / "c")["pvv-1.key"]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """Directory 0700, every file 0600."""
    make_ring(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_a_loaded_ring_does_what_the_made_one_did(tmp_path: Path) -> None:
    """What one run of the bank derived and sealed, the next one derives and opens."""
    made = make_ring(tmp_path / "keys")
    loaded = load(tmp_path / "keys")
    assert loaded.card_secret("4000000000000002", 1, 7) == made.card_secret("4000000000000002", 1, 7)
    assert loaded.unwrap("session", made.wrap("session", b"secret")) == b"secret"
    assert loaded.slip_public_keys() == made.slip_public_keys()
    assert (loaded.bank_name, loaded.hosts, loaded.ca_pems()) == (made.bank_name, made.hosts, made.ca_pems())


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    """A second `create` on the same place is refused, and leaves everything as it was."""
    make_ring(tmp_path / "keys")
    before = contents(tmp_path / "keys")
    with pytest.raises(KeyRingError, match="exists already; a bank's keys are never overwritten"):
        make_ring(tmp_path / "keys", "other")
    assert contents(tmp_path / "keys") == before
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_making_that_died_halfway_leaves_room_for_the_next(tmp_path: Path) -> None:
    """What a killed `create` left behind is no ring, and is swept away by the next one."""
    half = tmp_path / "keys.half-made"
    half.mkdir()
    (half / "ca-1.key").write_bytes(b"half")
    make_ring(tmp_path / "keys")
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_what_cannot_be_in_a_certificate_is_refused_by_name(tmp_path: Path) -> None:
    """A host that is neither name nor address: one sentence."""
    ring = make_ring(tmp_path / "keys")
    for host in ("", "a b", "bank..example", "höst", "*.example", "x" * 300, "http://bank"):
        with pytest.raises(KeyRingError, match="is neither a host name nor an address"):
            ring.renew_server(now_ms=NOW_MS, hosts=[host])


ALL_FILES = [f"{purpose}-1.key" for purpose in PURPOSES] + ["ca-1.pem", "slip-1.pem", "ring.json"]


@pytest.mark.parametrize("name", ALL_FILES)
def test_each_file_that_is_missing_damaged_or_open_is_told_by_its_name(tmp_path: Path, name: str) -> None:
    """Whichever file it is, one sentence names it and the way out, and shows nothing of what is in it."""
    make_ring(tmp_path / "keys")
    path = tmp_path / "keys" / name
    content = path.read_bytes()

    def complaint() -> str:
        with pytest.raises(KeyRingError) as caught:
            load(tmp_path / "keys")
        return str(caught.value)

    path.chmod(0o640)
    assert complaint() == f"{path} is open to others; run: chmod 600 {path}"
    path.chmod(0o600)
    for damage in (b"", content[: len(content) // 2], b"\xff" + content[1:], b"{}", b"[" * 60_000, b"x" * 70_000):
        path.write_bytes(damage)
        assert complaint().startswith(f"{path} is ")
    path.unlink()
    assert complaint().startswith(f"{path} is missing")
    path.symlink_to("/etc/passwd")
    assert complaint().startswith(f"{path} cannot be read")
    path.unlink()
    path.mkdir()
    assert complaint().startswith(f"{path} ")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_flipped_bit_in_a_key_is_found(tmp_path: Path, purpose: str) -> None:
    """A key that changed by one bit never verifies PINs or cards: it is not loaded."""
    make_ring(tmp_path / "keys")
    path = tmp_path / "keys" / f"{purpose}-1.key"
    content = json.loads(path.read_bytes())
    first = content["key"][0]
    content["key"] = ("B" if first != "B" else "C") + content["key"][1:]
    path.write_text(json.dumps(content))
    with pytest.raises(KeyRingError, match=rf"{purpose}-1\.key is damaged; restore it"):
        load(tmp_path / "keys")


def test_a_key_of_another_bank_or_purpose_is_refused(tmp_path: Path) -> None:
    """Files that were mixed up between backups are told as foreign, not used."""
    make_ring(tmp_path / "keys")
    make_ring(tmp_path / "other", "other")
    path = tmp_path / "keys" / "pvv-1.key"
    own = path.read_bytes()
    path.write_bytes((tmp_path / "other" / "pvv-1.key").read_bytes())
    with pytest.raises(KeyRingError, match=r"pvv-1\.key belongs to another bank's keys"):
        load(tmp_path / "keys")
    path.write_bytes((tmp_path / "keys" / "card-1.key").read_bytes())
    with pytest.raises(KeyRingError, match="holds the key card-1 under a wrong name"):
        load(tmp_path / "keys")
    path.write_bytes(own)
    (tmp_path / "keys" / "slip-1.pem").write_bytes((tmp_path / "other" / "slip-1.pem").read_bytes())
    with pytest.raises(KeyRingError, match=r"slip-1\.pem belongs to another key"):
        load(tmp_path / "keys")


def test_a_missing_or_open_directory_is_told(tmp_path: Path) -> None:
    """The sentence says what to run."""
    with pytest.raises(KeyRingError, match="cannot be read: No such file"):
        load(tmp_path / "keys")
    make_ring(tmp_path / "keys")
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(KeyRingError, match=r"is open to others; run: chmod 700 .*/keys"):
        load(tmp_path / "keys")


def test_nothing_that_is_printed_shows_a_key(tmp_path: Path) -> None:
    """repr, str and errors hold no key bytes, however they are spelled."""
    ring = make_ring(tmp_path / "keys")
    shown = repr(ring) + str(ring) + repr(DecisionKeys(ring)) + repr(vars(ring).keys())
    for purpose in PURPOSES:
        content = json.loads((tmp_path / "keys" / f"{purpose}-1.key").read_bytes())
        assert content["key"] not in shown
    with pytest.raises(TypeError):
        pickle.dumps(ring)


# ── what the keys do ────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_wrapped_values_open_only_unaltered_and_for_their_purpose(secret: bytes, junk: bytes) -> None:
    """What lies wrapped in the database cannot be changed, swapped with another kind, or brought from another bank."""
    ring, other = RINGS
    sealed = ring.wrap("session", secret)
    assert ring.unwrap("session", sealed) == secret
    flipped = bytearray(sealed)
    flipped[len(junk) % len(sealed)] ^= 1
    for bad, purpose, opener in (
        (bytes(flipped), "session", ring),
        (sealed, "other", ring),
        (sealed, "session", other),
        (junk, "session", ring),
        (sealed[:-1], "session", ring),
    ):
        with pytest.raises(KeyRingError, match="was altered, or is another bank's"):
            opener.unwrap(purpose, bad)


@pytest.fixture(autouse=True, scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rings")
    RINGS.extend([make_ring(folder / "a"), make_ring(folder / "b", "other")])


RINGS: list[KeyRing] = []


def test_verification_values_depend_on_card_salt_pin_and_key(tmp_path: Path) -> None:
    """No two cards, salts, PINs or key versions share a value, not even where their texts run into one another."""
    ring = make_ring(tmp_path / "keys")
    old = ring.pvv_version()
    new = ring.rotate("pvv", now_ms=NOW_MS)
    asked = [
        (old, "4000000000000002", b"salt", "1234"), (old, "4000000000000002", b"salt1", "234"),
        (old, "40000000000000021", b"salt", "234"), (old, "4000000000000010", b"salt", "1234"),
        (old, "4000000000000002", b"tlas", "1234"), (new, "4000000000000002", b"salt", "1234"),
    ]  # fmt: skip
    values = {ring.pvv(*one) for one in asked}
    assert len(values) == len(asked)
    assert ring.pvv_matches(ring.pvv(*asked[0]), *asked[0])
    assert not ring.pvv_matches(ring.pvv(*asked[1]), *asked[0])
    assert not ring.pvv_matches(b"", *asked[0])
    with pytest.raises(KeyRingError, match="PVV key 9, which is not in the ring"):
        ring.pvv(9, "4000000000000002", b"salt", "1234")


def test_old_versions_still_read_what_they_made(tmp_path: Path) -> None:
    """After a rotation old PIN blocks open, old slips hold, and a restart knows both."""
    ring = make_ring(tmp_path / "keys")
    old_id, old_public = ring.pin_key_id(), ring.pin_public_key()
    old_slip = ring.slip_public_keys()
    assert (ring.rotate("pin", now_ms=NOW_MS), ring.rotate("slip", now_ms=NOW_MS)) == (2, 2)
    for same in (ring, load(tmp_path / "keys")):
        assert agreement_public(same.pin_private_key(old_id)) == old_public
        assert same.pin_key_id() == "pin-2"
        assert same.slip_public_keys()[1:] == old_slip
        assert slip_key(same.slip_certificate_pem(), same.ca_pems(), NOW_MS) == same.slip_public_keys()[0]
    with pytest.raises(KeyRingError, match="one version only"):
        ring.rotate("card", now_ms=NOW_MS)


def test_a_pin_block_opens_only_with_the_key_it_names(tmp_path: Path) -> None:
    """An unknown key id is a PIN block that cannot be opened, no crash."""
    ring = make_ring(tmp_path / "keys")
    keys = DecisionKeys(ring)
    block = seal_pin(Pin("12345"), "4000000000000002", ring.pin_public_key(), Seeded("kiosk"))
    assert keys.open_pin(block, ring.pin_key_id(), "4000000000000002") == "12345"
    for bad in ("pin-2", "", "pin-1x"):
        with pytest.raises(PinError, match="never had"):
            keys.open_pin(block, bad, "4000000000000002")


def test_session_keys_come_back_from_the_database(tmp_path: Path) -> None:
    """Both directions, in their order, in what the sessions table has room for."""
    keys = DecisionKeys(make_ring(tmp_path / "keys"))
    session = SessionKeys(to_bank=b"b" * 32, to_kiosk=b"k" * 32)
    wrapped = keys.wrap_session_keys(session)
    assert keys.session_keys(wrapped) == session
    assert len(wrapped) <= 256
    assert b"bbbb" not in wrapped


# ── certificates ────────────────────────────────────────────────────────────────────────────────────────────────────


def signed(ring: KeyRing, csr: bytes) -> x509.Certificate:
    pem = ring.sign_terminal_certificate(csr, terminal="T-7", generation=3, now_ms=NOW_MS)
    return x509.load_pem_x509_certificate(pem.encode())


def test_a_terminals_certificate_says_what_the_bank_says(tmp_path: Path) -> None:
    """Of the request only the key is taken: a request that names another terminal, or a CA, gets neither."""
    ring = make_ring(tmp_path / "keys")
    hostile = (
        x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "T-1")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False)
        .sign(KEY, None)
        .public_bytes(Encoding.DER)
    )
    certificate = signed(ring, hostile)
    extensions = certificate.extensions
    assert certificate.subject.rfc4514_string() == "CN=T-7"
    assert certificate.public_key() == KEY.public_key()
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier("atm:terminal:T-7:3")]
    assert certificates.issued_by(certificate, x509.load_pem_x509_certificate(ring.ca_pem().encode()))
    assert certificate.serial_number != signed(ring, hostile).serial_number


def test_only_a_proven_ed25519_key_is_signed(tmp_path: Path) -> None:
    """A request with another kind of key, or whose signature does not prove the key, is refused."""
    ring = make_ring(tmp_path / "keys")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "T-1")])
    elliptic = x509.CertificateSigningRequestBuilder(name).sign(generate_private_key(SECP256R1()), SHA256())
    with pytest.raises(CertificateRefused, match="not for an Ed25519 key"):
        signed(ring, elliptic.public_bytes(Encoding.DER))
    stolen = request(KEY).replace(
        KEY.public_key().public_bytes_raw(),
        Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key().public_bytes_raw(),
    )
    with pytest.raises(CertificateRefused, match="does not prove"):
        signed(ring, stolen)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_hostile_requests_are_refused_and_nothing_else(junk: bytes, cut: int) -> None:
    """Any bytes either are a sound request or raise the one error."""
    good = request(KEY)
    cut = min(cut, len(good) - 1)
    for bad in (junk, good[:cut] + junk, good[:cut]):
        with pytest.raises(CertificateRefused):
            certificates.requested_key(bad)


def test_the_server_certificate_is_renewed_when_a_third_of_its_life_is_over(tmp_path: Path) -> None:
    """Not sooner; and at once where it expired, is damaged, or does not name the hosts."""
    ring = make_ring(tmp_path / "keys")
    day = certificates.DAY_MS
    assert not ring.renew_server(now_ms=NOW_MS + 9 * day)
    assert ring.renew_server(now_ms=NOW_MS + 11 * day)
    assert not ring.renew_server(now_ms=NOW_MS + 11 * day)
    assert ring.renew_server(now_ms=NOW_MS + 99 * day)
    assert ring.renew_server(now_ms=NOW_MS)  # a clock that was set back
    ring.server_file.write_bytes(b"junk")
    assert ring.renew_server(now_ms=NOW_MS)
    assert ring.renew_server(now_ms=NOW_MS, hosts=["bank.example", "::1"])
    assert not load(tmp_path / "keys").renew_server(now_ms=NOW_MS)
    assert load(tmp_path / "keys").hosts == ("bank.example", "::1")
    certificate = x509.load_pem_x509_certificate(ring.server_file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["bank.example", "::1"]


def test_the_next_ca_is_announced_before_it_signs(tmp_path: Path) -> None:
    """Terminals learn it at sign-on; once it is promoted it signs, and the former one's terminals are still known."""
    ring = make_ring(tmp_path / "keys")
    with pytest.raises(KeyRingError, match="there is no next CA"):
        ring.promote_next_ca(now_ms=NOW_MS)
    first = ring.ca_pem()
    second = ring.add_next_ca(now_ms=NOW_MS)
    assert (ring.ca_pem(), ring.next_ca_pems(), ring.ca_pems()) == (first, (second,), (first, second))
    ring.promote_next_ca(now_ms=NOW_MS)
    again = load(tmp_path / "keys")
    assert (again.ca_pem(), again.next_ca_pems(), again.ca_pems()) == (second, (), (second, first))
    assert certificates.issued_by(signed(again, request(KEY)), x509.load_pem_x509_certificate(second.encode()))
    assert not again.renew_server(now_ms=NOW_MS)


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk while a ring is made leaves no half ring."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyRingError, match=r"cannot be written: No space left on device"):
        make_ring(tmp_path / "keys")
    assert list(tmp_path.iterdir()) == []
