"""A root directory with this project's units as they are installed, and stub programs where the units look for them."""

from __future__ import annotations

import shutil
from pathlib import Path

UNITS = Path(__file__).parents[2] / "systemd"
PROGRAMS = ("opt/atm/bin/atm-kiosk", "opt/atm/bin/atm-bank", "opt/atm/bin/python")
SYSTEM_UNITS = next(
    (path for path in map(Path, ("/usr/lib/systemd/system", "/lib/systemd/system")) if path.is_dir()), None
)


def install(root: Path, stub: str = "#!/bin/sh\n") -> Path:
    """Units, drop-ins and stubs below `root`, where a package would put them."""
    etc = root / "etc/systemd/system"
    etc.mkdir(parents=True)
    for unit in UNITS.glob("*.service"):
        shutil.copy(unit, etc)
    for folder in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(UNITS / folder, root / "usr/lib" / folder)
    for folder in ("journald.conf.d", "system.conf.d"):
        shutil.copytree(UNITS / folder, root / "etc/systemd" / folder)
    for program in PROGRAMS:
        _program(root / program, stub)
    (root / "opt/atm/libexec").mkdir()
    shutil.copy(UNITS / "atm_stick_check.py", root / "opt/atm/libexec")
    return root


def with_system(root: Path) -> Path:
    """The distribution's own units below `root` too, and stubs of the commands that ours call."""
    assert SYSTEM_UNITS is not None
    shutil.copytree(SYSTEM_UNITS, root / "usr/lib/systemd/system", symlinks=True)
    (root / "lib").symlink_to("usr/lib")
    for program in ("bin/sh", "bin/mount", "bin/umount"):
        _program(root / program, "#!/bin/sh\n")
    return root


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
