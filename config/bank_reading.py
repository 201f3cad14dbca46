"""Reads a bank's configuration section by section: every key's type, range and unit stands here."""

from __future__ import annotations

from pathlib import Path

from config.bank import BankAccountsConfig, BankConfig, BankLimitsConfig, ListenConfig, Serves
from config.kiosk_reading import read_zone
from config.reading import Reading, Table

LARGEST_AMOUNT = 1_000_000
LONGEST_LOCK_S = 31 * 86_400
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}"
_HOST_ALLOWED = "a host name or an IP address"
_DATABASE = r"(sqlite|postgresql|mysql|mariadb)(\+[a-z0-9]+)?://[!-~]{0,400}"
_DATABASE_ALLOWED = "an SQLAlchemy URL of sqlite, postgresql, mysql or mariadb"
_SQLITE = "sqlite:///"
_PRODUCT = r"[^\0-\x1f,]{1,20}"
_PRODUCTS = rf"({_PRODUCT}(, ?{_PRODUCT}){{0,3}})?"
_PRODUCTS_ALLOWED = 'up to four names of at most 20 letters, with commas between them, like "Everyday, Savings"; or ""'


def read_bank(reading: Reading) -> BankConfig:
    """The whole configuration. Raises ConfigError with every mistake there is."""
    top = reading.top()
    bank = top.table("bank")
    data = bank.where("data")
    config = BankConfig(
        name=bank.text("name", pattern=r"[^\0\r\n]{1,60}", allowed="1 to 60 characters on one line"),
        data=data,
        currency=bank.text("currency", pattern="[A-Z]{3}", allowed='an ISO 4217 code like "EUR"'),
        serves=bank.choice("serves", Serves, BankConfig.serves),
        zone=read_zone(bank, BankConfig.zone),
        card_bin=bank.text("card_bin", BankConfig.card_bin, pattern="[0-9]{6}|[0-9]{8}", allowed="6 or 8 digits"),
        listen=_listen(top.table("listen", required=False)),
        limits=_limits(top.table("limits", required=False)),
        accounts=_accounts(top.table("accounts", required=False)),
        database_url=_database(top.table("database", required=False), data),
    )
    reading.finish()
    return config


def _listen(table: Table) -> ListenConfig:
    port = table.integer("port", ListenConfig.port, least=1, most=65_535)
    enrol_port = table.integer("enrol_port", ListenConfig.enrol_port, least=1, most=65_535)
    if port == enrol_port:
        table.wrong("enrol_port", f"another port than port, {port}")
    return ListenConfig(
        host=table.text("host", ListenConfig.host, pattern=_HOST, allowed=_HOST_ALLOWED),
        port=port,
        enrol_port=enrol_port,
        public_host=table.text("public_host", ListenConfig.public_host, pattern=_HOST, allowed=_HOST_ALLOWED),
    )


def _limits(table: Table) -> BankLimitsConfig:
    day_amount = table.integer("day_amount", BankLimitsConfig.day_amount, least=1, most=LARGEST_AMOUNT)
    most = table.integer("withdrawal_amount", BankLimitsConfig.withdrawal_amount, least=1, most=LARGEST_AMOUNT)
    if table.has("withdrawal_amount") and most > day_amount:
        table.wrong("withdrawal_amount", f"at most day_amount, {day_amount}")
    return BankLimitsConfig(
        day_amount=day_amount,
        day_count=table.integer("day_count", BankLimitsConfig.day_count, least=1, most=1_000),
        withdrawal_amount=min(most, day_amount),
        send_amount=table.integer("send_amount", BankLimitsConfig.send_amount, least=0, most=LARGEST_AMOUNT),
        deposit_amount=table.integer("deposit_amount", BankLimitsConfig.deposit_amount, least=0, most=LARGEST_AMOUNT),
        hold_s=_seconds(table, "hold_s", BankLimitsConfig.hold_s, 5, 3_600),
        release_case_s=_seconds(table, "release_case_s", BankLimitsConfig.release_case_s, 5, 86_400),
        deposit_case_s=_seconds(table, "deposit_case_s", BankLimitsConfig.deposit_case_s, 60, 86_400),
        visit_idle_s=_seconds(table, "visit_idle_s", BankLimitsConfig.visit_idle_s, 5, 3_600),
        echo_s=_seconds(table, "echo_s", BankLimitsConfig.echo_s, 1, 600),
        pin_tries=table.integer("pin_tries", BankLimitsConfig.pin_tries, least=1, most=10),
        lockout_s=table.integers("lockout_s", BankLimitsConfig.lockout_s, most=LONGEST_LOCK_S, count=10),
    )


def _accounts(table: Table) -> BankAccountsConfig:
    products = table.text(
        "products", ", ".join(BankAccountsConfig.products), pattern=_PRODUCTS, allowed=_PRODUCTS_ALLOWED
    )
    return BankAccountsConfig(
        products=tuple(dict.fromkeys(name.strip() for name in products.split(",") if name.strip())),
        most_accounts=table.integer("most_accounts", BankAccountsConfig.most_accounts, least=1, most=20),
        open_to_all=table.flag("open_to_all", BankAccountsConfig.open_to_all),
        open_a_day=table.integer("open_a_day", BankAccountsConfig.open_a_day, least=1, most=1_000),
        pending_days=table.integer("pending_days", BankAccountsConfig.pending_days, least=1, most=365, unit="days"),
    )


def _database(table: Table, data: Path) -> str:
    """The URL; a relative SQLite file starts at the data directory."""
    url = table.text("url", f"{_SQLITE}bank.db", pattern=_DATABASE, allowed=_DATABASE_ALLOWED)
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return _SQLITE + str(data / url[len(_SQLITE) :])
    return url


def _seconds(table: Table, key: str, default: int, least: int, most: int) -> int:
    return table.integer(key, default, least=least, most=most, unit="seconds")
