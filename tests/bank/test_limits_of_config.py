"""The limits of a bank's configuration are those that it works with: none is read and forgotten."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from bank.assembly import limits_of
from config.bank import BankLimitsConfig
from config.load import example_bank, load_bank

NUMBERS = [field.name for field in fields(BankLimitsConfig) if field.name != "lockout_s"]


@pytest.mark.parametrize("name", NUMBERS)
def test_each_limit_is_one_that_counts(tmp_path: Path, name: str) -> None:
    """Whatever the file says of it, the bank's rules hear."""
    path = tmp_path / "bank.toml"
    path.write_text(example_bank(name="Harbour", data="data", currency="USD"))
    config = load_bank(path)
    more = replace(config.limits, **{name: getattr(config.limits, name) + 60})
    assert limits_of(replace(config, limits=more)) != limits_of(config)
