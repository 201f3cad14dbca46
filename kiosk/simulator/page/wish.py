"""What is asked of the page; light enough to be named where no page is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PageWish:
    """`port`: 0 for one that is free. `bank`: the control socket of a demonstration's bank; `accounts`: numbers by owner there."""

    port: int = 0
    bank: Path | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
