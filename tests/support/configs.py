"""Small configurations for tests: a kiosk's and a bank's file, to be written whole or with one thing changed."""

from pathlib import Path

KIOSK = """\
[terminal]
profile = "laptop"
state = "state"
auth_file = "terminal.auth"
key_file = "terminal.key"
"""

BANK = """\
[bank]
name = "Harbour Credit Union"
data = "books"
currency = "USD"
"""


def write(directory: Path, text: str, name: str = "kiosk.toml") -> Path:
    """The text as a file in `directory`."""
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path
