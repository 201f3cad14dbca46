"""Reads what a batch needs, with a few set-based statements, before anything is decided."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from bank import schema
from bank.authoriser import codes
from bank.authoriser.bills import CATEGORIES
from bank.authoriser.context import Tools
from bank.authoriser.moving import CHANGES, CLOSE, LABEL, NEWCOMER, OPENING
from bank.authoriser.newcomers import candidates
from bank.decision.decide import Item
from bank.facts.common import OLDEST_FACT_MS
from bank.ledger.moves import cash_account, equity_account, suspense_account, vault_account
from bank.ledger.read import Lookup
from bank.ledger.rows import (
    Account,
    Bill,
    Biller,
    Card,
    CardAccount,
    Case,
    Code,
    CodeGuard,
    Customer,
    DepositRow,
    Hold,
    Numbering,
    NumberRow,
    Operator,
    PostRow,
    SessionRow,
    Terminal,
    Usage,
    Usual,
    Visit,
)
from bank.ledger.view import Books
from bank.store.prepared import Prepared
from bank.terminals.sign_on import Missing
from bank_link.errors import MessageRefused, PinError
from bank_link.messages import (
    FACTS,
    CardWritten,
    CloseVisit,
    Completion,
    Credit,
    Inquire,
    Message,
    NumberRange,
    OpenAccount,
    OpenVisit,
    Post,
    Posted,
    Rest,
    Reversal,
    Signed,
    SignOn,
    Slip,
)
from bank_link.money import MoneyError
from bank_link.ranges import Numbered, group, spread
from bank_link.sign_on import MOST_MISSING, MOST_RANGES, read_claims, verify_claims

#: So many missing numbers are looked after at once; what is beyond comes with a later sign-on.
MOST_NUMBERS = 8_000


class _Wanted:
    """The keys that a batch names. `telling`: terminals that bring facts, which may post to any house account and open
    cases; `beginning`: those whose open visits end; `presented`: cards that open a visit; `posting`: posts are among it; `speaking`: visits at
    which a language was chosen, `named` their cards.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.days = {tools.limits.day(tools.now_ms)}
        self.sessions: set[str] = set()
        self.terminals: set[str] = set()
        self.signing_on: set[str] = set()
        self.echoing: set[str] = set()
        self.telling: set[str] = set()
        self.beginning: set[str] = set()
        self.presented: set[str] = set()
        self.digests: set[bytes] = set()
        self.guarded: set[str] = set()
        self.posting = False
        self.speaking: set[str] = set()
        self.named: set[str] = set()
        self.numbers: set[tuple[str, int, int]] = set()
        self.holds: set[str] = set()
        self.visits: set[str] = set()
        self.cards: set[str] = set()
        self.accounts: set[str] = set()
        self.payees: set[str] = set()
        self.posts: set[tuple[str, int, int]] = set()
        self.changed: set[str] = set()
        self.changed_accounts: set[str] = set()
        self.billers: set[str] = set()
        self.categories: tuple[str, ...] = ()
        self.closing: set[str] = set()
        self.opening = False
        self.welcoming: set[str] = set()
        self.deposits: set[tuple[str, int, int]] = set()

    def add(self, item: Item) -> None:
        envelope = item.frame.envelope
        self.sessions.add(envelope.session)
        self.terminals.add(envelope.terminal)
        if envelope.kind == "sign-on":
            self.signing_on.add(envelope.terminal)
            self.beginning.add(envelope.terminal)
        if envelope.kind == "echo":
            self.echoing.add(envelope.terminal)
        try:
            message = item.request
        except MessageRefused:
            return
        self._add_message(envelope.terminal, envelope.generation, message)
        # What an earlier sign-on named has its row already, and so has what a reversal ended.
        self.numbers.update((envelope.terminal, *number) for number in spread(item.missing.ranges))

    def _add_message(self, terminal: str, generation: int, message: Message) -> None:
        made_by = getattr(message, "made_by", None)
        generation = made_by.generation if made_by is not None else generation
        for name in ("number", "transaction"):
            number = getattr(message, name, 0)
            if number:
                self.numbers.add((terminal, generation, number))
        transaction = getattr(message, "transaction", 0)
        if transaction:
            self.holds.add(f"h{terminal}.{generation}.{transaction}")
        if isinstance(message, FACTS):
            self.telling.add(terminal)
        if isinstance(message, Post | Inquire):
            self._add_asked(message)
        if isinstance(message, Reversal):
            self.visits.add(f"v{terminal}.{generation}.{transaction}")
            self.posts.add((terminal, generation, transaction))
            self.deposits.add((terminal, generation, transaction))
        self._add_slip(terminal, generation, message)
        if isinstance(message, OpenAccount):
            self._add_newcomer(terminal, generation, message)
        if isinstance(message, OpenVisit):
            self._add_presented(terminal, generation, message)
            self.visits.add(f"v{terminal}.{generation}.{message.number}")
            self.beginning.add(terminal)
            self.categories = CATEGORIES
        if isinstance(message, Completion):
            self.accounts.add(message.account)
            self.cards.add(message.card)
            self._add_day(message)
        self._add_visit(message)

    def _add_visit(self, message: Message) -> None:
        visit = getattr(message, "visit", "")
        self.visits.add(visit)
        if isinstance(message, CloseVisit) and message.language:
            self.speaking.add(visit)

    def _add_presented(self, terminal: str, generation: int, message: OpenVisit) -> None:
        if message.card:
            self.presented.add(self._tools.keys.card_reference(message.card))
            return
        self.guarded.add(terminal)
        with contextlib.suppress(PinError):
            digits = codes.digits_of(self._tools.keys, message, terminal, generation)
            self.digests.add(self._tools.keys.code_digest(digits))

    def _add_asked(self, message: Post | Inquire) -> None:
        self.payees.add(message.to)
        if isinstance(message, Post):
            self.posting = True
            if message.what == CLOSE:
                self.closing.add(message.account)
            self.opening = self.opening or message.what == OPENING
            self.billers.add(message.to)
        elif message.what == "billers":
            self.categories = CATEGORIES

    def _add_newcomer(self, terminal: str, generation: int, message: OpenAccount) -> None:
        self.opening = True
        self.welcoming.add(terminal)
        self.posts.add((terminal, generation, message.number))
        numbers = candidates(self._tools, terminal, generation, message.number)
        self.cards |= {self._tools.keys.card_reference(number) for number in numbers}

    def _add_slip(self, terminal: str, generation: int, message: Message) -> None:
        """What a fact says that the bank signed once."""
        if isinstance(message, Posted):
            self.posts.add((terminal, generation, message.number))
        if not isinstance(message, Posted | Credit | CardWritten):
            return
        slip = _slip(message.slip)
        if slip is None:
            return
        self.cards.add(slip.card)
        if slip.kind in CHANGES:
            self.changed.add(slip.card)
            self.changed_accounts.add(slip.account)
        self.accounts |= {slip.account, slip.to}
        self.billers.add(slip.biller)
        if isinstance(message, Credit):
            key = (slip.terminal, slip.generation, slip.number)
            self.deposits.add(key)
            # Cases are found by the number that they are about.
            self.numbers.add(key)

    def _add_day(self, message: Completion) -> None:
        """The day that a payment counts for is its release's, which a restored bank knows from the slip alone."""
        slip = _slip(message.authority) if message.authority is not None else None
        if slip is not None and abs(self._tools.now_ms - slip.at) < OLDEST_FACT_MS:
            self.days.add(self._tools.limits.day(slip.at))


def _slip(signed: Signed) -> Slip | None:
    """What it says, to be believed once its signature is checked."""
    try:
        return msgspec.json.decode(signed.signed, type=Slip)
    except (msgspec.MsgspecError, MoneyError, UnicodeDecodeError, RecursionError):
        return None


def load(connection: Connection, batch: Sequence[Item], tools: Tools) -> Books:
    """The rows that `batch` can touch, as they are now."""
    wanted, books = _Wanted(tools), Books()
    currency = tools.limits.currency
    for item in batch:
        wanted.add(item)
    _SESSIONS(connection, books, wanted.sessions)
    _OPEN_SESSIONS(connection, books, wanted.signing_on)
    _TERMINALS(connection, books, wanted.terminals)
    _NUMBERINGS(connection, books, wanted.terminals)
    _NUMBERS(connection, books, wanted.numbers)
    _LOST_NUMBERS(connection, books, wanted.echoing)
    holds = _HOLDS(connection, books, wanted.holds)
    wanted.visits |= {hold.visit for hold in holds}
    for visit in _VISITS(connection, books, wanted.visits) + _OPEN_VISITS(connection, books, wanted.beginning):
        wanted.cards.add(visit.card)
        if visit.visit in wanted.speaking:
            wanted.named.add(visit.card)
    for hold in holds:
        wanted.cards.add(hold.card)
        wanted.accounts.add(hold.account)
        wanted.days.add(hold.day)
    _load_posts(connection, books, wanted)
    for begun in _DEPOSITS(connection, books, wanted.deposits):
        wanted.cards.add(begun.card)
        wanted.accounts.add(begun.account)
    _load_codes(connection, books, wanted)
    _load_cards(connection, books, wanted)
    _load_billers(connection, books, wanted)
    if wanted.telling:
        # Cases about the transactions that the batch names: a second word about one finds the first.
        _CASES(connection, books, wanted.numbers)
        wanted.accounts |= {vault_account(currency), suspense_account(currency), equity_account(currency)}
        wanted.accounts |= {cash_account(terminal, currency) for terminal in wanted.telling}
    if wanted.opening:
        wanted.accounts.add(LAST_ACCOUNT.value(connection) or "")
    load_accounts(connection, books, wanted.accounts)
    if wanted.welcoming:
        _NEWCOMERS(connection, books, wanted.welcoming, days=sorted(wanted.days))
        _CUSTOMERS(connection, books, {LAST_CUSTOMER.value(connection) or ""})
    _CUSTOMERS(connection, books, {payee.owner for payee in _ACCOUNTS(connection, books, wanted.payees)})
    return books


def _load_posts(connection: Connection, books: Books, wanted: _Wanted) -> None:
    """What was posted, and of a change those that came after it."""
    _BILLS(connection, books, wanted.posts)
    for done in _POSTS(connection, books, wanted.posts):
        wanted.cards.add(done.card)
        if done.what in CHANGES:
            wanted.changed.add(done.card)
            wanted.changed_accounts.add(done.account)
        wanted.accounts |= {done.account, done.to_account}
    _CHANGES_OF(connection, books, wanted.changed)
    _CHANGES_OF_ACCOUNT(connection, books, wanted.changed_accounts)


def _load_codes(connection: Connection, books: Books, wanted: _Wanted) -> None:
    """Codes that are typed now, and those that a visit or a hold is of; with all that was ever held for them."""
    _CODE_GUARDS(connection, books, wanted.guarded)
    wanted.cards |= {code.card for code in _CODES_BY_DIGEST(connection, books, wanted.digests)}
    coded = {card for card in wanted.cards if codes.is_code(card)}
    wanted.accounts |= {code.account for code in _CODES(connection, books, coded)}
    wanted.accounts |= {hold.account for hold in _CODE_HOLDS(connection, books, coded)}


def _load_cards(connection: Connection, books: Books, wanted: _Wanted) -> None:
    cards = _CARDS(connection, books, wanted.cards | wanted.presented)
    _CUSTOMERS(connection, books, {card.customer for card in cards if card.card in wanted.presented | wanted.named})
    _OPERATORS(connection, books, wanted.presented)
    wanted.cards |= wanted.presented
    _USUALS(connection, books, wanted.cards if wanted.posting or wanted.telling else wanted.presented)
    for link in _CARD_ACCOUNTS(connection, books, wanted.cards):
        wanted.accounts.add(link.account)
    _USAGE_OF_DAYS(connection, books, wanted.cards, days=sorted(wanted.days))
    sending = wanted.cards if wanted.posting else wanted.presented
    _POSTS_OF_DAYS(connection, books, sending, days=sorted(wanted.days))
    holds = _CARD_HOLDS(connection, books, wanted.presented)
    wanted.accounts.update(hold.account for hold in holds)
    load_usage(connection, books, [hold for hold in holds if hold.day not in wanted.days])


def _load_billers(connection: Connection, books: Books, wanted: _Wanted) -> None:
    found = _BILLERS(connection, books, wanted.billers) + _OPEN_BILLERS(connection, books, wanted.categories)
    wanted.accounts.update(biller.account for biller in found)
    _BILLERS_OF(connection, books, wanted.closing)
    _OPEN_DEPOSITS_OF(connection, books, wanted.closing)
    _OPEN_CASES_OF(connection, books, wanted.closing)


def load_usage(connection: Connection, books: Books, holds: Iterable[Hold]) -> None:
    """A hold of another day gives back to that day."""
    _USAGE(connection, books, {(hold.card, hold.day, hold.currency) for hold in holds})


def load_links(connection: Connection, books: Books, cards: Iterable[str]) -> list[CardAccount]:
    return _CARD_ACCOUNTS(connection, books, cards)


def load_accounts(connection: Connection, books: Books, accounts: Iterable[str]) -> None:
    _ACCOUNTS(connection, books, accounts)


def find_missing(connection: Connection, message: SignOn) -> Missing:
    """Which of the numbers that a sign-on names this bank has lost, or was told before and has not made up for yet."""
    try:
        claims = read_claims(message)
        # Only a terminal's own word is worth the search.
        verify_claims(message, _PUBLIC_KEY.value(connection, terminal=claims.terminal) or b"")
    except MessageRefused:
        return Missing()
    said = claims.answered
    last = itertools.islice(_unknown(connection, claims.terminal, said.ranges[:MOST_RANGES]), MOST_NUMBERS)
    walk = itertools.islice(_unknown(connection, claims.terminal, said.walk[:MOST_RANGES]), MOST_NUMBERS)
    of_last, of_all = set(last), set(walk)
    of_all |= of_last
    named = group(of_all)
    if len(named) > MOST_MISSING or len(of_all) >= MOST_NUMBERS:
        return Missing(named[:MOST_MISSING], Rest.SAME)
    return Missing(named, Rest.OLDER if (said.more if of_last else said.walk_more) else Rest.NONE)


def _unknown(connection: Connection, terminal: str, ranges: Sequence[NumberRange]) -> Iterator[Numbered]:
    for generation, first, last in ranges:
        between = {"terminal": terminal, "generation": generation, "first": first, "last": last}
        if _KNOWN_COUNT.value(connection, **between) < last - first + 1:
            known = {number for (number,) in _KNOWN.rows(connection, **between)}
            yield from ((generation, number) for number in range(first, last + 1) if number not in known)


_SESSIONS = Lookup(SessionRow)
_OPEN_SESSIONS = Lookup(SessionRow, "terminal", where=[schema.sessions.c.ended == 0])
_TERMINALS = Lookup(Terminal)
_NUMBERINGS = Lookup(Numbering, "terminal")
_NUMBERS = Lookup(NumberRow)
_LOST_NUMBERS = Lookup(NumberRow, "terminal", where=[schema.numbers.c.state == "lost"])
_VISITS = Lookup(Visit)
_OPEN_VISITS = Lookup(Visit, "terminal", where=[schema.visits.c.state == "open"])
_HOLDS = Lookup(Hold)
_CARD_HOLDS = Lookup(Hold, "card", where=[schema.holds.c.state.in_(("held", "released", "case"))])
_OPEN_CASES_OF = Lookup(Case, "account", where=[schema.cases.c.state == "open"])
_CODES = Lookup(Code)
_CODES_BY_DIGEST = Lookup(Code, "digest")
_CODE_HOLDS = Lookup(Hold, "card")
_CODE_GUARDS = Lookup(CodeGuard)
_CASES = Lookup(Case, "terminal", "generation", "number")
_CARDS = Lookup(Card)
_CUSTOMERS = Lookup(Customer)
_OPERATORS = Lookup(Operator)
_CARD_ACCOUNTS = Lookup(CardAccount, "card")
_USUALS = Lookup(Usual)
_USAGE = Lookup(Usage)
_USAGE_OF_DAYS = Lookup(Usage, "card", where=[schema.usage.c.day.in_(bindparam("days", expanding=True))])
_POSTS = Lookup(PostRow)
_POSTS_OF_DAYS = Lookup(PostRow, "card", where=[schema.posts.c.day.in_(bindparam("days", expanding=True))])
_CHANGES_OF = Lookup(
    PostRow, "card", where=[schema.posts.c.what.in_(sorted(CHANGES)), schema.posts.c.state == "posted"]
)
#: Another card of the same account may have changed it since.
_CHANGES_OF_ACCOUNT = Lookup(
    PostRow, "account", where=[schema.posts.c.what.in_((LABEL, CLOSE)), schema.posts.c.state == "posted"]
)
_BILLS = Lookup(Bill)
_BILLERS = Lookup(Biller)
_BILLERS_OF = Lookup(Biller, "account", where=[schema.billers.c.state == "open"])
_OPEN_BILLERS = Lookup(Biller, "category", where=[schema.billers.c.state == "open"])
_NEWCOMERS = Lookup(
    PostRow, "terminal",
    where=[schema.posts.c.what == NEWCOMER, schema.posts.c.day.in_(bindparam("days", expanding=True))],
)  # fmt: skip
_DEPOSITS = Lookup(DepositRow)
_OPEN_DEPOSITS_OF = Lookup(DepositRow, "account", where=[schema.deposits.c.state.in_(("open", "case"))])
_ACCOUNTS = Lookup(Account)

#: The customers' account number that was given out last.
LAST_ACCOUNT = Prepared(
    select(schema.accounts.c.account)
    .where(schema.accounts.c.kind == "customer")
    .order_by(schema.accounts.c.account.desc())
    .limit(1)
)
#: The customer's id that was given out last.
LAST_CUSTOMER = Prepared(
    select(schema.customers.c.customer)
    # Operators are persons of the same table.
    .where(schema.customers.c.customer.like("C%"))
    .order_by(func.length(schema.customers.c.customer).desc(), schema.customers.c.customer.desc())
    .limit(1)
)
_PUBLIC_KEY = Prepared(
    select(schema.terminals.c.public_key).where(schema.terminals.c.terminal == bindparam("terminal"))
)
_KNOWN_IN_RANGE = (
    schema.numbers.c.terminal == bindparam("terminal"),
    schema.numbers.c.generation == bindparam("generation"),
    schema.numbers.c.number.between(bindparam("first"), bindparam("last")),
    schema.numbers.c.answered == 1,
    schema.numbers.c.state != "lost",
)
_KNOWN_COUNT = Prepared(select(func.count()).select_from(schema.numbers).where(*_KNOWN_IN_RANGE))
_KNOWN = Prepared(select(schema.numbers.c.number).where(*_KNOWN_IN_RANGE))
