"""The database's tables and the constraints that hold even where the code is wrong.

Money is an integer of minor units beside its currency; times are milliseconds since 1970 UTC. An account's balance is
its credits less its debits, whatever its kind. A card is known by a
keyed reference of its number; the number itself is only here sealed. One posting is one debit and one equal credit of one currency in one
row, so entries sum to zero by construction; the `entries` view shows them as two lines.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

#: 2: `posts`, and an index of open visits. 3: `deposits`. 4: `billers`, `bills` and `usuals`; indexes of cases by account, of
#: pending cards, and of accounts that were opened at a terminal. 5: `operators`, `codes`, `code_guards`. 6: `till_accounts`, and an
#: index of posts by account.
VERSION = 6

metadata = MetaData()


def _money(name: str, **more: object) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0, **more)  # type: ignore[arg-type]  # SQLAlchemy's keywords


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0)


def _text(name: str, length: int = 64) -> Column[str]:
    return Column(name, String(length), nullable=False, default="")


def _whole(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=default)


customers = Table(
    "customers", metadata,
    Column("customer", String(64), primary_key=True),
    _text("name", 200), _text("language", 16), _time("created_at"),
)  # fmt: skip

accounts = Table(
    "accounts", metadata,
    Column("account", String(64), primary_key=True),
    _text("kind", 16), _text("owner"), _text("label", 200), _text("currency", 3),
    _money("balance_minor"), _money("held_minor"), _money("floor_minor"),
    _text("forced_case"), _text("state", 16), _time("created_at"),
    UniqueConstraint("account", "currency"),
    CheckConstraint("kind IN ('customer', 'cash', 'vault', 'suspense', 'equity')", name="account_kind"),
    CheckConstraint("held_minor >= 0", name="held_not_negative"),
    CheckConstraint(
        "kind <> 'customer' OR balance_minor - held_minor >= floor_minor OR forced_case <> ''",
        name="below_floor_only_by_a_case",
    ),
    Index("accounts_owner", "owner"),
)  # fmt: skip

postings = Table(
    "postings", metadata,
    Column("posting", Integer, primary_key=True),
    _text("debit_account"), _text("credit_account"), _money("amount_minor"), _text("currency", 3),
    _text("kind", 32), _text("terminal"), _whole("generation"), _whole("number"), _text("case_id"),
    _text("text", 200), _time("at_ms"),
    CheckConstraint("amount_minor > 0", name="posting_positive"),
    CheckConstraint("debit_account <> credit_account", name="posting_two_accounts"),
    ForeignKeyConstraint(["debit_account", "currency"], ["accounts.account", "accounts.currency"]),
    ForeignKeyConstraint(["credit_account", "currency"], ["accounts.account", "accounts.currency"]),
    Index("postings_debit", "debit_account"), Index("postings_credit", "credit_account"),
    Index("postings_number", "terminal", "generation", "number"),
)  # fmt: skip

holds = Table(
    "holds", metadata,
    Column("hold", String(64), primary_key=True),
    _text("terminal"), _whole("generation"), _whole("number"), _text("visit"), _text("card"), _text("account"),
    _money("amount_minor"), _text("currency", 3), _text("state", 16), _text("day", 10),
    _time("expires_at"), _time("released_at"), _whole("release_number"), _text("release_boot"),
    _money("posted_minor"), _text("case_id"),
    UniqueConstraint("terminal", "generation", "number"),
    CheckConstraint("state IN ('held', 'released', 'posted', 'voided', 'case')", name="hold_state"),
    CheckConstraint("amount_minor > 0", name="hold_positive"),
    ForeignKeyConstraint(["account", "currency"], ["accounts.account", "accounts.currency"]),
    Index("holds_card", "card", "state"), Index("holds_state", "state", "expires_at"),
)  # fmt: skip

terminals = Table(
    "terminals", metadata,
    Column("terminal", String(64), primary_key=True),
    _whole("generation"), Column("public_key", LargeBinary(32), nullable=False), _text("fingerprint"),
    _text("state", 16), _text("why", 400), _text("journal"), _text("last_boot"),
    _text("claimed_journal"), _text("claimed_boot"), _whole("exchange_needed"),
    _time("enrolled_at"), _time("last_seen"), _time("last_exchange"), _time("last_challenge"),
    Column("report", Text, nullable=False, default=""),
    CheckConstraint("state IN ('pending', 'active', 'suspended')", name="terminal_state"),
)  # fmt: skip

till_accounts = Table(
    "till_accounts", metadata,
    Column("account", String(64), ForeignKey("accounts.account"), primary_key=True),
    _text("name", 122), _text("card"), _time("created_at"),
    UniqueConstraint("name"),
)  # fmt: skip

numbering = Table(
    "numbering", metadata,
    Column("terminal", String(64), primary_key=True), Column("generation", BigInteger, primary_key=True),
    _whole("highest_seen"), _whole("adopted"),
)  # fmt: skip

sessions = Table(
    "sessions", metadata,
    Column("session", String(64), primary_key=True),
    _text("terminal"), _whole("generation"), _text("boot"), _text("journal"),
    Column("keys", LargeBinary(256), nullable=False), _whole("highest"), Column("mask", LargeBinary(8), nullable=False),
    _whole("sequence"),
    _time("opened_at"), _whole("ended"), _whole("partial"),
    Index("sessions_terminal", "terminal", "ended"),
)  # fmt: skip

numbers = Table(
    "numbers", metadata,
    Column("terminal", String(64), primary_key=True), Column("generation", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    _text("kind", 32), Column("digest", LargeBinary(32), nullable=False, default=b""), _text("state", 16),
    _whole("answered"), _whole("try_counted"), Column("answer", LargeBinary, nullable=False, default=b""),
    Column("body", LargeBinary, nullable=False, default=b""),
    _time("at_ms"),
    CheckConstraint("state IN ('deciding', 'answered', 'ended', 'lost')", name="number_state"),
    Index("numbers_lost", "terminal", "generation", "state"),
)  # fmt: skip

posts = Table(
    "posts", metadata,
    Column("terminal", String(64), primary_key=True), Column("generation", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    _text("what", 32), _text("card"), _text("account"), _text("to_account"), _money("amount_minor"),
    _text("currency", 3), _text("day", 10), _whole("to_others"), _text("state", 16),
    Column("undo", LargeBinary, nullable=False, default=b""), _text("case_id"), _time("at_ms"),
    CheckConstraint("state IN ('posted', 'reversed')", name="post_state"),
    CheckConstraint("amount_minor >= 0", name="post_not_negative"),
    Index("posts_card", "card", "day"), Index("posts_what", "terminal", "what", "day"), Index("posts_account", "account"),
)  # fmt: skip

deposits = Table(
    "deposits", metadata,
    Column("terminal", String(64), primary_key=True), Column("generation", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    _text("card"), _text("account"), _money("amount_minor"), _text("currency", 3), _text("escrow", 16),
    _text("state", 16), _text("case_id"), _time("at_ms"),
    CheckConstraint("state IN ('open', 'credited', 'reversed', 'case')", name="deposit_state"),
    CheckConstraint("amount_minor >= 0", name="deposit_not_negative"),
    Index("deposits_state", "state", "at_ms"),
)  # fmt: skip

billers = Table(
    "billers", metadata,
    Column("biller", String(64), primary_key=True),
    _text("name", 200), _text("category", 16), _text("account"), _whole("digits"), _text("check_kind", 16),
    _text("state", 16), _time("created_at"),
    ForeignKeyConstraint(["account"], ["accounts.account"]),
    CheckConstraint("category IN ('water', 'electricity', 'school', 'other')", name="biller_category"),
    CheckConstraint("state IN ('open', 'removed')", name="biller_state"),
    Index("billers_category", "category", "state"), Index("billers_account", "account"),
)  # fmt: skip

bills = Table(
    "bills", metadata,
    Column("terminal", String(64), primary_key=True), Column("generation", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    _text("biller"), _text("name", 200), _text("account"), _text("text"),
)  # fmt: skip

visits = Table(
    "visits", metadata,
    Column("visit", String(64), primary_key=True),
    _text("terminal"), _whole("generation"), _whole("number"), _text("card"), _whole("epoch"), _whole("n"),
    _text("state", 16), _time("opened_at"), _time("last_at"),
    Index("visits_terminal", "terminal", "state"), Index("visits_state", "state", "last_at"),
)  # fmt: skip

cards = Table(
    "cards", metadata,
    Column("card", String(64), primary_key=True),
    _text("last4", 4), Column("sealed_number", LargeBinary(128), nullable=False),
    _text("customer"), _text("expiry", 7), _text("state", 16),
    _whole("confirmed_epoch", 1), _whole("confirmed_n"), _whole("issued_epoch", 1), _whole("issued_n"),
    Column("salt", LargeBinary(16), nullable=False), Column("pvv", LargeBinary(32), nullable=False, default=b""),
    _whole("pvv_version"), _whole("tries"), _whole("lock_level"), _time("locked_until"), _time("created_at"),
    ForeignKeyConstraint(["customer"], ["customers.customer"]),
    Index("cards_state", "state", "created_at"),
)  # fmt: skip

card_accounts = Table(
    "card_accounts", metadata,
    Column("card", String(64), ForeignKey("cards.card"), primary_key=True),
    Column("account", String(64), ForeignKey("accounts.account"), primary_key=True),
    _whole("place"),
)  # fmt: skip

usuals = Table(
    "usuals", metadata,
    Column("card", String(64), ForeignKey("cards.card"), primary_key=True),
    _money("amount_minor"), _text("currency", 3),
    CheckConstraint("amount_minor >= 0", name="usual_not_negative"),
)  # fmt: skip

operators = Table(
    "operators", metadata,
    Column("card", String(64), ForeignKey("cards.card"), primary_key=True),
    _text("name", 60), Column("terminals", Text, nullable=False, default=""), _text("state", 16), _time("created_at"),
    CheckConstraint("state IN ('active', 'ended')", name="operator_state"),
)  # fmt: skip

codes = Table(
    "codes", metadata,
    Column("card", String(64), ForeignKey("cards.card"), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False), _text("account"), _money("amount_minor"), _text("currency", 3),
    _time("expires_at"), _time("created_at"), _text("created_by", 60),
    CheckConstraint("amount_minor > 0", name="code_positive"),
    ForeignKeyConstraint(["account", "currency"], ["accounts.account", "accounts.currency"]),
    Index("codes_digest", "digest"),
)  # fmt: skip

code_guards = Table(
    "code_guards", metadata,
    Column("terminal", String(64), primary_key=True),
    _whole("tries"), _time("first_at"), _whole("lock_level"), _time("locked_until"),
)  # fmt: skip

usage = Table(
    "usage", metadata,
    Column("card", String(64), primary_key=True), Column("day", String(10), primary_key=True),
    Column("currency", String(3), primary_key=True),
    _money("amount_minor"), _whole("count"),
    CheckConstraint("amount_minor >= 0 AND count >= 0", name="usage_not_negative"),
)  # fmt: skip

cases = Table(
    "cases", metadata,
    Column("case_id", String(80), primary_key=True),
    _text("kind", 32), _text("state", 16), _text("terminal"), _whole("generation"), _whole("number"),
    _text("claim", 80), _text("hold"), _text("account"), _text("card"), _money("amount_minor"), _text("currency", 3),
    Column("detail", Text, nullable=False, default=""), _time("opened_at"), _time("closed_at"), _text("closed_by", 100),
    _text("resolution", 32), _text("note", 400),
    CheckConstraint("state IN ('open', 'closed')", name="case_state"),
    Index("cases_state", "state"), Index("cases_hold", "hold"), Index("cases_account", "account", "state"),
)  # fmt: skip

tokens = Table(
    "tokens", metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    _text("terminal"), _time("expires_at"), _whole("generation"), _text("fingerprint"),
    Column("answer", LargeBinary, nullable=False, default=b""),
)  # fmt: skip

event.listen(
    metadata, "after_create",
    DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
        "CREATE VIEW IF NOT EXISTS entries AS "
        "SELECT posting, debit_account AS account, -amount_minor AS amount_minor, currency, at_ms FROM postings "
        "UNION ALL SELECT posting, credit_account, amount_minor, currency, at_ms FROM postings"
    ),
)  # fmt: skip
for _verb in ("UPDATE", "DELETE"):
    event.listen(
        postings, "after_create",
        DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
            f"CREATE TRIGGER IF NOT EXISTS postings_no_{_verb.lower()} BEFORE {_verb} ON postings "
            "BEGIN SELECT RAISE(ABORT, 'a posting is never changed; post the opposite instead'); END"
        ).execute_if(dialect="sqlite"),
    )  # fmt: skip
event.listen(
    posts, "after_create",
    DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
        "CREATE TRIGGER IF NOT EXISTS posts_reverse_once BEFORE UPDATE OF state ON posts "
        "WHEN OLD.state = 'reversed' AND NEW.state <> OLD.state "
        "BEGIN SELECT RAISE(ABORT, 'a post is reversed once'); END"
    ).execute_if(dialect="sqlite"),
)  # fmt: skip
event.listen(
    deposits, "after_create",
    DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
        "CREATE TRIGGER IF NOT EXISTS deposits_credit_once BEFORE UPDATE OF state ON deposits "
        "WHEN OLD.state = 'credited' AND NEW.state <> OLD.state "
        "BEGIN SELECT RAISE(ABORT, 'a deposit is credited once'); END"
    ).execute_if(dialect="sqlite"),
)  # fmt: skip
event.listen(
    holds, "after_create",
    DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
        "CREATE TRIGGER IF NOT EXISTS holds_resolve_once BEFORE UPDATE OF state ON holds "
        "WHEN OLD.state IN ('posted', 'voided') AND NEW.state <> OLD.state "
        "BEGIN SELECT RAISE(ABORT, 'a hold resolves once'); END"
    ).execute_if(dialect="sqlite"),
)  # fmt: skip
