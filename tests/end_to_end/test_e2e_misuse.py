"""`atm-kiosk once` as a process, given what it should not be given: one sentence, the documented code, nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.real_processes import RealBank, RealCard, RealKiosk, new_pin_file

pytestmark = pytest.mark.xdist_group("misuse")

BAD_INPUT, STATE = 2, 6


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    folder = tmp_path_factory.mktemp("misuse")
    with RealBank.found(folder / "bank", logs=folder / "logs") as bank:
        yield bank


@pytest.fixture(scope="module")
def kiosk(bank: RealBank, tmp_path_factory: pytest.TempPathFactory) -> RealKiosk:
    kiosk = RealKiosk.enrolled(bank, tmp_path_factory.mktemp("misuse") / "kiosk")
    kiosk.load(top=50, middle=50, bottom=50)
    return kiosk


@pytest.fixture(scope="module")
def card(bank: RealBank, tmp_path_factory: pytest.TempPathFactory) -> RealCard:
    return bank.customer(tmp_path_factory.mktemp("misuse"))


def test_amounts_as_they_are_typed(bank: RealBank, kiosk: RealKiosk, card: RealCard) -> None:
    """Read exactly or refused on purpose, and what is refused is never a withdrawal."""
    before = bank.account(card)
    for text in (
        "1e3",
        "-5",
        "010",
        str(2**63),
        "9" * 1_000,
        "",
        " ",
        "١٠",
        "１０",
        "10,00",
        "0",
        "10.50",
        "0x1F",
        "1_0",
    ):
        done = kiosk.once(card, "--withdraw", text)
        assert (done.code, done.out) == (BAD_INPUT, ""), (text, done)
        assert len(done.sentence) < 160, text
    assert (bank.account(card), kiosk.given) == (before, 0)
    for text in ("10", "10.0", "10.00"):
        done = kiosk.once(card, "--withdraw", text)
        assert (done.code, done.json["amount"]) == (0, "10.00"), done
    assert before.balance - bank.account(card).balance == kiosk.given == 30_00


def test_files_that_are_not_what_they_should_be(kiosk: RealKiosk, card: RealCard, tmp_path: Path) -> None:
    """Card, PIN and state directory: missing, a folder, unreadable as such; each its own sentence."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for file in (tmp_path / "none", folder, Path("/dev/null")):
        strange = RealCard(file, card.pin_file, card.account, card.reference, card.customer)
        for done in (kiosk.once(strange, "--balance"), kiosk.once(card, "--balance", pin_file=file)):
            assert (done.code, done.out) == (BAD_INPUT, ""), done
            assert str(file) in done.sentence
    for state in (tmp_path / "nowhere", folder, card.file):
        done = RealKiosk(state, kiosk.programs).once(card, "--balance")
        assert (done.code, done.out) == (STATE, ""), done
        assert str(state) in done.sentence


def test_a_passphrase_that_is_not_the_one(bank: RealBank, card: RealCard, tmp_path: Path) -> None:
    """The kiosk was sealed under another: said in one sentence, with neither of them in it; the right one opens it."""
    right, wrong = new_pin_file(tmp_path, "correct horse battery staple"), new_pin_file(tmp_path, "Tr0ub4dor and 3")
    kiosk = RealKiosk(tmp_path / "sealed", bank.programs)
    opened = bank.ask("enrol")
    provisioned = kiosk.provision(opened["string"], "--passphrase-file", str(right))
    assert provisioned.code == 0, provisioned
    done = kiosk.once(card, "--balance", more=("--passphrase-file", str(wrong)))
    assert (done.code, done.out) == (STATE, ""), done
    assert "passphrase" in done.sentence
    assert "Tr0ub4dor" not in done.sentence
    fingerprint = provisioned.out.partition("fingerprint ")[2].partition(":")[0]
    bank.ask("terminal-confirm", terminal=opened["terminal"], fingerprint=fingerprint)
    assert kiosk.once(card, "--balance").code == 0
    assert kiosk.once(card, "--balance", more=("--passphrase-file", str(right))).code == 0


def test_a_journal_that_is_damaged_is_no_kiosk(bank: RealBank, card: RealCard, tmp_path: Path) -> None:
    """Bytes changed in the middle of it: refused before the bank is asked; the sentence says how to go on."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    kiosk.load(top=10)
    assert kiosk.once(card, "--balance").code == 0
    journal = kiosk.directory / "journal.sqlite"
    content = journal.read_bytes()
    # The last one: an earlier one may be what a page held before it was divided, which is part of nothing.
    place = content.rindex(b'"signed-on"') + 1
    journal.write_bytes(content[:place] + b"signed-up" + content[place + 9 :])
    done = kiosk.once(card, "--withdraw", "50")
    assert (done.code, done.out) == (STATE, ""), done
    assert "damaged" in done.sentence
    assert "atm-bank terminal resume" in done.sentence
