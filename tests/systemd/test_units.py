"""The units as systemd itself judges them: nothing misspelt, nothing missing, little exposed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.systemd_root import UNITS, install, with_system

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze (Debian: systemd) is not installed"
)
STARTED = ["atm-kiosk.service", "atm-bank.service", "atm-stick@sda1.service", "atm-stick-check@sda1.service"]


def verify(root: Path, unit: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", "--recursive-errors=yes", "--man=no", unit],
        capture_output=True,
        text=True,
        check=False,
    )


@needs_systemd
@pytest.mark.parametrize("unit", STARTED)
def test_systemd_finds_nothing_to_complain_of(tmp_path: Path, unit: str) -> None:
    """Every key, value, program and dependency of the unit is known to systemd."""
    done = verify(with_system(install(tmp_path)), unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("WatchdogSec", "WatchdogSek"),
        ("Type=notify", "Type=notfy"),
        ("/opt/atm/bin/atm-kiosk", "/opt/atm/bin/atm-kisk"),
        ("@privileged", "@privlged"),
    ],
)
def test_the_check_would_find_a_slip_of_the_pen(tmp_path: Path, right: str, wrong: str) -> None:
    """A check that cannot fail would be none: each planted mistake is found."""
    root = with_system(install(tmp_path))
    unit = root / "etc/systemd/system/atm-kiosk.service"
    unit.write_text(unit.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    done = verify(root, "atm-kiosk.service")
    assert done.returncode != 0
    assert wrong in done.stderr or "service type" in done.stderr


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "most"), [("atm-kiosk.service", 20), ("atm-bank.service", 20), ("atm-stick-check@.service", 10)]
)
def test_a_unit_is_exposed_no_further_than_promised(unit: str, most: int) -> None:
    """`systemd-analyze security`: at most 2.0 for kiosk and bank, 1.0 for what reads a stranger's stick."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={most}", str(UNITS / unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:]


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None, reason="systemd-sysusers (Debian: systemd) is not installed"
)
def test_both_users_are_made_and_can_log_in_nowhere(tmp_path: Path) -> None:
    """Kiosk and bank run as users of their own, with a home that is their state and no shell."""
    root = install(tmp_path)
    subprocess.run(["systemd-sysusers", f"--root={root}"], check=True, capture_output=True)
    users = (root / "etc/passwd").read_text(encoding="utf-8")
    assert re.search(r"^atm-kiosk:.*:/var/lib/atm-kiosk:/usr/sbin/nologin$", users, re.MULTILINE)
    assert re.search(r"^atm-bank:.*:/var/lib/atm-bank:/usr/sbin/nologin$", users, re.MULTILINE)


def test_the_groups_that_the_kiosk_runs_with_exist() -> None:
    """A unit whose group is not there does not start: each is made by sysusers, or is part of every system."""
    unit = (UNITS / "atm-kiosk.service").read_text(encoding="utf-8")
    made = re.findall(r"^g (\S+)", (UNITS / "sysusers.d/atm-kiosk.conf").read_text(encoding="utf-8"), re.MULTILINE)
    for group in re.findall(r"^SupplementaryGroups=(.*)$", unit, re.MULTILINE)[0].split():
        assert group in made or group == "tty"


def test_a_stick_is_mounted_with_the_flags_that_were_decided_and_never_by_group_disk() -> None:
    """FAT only; nothing on it runs, is a device, or changes who somebody is; each write is on it when it returns."""
    unit = (UNITS / "atm-stick@.service").read_text(encoding="utf-8")
    options = re.findall(r"^ExecStart=/bin/mount -i -t vfat -o (\S+) /dev/%I ", unit, re.MULTILINE)[0].split(",")
    assert {"rw", "sync", "nodev", "noexec", "nosuid"} <= set(options)
    for file in UNITS.rglob("*.*"):
        if file.is_file():
            assert not re.search(
                r"(Group|GROUP|SupplementaryGroups)\S*=.*\bdisk\b", file.read_text(encoding="utf-8")
            ), file


def test_the_mounting_unit_has_no_mount_namespace_of_its_own() -> None:
    """In one, the stick would be mounted where the kiosk cannot see it."""
    unit = (UNITS / "atm-stick@.service").read_text(encoding="utf-8")
    lines = [line for line in unit.splitlines() if not line.startswith("#")]
    assert not [
        line
        for line in lines
        if re.match(r"(Protect|Private|ReadOnly|ReadWrite|Inaccessible|BindPaths|BindReadOnly|DynamicUser)", line)
    ]
