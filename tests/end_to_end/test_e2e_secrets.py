"""After a whole session, honest and otherwise, no PIN, card number or key lies in any file but its own."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.real_processes import RealBank, RealCard, RealKiosk, new_pin_file
from support.secret_search import found, of_bytes, of_digits
from support.strangers import identity_of

from bank.keys.key_files import KeyFile
from bank_link.card_file import SIZE, parse

#: A busy machine takes its time for so many processes.
pytestmark = pytest.mark.timeout(400)

#: Twelve digits each: none of them comes about by chance.
PINS = {"PIN": "908172635447", "wrong PIN": "776655443322", "new PIN": "615243342516", "mistyped PIN": "192837465564"}


class Session:
    """What happened, with every secret that went through it. `outside` is where people keep cards and PINs."""

    def __init__(self, bank: RealBank, kiosk: RealKiosk, outside: Path) -> None:
        self.bank = bank
        self.kiosk = kiosk
        self.outside = outside
        self.pins = {name: new_pin_file(outside, pin) for name, pin in PINS.items()}
        self.keys = outside / "session.keys"
        self.secrets = {name: of_digits(pin) for name, pin in PINS.items()}
        self.codes: list[int] = []

    def once(self, card: RealCard, pin: str, *what: str, probe: tuple[str, ...] = ()) -> None:
        line = ["support.journal_probe", "--keys", str(self.keys), *probe]
        done = self.kiosk.once(card, *what, pin_file=self.pins[pin], probe=line)
        self.codes.append(done.code)
        self.learn(card)

    def learn(self, card: RealCard) -> None:
        """The card's number and the secrets that it holds now."""
        content = parse(card.file.read_bytes())
        self.secrets[f"number of {card.file.name}"] = of_digits(content.card)
        for slot in content.slots:
            if slot is not None:
                self.secrets[f"secret {slot.epoch}.{slot.n} of {card.file.name}"] = of_bytes(slot.secret)

    def learn_keys(self) -> None:
        for number, line in enumerate(self.keys.read_text().splitlines()):
            self.secrets[f"session key {number}"] = of_bytes(bytes.fromhex(line))
        self.secrets["terminal's key"] = of_bytes(identity_of(self.kiosk).signing_key)
        self.secrets["key file"] = of_bytes((self.kiosk.directory / "terminal.key").read_bytes())
        for file in (self.bank.directory / "keys").glob("*.key"):
            key = msgspec.json.decode(file.read_bytes(), type=KeyFile).key
            self.secrets[f"bank's {file.stem}"] = of_bytes(key)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    (tmp_path / "outside").mkdir()
    with RealBank.found(tmp_path / "bank", logs=tmp_path / "logs") as bank:
        kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
        kiosk.load(top=20, middle=20, bottom=20)
        yield Session(bank, kiosk, tmp_path / "outside")


def _honest_and_otherwise(session: Session) -> None:
    """Withdrawals, wrong PINs up to the lock, staff at work, a crash, a dead line, an outdated card."""
    bank, kiosk, outside = session.bank, session.kiosk, session.outside
    card = bank.customer(outside, pin=PINS["PIN"])
    session.learn(card)
    session.once(card, "PIN", "--withdraw", "70")
    session.once(card, "PIN", "--withdraw", "999999")
    for _ in range(4):
        session.once(card, "wrong PIN", "--balance")
    bank.command("card", "unblock", card.reference)
    bank.command("pin", "set", card.reference, "--pin-file", str(session.pins["new PIN"]))
    session.once(card, "new PIN", "--withdraw", "30", probe=("--kill", "after", "--at", "note-moved:middle"))
    session.once(card, "new PIN", "--balance")
    kiosk.load(top=20, middle=20, bottom=20)
    session.once(card, "new PIN", "--balance")
    new = RealCard(outside / "new.atm", card.pin_file, card.account, card.reference, card.customer)
    bank.command("card", "reissue", card.reference, "--out", str(new.file))
    session.once(card, "new PIN", "--balance")
    session.once(new, "new PIN", "--balance")
    bank.stop()
    session.once(new, "new PIN", "--balance")
    bank.start()
    _people_look(session, new)
    _people_err(session, new)


def _people_look(session: Session, card: RealCard) -> None:
    """Every command that shows something."""
    bank, kiosk = session.bank, session.kiosk
    (case,) = bank.open_cases()
    for words in (
        ("account", "show", card.account), ("card", "show", card.reference), ("terminal", "list"), ("case", "list"),
        ("case", "show", case), ("ledger", "check"), ("audit", "verify"), ("config", "show"),
    ):  # fmt: skip
        assert bank.run(*words).code == 0, words
        assert bank.run("--json", *words).code in {0, 2}, words
    assert kiosk.run("journal", "show", "--last", "1000").code == 0
    assert kiosk.run("journal", "show", "--last", "1000", "--json").code == 0
    assert kiosk.run("cash", "totals").code == 0


def _people_err(session: Session, card: RealCard) -> None:
    """What was given is not what it should be: the sentence about it must not repeat it."""
    bank, kiosk = session.bank, session.kiosk
    mistyped = session.outside / "mistyped.pin"
    mistyped.write_text(f"{PINS['mistyped PIN']}5\n")
    assert kiosk.once(card, "--balance", pin_file=mistyped).code == 2
    assert bank.run("pin", "set", card.reference, "--pin-file", str(mistyped)).code == 1
    # A card's file in the place of a PIN's, and the other way round.
    assert kiosk.once(card, "--balance", pin_file=card.file).code == 2
    strange = RealCard(session.pins["PIN"], card.pin_file, card.account, card.reference, card.customer)
    assert kiosk.once(strange, "--balance").code == 2
    assert bank.run("card", "show", parse(card.file.read_bytes()).card).code == 1


def test_no_secret_lies_in_any_file_but_its_own(session: Session, tmp_path: Path) -> None:
    """PINs, card numbers, card secrets, session keys and private keys, in every form; neither bank nor kiosk ends tidily."""
    _honest_and_otherwise(session)
    assert session.codes == [0, 3, 3, 3, 3, 3, -9, 5, 0, 3, 0, 4], session.codes
    session.learn_keys()
    session.bank.kill()
    assert len(session.secrets) > 30
    everything = [tmp_path / "bank", tmp_path / "kiosk", tmp_path / "logs"]
    own = [tmp_path / "bank" / "keys", tmp_path / "kiosk" / "terminal.key"]
    assert found(session.secrets, everything, but=own) == []
    # The same search finds what is where it belongs.
    assert len(found(session.secrets, [tmp_path / "bank" / "keys"])) >= 8
    assert found(session.secrets, [tmp_path / "kiosk"]) == [f"key file in {tmp_path / 'kiosk' / 'terminal.key'}"]
    cards = found(session.secrets, [tmp_path / "outside"])
    assert sum(find.startswith("number of ") for find in cards) == 2 * 2
    assert sum(find.startswith("secret ") for find in cards) == 2 * 2
    assert list((tmp_path / "logs" / "tmp").iterdir()) == []


def test_what_the_programs_write_is_their_owners_alone(session: Session, tmp_path: Path) -> None:
    """Books, journal, keys, logs and cards: nobody else on the machine may read them."""
    card = session.bank.customer(session.outside, pin=PINS["PIN"])
    session.once(card, "PIN", "--withdraw", "20")
    private = [
        tmp_path / "kiosk",
        *(tmp_path / "kiosk").glob("journal.sqlite*"),
        *(tmp_path / "kiosk").glob("terminal.*"),
    ]
    private += [tmp_path / "bank", *(tmp_path / "bank").rglob("*"), card.file]
    assert len(private) > 20
    for path in private:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert card.file.stat().st_size == SIZE
