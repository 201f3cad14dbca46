"""Where a kiosk is being set up: this machine, an image below a directory, or one directory of a laptop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kiosk.provisioning.errors import ProvisioningError

USER = "atm-kiosk"
CONFIG = Path("/etc/atm/kiosk.toml")
STATE = Path("/var/lib/atm-kiosk")
LAPTOP_PROFILE = "laptop"


@dataclass(frozen=True, kw_only=True)
class Place:
    """`root`: what the configuration's absolute paths are below ("/" but for an image).

    `machine`: a kiosk that boots, with a user, units and pins of its own; a laptop's directory has none of them.
    """

    root: Path
    config: Path
    machine: bool

    @classmethod
    def of_machine(cls, root: Path = Path("/")) -> Place:
        root = root.absolute()
        return cls(root=root, config=root / CONFIG.relative_to("/"), machine=True)

    @classmethod
    def of_directory(cls, directory: Path) -> Place:
        return cls(root=Path("/"), config=directory.absolute() / "kiosk.toml", machine=False)

    @property
    def running(self) -> bool:
        """This is the system that runs now, not an image of one."""
        return self.root == Path("/")

    def inside(self, path: Path) -> Path:
        """A path of the configuration as it is reached from here."""
        return self.root / path.relative_to("/") if path.is_absolute() else path

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """As the user that the kiosk will run as, where root sets a machine up: its files must be its own."""
        if not self.machine or os.geteuid() != 0:
            yield
            return
        user, group = _ids(self.root / "etc/passwd")
        before = os.umask(0o077)
        os.setegid(group)
        os.seteuid(user)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.umask(before)


def _ids(passwd: Path) -> tuple[int, int]:
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").splitlines()
        fields = next((line.split(":") for line in lines if line.startswith(f"{USER}:")), None)
        if fields is not None:
            return int(fields[2]), int(fields[3])
    except (OSError, ValueError, IndexError):
        pass
    raise ProvisioningError(f"{passwd} has no user {USER}: run systemd-sysusers, then this again")
