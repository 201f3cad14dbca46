"""A till's card file: there whole or not at all, this user's alone, and nothing else is ever taken for one."""

import contextlib
import errno
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.link_authority import Authority
from support.till_bank import CARD_SECRET, card_bytes, write_auth_file

from bank_link import auth_file
from bank_link.auth_secret import make_key_file
from bank_link.errors import AuthFileError, CardFileError
from bank_link.seams import SystemRandomness
from bank_link.till import auth, card
from bank_link.till.card import NewCard

NOBODY = 65_534
DATA = card_bytes()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, where a till's files are."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextlib.contextmanager
def as_somebody_else() -> Iterator[None]:
    """The superuser may do anything: rights are tried as another user."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=["nameless", "no nameless files", "no links to them"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux as it is, and file systems that lack a part of it."""
    real_open = os.open

    def without_nameless(path: str, flags: int, *more: int, **named: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return real_open(path, flags, *more, **named)

    def no_link(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOENT, "no /proc")

    if request.param == "no nameless files":
        monkeypatch.setattr(os, "open", without_nameless)
    if request.param == "no links to them":
        monkeypatch.setattr(os, "link", no_link)
    return request.param


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(name: str) -> str:
    """The sentence with which the card is not taken; the file's name may be the account's, and is not in it."""
    with pytest.raises(CardFileError) as error:
        card.read(name)
    assert name not in str(error.value)
    return str(error.value)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_a_kept_card_is_whole_and_private(here: Path, umask: int) -> None:
    """Nothing is seen of it before; then all of it, readable by its owner alone whatever the umask; and it reads back."""
    old = os.umask(umask)
    try:
        with NewCard("bob.card") as new:
            assert names(here) == []
            new.keep(DATA)
    finally:
        os.umask(old)
    assert names(here) == ["bob.card"]
    assert (here / "bob.card").read_bytes() == DATA
    assert stat.S_IMODE((here / "bob.card").stat().st_mode) == 0o600
    assert card.read("bob.card").newest.secret == CARD_SECRET


@pytest.mark.usefixtures("system")
def test_what_is_not_kept_was_never_there(here: Path) -> None:
    """A refusal, a bank that is silent, or a program that ends: no trace, and the name is free for the next time."""
    with pytest.raises(RuntimeError), NewCard("bob.card"):
        raise RuntimeError
    assert names(here) == []
    with NewCard("bob.card") as new:
        new.keep(DATA)


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_a_name_that_is_taken(here: Path, make) -> None:
    """By a file, a folder, or a link that leads nowhere: found out before the bank is asked."""
    make(here / "bob.card")
    with pytest.raises(CardFileError, match="of that name already"):
        NewCard("bob.card")
    assert names(here) == ["bob.card"]


@pytest.mark.usefixtures("system")
def test_a_name_that_is_taken_meanwhile(here: Path) -> None:
    """The other file stays as it is."""
    with NewCard("bob.card") as new:
        (here / "bob.card").write_bytes(b"another's")
        with pytest.raises(CardFileError, match="meanwhile"):
            new.keep(DATA)
    assert (here / "bob.card").read_bytes() == b"another's"
    assert names(here) == ["bob.card"]


@pytest.mark.usefixtures("system")
def test_a_directory_that_may_not_be_written_to(here: Path) -> None:
    """Is found out before the bank is asked, and not when the money has moved."""
    here.chmod(0o555)
    with as_somebody_else(), pytest.raises(CardFileError, match="no card file can be made here: permission denied"):
        NewCard("bob.card")


def test_a_disk_without_room(here: Path) -> None:
    """Room is taken before the bank is asked."""
    with files_up_to(100), pytest.raises(CardFileError, match="no card file can be made here"):
        NewCard("bob.card")
    assert names(here) == []


@pytest.mark.usefixtures("system")
def test_a_card_that_cannot_be_written_leaves_no_part(here: Path) -> None:
    """Where the disk fills up in between."""
    with NewCard("bob.card") as new, files_up_to(100), pytest.raises(CardFileError, match="cannot be written"):
        new.keep(DATA)
    assert names(here) == []


def test_cards_that_cannot_be_read(here: Path) -> None:
    """Missing, a folder, a pipe that nobody writes into, another user's, a link that leads nowhere."""
    assert "no such file" in refused("none.card")
    (here / "folder.card").mkdir()
    os.mkfifo("pipe.card")
    (here / "link.card").symlink_to("nowhere")
    for name in ("folder.card", "pipe.card"):
        assert "not a regular file" in refused(name)
    assert "no such file" in refused("link.card")
    (here / "private.card").write_bytes(DATA)
    (here / "private.card").chmod(0)
    with as_somebody_else():
        assert "permission denied" in refused("private.card")


def test_a_huge_card(here: Path) -> None:
    """Is not read into memory."""
    with (here / "huge.card").open("wb") as file:
        file.truncate(2**40)
    assert "too large" in refused("huge.card")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=200) | st.binary(min_size=144, max_size=144) | st.integers(0, 143).map(lambda n: DATA[:n])
)
def test_bytes_that_are_no_card(here: Path, data: bytes) -> None:
    """Empty, cut off, or anything else: one named error."""
    (here / "odd.card").write_bytes(data)
    refused("odd.card")


# ── The auth file, which a till reads in the same way ───────────────────────────────────────────────────────────────

AUTHORITY = Authority()
NOW_MS = int(AUTHORITY.now.timestamp() * 1000)


def test_an_auth_file_with_any_rights(here: Path) -> None:
    """Copied to another user, open to all, or by way of a link: a till takes it, as the rules have it."""
    identity = AUTHORITY.identity()
    write_auth_file(here / "real.auth", identity)
    (here / "real.auth").chmod(0o644)
    (here / "bank.auth").symlink_to("real.auth")
    here.chmod(0o755)
    with as_somebody_else():
        assert auth.read("bank.auth", NOW_MS) == identity


def test_auth_files_that_are_refused(here: Path) -> None:
    """Missing, a folder, a pipe, too large, a kiosk's that is sealed, expired: each by the one error."""
    os.mkfifo("pipe.auth")
    (here / "huge.auth").write_bytes(bytes(auth_file.MOST_BYTES + 1))
    sealed = make_key_file(here / "k", SystemRandomness())
    auth_file.write(here / "sealed.auth", AUTHORITY.identity(), sealed, SystemRandomness())
    for name, why in (
        ("none.auth", "no such file"), (".", "not a regular file|is a directory"), ("pipe.auth", "not a regular file"),
        ("huge.auth", "too large"), ("sealed.auth", "sealed under a key file, not no secret"),
    ):  # fmt: skip
        with pytest.raises(AuthFileError, match=why):
            auth.read(name, NOW_MS)
    write_auth_file(here / "good.auth", AUTHORITY.identity())
    with pytest.raises(AuthFileError, match="expired"):
        auth.read("good.auth", NOW_MS + 2 * 86_400_000)
