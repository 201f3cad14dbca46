"""How a command ends badly: one sentence for the person, and for a bug its details in a file."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

#: A log of bugs beyond this size is begun anew.
_MOST_BYTES = 1_000_000


class Failed(Exception):
    """The command did not do its work; `str()` is what the person reads."""

    def __init__(self, sentence: str, *, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def guarded(work: Callable[[], int]) -> int:
    """What `work` returns. Raises Failed alone, whatever goes wrong in it."""
    try:
        return work()
    except Failed:
        raise
    except KeyboardInterrupt:
        raise Failed("interrupted", code=130) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, no traceback reaches the person
        raise Failed(_sentence(error)) from None


def _sentence(error: Exception) -> str:
    if _is_told(error):
        return str(error)
    what = type(error).__name__
    kept = _kept(error)
    return f"this failed because of a mistake in the program ({what}); " + (
        f"the details are in {kept}" if kept else "its details could not be written to any file"
    )


def _is_told(error: Exception) -> bool:
    """Whether the error's text is a sentence for a person."""
    from bank.control import CommandRefused, ControlError
    from bank.keys.errors import KeyRingError
    from bank.store.errors import StoreError
    from config.load import ConfigError

    told = (CommandRefused, ControlError, KeyRingError, StoreError, ConfigError)
    # These two come with much that most commands do without; whoever raised one has it loaded.
    late = (("bank.listener", "ServiceError"), ("bank.founding", "FoundingError"))
    loaded = (getattr(sys.modules[module], name) for module, name in late if module in sys.modules)
    return isinstance(error, (*told, *loaded))


def _kept(error: Exception) -> Path | None:
    """The file that has the error's details now: the stack alone, since a text may hold what is secret."""
    text = "".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}\n\n"
    for folder in (_state_folder(), Path(tempfile.gettempdir())):
        path = folder / f"atm-bank-{os.getuid()}.log"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.fstat(descriptor).st_size > _MOST_BYTES:
                file.truncate(0)
            file.write(text)
        return path
    return None


def _state_folder() -> Path:
    """Where a user's programs keep their logs (XDG base directories)."""
    return Path(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")) / "atm-bank"  # noqa: PTH111 - unlike Path.home(), it never raises
