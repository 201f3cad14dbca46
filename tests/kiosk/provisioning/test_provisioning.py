"""`atm-provision` as a person with a laptop sees it: from a string to a kiosk that could start, and again after anything."""

import io
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.enrolment_bank import EnrolmentBank, listening
from support.link_authority import Authority, SeededRandom

from bank_link import auth_file, enrolment
from bank_link.auth_secret import Secret
from bank_link.errors import AuthFileError
from bank_link.keys import signing_public
from config.load import load_kiosk
from kiosk.provisioning import cli, pending, steps


@pytest.fixture
def bank():
    with listening(EnrolmentBank(Authority())) as bank:
        yield bank


@pytest.fixture
def laptop(tmp_path: Path, bank: EnrolmentBank) -> Path:
    """A directory with the string beside it."""
    (tmp_path / "string").write_text(bank.string + "\n")
    return tmp_path / "kiosk"


def provision(laptop: Path, *more: str) -> int:
    return cli.main(["--state", str(laptop), "--string-file", str(laptop.parent / "string"), *more])


def identity(laptop: Path):
    secret = Secret.from_key_file(laptop / "terminal.key")
    return auth_file.read(laptop / "terminal.auth", secret, time.time_ns() // 1_000_000)


def test_one_command_makes_a_kiosk(laptop: Path, bank: EnrolmentBank, capsys: pytest.CaptureFixture[str]) -> None:
    """Config, key and auth file are there and fit together; each step said one line; the fingerprint is the key's."""
    assert provision(laptop) == 0
    said = capsys.readouterr()
    config = load_kiosk(laptop / "kiosk.toml")
    assert config.terminal.auth_file == laptop / "terminal.auth"
    assert config.terminal.profile == "laptop"
    assert (identity(laptop).terminal, identity(laptop).bank) == ("T7", "Harbour Bank")
    assert signing_public(identity(laptop).signing_key) == bank.keys[0]
    assert [line.split(":")[0] for line in said.out.splitlines()[:-1]] == [
        "machine", "config", "secret", "enrolment", "next",
    ]  # fmt: skip
    shown = enrolment.fingerprint(bank.keys[0])
    assert said.out.endswith(f"    atm-bank terminal confirm T7 --fingerprint {shown}\n")
    assert said.err == ""


def test_what_is_secret_is_readable_by_its_user_alone(laptop: Path) -> None:
    """Key file and auth file are 0600 from the first moment, and nothing else that is secret stays behind."""
    assert provision(laptop) == 0
    for name in ("terminal.key", "terminal.auth"):
        assert stat.S_IMODE((laptop / name).stat().st_mode) == 0o600
    assert len((laptop / "terminal.key").read_bytes()) == 32
    assert sorted(path.name for path in laptop.iterdir()) == ["kiosk.toml", "terminal.auth", "terminal.key"]


def test_the_token_is_printed_nowhere(laptop: Path, bank: EnrolmentBank, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither on success nor in any complaint does the string or the token come back."""
    provision(laptop)
    bank.keys[:] = [b"other"]
    provision(laptop, "--again")
    said = capsys.readouterr()
    token = enrolment.token_text(enrolment.parse(bank.string).token)
    for secret in (bank.string, bank.string[40:80], token):
        assert secret not in said.out + said.err
    assert "the token is spent" in said.err


def test_running_it_again_changes_nothing(
    laptop: Path, bank: EnrolmentBank, capsys: pytest.CaptureFixture[str]
) -> None:
    """Done is done: the second run asks the bank nothing and needs no string."""
    assert provision(laptop) == 0
    before = {path.name: path.read_bytes() for path in laptop.iterdir()}
    (laptop.parent / "string").unlink()
    capsys.readouterr()
    assert provision(laptop) == 0
    assert {path.name: path.read_bytes() for path in laptop.iterdir()} == before
    assert bank.requests == 1
    assert "enrolled already as T7 of Harbour Bank" in capsys.readouterr().out


def test_an_answer_that_was_lost_is_had_again_with_the_same_string(
    laptop: Path, bank: EnrolmentBank, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bank decided, the line broke: the same command again enrols with the same key, and the token still serves."""
    bank.cut = True
    assert provision(laptop) == 1
    assert "the same string may be tried again" in capsys.readouterr().err
    assert not (laptop / "terminal.auth").exists()
    bank.cut = False
    assert provision(laptop) == 0
    assert bank.keys[0] == bank.keys[1]
    assert signing_public(identity(laptop).signing_key) == bank.keys[0]
    assert not (laptop / steps.PENDING).exists()


def test_power_that_fails_before_the_auth_file_is_there_loses_nothing(
    laptop: Path, bank: EnrolmentBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut between the bank's answer and the auth file: the next run goes on with the same key."""

    def cut(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(steps.auth_file, "write", cut)
        assert provision(laptop) == 130
    kept = (laptop / steps.PENDING).read_bytes()
    assert stat.S_IMODE((laptop / steps.PENDING).stat().st_mode) == 0o600
    assert provision(laptop) == 0
    key = identity(laptop).signing_key
    assert key not in kept
    assert bank.keys == [signing_public(key)] * 2


def test_another_string_begins_with_another_key(tmp_path: Path) -> None:
    """A key that one token has named is never offered under the next."""
    secret, random = Secret.from_passphrase("a long passphrase"), SeededRandom()
    path = tmp_path / "begun"
    one = enrolment.compose(bytes(32), b"1" * 20, "bank.example:8444")
    two = enrolment.compose(bytes(32), b"2" * 20, "bank.example:8444")
    first = pending.begin(path, one, secret, random).token_bytes(32)
    assert pending.begin(path, one.upper(), secret, random).token_bytes(32) == first
    assert pending.begin(path, two, secret, random).token_bytes(32) != first


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:-1] + b"\0"])
def test_a_begun_enrolment_that_is_damaged_is_one_sentence(tmp_path: Path, damage) -> None:
    """Truncated, empty or altered: the sentence names the file and the way out."""
    secret, path = Secret.from_passphrase("a long passphrase"), tmp_path / "begun"
    text = enrolment.compose(bytes(32), b"1" * 20, "bank.example:8444")
    pending.begin(path, text, secret, SeededRandom())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(pending.ProvisioningError, match=r"remove it, and ask the bank for a new enrolment string"):
        pending.begin(path, text, secret, SeededRandom())


def test_enrolling_again_takes_a_new_key(laptop: Path, bank: EnrolmentBank) -> None:
    """`--again` with a fresh token replaces the identity; the key file stays."""
    assert provision(laptop) == 0
    key_file, first = (laptop / "terminal.key").read_bytes(), identity(laptop).signing_key
    bank.keys.clear()
    bank.answer = None
    assert provision(laptop, "--again") == 0
    assert identity(laptop).signing_key != first
    assert (laptop / "terminal.key").read_bytes() == key_file


@pytest.mark.parametrize(
    ("string", "said"),
    [
        ("", "there is no enrolment string in"),
        ("hello", "no enrolment string: it begins with atm1:"),
        ("atm1:aaaa", "incomplete or mistyped"),
        ("atm2:aaaa", "newer version"),
    ],
)
def test_a_wrong_string_is_one_sentence(
    laptop: Path, bank: EnrolmentBank, capsys: pytest.CaptureFixture[str], string: str, said: str
) -> None:
    """Nothing is sent, and the next run with the right string succeeds."""
    (laptop.parent / "string").write_text(string)
    assert provision(laptop) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert bank.requests == 0
    (laptop.parent / "string").write_text(bank.string)
    assert provision(laptop) == 0


def test_a_server_with_another_ca_gets_no_token(
    laptop: Path, bank: EnrolmentBank, capsys: pytest.CaptureFixture[str]
) -> None:
    """The string pins the CA: whoever else answers at that address learns nothing."""
    with listening(EnrolmentBank(Authority("Someone else"))) as other:
        forged = enrolment.compose(b"\7" * 32, bytes(20), other.address)
        (laptop.parent / "string").write_text(forged)
        assert provision(laptop) == 1
        assert other.requests == 0
    assert "shows another CA" in capsys.readouterr().err


def test_a_missing_string_file_or_profile_is_one_sentence(laptop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each names the thing and what there is."""
    (laptop.parent / "string").unlink()
    assert provision(laptop) == 1
    assert "cannot be read from" in capsys.readouterr().err
    assert provision(laptop.parent / "other", "--profile", "lapdog") == 1
    assert '"lapdog" is no profile; there are counter-7, floor-10, laptop' in capsys.readouterr().err


def test_a_config_that_is_there_is_kept_and_all_its_mistakes_are_told(
    laptop: Path, bank: EnrolmentBank, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person's own settings are never overwritten; mistakes stop the run before anything is sent."""
    laptop.mkdir()
    text = '[terminal]\nprofile = "laptop"\nstate = "."\nauth_file = "a"\nkey_file = "k"\n[limits]\nanser_s = 3\ncard_s = 0\n'
    (laptop / "kiosk.toml").write_text(text)
    assert provision(laptop) == 1
    assert capsys.readouterr().err.count("\n") == 2
    assert bank.requests == 0
    (laptop / "kiosk.toml").write_text(text.partition("[limits]")[0])
    assert provision(laptop) == 0
    assert (laptop / "a").exists()
    assert provision(laptop, "--profile", "counter-7") == 1
    assert "names profile laptop, not counter-7" in capsys.readouterr().err


def test_a_passphrase_seals_where_one_is_named(laptop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line of the file is the passphrase; there is no key file, and the passphrase is not repeated."""
    passphrase = laptop.parent / "phrase"
    passphrase.write_text("a harbour at night\nsecond line\n")
    passphrase.chmod(0o600)
    assert provision(laptop, "--passphrase-file", str(passphrase)) == 0
    assert not (laptop / "terminal.key").exists()
    secret = Secret.from_passphrase("a harbour at night")
    assert auth_file.read(laptop / "terminal.auth", secret, time.time_ns() // 1_000_000).terminal == "T7"
    assert "harbour" not in capsys.readouterr().out.replace("Harbour Bank", "")


def test_a_key_file_that_is_open_to_others_stops_the_run(laptop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence says what to do about it."""
    laptop.mkdir()
    (laptop / "terminal.key").write_bytes(bytes(32))
    (laptop / "terminal.key").chmod(0o644)
    assert provision(laptop) == 1
    assert "is open to others (rights 0644)" in capsys.readouterr().err


def test_an_auth_file_under_another_key_is_told_and_not_overwritten(
    laptop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key file that was swapped makes the identity unreadable; it is not thrown away."""
    assert provision(laptop) == 0
    before = (laptop / "terminal.auth").read_bytes()
    (laptop / "terminal.key").write_bytes(b"x" * 32)
    assert provision(laptop) == 1
    assert "is not the one that the auth file" in capsys.readouterr().err
    assert (laptop / "terminal.auth").read_bytes() == before


def test_the_string_comes_from_standard_input_too(
    laptop: Path, bank: EnrolmentBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`… | atm-provision` works, so that a string need not touch a disk."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(bank.string + "\n"))
    assert cli.main(["--state", str(laptop)]) == 0
    assert identity(laptop).terminal == "T7"


def test_the_command_line_takes_no_string() -> None:
    """What stands on a command line is readable by every user of the machine: there is no such argument."""
    done = subprocess.run(
        [sys.executable, "-m", "kiosk.provisioning.cli", "atm1:abc"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "unrecognized arguments" in done.stderr


def test_the_laptops_directory_belongs_to_whoever_runs_it(laptop: Path) -> None:
    """Nothing of a laptop's kiosk needs root or another user."""
    assert provision(laptop) == 0
    assert {path.stat().st_uid for path in laptop.iterdir()} == {os.geteuid()}
    with pytest.raises(AuthFileError):
        Secret.from_key_file(laptop / "kiosk.toml")
