"""A bank for tills is founded, or opened again; and a till of it is enrolled, which is what its auth file holds."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, func, select

from bank import schema
from bank.assembly import Bank, config_file
from bank.commands.desk import audit_event
from bank.founding import Charter, found
from bank.ledger.read import books_over
from bank.ledger.rows import Terminal
from bank.ledger.view import View
from bank.ledger.write import write
from bank_link.enrolment_string import fingerprint
from bank_link.identity import Identity
from bank_link.keys import KEY_BYTES, signing_public
from bank_link.seams import Randomness, WallClock
from config.bank import BankConfig, Serves
from config.load import load_bank

BY = "bank"
#: The contest's amounts have two decimals and no currency.
CURRENCY = "USD"
#: The name in the server's certificate: a till asks for it, whatever address it was told to connect to.
HOST = "localhost"


class OtherBank(Exception):
    """The directory holds a bank that is not for tills; `str()` is one sentence."""


async def opened(directory: Path, port: int, *, clock: WallClock, random: Randomness) -> Bank:
    """The bank for tills in `directory`, founded where there is none. Raises OtherBank, and what founding and opening raise."""
    if not config_file(directory).exists():
        charter = Charter(
            name="Till Bank", currency=CURRENCY, public_host=HOST, listen_host="0.0.0.0",  # noqa: S104 - the rules say so
            port=port, enrol_port=port - 1, serves=Serves.TILLS,
        )  # fmt: skip
        await found(directory, charter, clock=clock, random=random, by=BY)
    config = load_bank(config_file(directory))
    refuse_kiosks(config, directory)
    return await Bank.open(config, clock=clock, random=random)


def refuse_kiosks(config: BankConfig, directory: Path) -> None:
    """Raises OtherBank."""
    if config.serves is not Serves.TILLS:
        raise OtherBank(f"{directory} holds a bank for kiosks; name another directory, or serve it with atm-bank")


async def enrolled(bank: Bank, port: int, random: Randomness) -> Identity:
    """A new till of the bank: what goes into its auth file."""
    key = random.token_bytes(KEY_BYTES)
    now_ms = bank.clock.now_ms()
    terminal = await bank.store.write(_enrol, signing_public(key), now_ms)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    csr = request.sign(Ed25519PrivateKey.from_private_bytes(key), None).public_bytes(Encoding.DER)
    certificate = bank.ring.sign_terminal_certificate(csr, terminal=terminal, generation=1, now_ms=now_ms)
    return Identity(
        terminal=terminal, generation=1, signing_key=key, certificate=certificate, cas=bank.ring.ca_pems(),
        address=f"{HOST}:{port}", bank=bank.config.name,
    )  # fmt: skip


def _enrol(connection: Connection, public_key: bytes, now_ms: int) -> str:
    """Its id. A till's file is its word: nobody compares fingerprints."""
    count = connection.execute(select(func.count()).select_from(schema.terminals)).scalar_one()
    books = books_over(connection)
    view, name = View(books), f"T{count + 1}"
    said = fingerprint(public_key)
    view.put(
        Terminal(
            terminal=name, generation=1, public_key=public_key, fingerprint=said, state="active", enrolled_at=now_ms
        )
    )  # fmt: skip
    view.note(audit_event("till-enrolled", f"fingerprint {said}", by=BY, at_ms=now_ms, terminal=name))
    write(connection, books, view)
    return name
