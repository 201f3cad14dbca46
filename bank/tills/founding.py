"""A bank for tills is founded, or opened again; and a till of it is enrolled, which is what its auth file holds."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, func, select

from bank import schema
from bank.assembly import Bank, config_file
from bank.commands.desk import audit_event
from bank.founding import Charter, found, lay_books, new_ring
from bank.keys.tls import server_context
from bank.ledger.read import books_over
from bank.ledger.rows import Terminal
from bank.ledger.view import View
from bank.ledger.write import write
from bank.schema import VERSION
from bank.store.store import MEMORY, Store
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


@dataclass(frozen=True)
class TillBank:
    """An open bank for tills, and what its listener shows of itself."""

    bank: Bank
    context: ssl.SSLContext


async def kept_in(directory: Path, port: int, *, clock: WallClock, random: Randomness) -> TillBank:
    """The bank for tills in `directory`, founded where there is none. Raises OtherBank, and what founding and opening raise."""
    if not config_file(directory).exists():
        await found(directory, _charter(port), clock=clock, random=random, by=BY)
    config = load_bank(config_file(directory))
    refuse_kiosks(config, directory)
    bank = await Bank.open(config, clock=clock, random=random)
    return TillBank(bank, server_context(bank.ring, enrolment=False))


async def in_memory(port: int, *, clock: WallClock, random: Randomness) -> TillBank:
    """A bank that nobody will open again: when this returns, no file of it is left, neither books nor keys."""
    # OpenSSL and the key ring read files; they are gone before anybody is served.
    with tempfile.TemporaryDirectory(prefix="till-bank-", ignore_cleanup_errors=True) as folder:
        file = config_file(Path(folder))
        file.write_text(_charter(port).toml(), encoding="utf-8")
        config = load_bank(file)
        ring = new_ring(config, random=random, now_ms=clock.now_ms())
        context = server_context(ring, enrolment=False)
    store = await Store.open(MEMORY, version=VERSION)
    try:
        await lay_books(store, config, ring, now_ms=clock.now_ms(), by=BY)
        return TillBank(Bank(config, ring=ring, store=store, clock=clock, dates=clock, random=random), context)
    except BaseException:
        await store.close()
        raise


def _charter(port: int) -> Charter:
    return Charter(
        name="Till Bank", currency=CURRENCY, public_host=HOST, listen_host="0.0.0.0",  # noqa: S104 - the rules say so
        port=port, enrol_port=port - 1, serves=Serves.TILLS,
    )  # fmt: skip


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
