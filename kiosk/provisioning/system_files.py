"""Puts units, udev rules, users and directories where the system looks for them, and enables the kiosk."""

from __future__ import annotations

import sys
from pathlib import Path

import kiosk
from kiosk.provisioning.commands import Run
from kiosk.provisioning.errors import ProvisioningError
from kiosk.provisioning.place import Place

UNIT = "atm-kiosk.service"
#: Folder among the shipped files → where the system looks. What is the bank's stays out of a kiosk.
FOLDERS = {
    ".": "etc/systemd/system",
    "udev": "etc/udev/rules.d",
    "sysusers.d": "etc/sysusers.d",
    "tmpfiles.d": "etc/tmpfiles.d",
    "journald.conf.d": "etc/systemd/journald.conf.d",
    "system.conf.d": "etc/systemd/system.conf.d",
    "modules-load.d": "etc/modules-load.d",
}
CHECKER = "atm_stick_check.py"


def shipped_files() -> Path:
    """The folder with the units: beside an installed program, or in the source tree. Raises ProvisioningError."""
    installed, source = Path(sys.prefix) / "share/atm/systemd", Path(kiosk.__file__).parents[1] / "systemd"
    for folder in (installed, source):
        if (folder / UNIT).exists():
            return folder
    raise ProvisioningError(f"the units are missing from {installed}: install this program again")


def install_files(place: Place, shipped: Path, run: Run) -> str:
    """Copy what differs, then let the system take notice. Raises ProvisioningError."""
    changed = [name for name, (source, target) in _files(place, shipped).items() if _copied(source, target)]
    _users_and_directories(place, run)
    if not changed:
        return "units and rules are in place already"
    if place.running:
        for command in _TAKE_NOTICE:
            run(command)
    return f"installed {', '.join(sorted(changed))}"


def enable_unit(place: Place, run: Run) -> str:
    """Enabled, and started where the system runs. Raises ProvisioningError."""
    if not place.running:
        run(["systemctl", f"--root={place.root}", "enable", UNIT])
        run(["systemctl", f"--root={place.root}", "mask", "ctrl-alt-del.target"])
        return f"{UNIT} is enabled in {place.root}"
    run(["systemctl", "mask", "ctrl-alt-del.target"])
    run(["systemctl", "enable", UNIT])
    run(["systemctl", "restart", UNIT])
    return f"{UNIT} is enabled and started"


_TAKE_NOTICE = (
    ("systemctl", "daemon-reload"),
    ("systemctl", "restart", "systemd-modules-load.service"),
    ("systemctl", "restart", "systemd-journald.service"),
    ("udevadm", "control", "--reload"),
)


def _users_and_directories(place: Place, run: Run) -> None:
    where = [] if place.running else [f"--root={place.root}"]
    run(["systemd-sysusers", *where, "atm-kiosk.conf"])
    run(["systemd-tmpfiles", *where, "--create", "atm-kiosk.conf"])


def _files(place: Place, shipped: Path) -> dict[str, tuple[Path, Path]]:
    """File → (where it is shipped, where it belongs)."""
    files = {CHECKER: (shipped / CHECKER, place.root / "opt/atm/libexec" / CHECKER)}
    for folder, target in FOLDERS.items():
        for source in sorted((shipped / folder).iterdir()):
            if source.is_file() and source.suffix != ".py" and not source.name.startswith("atm-bank"):
                files[source.name if folder == "." else f"{folder}/{source.name}"] = (
                    source,
                    place.root / target / source.name,
                )
    return files


def _copied(source: Path, target: Path) -> bool:
    """Whether there was anything to copy; a file is replaced at once, never half."""
    data = source.read_bytes()
    try:
        if target.exists() and target.read_bytes() == data:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        new.write_bytes(data)
        new.chmod(0o644)
        new.replace(target)
    except OSError as error:
        raise ProvisioningError(
            f"{target} cannot be written ({error.strerror}): run this as root, or with --no-systemd or --state DIR"
        ) from None
    return True
