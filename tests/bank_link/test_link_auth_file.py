"""The auth file: what it keeps comes back, and every way in which it cannot be used has its own sentence."""

import hashlib
import os
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.link_authority import Authority, SeededRandom

from bank_link import auth_file
from bank_link.auth_secret import Secret, make_key_file
from bank_link.errors import AuthFileError
from bank_link.identity import Identity

AUTHORITY = Authority()
IDENTITY = AUTHORITY.identity(cas=(AUTHORITY.pem, Authority("Next CA").pem))
NOW_MS = int(AUTHORITY.now.timestamp() * 1000)
PASSPHRASE = "a long passphrase"


@pytest.fixture
def key(tmp_path: Path) -> Secret:
    """A key file's secret: quick, so that most tests use it."""
    return make_key_file(tmp_path / "auth.key", SeededRandom("key file"))


@pytest.fixture
def path(tmp_path: Path, key: Secret) -> Path:
    path = tmp_path / "bank.auth"
    auth_file.write(path, IDENTITY, key, SeededRandom())
    return path


def refused(path: Path, secret: Secret, *, now_ms: int = NOW_MS) -> str:
    """The sentence with which reading it fails: one line, and naming the file."""
    with pytest.raises(AuthFileError) as error:
        auth_file.read(path, secret, now_ms)
    sentence = str(error.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def rewrite(path: Path, old: str, new: str, *, checksum: bool = False) -> None:
    """Replace text in the file, with a right checksum again if asked for."""
    text = path.read_text()
    assert old in text
    text = text.replace(old, new, 1)
    if checksum:
        covered = text.removeprefix("-----BEGIN ATM AUTH FILE-----\n").split("Checksum:")[0]
        text = re.sub(r"Checksum: \w+", f"Checksum: {hashlib.sha256(covered.encode()).hexdigest()}", text)
    path.write_text(text)


def test_an_identity_comes_back_under_its_key_file(path: Path, key: Secret, tmp_path: Path) -> None:
    """Everything that enrolment gave, also with the secret read from the file again."""
    assert auth_file.read(path, key, NOW_MS) == IDENTITY
    assert auth_file.read(path, Secret.from_key_file(tmp_path / "auth.key"), NOW_MS) == IDENTITY


def test_an_identity_comes_back_under_its_passphrase(tmp_path: Path) -> None:
    """Composed and decomposed letters are the same passphrase; another one is refused by name."""
    path = tmp_path / "bank.auth"
    auth_file.write(path, IDENTITY, Secret.from_passphrase("caf\u00e9 am Hafen"), SeededRandom())
    assert auth_file.read(path, Secret.from_passphrase("cafe\u0301 am Hafen"), NOW_MS) == IDENTITY
    assert "passphrase is not the one" in refused(path, Secret.from_passphrase("cafe am Hafen"))


def test_the_file_is_private_and_shows_nothing(path: Path) -> None:
    """Rights 0600; neither key, certificate, terminal nor address can be read in it."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    for shown in ("Harbour", "PRIVATE KEY", "CERTIFICATE", "127.0.0.1", "terminal"):
        assert shown not in text
    assert IDENTITY.signing_key not in path.read_bytes()
    assert sorted(p.name for p in path.parent.iterdir()) == ["auth.key", "bank.auth"]


def test_the_key_inside_is_encrypted_once_more(path: Path, key: Secret) -> None:
    """What the seal opens is PKCS #8 under a password of its own, never a bare key."""
    found = auth_file._body(path.read_text(), path)
    content, _ = auth_file._opened(found, key, path)
    assert content.key.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_writing_again_replaces_the_whole(path: Path, key: Secret) -> None:
    """A renewal takes the old file's place, and a left-over of a power cut is no hindrance."""
    (path.parent / "bank.auth.new").write_text("half a file")
    renewed = IDENTITY.with_cas((Authority("Third CA").pem,))
    auth_file.write(path, renewed, key, SeededRandom("again"))
    assert auth_file.read(path, key, NOW_MS) == renewed
    assert not (path.parent / "bank.auth.new").exists()


def test_a_write_that_fails_leaves_the_old_file(path: Path, key: Secret, tmp_path: Path) -> None:
    """Where it cannot be written it says so, and what was there still works."""
    missing = tmp_path / "no folder" / "bank.auth"
    with pytest.raises(AuthFileError, match=r"bank\.auth cannot be written: no such file"):
        auth_file.write(missing, IDENTITY, key, SeededRandom())
    (path.parent / "bank.auth.new").mkdir()
    with pytest.raises(AuthFileError, match="cannot be written"):
        auth_file.write(path, IDENTITY, key, SeededRandom())
    assert auth_file.read(path, key, NOW_MS) == IDENTITY


def test_a_missing_file(tmp_path: Path, key: Secret) -> None:
    """Says that there is none, and where it was looked for."""
    assert "there is no auth file at" in refused(tmp_path / "none.auth", key)


def test_a_symbolic_link(path: Path, key: Secret) -> None:
    """Is not followed, whatever it leads to."""
    link = path.with_name("link.auth")
    link.symlink_to(path)
    assert "symbolic link" in refused(link, key)


def test_what_is_no_regular_file(tmp_path: Path, key: Secret) -> None:
    """A folder, a pipe (which would wait for ever), a device."""
    os.mkfifo(tmp_path / "pipe.auth", 0o600)
    for thing in (tmp_path, tmp_path / "pipe.auth", Path("/dev/null")):
        assert "not a regular file" in refused(thing, key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601])
def test_rights_that_are_too_open(path: Path, key: Secret, mode: int) -> None:
    """Any right of group or others is refused, with the command that mends it."""
    path.chmod(mode)
    sentence = refused(path, key)
    assert f"rights {mode:04o}" in sentence
    assert "chmod 600" in sentence


def test_another_users_file(path: Path, key: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody else could change is not believed."""
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert "belongs to another user" in refused(path, key)


def test_an_empty_file(path: Path, key: Secret) -> None:
    """As a power cut of another program leaves it."""
    path.write_bytes(b"")
    assert "is empty" in refused(path, key)


def test_a_file_cut_off_anywhere(path: Path, key: Secret) -> None:
    """At each length it is truncated, never taken for a foreign or a damaged one."""
    text = path.read_text()
    for length in (1, 10, 29, 30, 45, 60, 200, len(text) // 2, len(text) - 30, len(text) - 2):
        path.write_text(text[:length])
        assert "cut off" in refused(path, key), length


@pytest.mark.parametrize("data", [b"{}", b"\x7fELF", b"-----BEGIN CERTIFICATE-----\n", b"\xff\xfe\x00", b"A" * 1000])
def test_a_foreign_file(path: Path, key: Secret, data: bytes) -> None:
    """Something else altogether."""
    path.write_bytes(data)
    assert "is no auth file of this program" in refused(path, key)


def test_a_newer_version(path: Path, key: Secret) -> None:
    """Told before anything else is looked at: a newer file may look otherwise further down."""
    rewrite(path, "Version: 1\n", "Version: 2\n")
    assert "of version 2: this program reads up to 1" in refused(path, key)
    path.write_text("-----BEGIN ATM AUTH FILE-----\nVersion: 3\nsomething new\n")
    assert "of version 3" in refused(path, key)


def test_a_damaged_file(path: Path, key: Secret) -> None:
    """A letter changed by accident, a line missing, something behind its end, odd line ends."""
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    for damaged in (
        text.replace(lines[5], lines[5][::-1].strip() + "\n"),
        text.replace(lines[5], ""),
        text + "\n",
        text + text,
        text.replace("\n", "\r\n", 3).replace("\r\n", "\n", 1),
        text.replace("Version: 1\n", "Version: one\n"),
        text.replace("Checksum: ", "Checksum:"),
    ):
        path.write_text(damaged)
        assert "is damaged" in refused(path, key), damaged[:60]


def test_an_altered_file(path: Path, key: Secret) -> None:
    """Changed on purpose, with the checksum made right again: the seal tells."""
    line = path.read_text().splitlines()[8]
    rewrite(path, line, ("B" if line[0] != "B" else "C") + line[1:], checksum=True)
    assert "was altered" in refused(path, key)


def test_the_wrong_secret(path: Path, key: Secret, tmp_path: Path) -> None:
    """Another key file, or a passphrase where a key file is needed."""
    other = make_key_file(tmp_path / "other.key", SeededRandom("other"))
    assert "the key file is not the one" in refused(path, other)
    assert "sealed under a key file, not a passphrase" in refused(path, Secret.from_passphrase(PASSPHRASE))


def test_relabelling_the_seal_does_not_open_it(path: Path, key: Secret) -> None:
    """The header is under the seal: another kind of secret named there helps nobody."""
    rewrite(path, "Seal: key-file", "Seal: passphrase", checksum=True)
    assert "passphrase is not the one" in refused(path, Secret.from_passphrase(PASSPHRASE))
    same_bytes = Secret("passphrase-x", key._material)
    rewrite(path, "Seal: passphrase", "Seal: passphrase-x", checksum=True)
    assert "was altered" in refused(path, same_bytes)


def test_an_expired_certificate(path: Path, key: Secret) -> None:
    """Says since when, and the way out; a clock before its start is asked about."""
    two_days = int(timedelta(days=2).total_seconds() * 1000)
    sentence = refused(path, key, now_ms=NOW_MS + two_days)
    assert re.search(r"expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC; .*enrol this machine again", sentence)
    assert "is the clock right?" in refused(path, key, now_ms=NOW_MS - two_days)


def test_a_certificate_of_another_bank_or_key(tmp_path: Path, key: Secret) -> None:
    """An identity that does not hold together was not made by enrolment."""
    path = tmp_path / "odd.auth"
    for odd, why in (
        (AUTHORITY.identity(cas=(Authority("Bank CA").pem,)), "not signed by a CA of this bank"),
        (Identity(**{**_fields(IDENTITY), "signing_key": b"k" * 32}), "is for another key"),
        (Identity(**{**_fields(IDENTITY), "certificate": "none"}), "is not a certificate"),
    ):
        auth_file.write(path, odd, key, SeededRandom())
        assert why in refused(path, key)


def _fields(identity: Identity) -> dict:
    return {name: getattr(identity, name) for name in Identity.__slots__}


def test_a_huge_file(path: Path, key: Secret) -> None:
    """Is not read into memory."""
    with path.open("r+b") as file:
        file.truncate(2**33)
    assert "too large" in refused(path, key)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_file_has_32_bytes(tmp_path: Path, size: int) -> None:
    """Any other length is no key file."""
    (tmp_path / "k").write_bytes(bytes(size))
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(AuthFileError, match=f"has {size} bytes"):
        Secret.from_key_file(tmp_path / "k")


def test_a_key_file_is_as_private_as_what_it_seals(tmp_path: Path) -> None:
    """Missing, open to others, or there already: each its sentence."""
    with pytest.raises(AuthFileError, match="there is no key file"):
        Secret.from_key_file(tmp_path / "none")
    make_key_file(tmp_path / "k", SeededRandom())
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    with pytest.raises(AuthFileError, match="is not replaced"):
        make_key_file(tmp_path / "k", SeededRandom("new"))
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(AuthFileError, match="open to others"):
        Secret.from_key_file(tmp_path / "k")


@pytest.mark.parametrize("text", ["", "seven77"])
def test_a_passphrase_has_eight_characters(text: str) -> None:
    """Shorter ones are refused, and not repeated."""
    with pytest.raises(AuthFileError, match="at least 8") as error:
        Secret.from_passphrase(text)
    assert not text or text not in str(error.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_hostile_bytes_raise_one_error(data: st.DataObject, path: Path, key: Secret) -> None:
    """Any bytes, and any change of a good file, are refused by the one named error, never read as an identity."""
    good = path.read_bytes()
    hostile = path.with_name("hostile.auth")
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 60)))
    changed = good[:start] + data.draw(st.binary(max_size=20)) + good[end:]
    hostile.write_bytes(changed if changed != good else b"")
    hostile.chmod(0o600)
    refused(hostile, key)
