"""Runs the system's own tools for a step, and turns their failure into one sentence."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from kiosk.provisioning.errors import ProvisioningError

Run = Callable[[Sequence[str]], str]

_LONGEST_S = 120


def run(command: Sequence[str]) -> str:
    """The command's output. Raises ProvisioningError where it is not installed, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    except FileNotFoundError:
        raise ProvisioningError(f"{command[0]} is not installed here: use --no-systemd, or install systemd") from None
    except subprocess.TimeoutExpired:
        raise ProvisioningError(f"`{' '.join(command)}` did not end within {_LONGEST_S} s") from None
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ProvisioningError(f"`{' '.join(command)}` failed: {words}")
    return done.stdout.strip()
