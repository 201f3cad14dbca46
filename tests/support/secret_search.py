"""Looks for secrets in every file below some folders, in each form that a careless program would leave them in."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path


def of_digits(digits: str) -> frozenset[bytes]:
    """A PIN or a card number: as text, grouped by fours, as text of two bytes a character, as BCD (at either nibble)."""
    grouped = [separator.join(digits[at : at + 4] for at in range(0, len(digits), 4)) for separator in (" ", "-")]
    texts = {digits, *grouped}
    forms = {text.encode() for text in texts} | {digits.encode("utf-16-le"), digits.encode("utf-16-be")}
    even = digits[: len(digits) // 2 * 2]
    odd = digits[1 : 1 + (len(digits) - 1) // 2 * 2]
    return frozenset(forms | {bytes.fromhex(even), bytes.fromhex(odd)} | _base64_forms(digits.encode()))


def of_bytes(secret: bytes) -> frozenset[bytes]:
    """A key: raw, hexadecimal, and base64 wherever it begins in what was encoded."""
    assert len(secret) >= 16, "too short to be told from chance"
    texts = {secret.hex(), secret.hex().upper(), secret.hex(":"), secret.hex(" ")}
    return frozenset({secret, *(text.encode() for text in texts)} | _base64_forms(secret))


def _base64_forms(secret: bytes) -> set[bytes]:
    """What is certain of it in base64, whatever stands before and after."""
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret)
        certain = encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        forms |= {certain, certain.replace(b"+", b"-").replace(b"/", b"_")}
    return forms


def found(secrets: dict[str, frozenset[bytes]], folders: Iterable[Path], *, but: Iterable[Path] = ()) -> list[str]:
    """Which secret lies in which file; files in or below `but` are left out. File names are looked at too."""
    left_out = list(but)
    finds = []
    for file in _files(folders):
        if any(file.is_relative_to(path) for path in left_out):
            continue
        # PEM and wrapped base64 break a secret over lines.
        content = file.read_bytes() + b"\0" + str(file).encode()
        content += b"\0" + content.replace(b"\r", b"").replace(b"\n", b"")
        finds += [f"{name} in {file}" for name, forms in secrets.items() if any(form in content for form in forms)]
    return finds


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
