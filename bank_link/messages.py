"""Every message that kiosk and bank exchange, as structs that both ends import. `docs/protocol.md` says what they mean.

A request's class is its kind; the bank answers with the class named beside it, or with `Refused`, `InProgress` or
`SignOnNeeded`. Money is minor units with its currency; times are bank time in milliseconds since 1970 UTC; ids are
text; secrets, keys and signatures are bytes (base64 in the JSON).
"""

from __future__ import annotations

import enum
import functools
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from bank_link.money import Money

Number = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Whole = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Time = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+\Z")]
#: A language as the bank keeps it (`es`, `de-CH`), or none.
Language = Annotated[str, Meta(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})?)?\Z")]
CardId = Annotated[str, Meta(pattern=r"^[0-9]{16}\Z")]
Text = Annotated[str, Meta(max_length=400)]
Pem = Annotated[str, Meta(max_length=16_384)]
Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
Blob = Annotated[bytes, Meta(max_length=16_384)]


class _Root:
    """What bodies and their pieces have in common: one encoding, and a `repr` without secrets."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """The encoder leaves out a default only where it is the very object: equal text becomes it."""
        for name, default in _text_defaults(type(self)):  # type: ignore[arg-type]  # mypy: a class is hashable
            if getattr(self, name) == default:
                force_setattr(self, name, default)  # type: ignore[arg-type]  # a mix-in of structs only

    def __repr__(self) -> str:
        """For logs and failed assertions: bytes by their length, a card number by its last digits, no token."""
        shown = (f"{name}={_discreet(name, getattr(self, name))}" for name in self.__struct_fields__)  # type: ignore[attr-defined]
        return f"{type(self).__name__}({', '.join(shown)})"


@functools.cache
def _text_defaults(kind: type) -> tuple[tuple[str, str], ...]:
    found = ((field.name, field.default) for field in msgspec.structs.fields(kind))
    return tuple((name, default) for name, default in found if isinstance(default, str) and default)


def _discreet(name: str, value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, str) and len(value) == 16 and value.isdecimal():
        return f"<ends {value[-4:]}>"
    return "<hidden>" if name == "token" else repr(value)


class Message(_Root, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Root of all bodies. Unknown fields are refused: what one end means, the other must understand."""


class Part(_Root, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A piece of a body."""


# ── Pieces ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Rest(enum.StrEnum):
    """What a restored bank has still to be told of once its `missing` is made up for: see `Answered`."""

    NONE = ""
    SAME = "same"
    OLDER = "older"


class Reason(enum.StrEnum):
    """Why the bank does not do what a request asks; each is also the key under which a screen speaks of it."""

    LATE = "late"  # past its deadline
    ENDED = "ended"  # a tombstone: its transaction was ended by a reversal
    OTHER_BODY = "other-body"  # the same number with another body
    SUSPENDED = "suspended"
    PENDING = "pending"  # enrolled, not yet confirmed by a person
    NO_VISIT = "no-visit"
    NO_CARD = "no-card"
    NO_HOLD = "no-hold"
    NOT_HERE = "not-here"  # an operator's card that is not for this machine
    CARD_IN_USE = "card-in-use"
    CARD_OUTDATED = "card-outdated"  # a copy, or the original after its copy was used: needs re-activation
    CARD_PROOF = "card-proof"  # the secret is not this card's
    CARD_EXPIRED = "card-expired"
    CARD_FROZEN = "card-frozen"  # by its customer, or by the bank
    WRONG_PIN = "wrong-pin"
    PIN_LOCKED = "pin-locked"
    PIN_BLOCK = "pin-block"  # cannot be opened
    WRONG_CODE = "wrong-code"  # no cash code has these digits, or it is over
    CODE_LOCKED = "code-locked"  # too many wrong ones at this terminal
    NO_ACCOUNT = "no-account"
    NO_PAYEE = "no-payee"  # nobody has the account that money would go to, or no such biller
    BILL_NUMBER = "bill-number"  # not of the form that the biller's bills have
    NOT_EMPTY = "not-empty"  # the account to be closed; `possible` is in it, or missing from it
    NOT_SETTLED = "not-settled"  # something about the account to be closed is still open
    ACCOUNT_LIMIT = "account-limit"  # the card has as many accounts as can be opened at machines
    CURRENCY = "currency"
    AMOUNT = "amount"  # zero, too large, or a note mix that does not add up to it
    AMOUNT_LIMIT = "amount-limit"  # the day's limit on amount
    COUNT_LIMIT = "count-limit"  # the day's limit on the number of transactions
    FUNDS = "funds"
    UNSUPPORTED = "unsupported"  # a kind that this bank does not offer
    MALFORMED = "malformed"


class Accuracy(enum.StrEnum):
    """How far a count can be believed (XFS4IoT CashManagement, count accuracy)."""

    ACCURATE = "accurate"
    ACCURATE_SET = "accurate-set"  # set by a person
    INACCURATE = "inaccurate"
    UNKNOWN = "unknown"


class Outcome(enum.StrEnum):
    """What a dispense came to (XFS4IoT: presented, not presented, unknown)."""

    PRESENTED = "presented"
    NOT_PRESENTED = "not-presented"
    UNKNOWN = "unknown"


class TakenState(enum.StrEnum):
    """What is known of presented notes. Of the *drop* mechanism nothing is."""

    TAKEN = "taken"
    RETRACTED = "retracted"
    UNKNOWN = "unknown"


class CassetteCount(Part, frozen=True, kw_only=True):
    """One cassette: `count` notes of face value `value` in it, `rejected` out of it in the reject bin."""

    cassette: Id
    value: Money
    count: Count
    rejected: Count = 0
    accuracy: Accuracy = Accuracy.ACCURATE


class NoteCount(Part, frozen=True, kw_only=True):
    """`count` notes of face value `value` out of `cassette`."""

    cassette: Id
    value: Money
    count: Count


class Signed(Part, frozen=True, kw_only=True):
    """Bytes that the bank signed (Ed25519), kept as bytes so that the signature holds for ever."""

    signed: Blob
    signature: Signature


class Maker(Part, frozen=True, kw_only=True):
    """Who made a fact: the generation and boot of the terminal then, however late it arrives."""

    generation: Number
    boot: Id


class Slip(Part, frozen=True, kw_only=True):
    """What the bank signs about one number; with the vault's `nonce`, a `release` slip is a dispense authority.

    `transaction` is the number of the authorise whose hold it releases. Of a `deposit`, `amount` is the most that may be
    paid in. `card` is the bank's reference of the card,
    never its number: slips are kept in journals. (`card_epoch`, `card_n`) is the card's position that was confirmed
    (0, 0: none): a bank that was restored learns from it which copies are spent. `to`: of a transfer or a bill, the
    account that has the money now; of an opening, the new one. `biller`: whose bill was paid. `text`: the bill's number, or an account's new label.
    """

    kind: Id
    terminal: Id
    generation: Number
    boot: Id
    number: Number
    transaction: Number
    card: Id
    account: Id
    to: Annotated[str, Meta(max_length=64)] = ""
    biller: Annotated[str, Meta(max_length=64)] = ""
    text: Annotated[str, Meta(max_length=64)] = ""
    amount: Money
    nonce: bytes = b""
    card_epoch: Whole = 0
    card_n: Whole = 0
    at: Time
    expires: Time


class DeviceStatus(Part, frozen=True, kw_only=True):
    """A device as the echo reports it (XFS4IoT Common.Status in short)."""

    device: Id
    state: Id
    sentence: Text = ""


class AccountView(Part, frozen=True, kw_only=True):
    """An account as a customer sees it at a machine. `may`: "withdraw", "balance", "transfer", "statement",
    "deposit", "bill".
    """

    account: Id
    label: Text
    currency: Id
    masked: Text
    may: tuple[Id, ...] = ()


#: Numbers of one generation: (generation, first, last), both ends belong to it.
NumberRange = tuple[Number, Number, Number]


class Answered(Part, frozen=True, kw_only=True):
    """Numbers that the kiosk has answers for on disk: those that were answered last, and, while a restored bank is
    being told more than one sign-on can name, the next step of the walk through all that came before.

    `more`, `walk_more`: others were answered before those in `ranges`, before those in `walk`.
    """

    ranges: tuple[NumberRange, ...] = ()
    more: bool = False
    walk: tuple[NumberRange, ...] = ()
    walk_more: bool = False


# ── Before there is a session ───────────────────────────────────────────────────────────────────────────────────────


class Enrol(Message, frozen=True, kw_only=True, tag="enrol"):
    """First contact, on a listener of its own → Enrolled. `csr` is PKCS #10 (DER) of the key made at the terminal."""

    token: Text
    csr: Blob
    fingerprint: Text


class Enrolled(Message, frozen=True, kw_only=True, tag="enrolled"):
    """Certificates are PEM; `address` is `host:port` of the main listener; `bank` is its name."""

    terminal: Id
    generation: Number
    certificate: Pem
    cas: tuple[Pem, ...]
    address: Text
    bank: Text


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """→ HelloBack. The kiosk's nonce opens the sign-on's challenge."""

    nonce: Key


class HelloBack(Message, frozen=True, kw_only=True, tag="hello-back"):
    """`nonce` is a MAC over its own time and the kiosk's nonce: the bank keeps nothing. `last_boot`: "" where none."""

    nonce: Blob
    time: Time
    last_boot: Annotated[str, Meta(max_length=64)] = ""


class SignOn(Message, frozen=True, kw_only=True, tag="sign-on"):
    """→ SignedOn. `signed` holds a `SignOnClaims`, signed by the terminal's key."""

    signed: Blob
    signature: Signature


class SignOnClaims(Part, frozen=True, kw_only=True):
    """What a terminal says of itself. `ephemeral` is an X25519 key."""

    terminal: Id
    generation: Number
    kiosk_nonce: Key
    bank_nonce: Blob
    ephemeral: Key
    journal: Id
    boot: Id
    knows_last_boot: bool
    answered: Answered
    highest_taken: Whole = 0
    outbox: Count = 0
    counts: tuple[CassetteCount, ...] = ()


class SignedOn(Message, frozen=True, kw_only=True, tag="signed-on"):
    """`signed` holds a `Session`, signed by the bank's slip key; `slip_certificate` (PEM) chains to a pinned CA."""

    signed: Blob
    signature: Signature
    slip_certificate: Pem


class Session(Part, frozen=True, kw_only=True):
    """What the bank opens. `claims` is the SHA-256 of the sign-on's signed bytes: it answers that one and no other.

    `missing`: numbers that the kiosk has answers for and the bank has not (it was restored); `rest` says which the next
    sign-on has to name. `next_number`: the kiosk goes on from the higher of the two. `state`: "active", or "suspended" (facts only). `exchange_needed`: out of
    service until an operator's exchange. `slip_keys`: raw Ed25519 keys whose slips hold; `pin_key`: X25519. `products`: what accounts can be
    opened here; `open_to_all`: also by who has no card yet.
    """

    claims: Key
    session: Id
    ephemeral: Key
    time: Time
    state: Id
    state_sentence: Text = ""
    missing: tuple[NumberRange, ...] = ()
    rest: Rest = Rest.NONE
    next_number: Number
    exchange_needed: bool = False
    pin_key: Key
    pin_key_id: Id
    slip_keys: tuple[Key, ...]
    next_cas: tuple[Pem, ...] = ()
    currency: Id
    most_per_withdrawal: Money
    hold_ms: Whole
    echo_ms: Whole
    audit_head: Id
    products: tuple[Text, ...] = ()
    open_to_all: bool = False


# ── In a session ────────────────────────────────────────────────────────────────────────────────────────────────────


class Echo(Message, frozen=True, kw_only=True, tag="echo"):
    """Every 30 s → EchoBack. `outbox`: facts that wait; `parked`: facts that the bank could not read, set aside.

    `session`: the one in which this was said: sent again after a new sign-on it does not know what the bank has asked for.
    """

    session: Annotated[str, Meta(max_length=64)] = ""
    devices: tuple[DeviceStatus, ...] = ()
    counts: tuple[CassetteCount, ...] = ()
    outbox: Count = 0
    parked: Count = 0
    in_service: bool = False
    why: Text = ""


class Command(enum.StrEnum):
    """What the bank asks of a terminal in an echo's answer."""

    OUT_OF_SERVICE = "out-of-service"
    SIGN_ON = "sign-on"
    RENEW_CERTIFICATE = "renew-certificate"


class EchoBack(Message, frozen=True, kw_only=True, tag="echo-back"):
    commands: tuple[Command, ...] = ()
    why: Text = ""


class OpenVisit(Message, frozen=True, kw_only=True, tag="open-visit"):
    """→ VisitOpened. `proof` shows that the card's secret of (epoch, n) is here; `pin_block` only the issuer opens.

    A cash code instead of a card: `pin_block` holds its digits, and what is about a card is left out.
    """

    number: Number
    deadline: Time
    card: Annotated[str, Meta(pattern=r"^([0-9]{16})?\Z")] = ""
    epoch: Whole = 0
    n: Whole = 0
    proof: Annotated[bytes, Meta(max_length=32)] = b""
    pin_block: Blob
    pin_key_id: Id


class VisitOpened(Message, frozen=True, kw_only=True, tag="visit-opened"):
    """`next_*` go onto the card at once. `left_today`: what may still be taken in cash today; `send_left`: what may
    still be sent to others. `frozen`: nothing goes but to unfreeze it.
    still be sent to others. `role`: "" is a customer's; "operator" moves no money and names its holder in `name`.
    `fixed`: a cash code's amount; what is taken is that, once.
    """

    visit: Id
    card: Id  # the bank's reference, for slips and facts
    next_epoch: Number
    next_n: Whole
    next_secret: bytes = b""  # never part of a stored answer: derived again
    accounts: tuple[AccountView, ...]
    language: Id = "en"
    usual: Money | None = None
    left_today: Money | None = None
    send_left: Money | None = None
    frozen: bool = False
    role: Annotated[str, Meta(max_length=16)] = ""
    name: Text = ""
    fixed: Money | None = None


class Inquire(Message, frozen=True, kw_only=True, tag="inquire"):
    """Reads, changes nothing. `what`: "balance" → Figures, "statement" → Statement, "payee" → Payee (of account `to`),
    "billers" → Billers.
    """

    deadline: Time
    visit: Id
    account: Id
    what: Id = "balance"
    to: Annotated[str, Meta(max_length=64)] = ""


class Figures(Message, frozen=True, kw_only=True, tag="figures"):
    """`available`: what can be used now; `ledger`: what is in the account."""

    available: Money
    ledger: Money


class StatementLine(Part, frozen=True, kw_only=True):
    """What moved in an account: `amount` is negative where it left. `what` is the posting's kind, `other` a name."""

    at: Time
    amount: Money
    what: Id
    other: Text = ""


class Statement(Message, frozen=True, kw_only=True, tag="statement"):
    """The last ten, the newest first."""

    lines: tuple[StatementLine, ...] = ()


class Payee(Message, frozen=True, kw_only=True, tag="payee"):
    """Whose account that is, so that its name can be read before money moves."""

    account: Id
    name: Text
    masked: Text


class Biller(Part, frozen=True, kw_only=True):
    """Whose bills can be paid. `category`: "water", "electricity", "school" or "other". `account` gets the money.

    A bill's number has `digits` digits; `check`: "" or the check that it passes (`bank_link.bills`).
    """

    biller: Id
    name: Text
    category: Id
    account: Id
    digits: Count
    check: Annotated[str, Meta(max_length=16)] = ""


class Billers(Message, frozen=True, kw_only=True, tag="billers"):
    """By category and name."""

    billers: tuple[Biller, ...] = ()


class Authorise(Message, frozen=True, kw_only=True, tag="authorise"):
    """→ Authorised: a hold. `mix` is what the machine would pay it with and adds up to `amount`."""

    number: Number
    deadline: Time
    visit: Id
    account: Id
    amount: Money
    mix: tuple[NoteCount, ...]
    product: Id = "withdrawal"


class Authorised(Message, frozen=True, kw_only=True, tag="authorised"):
    """`hold` is voided by the bank at `expires` unless it is released before."""

    hold: Id
    amount: Money
    reference: Id
    expires: Time


class Release(Message, frozen=True, kw_only=True, tag="release"):
    """→ Released. Sent once the card is written, read back and *taken*; `nonce` is the vault's."""

    number: Number
    deadline: Time
    transaction: Number
    hold: Id
    n: Whole
    nonce: Key
    boot: Id


class Released(Message, frozen=True, kw_only=True, tag="released"):
    """`authority` holds a `Slip` of kind "release" with the nonce."""

    authority: Signed


class Post(Message, frozen=True, kw_only=True, tag="post"):
    """One-step change of money or record → Slipped. `what`: "transfer" (`account`, `to`, `amount`), "bill" (`account`,
    `to`: the biller, `text`: the bill's number, `amount`), "pin-change" (`pin_block`: the new one), "label" (`account`,
    `text`: what it is called from now on), "usual" (`amount`), "freeze" and "unfreeze" (the card), "close" (`account`),
    "opening" (`text`: the product; the slip's `to` is the new account).
    `n` names the secret that is on the card.
    """

    number: Number
    deadline: Time
    visit: Id
    n: Whole
    what: Id
    account: Id = "none"
    to: Annotated[str, Meta(max_length=64)] = ""
    amount: Money | None = None
    pin_block: Blob = b""
    pin_key_id: Annotated[str, Meta(max_length=64)] = ""
    text: Annotated[str, Meta(max_length=64)] = ""


class OpenAccount(Message, frozen=True, kw_only=True, tag="open-account"):
    """A new customer's account and card, where the bank offers that → AccountOpened. There is no visit: nobody is known.

    `product`: one of the session's. The PIN block is bound to `pin_digits_of` this message's number, as there is no card.
    """

    number: Number
    deadline: Time
    product: Text
    language: Id = "en"
    pin_block: Blob
    pin_key_id: Id


class AccountOpened(Message, frozen=True, kw_only=True, tag="account-opened"):
    """`slip` holds a `Slip` of kind "newcomer". The account is pending until the card file is written."""

    slip: Signed
    file: Annotated[bytes, Meta(max_length=1024)] = b""  # never part of a stored answer: made again


def pin_digits_of(number: int) -> str:
    """What stands for a card's number in the PIN block of an `OpenAccount`: its own number, which no other has."""
    return f"{number:016d}"


class Deposit(Message, frozen=True, kw_only=True, tag="deposit"):
    """→ Slipped, of kind "deposit". `escrow`: "nothing", "note" or "bundle": what the acceptor can hold back."""

    number: Number
    deadline: Time
    visit: Id
    account: Id
    n: Whole
    escrow: Id


class Slipped(Message, frozen=True, kw_only=True, tag="slipped"):
    """`slip` holds a `Slip` about the request's number; `most`: what may be paid in."""

    slip: Signed
    most: Money | None = None


class CloseVisit(Message, frozen=True, kw_only=True, tag="close-visit"):
    """How it ended: "card-taken", "card-left", "card-retained". A courtesy, sent once → Acknowledged.

    `language`: what the customer chose at this visit, for the next one; "" where nothing was chosen.
    """

    visit: Id
    ended: Id
    language: Language = ""


# ── Facts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Completion(Message, frozen=True, kw_only=True, tag="completion"):
    """What became of a release → Acknowledged.

    `presented` are the customer's and are debited; `in_doubt` are neither; `surplus` went out with counted ones
    (double pick). `account`, `card` and `amount` let a bank post it that forgot the hold; `authority` is missing only
    where the kiosk never had its answer.
    """

    number: Number
    made_by: Maker
    transaction: Number
    hold: Id
    card: Id
    account: Id
    amount: Money
    authority: Signed | None = None
    outcome: Outcome
    presented: tuple[NoteCount, ...] = ()
    taken: TakenState = TakenState.UNKNOWN
    in_doubt: tuple[NoteCount, ...] = ()
    surplus: tuple[NoteCount, ...] = ()
    counts: tuple[CassetteCount, ...] = ()
    claim: Text = ""
    at: Time


class Reversal(Message, frozen=True, kw_only=True, tag="reversal"):
    """Ends a transaction whether or not the bank ever saw it → Acknowledged.

    `not_presented`: the nonce was burnt in the boot that asked for the release, and no motor started.
    """

    number: Number
    made_by: Maker
    transaction: Number
    why: Id
    not_presented: bool = False
    release_boot: Annotated[str, Meta(max_length=64)] = ""
    at: Time


class Credit(Message, frozen=True, kw_only=True, tag="credit"):
    """What became of a deposit → Acknowledged; never declined.

    `notes` are stacked and are credited; `in_doubt` went in, and nothing proves where they are; `unread`: so many more may
    have gone in whose value nothing proves. Both are not credited, and are a case.
    """

    number: Number
    made_by: Maker
    slip: Signed
    notes: tuple[NoteCount, ...] = ()
    in_doubt: tuple[NoteCount, ...] = ()
    unread: Count = 0
    claim: Text = ""
    at: Time


class Posted(Message, frozen=True, kw_only=True, tag="posted"):
    """A post that a restored bank has lost, by its slip → Acknowledged. `number` is the post's own."""

    number: Number
    made_by: Maker
    slip: Signed
    at: Time


class CardWritten(Message, frozen=True, kw_only=True, tag="card-written"):
    """An opening's card file is written and read back → Acknowledged."""

    number: Number
    made_by: Maker
    slip: Signed
    at: Time


class Exchange(Message, frozen=True, kw_only=True, tag="exchange"):
    """Cassettes as the operator left them → Acknowledged.

    `before`: what the machine believed; `found`: what the operator counted as he opened it (equal to `before` where he
    did not count); `after`: what is in it now. Rejects are counted apart and are taken out.
    """

    number: Number
    made_by: Maker
    before: tuple[CassetteCount, ...]
    found: tuple[CassetteCount, ...]
    after: tuple[CassetteCount, ...]
    by: Text
    at: Time


class Acknowledged(Message, frozen=True, kw_only=True, tag="acknowledged"):
    """A fact is in effect. `case`: "" where none was opened."""

    case: Annotated[str, Meta(max_length=64)] = ""


# ── Answers to anything ─────────────────────────────────────────────────────────────────────────────────────────────


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """A decision: nothing happens. `possible`: an amount that would go; `until`: when it could go; `tries_left`: PINs."""

    reason: Reason
    sentence: Text = ""
    possible: Money | None = None
    until: Time | None = None
    tries_left: Count | None = None


class InProgress(Message, frozen=True, kw_only=True, tag="in-progress"):
    """The same number is being decided: ask again."""


class SignOnNeeded(Message, frozen=True, kw_only=True, tag="sign-on-needed"):
    """No such session, or the bank is behind the kiosk. Bears no MAC, makes the kiosk do nothing but sign on."""


Request = (
    Enrol | Hello | SignOn | Echo | OpenVisit | Inquire | Authorise | Release | Post | OpenAccount | Deposit | CloseVisit
    | Completion | Reversal | Credit | Posted | CardWritten | Exchange
)  # fmt: skip
Answer = (
    Enrolled | HelloBack | SignedOn | EchoBack | VisitOpened | Figures | Statement | Payee | Billers | Authorised
    | Released | Slipped | AccountOpened | Acknowledged | Refused | InProgress | SignOnNeeded
)  # fmt: skip
Fact = Completion | Reversal | Credit | Posted | CardWritten | Exchange
FACTS = (Completion, Reversal, Credit, Posted, CardWritten, Exchange)
#: Requests that take a number and are no facts: they carry a deadline, and a reversal ends them.
NUMBERED = (OpenVisit, Authorise, Release, Post, OpenAccount, Deposit)


def kind(message: Message | type[Message]) -> str:
    """The kind of a message, or of a class of them, as the envelope and the logs name it."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str)
    return tag
