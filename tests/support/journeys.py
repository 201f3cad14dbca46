"""What customers come for, as data: at which screen they do what. Nothing here knows how a key is pressed.

Screens by their ids, choices by their keys, digits as they are typed: `town_ways` goes a journey by touch, keypad and
terminal, `page_way` by the simulator's page in a browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Passes Luhn's check.
BILL = "49927398716"
NEW_PIN = "86421"
#: Whoever speaks the first chooses the second.
CHOSEN = {"en": "es", "es": "de"}


@dataclass(frozen=True)
class At:
    """What is seen on a screen, by language, and then done there: a choice, keys, or a deed of the hands.

    `keys` and `choose` may name what differs from customer to customer: {pin}, {other}, {code}, {language}, {chosen}.
    `hand`: "insert" or "pull" the card, "take" the notes. `notes` are put in one after another, in whole units.
    """

    screen: str
    choose: str = ""
    keys: str = ""
    hand: str = ""
    notes: tuple[int, ...] = ()
    sees: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Journey:
    """From a machine at rest to a machine at rest.

    `moved` is by how much balances differ afterwards, in minor units: of the `card`'s account, the `other` customer's and
    the `biller`'s. `then`: questions to the bank's books, with {card}, {account}, {customer}, and their one answer.
    """

    name: str
    steps: tuple[At, ...]
    moved: Mapping[str, int] = field(default_factory=dict)
    then: tuple[tuple[str, object], ...] = ()


def _sign_in(pin: str = "{pin}") -> tuple[At, ...]:
    return At("welcome", hand="insert"), At("pin", keys=f"{pin}D")


_TAKE_CARD = (At("take.card", hand="pull"), At("welcome"))
_LEAVE = (At("menu", keys="A"), *_TAKE_CARD)
_MORE = (At("menu", choose="more"),)
_DETAILS = (*_MORE, At("more", choose="details"))
_CARD_STATE = "SELECT state FROM cards WHERE card = '{card}'"
_OTHER_ACCOUNTS = (
    "SELECT a.label FROM accounts a JOIN card_accounts c ON c.account = a.account"
    " WHERE c.card = '{card}' AND a.state = 'open' AND a.account <> '{account}'"
)

WITHDRAWAL = Journey(
    "withdrawal with a receipt",
    (
        *_sign_in(),
        At("menu", choose="cash"),
        At("cash", choose="other"),
        At("cash.other", keys="70D"),
        At("cash.mix", choose="fewest"),
        At("cash.receipt", choose="phone", sees={"en": "A receipt?", "es": "¿Desea recibo?", "ar": "هل تريد إيصالًا؟"}),
        At("take.card", hand="pull", sees={"en": "Take your card", "es": "Retire su tarjeta"}),
        At("take.cash", hand="take", sees={"en": "$70", "es": "$70", "ar": "70 $"}),
        At("receipt.qr", keys="D", sees={"en": "Your receipt", "es": "Su recibo", "ar": "إيصالك"}),
        At("welcome"),
    ),
    moved={"card": -70_00},
)

DEPOSIT = Journey(
    "deposit",
    (
        *_sign_in(),
        At("menu", choose="pay_in"),
        At("payin", notes=(50, 20)),
        At("payin.count", keys="D", sees={"en": "1 x $50, 1 x $20", "es": "1 x $50, 1 x $20"}),
        At("payin.done", keys="D", sees={"en": "$70 is paid in", "es": "$70 ingresados"}),
        *_LEAVE,
    ),
    moved={"card": 70_00},
    then=(("SELECT amount_minor FROM postings WHERE kind = 'deposit'", 70_00),),
)

BALANCE = Journey(
    "balance",
    (
        *_sign_in(),
        At("menu", choose="balance"),
        At("balance", choose="show"),
        At("balance.shown", keys="D", sees={"en": "$500.00", "es": "$500.00"}),
        *_LEAVE,
    ),
)

LAST_PAYMENTS = Journey(
    "last payments",
    (
        *_sign_in(),
        *_MORE,
        At("more", choose="list"),
        At("list", keys="D", sees={"en": "First deposit", "es": "Primer ingreso"}),
        *_LEAVE,
    ),
)

TRANSFER = Journey(
    "transfer",
    (
        *_sign_in(),
        At("menu", choose="send"),
        At("send.number", keys="{other}D"),
        At("send.amount", keys="60D"),
        At("send.ok", keys="D", sees={"en": "Send to Ada", "es": "¿Enviar a Ada", "ar": "إرسال إلى Ada"}),
        At(
            "send.done", keys="D",
            sees={"en": "$60.00 went to Ada", "es": "$60.00 enviados a Ada", "ar": "أُرسل 60.00 $ إلى Ada"},
        ),
        *_LEAVE,
    ),
    moved={"card": -60_00, "other": 60_00},
)  # fmt: skip

PIN_CHANGE = Journey(
    "PIN change",
    (
        *_sign_in(),
        *_MORE,
        At("more", choose="newpin"),
        At("newpin", keys=f"{NEW_PIN}D"),
        At("newpin.again", keys=f"{NEW_PIN}D"),
        At("newpin.done", keys="D", sees={"en": "Your PIN is changed", "es": "Su PIN ha cambiado"}),
        *_LEAVE,
        *_sign_in(NEW_PIN),
        *_LEAVE,
    ),
)

PAY_BILL = Journey(
    "bill",
    (
        *_sign_in(),
        At("menu", choose="bill"),
        At("bill.number", keys=f"{BILL}D"),
        At("bill.amount", keys="6430D"),
        At("bill.ok", keys="D", sees={"en": BILL, "es": BILL}),
        At("bill.done", keys="D", sees={"en": "$64.30 went to City Water", "es": "$64.30 pagados a City Water"}),
        *_LEAVE,
    ),
    moved={"card": -64_30, "biller": 64_30},
)

USUAL = Journey(
    "usual amount",
    (
        *_sign_in(),
        *_DETAILS,
        At("details", choose="usual"),
        At("usual", keys="80D"),
        At("usual.done", keys="D", sees={"en": "$80 is your usual amount", "es": "$80 es ahora su importe usual"}),
        At("menu", choose="cash"),
        At("cash", keys="A", sees={"en": "my usual", "es": "lo habitual"}),
        At("cancelled"),
        *_TAKE_CARD,
    ),
    then=(("SELECT amount_minor FROM usuals WHERE card = '{card}'", 80_00),),
)

FREEZE = Journey(
    "freeze and unfreeze",
    (
        *_sign_in(),
        *_DETAILS,
        At("details", choose="freeze"),
        At("freeze", keys="D"),
        At("freeze.done", keys="D", sees={"en": "Your card is frozen", "es": "Tarjeta bloqueada"}),
        *_TAKE_CARD,
        *_sign_in(),
        At("unfreeze", keys="D"),
        At("unfreeze.done", keys="D", sees={"en": "Your card works again", "es": "Su tarjeta ya funciona"}),
        *_TAKE_CARD,
    ),
    then=((_CARD_STATE, "active"),),
)

OPENING = Journey(
    "opening an account",
    (
        *_sign_in(),
        *_MORE,
        At("more", choose="open"),
        At("open", choose="product:1"),
        At("open.done", keys="D", sees={"en": "Savings is yours", "es": "Savings es suya"}),
        At("open.first", keys="A", sees={"en": "pay notes in now", "es": "ingresar billetes"}),
        *_LEAVE,
    ),
    then=((_OTHER_ACCOUNTS, "Savings"),),
)

CODE = Journey(
    "cardless code",
    (
        At("welcome", choose="language:{language}"),
        At("welcome", choose="code"),
        At("code", keys="{code}D", sees={"en": "Enter your cash code", "es": "Introduzca su código"}),
        At("code.ok", keys="D", sees={"en": "$70", "es": "$70"}),
        At("cash.mix", choose="fewest"),
        At("take.cash", hand="take", sees={"en": "Take your cash", "es": "Retire su dinero"}),
        At("welcome"),
    ),
    moved={"card": -70_00},
)

LANGUAGE = Journey(
    "language choice",
    (
        At("welcome", choose="languages"),
        At("languages", choose="language:{chosen}"),
        At("welcome", hand="insert", sees={"en": "Bienvenido", "es": "Willkommen"}),
        At("pin", keys="{pin}D", sees={"en": "Introduzca su PIN", "es": "PIN eingeben"}),
        At("menu", keys="A", sees={"en": "¿Qué desea hacer?", "es": "Was möchten Sie tun?"}),
        *_TAKE_CARD,
    ),
    then=(("SELECT language FROM customers WHERE customer = '{customer}'", "{chosen}"),),
)

JOURNEYS = (
    WITHDRAWAL, DEPOSIT, BALANCE, LAST_PAYMENTS, TRANSFER, PIN_CHANGE, PAY_BILL, USUAL, FREEZE, OPENING, CODE, LANGUAGE,
)  # fmt: skip
