"""The units in a systemd that was really started (a container): sandbox, restart, watchdog, a stick that appears."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import gettempdir

import pytest
from support.systemd_root import install

#: Speaks the notify protocol without any library, says what it can reach, and hangs when it is told to.
PROBE = r"""#!/usr/bin/perl
exit 0 if ($ARGV[0] // "") eq "safe";  # what the unit runs when the firmware has ended
use IO::Socket::UNIX; use Socket; $| = 1;
my ($name) = $0 =~ /([a-z-]+)$/;
sub tell_systemd { IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $ENV{NOTIFY_SOCKET})->send($_[0]) }
sub try { my ($what, $path) = @_; print "$what: ", (open(my $f, ">", $path) ? "yes" : "no, $!"), "\n" }
print "started with @ARGV as ", scalar getpwuid($>), "\n";
try("own state", "/var/lib/$name/probe"); try("runtime", "/run/$name/probe"); try("etc", "/etc/probe");
print "home: ", (opendir(my $d, "/root") ? "yes" : "no"), "\n";
tell_systemd("READY=1");
while (1) {
    opendir(my $stick, "/run/atm-stick/card"); my @files = grep !/^\./, readdir $stick;
    if (@files) { print "stick: @files\n"; try("stick", "/run/atm-stick/card/card.atm") }
    tell_systemd("WATCHDOG=1") unless -e "/var/lib/$name/hang";
    select undef, undef, undef, 0.2;
}
"""
SCRIPT = """#!/bin/sh
sleep 1
mount -t tmpfs -o uid=atm-kiosk,mode=0700 tmpfs /run/atm-stick/card; echo 1 > /run/atm-stick/card/card.atm
chown atm-kiosk /run/atm-stick/card/card.atm
sleep 1
umount -l /run/atm-stick/card
touch /var/lib/atm-kiosk/hang
sleep 5
kill -9 "$(systemctl show -p MainPID --value atm-bank)"
sleep 3
systemctl show -p NRestarts -p Result atm-kiosk atm-bank
systemctl stop atm-kiosk atm-bank
journalctl --no-pager --output=cat -u atm-kiosk > /kiosk.txt
journalctl --no-pager --output=cat -u atm-bank > /bank.txt
systemctl poweroff --force
"""
#: A container has no virtual terminal, and the test no time for the true intervals.
DROP_IN = """[Service]
StandardInput=null
TTYPath=
TTYReset=no
TTYVHangup=no
TTYVTDisallocate=no
WatchdogSec=2
RestartSec=100ms
"""


def cannot_boot() -> str:
    """Why this machine boots no container, "" where it does."""
    if shutil.which("systemd-nspawn") is None:
        return "systemd-nspawn (Debian: systemd-container) is not installed"
    if os.geteuid() != 0:
        return "only root may boot a container"
    if not Path("/usr/bin/perl").exists() or not Path("/bin").is_symlink():
        return "not a Debian with perl and a merged /usr"
    return ""


pytestmark = [
    pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-"),
    pytest.mark.xdist_group("booted"),  # one boot serves them all
]


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system's root directory after one boot in which SCRIPT ran."""
    root = install(tmp_path_factory.mktemp("booted"), PROBE)
    root.chmod(0o755)  # it becomes "/", and the services run as others than root
    units = root / "etc/systemd/system"
    shutil.rmtree(root / "usr/lib")
    for folder in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(Path(__file__).parents[2] / "systemd" / folder, root / "etc" / folder)
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / link).symlink_to(f"usr/{link}")
    for name in ("passwd", "group", "shadow", "nsswitch.conf", "ld.so.cache"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), root / "etc" / name)
    (root / "etc/os-release").write_text("ID=debian\n")
    (root / "etc/machine-id").touch()
    (root / "etc/atm").mkdir()
    for program in ("atm-kiosk", "atm-bank"):
        (root / "etc/atm" / f"{program.removeprefix('atm-')}.toml").touch()
        (units / f"{program}.service.d").mkdir()
        (units / f"{program}.service.d/container.conf").write_text(DROP_IN)
    (root / "script").write_text(SCRIPT)
    (root / "script").chmod(0o755)
    (units / "script.service").write_text(
        "[Unit]\nAfter=atm-kiosk.service atm-bank.service\n[Service]\nType=oneshot\nExecStart=/script\n"
        "StandardOutput=file:/script.txt\n"
    )
    wants = units / "multi-user.target.wants"
    wants.mkdir()
    for unit in ("atm-kiosk.service", "atm-bank.service", "script.service"):
        (wants / unit).symlink_to(f"../{unit}")
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    command = ["systemd-nspawn", "--directory", str(root), "--boot", "--bind-ro=/usr", "--register=no", "--keep-unit"]
    # Two boots at once would share a cgroup, and each would stop what the other starts.
    with Path(gettempdir(), "atm-booted.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [*command, "--console=pipe"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    if not (root / "bank.txt").exists():
        pytest.skip(f"systemd-nspawn cannot boot here: {(done.stdout + done.stderr).strip()[-300:]}")
    return root


@pytest.mark.parametrize(("name", "command"), [("kiosk", "run"), ("bank", "serve")])
def test_a_service_reaches_its_own_directories_and_no_others(booted: Path, name: str, command: str) -> None:
    """It runs as its own user, writes its state and its runtime directory, and neither /etc nor anyone's home."""
    said = (booted / f"{name}.txt").read_text()
    assert f"started with {command} --config /etc/atm/{name}.toml as atm-{name}\n" in said
    assert "own state: yes\nruntime: yes\netc: no, Read-only file system\nhome: no\n" in said


def test_a_stick_that_is_mounted_later_appears_to_the_kiosk_and_can_be_written(booted: Path) -> None:
    """The sandbox lets a mount through that the system makes while the kiosk runs."""
    said = (booted / "kiosk.txt").read_text()
    assert "stick: card.atm\nstick: yes\n" in said


def test_a_kiosk_that_hangs_is_killed_and_started_again(booted: Path) -> None:
    """The watchdog misses its food, and a new process is there soon after, again and again."""
    said = (booted / "kiosk.txt").read_text()
    assert "Watchdog timeout (limit 2s)!" in said
    assert said.count("started with run") >= 2


def test_a_bank_that_is_killed_is_started_again(booted: Path) -> None:
    """SIGKILL is answered by a restart."""
    said = (booted / "bank.txt").read_text()
    assert said.count("started with serve") == 2
    assert re.search(r"^NRestarts=1$", (booted / "script.txt").read_text(), re.MULTILINE)
