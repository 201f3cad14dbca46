"""`atm-provision --root`: a whole machine's image is set up with the system's own tools, without booting it."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.enrolment_bank import EnrolmentBank, listening
from support.link_authority import Authority

from kiosk.provisioning import cli, commands, machine_check, system_files
from kiosk.provisioning.errors import ProvisioningError
from kiosk.provisioning.place import Place

needs_tools = pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or os.geteuid() != 0,
    reason="needs root and systemd's own tools (Debian: systemd)",
)


@pytest.fixture
def image() -> Iterator[Path]:
    """A directory that the kiosk's own user can reach, with the program where a package puts it."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    (folder / "opt/atm/bin").mkdir(parents=True)
    (folder / "opt/atm/bin/atm-kiosk").touch(0o755)
    (folder / "etc").mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def bank() -> Iterator[EnrolmentBank]:
    with listening(EnrolmentBank(Authority())) as bank:
        yield bank


def provision(image: Path, bank: EnrolmentBank, tmp_path: Path, *more: str) -> int:
    string = tmp_path / "string"
    string.write_text(bank.string)
    return cli.main(["--root", str(image), "--string-file", str(string), *more])


@needs_tools
def test_an_image_gets_units_user_identity_and_config(
    image: Path, bank: EnrolmentBank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything that the first boot needs is there, with the owner and the rights that it needs."""
    assert provision(image, bank, tmp_path, "--profile", "floor-10") == 0, capsys.readouterr().err
    uid = int(re.findall(r"^atm-kiosk:x:(\d+):", (image / "etc/passwd").read_text(), re.MULTILINE)[0])
    state = image / "var/lib/atm-kiosk"
    assert (state.stat().st_uid, stat.S_IMODE(state.stat().st_mode)) == (uid, 0o700)
    for name in ("terminal.key", "terminal.auth"):
        assert ((state / name).stat().st_uid, stat.S_IMODE((state / name).stat().st_mode)) == (uid, 0o600)
    assert (image / "etc/atm/kiosk.toml").stat().st_uid == 0
    assert 'state = "/var/lib/atm-kiosk"' in (image / "etc/atm/kiosk.toml").read_text()
    assert (image / "etc/systemd/system/multi-user.target.wants/atm-kiosk.service").is_symlink()
    assert (image / "etc/systemd/system/ctrl-alt-del.target").readlink() == Path("/dev/null")
    for file in (
        "udev/rules.d/70-atm-stick.rules",
        "systemd/system/atm-stick@.service",
        "modules-load.d/atm-kiosk.conf",
    ):
        assert (image / "etc" / file).exists()
    assert (image / "opt/atm/libexec/atm_stick_check.py").exists()
    assert not list((image / "etc").rglob("atm-bank*"))


@needs_tools
def test_an_image_may_be_set_up_twice(
    image: Path, bank: EnrolmentBank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second run finds every step done, also as root over files that belong to the kiosk's user."""
    assert provision(image, bank, tmp_path, "--profile", "floor-10") == 0
    capsys.readouterr()
    assert provision(image, bank, tmp_path, "--profile", "floor-10") == 0
    said = capsys.readouterr().out
    assert "units and rules are in place already" in said
    assert "enrolled already as T7" in said
    assert bank.requests == 1
    assert (os.geteuid(), os.getegid()) == (0, 0)


@needs_tools
def test_a_machine_must_say_which_cabinet_it_is(
    image: Path, bank: EnrolmentBank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no cabinet to guess; the sentence lists them."""
    assert provision(image, bank, tmp_path) == 1
    assert "--profile NAME: counter-7, floor-10, laptop" in capsys.readouterr().err


def test_without_the_program_nothing_is_begun(
    image: Path, bank: EnrolmentBank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that would start nothing is not installed."""
    (image / "opt/atm/bin/atm-kiosk").unlink()
    assert provision(image, bank, tmp_path, "--profile", "floor-10") == 1
    assert "install this program into /opt/atm" in capsys.readouterr().err
    assert not (image / "etc/systemd").exists()


def test_a_user_that_is_not_there_is_one_sentence(
    image: Path, bank: EnrolmentBank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --no-systemd the user is somebody else's to make, and the sentence says how."""
    if os.geteuid() != 0:
        pytest.skip("another user's files are made by root only")
    assert provision(image, bank, tmp_path, "--profile", "floor-10", "--no-systemd") == 1
    assert "has no user atm-kiosk: run systemd-sysusers" in capsys.readouterr().err


def test_a_unit_is_started_where_the_system_runs() -> None:
    """On the machine itself the unit is enabled and started anew; Ctrl-Alt-Del is masked."""
    ran: list[list[str]] = []
    system_files.enable_unit(Place.of_machine(), lambda command: ran.append(list(command)) or "")
    assert ["systemctl", "enable", "atm-kiosk.service"] in ran
    assert ran[-1] == ["systemctl", "restart", "atm-kiosk.service"]
    assert ["systemctl", "mask", "ctrl-alt-del.target"] in ran


def test_a_clock_that_is_not_synchronised_stops_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates are judged by it, so nothing is enrolled before it is right."""
    monkeypatch.setattr(machine_check, "_program", lambda _place: "")
    monkeypatch.setattr(machine_check, "_pins", lambda: "")
    monkeypatch.setattr(machine_check, "_SYNCHRONISED", Path("nowhere/at/all"))
    with pytest.raises(ProvisioningError, match="the clock is not synchronised"):
        machine_check.check_machine(Place.of_machine(), lambda _command: "no")
    assert "clock synchronised" in machine_check.check_machine(Place.of_machine(), lambda _command: "yes")


def test_a_tool_that_fails_or_is_missing_is_one_sentence() -> None:
    """The tool's last words are in it; a tool that is not there is named."""
    with pytest.raises(ProvisioningError, match=r"^`sh -c .*` failed: second$"):
        commands.run(["sh", "-c", "echo first >&2; echo second >&2; exit 3"])
    with pytest.raises(ProvisioningError, match=r"^no-such-tool is not installed here"):
        commands.run(["no-such-tool"])


def test_every_file_that_is_shipped_has_a_place() -> None:
    """A new rule or unit cannot be forgotten: whatever lies in systemd/ is installed, or is the bank's."""
    shipped = system_files.shipped_files()
    files = {source for source, _ in system_files._files(Place.of_machine(), shipped).values()}
    for file in shipped.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith("atm-bank"):
            assert file in files, file
