"""What a person sees of a bank's configuration."""

import dataclasses
from pathlib import Path

import pytest
from support.configs import BANK, write

from config.bank import BankLimitsConfig
from config.load import ConfigError, example_bank, load_bank, show_bank


def only_mistake(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_bank(path)
    assert len(caught.value.mistakes) == 1, str(caught.value)
    return str(caught.value)


def test_three_lines_make_a_bank(tmp_path: Path) -> None:
    """Name, data directory and currency; the rest has the protocol's own times and an SQLite file beside the keys."""
    config = load_bank(write(tmp_path, BANK))
    assert config.name == "Harbour Credit Union"
    assert config.data == tmp_path / "books"
    assert config.database_url == f"sqlite:///{tmp_path}/books/bank.db"
    assert (config.limits.hold_s, config.limits.release_case_s, config.limits.visit_idle_s) == (300, 600, 600)
    assert (config.limits.pin_tries, config.limits.lockout_s) == (3, (900, 3_600, 14_400, 86_400))
    assert config.limits == BankLimitsConfig()


def test_the_example_is_a_bank(tmp_path: Path) -> None:
    """What `atm-bank init` writes loads, whatever the bank is called."""
    text = example_bank(name='The "Old" Bank \\ Söhne', data="/srv/bank", currency="EUR", public_host="bank.example")
    config = load_bank(write(tmp_path, text))
    assert config.name == 'The "Old" Bank \\ Söhne'
    assert config.listen.public_host == "bank.example"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('card_bin = "12345"\n', "bank.card_bin"),
        ("[listen]\nport = 0\n", "listen.port"),
        ("[listen]\nport = 65536\n", "listen.port"),
        ("[listen]\nport = 8444\n", "listen.enrol_port"),
        ('[listen]\nhost = "a b"\n', "listen.host"),
        ('[listen]\npublic_host = "https://bank"\n', "listen.public_host"),
        ("[limits]\nlockout_s = [900, 60]\n", "limits.lockout_s"),
        ("[limits]\npin_tries = 0\n", "limits.pin_tries"),
        ("[limits]\nday_amount = 100\nwithdrawal_amount = 200\n", "limits.withdrawal_amount"),
        ("[limits]\nhold_s = 300.0\n", "limits.hold_s"),
        ('[database]\nurl = "oracle://x"\n', "database.url"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    """One line, with the key that is wrong."""
    assert f": {key}: found " in only_mistake(write(tmp_path, BANK + text))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::17", "bank.example", "b"])
def test_hosts_are_names_or_addresses(tmp_path: Path, host: str) -> None:
    """IPv4, IPv6 and names are all taken."""
    config = load_bank(write(tmp_path, f'{BANK}[listen]\nhost = "{host}"\npublic_host = "{host}"\n'))
    assert (config.listen.host, config.listen.public_host) == (host, host)


def test_a_databases_password_is_never_repeated(tmp_path: Path) -> None:
    """Not in a mistake's line, not in what is shown, not in the object's own text."""
    good = write(tmp_path, BANK + '[database]\nurl = "postgresql+psycopg://atm:hunter2@db/atm"\n')
    assert "hunter2" not in show_bank(good)
    assert "…@db/atm" in show_bank(good)
    assert "hunter2" not in repr(load_bank(good))
    bad = write(tmp_path, BANK + '[database]\nurl = "postgress://atm:hunter2@db/atm"\n')
    assert "hunter2" not in only_mistake(bad)
    unknown = write(tmp_path, BANK + '[database]\ndatabase_url = "postgresql://atm:hunter2@db/atm"\n')
    assert "hunter2" not in only_mistake(unknown)


def test_an_sqlite_file_of_ones_own_is_taken(tmp_path: Path) -> None:
    """Relative ones start at the data directory, absolute ones stay."""
    text = BANK + '[database]\nurl = "sqlite:///{}"\n'
    assert load_bank(write(tmp_path, text.format("b.db"))).database_url == f"sqlite:///{tmp_path}/books/b.db"
    assert load_bank(write(tmp_path, text.format("/srv/b.db"))).database_url == "sqlite:////srv/b.db"


def test_what_is_shown_loads_as_the_same_bank(tmp_path: Path) -> None:
    """`config show` prints TOML with every default written out."""
    first = load_bank(path := write(tmp_path, BANK + "[limits]\nday_count = 3\n"))
    text = show_bank(path)
    assert f"day_count = 3  # {path}" in text
    assert "hold_s = 300  # default" in text
    assert dataclasses.asdict(load_bank(write(tmp_path, text, "again.toml"))) == dataclasses.asdict(first)


@pytest.mark.parametrize(
    ("written", "products"),
    [
        ("Everyday, Savings", ("Everyday", "Savings")), ("Everyday,Savings,Everyday", ("Everyday", "Savings")),
        ("", ()), ("Ma chère épargne", ("Ma chère épargne",)),
    ],
)  # fmt: skip
def test_the_products_are_names_with_commas_between_them(
    tmp_path: Path, written: str, products: tuple[str, ...]
) -> None:
    """Each once; none at all where no account is opened at machines."""
    path = write(tmp_path, BANK + f'[accounts]\nproducts = "{written}"\n')
    assert load_bank(path).accounts.products == products


@pytest.mark.parametrize("wrong", ["a name of more than twenty letters", "a,,b", "a,b,c,d,e"])
def test_what_is_no_list_of_products_is_said_so(tmp_path: Path, wrong: str) -> None:
    """Too long a name, an empty one, or more than a screen shows."""
    with pytest.raises(ConfigError, match=r"accounts\.products"):
        load_bank(write(tmp_path, BANK + f'[accounts]\nproducts = "{wrong}"\n'))
