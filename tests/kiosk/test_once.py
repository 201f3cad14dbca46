"""`atm-kiosk once` against a real bank: one JSON line or one sentence, a code a reason, and no note twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.living_kiosk import LivingKiosk, bank_in
from support.real_processes import PIN, PROGRAMS, RealBank, RealCard, RealKiosk

from bank_link.card_file import parse
from bank_link.money import MOST_MINOR, MoneyError
from kiosk.commands.once import read_pin, wished
from kiosk.exit_codes import CommandError

# ── Amounts and PIN files ───────────────────────────────────────────────────────────────────────────────────────────

REFUSED = [
    "1e3", "-5", "010", "", " ", "10 ", "+10", "٣٠", "१०", "10.", ".5", "10.001", "10,00", "0x10", "1_000", "NaN",
    "Infinity", str(2**63), "9" * 1000, "10\n", "10\x00", "0", "0.00", "10.50", "0.01",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_amounts_that_are_none(text: str) -> None:
    """Refused on purpose, in one sentence, whatever a generous parser would make of them."""
    with pytest.raises((MoneyError, CommandError)) as refused:
        wished(text, "USD")
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("text", "minor"), [("10", 1000), ("10.0", 1000), ("10.00", 1000), ("9999999999", 999999999900)]
)
def test_amounts_that_are(text: str, minor: int) -> None:
    """Read exactly."""
    assert wished(text, "USD").minor == minor


@given(st.text(max_size=40))
@example("10.0")
def test_any_text_is_an_exact_amount_or_refused(text: str) -> None:
    """Nothing is rounded, guessed or half read."""
    try:
        amount = wished(text, "USD")
    except (MoneyError, CommandError):
        return
    assert text.isascii()
    assert Decimal(text) * 100 == amount.minor
    assert 0 < amount.minor <= MOST_MINOR


@pytest.mark.parametrize(
    "content", [b"", b"123\n", b"12a4\n", b"1234567890123\n", "١٢٣٤\n".encode(), b"\n4711\n", b" 4711"]
)
def test_a_file_without_a_pin(tmp_path: Path, content: bytes) -> None:
    """It is said that there is none, and never what is in the file."""
    path = tmp_path / "p"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="holds no PIN") as refused:
        read_pin(path)
    inside = content.decode("utf-8", "replace").strip()
    assert len(inside) < 3 or inside not in str(refused.value).replace(str(path), "")


def test_the_first_line_is_the_pin(tmp_path: Path) -> None:
    """With or without an end of line, of either kind."""
    for content in (b"4711", b"4711\n", b"4711\r\n", b"4711\nmore"):
        (tmp_path / "p").write_bytes(content)
        assert read_pin(tmp_path / "p") == "4711"


# ── With a bank ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    with bank_in(tmp_path_factory.mktemp("once"), day_amount=500, withdrawal_amount=400) as bank:
        yield bank


@pytest.fixture(scope="module")
def kiosk(bank: RealBank, tmp_path_factory: pytest.TempPathFactory) -> RealKiosk:
    kiosk = RealKiosk.enrolled(bank, tmp_path_factory.mktemp("kiosk"))
    kiosk.load(top=50, middle=50, bottom=50)
    return kiosk


@pytest.fixture
def card(bank: RealBank, tmp_path: Path) -> RealCard:
    return bank.customer(tmp_path, opening="450")


def test_a_withdrawal_is_one_line_of_json(bank: RealBank, kiosk: RealKiosk, card: RealCard) -> None:
    """Amount, notes, claim and masked card on standard output, the same in the books, exit 0."""
    before = kiosk.given
    done = kiosk.once(card, "--withdraw", "70.00")
    assert (done.code, done.err) == (0, "")
    number = parse(card.file.read_bytes()).card
    assert done.json == {
        "outcome": "paid", "card": f"ends {number[-4:]}", "currency": "USD", "amount": "70.00", "asked": "70.00",
        "notes": [
            {"cassette": "middle", "value": "20.00", "count": 1}, {"cassette": "top", "value": "50.00", "count": 1},
        ],
        "claim": done.json["claim"], "delivered": True,
    }  # fmt: skip
    assert done.json["claim"].startswith(f"{kiosk.terminal}-")
    assert kiosk.given - before == 7000
    assert bank.account(card).balance == 45000 - 7000
    bank.sound()


def test_a_balance_is_one_too(kiosk: RealKiosk, card: RealCard) -> None:
    """What can be used and what is in the account."""
    done = kiosk.once(card, "--balance")
    assert (done.code, done.err) == (0, "")
    assert done.json["outcome"] == "balance"
    assert (done.json["available"], done.json["ledger"]) == ("450.00", "450.00")


def test_the_card_file_is_rewritten_in_place(kiosk: RealKiosk, card: RealCard, tmp_path: Path) -> None:
    """The same file holds the next secret; a copy from before is outdated once the card was used for money."""
    old, inode = card.file.read_bytes(), card.file.stat().st_ino
    copy = tmp_path / "copy.atm"
    shutil.copy(card.file, copy)
    assert kiosk.once(card, "--withdraw", "20").code == 0
    assert card.file.stat().st_ino == inode
    new = card.file.read_bytes()
    assert parse(new).newest > parse(old).newest
    assert len(new) == len(old)
    done = kiosk.once(RealCard(copy, card.pin_file, card.account, card.reference, card.customer), "--withdraw", "20")
    assert done.code == 3
    assert done.sentence.startswith("atm-kiosk: card-outdated: ")
    assert kiosk.once(card, "--balance").json["available"] == "430.00"


@pytest.mark.parametrize(
    ("amount", "code", "says"),
    [
        ("500", 3, "amount: "),
        ("15", 3, "notes: this machine cannot pay 15.00 USD with its notes; possible: $10 or $20"),
        ("1e3", 2, "'1e3' is not an amount"),
        ("99999999", 3, "amount: 99999999.00 USD cannot be had; in steps of $10, up to $400 today"),
        ("9" * 999, 2, "is not an amount"),
    ],
)
def test_refusals_say_which(
    bank: RealBank, kiosk: RealKiosk, card: RealCard, amount: str, code: int, says: str
) -> None:
    """Nothing on standard output, one sentence that begins with the reason, and no hold left."""
    done = kiosk.once(card, "--withdraw", amount)
    assert (done.code, done.out) == (code, "")
    assert says in done.sentence
    account = bank.account(card)
    assert (account.balance, account.held) == (45000, 0)


def test_more_than_the_account_or_the_day(bank: RealBank, kiosk: RealKiosk, tmp_path: Path) -> None:
    """Each names its own reason and what is possible."""
    poor, rich = bank.customer(tmp_path, opening="45"), bank.customer(tmp_path, opening="2000")
    done = kiosk.once(poor, "--withdraw", "50")
    assert done.code == 3
    assert done.sentence == "atm-kiosk: funds: there is not enough in the account; possible: $40"
    assert kiosk.once(rich, "--withdraw", "400").code == 0
    done = kiosk.once(rich, "--withdraw", "200")
    assert done.code == 3
    assert done.sentence == "atm-kiosk: amount: 200.00 USD cannot be had; in steps of $10, up to $100 today"


def test_a_wrong_pin_three_times_locks(bank: RealBank, kiosk: RealKiosk, card: RealCard, tmp_path: Path) -> None:
    """Each try is one call; the right PIN does not help a locked card, the bank's staff does."""
    wrong = tmp_path / "wrong.pin"
    wrong.write_text("1111\n")
    for _ in range(2):
        assert kiosk.once(card, "--balance", pin_file=wrong).sentence == "atm-kiosk: wrong-pin: the PIN is wrong"
    kiosk.once(card, "--balance", pin_file=wrong)
    done = kiosk.once(card, "--balance")
    assert done.code == 3
    assert "pin-locked: " in done.sentence
    bank.command("card", "unblock", card.reference)
    assert kiosk.once(card, "--balance").code == 0


def test_a_card_that_is_none(kiosk: RealKiosk, card: RealCard, tmp_path: Path) -> None:
    """Missing, of a strange length, damaged: told before the bank is asked."""
    broken = tmp_path / "broken.atm"
    for content, says in ((b"x" * 10, "144 bytes, not 10"), (b"x" * 144, "no card")):
        broken.write_bytes(content)
        done = kiosk.once(RealCard(broken, card.pin_file, "", "", ""), "--balance")
        assert done.code == 2
        assert says in done.sentence
    missing = RealCard(tmp_path / "none.atm", card.pin_file, "", "", "")
    done = kiosk.once(missing, "--balance")
    assert (done.code, done.out) == (2, "")
    assert "no such file" in done.sentence


def test_a_second_call_at_once_waits_or_is_refused(bank: RealBank, kiosk: RealKiosk, card: RealCard) -> None:
    """Two at once: one after the other, or a sentence where it may not wait; never both at the same cassettes."""
    line = [
        str(PROGRAMS / "atm-kiosk"), "once", "--state", str(kiosk.directory), "--card", str(card.file),
        "--pin-file", str(card.pin_file), "--withdraw", "20",
    ]  # fmt: skip
    waiting = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [process.communicate(timeout=60) for process in waiting]
    assert [process.returncode for process in waiting] == [0, 0, 0], ended
    assert len({json.loads(out)["claim"] for out, _ in ended}) == 3
    assert bank.account(card).balance == 45000 - 6000
    with LivingKiosk(kiosk) as living:
        living.until("Welcome")
        done = kiosk.once(card, "--withdraw", "20", more=("--wait", "0"))
        assert (done.code, done.out) == (6, "")
        assert "in use by a running kiosk" in done.sentence
        living.kill(signal.SIGTERM)
    bank.sound()


def test_nothing_to_pay_with(bank: RealBank, card: RealCard, tmp_path: Path) -> None:
    """An empty machine refuses cash with its reason, and still tells a balance."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "empty")
    done = kiosk.once(card, "--withdraw", "20")
    assert (done.code, done.out) == (3, "")
    assert done.sentence.startswith("atm-kiosk: no-cash: ")
    assert kiosk.once(card, "--balance").code == 0


def test_notes_that_are_not_there(bank: RealBank, card: RealCard, tmp_path: Path) -> None:
    """What did not come out is not debited; what came is told on standard output, and why it is less on stderr."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "short")
    kiosk.load(top=10)
    kept = json.loads((kiosk.directory / "notes.json").read_text())
    kept["places"]["top"]["cassette"] = 1
    (kiosk.directory / "notes.json").write_text(json.dumps(kept))
    done = kiosk.once(card, "--withdraw", "150")
    assert done.code == 5
    assert (done.json["outcome"], done.json["amount"], done.json["asked"]) == ("partly-paid", "50.00", "150.00")
    assert done.json["claim"] in done.sentence
    assert kiosk.given == 5000
    assert bank.account(card).balance == 45000 - 5000
    assert bank.account(card).held == 0


def test_a_terminal_that_nobody_confirmed(bank: RealBank, card: RealCard, tmp_path: Path) -> None:
    """The bank's word about the terminal, not about the card."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "pending", confirm=False)
    kiosk.load(top=10)
    done = kiosk.once(card, "--withdraw", "20")
    assert (done.code, done.out) == (3, "")
    assert "confirm" in done.sentence
    assert bank.account(card).balance == 45000


def test_the_auth_file_may_lie_elsewhere(kiosk: RealKiosk, card: RealCard, tmp_path: Path) -> None:
    """Named by --auth, with its key beside it or named; a wrong one is one sentence."""
    for name in ("terminal.auth", "terminal.key"):
        shutil.copy(kiosk.directory / name, tmp_path / name)
    auth, key = tmp_path / "terminal.auth", tmp_path / "terminal.key"
    assert kiosk.once(card, "--balance", more=("--auth", str(auth))).code == 0
    other = tmp_path / "other"
    other.mkdir()
    key = key.rename(other / "k")
    assert kiosk.once(card, "--balance", more=("--auth", str(auth), "--key-file", str(key))).code == 0
    done = kiosk.once(card, "--balance", more=("--auth", str(tmp_path / "none.auth")))
    assert (done.code, done.out) == (6, "")
    assert "no auth file" in done.sentence


def test_the_line_is_down(tmp_path: Path) -> None:
    """No bank: exit 4 at once, nothing taken; and once it is back, everything goes on."""
    with bank_in(tmp_path) as bank:
        kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
        kiosk.load(top=10)
        card = bank.customer(tmp_path)
        bank.kill()
        done = kiosk.once(card, "--withdraw", "50")
        assert (done.code, done.out) == (4, "")
        assert "does not answer" in done.sentence
        assert kiosk.given == 0
        bank.start()
        assert kiosk.once(card, "--withdraw", "50").code == 0
        assert bank.account(card).balance == 45000
        bank.sound()


def test_killed_anywhere_the_next_call_puts_it_right(bank: RealBank, tmp_path: Path) -> None:
    """SIGKILL after a tenth of a second, two tenths, …: the next call recovers first, then does its own."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "killed")
    kiosk.load(top=40, middle=40, bottom=40)
    card = bank.customer(tmp_path, opening="450")
    line = [
        str(PROGRAMS / "atm-kiosk"), "once", "--state", str(kiosk.directory), "--card", str(card.file),
        "--pin-file", str(card.pin_file), "--withdraw", "30",
    ]  # fmt: skip
    for tenth in range(3, 15, 2):
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(tenth / 10)
        process.kill()
        process.wait()
    done = kiosk.once(card, "--balance")
    assert done.code in {0, 5}, done
    if done.code == 5:
        # A note was on its way when the power went: somebody has to look, as the sentence says.
        assert "clear the" in done.sentence
        kiosk.load(**{name: place["cassette"] for name, place in kiosk.notes.items()})
        assert kiosk.once(card, "--balance").code == 0
    doubts = sum(case.amount for case in bank.open_cases().values() if case.account == card.account)
    apart = kiosk.given - (45000 - bank.account(card).balance)
    assert abs(apart) <= doubts, (apart, doubts, bank.open_cases())
    assert bank.account(card).held <= doubts
    bank.sound()


def test_no_secret_is_left_behind(bank: RealBank, kiosk: RealKiosk, card: RealCard, tmp_path: Path) -> None:
    """Neither PIN nor card number nor key lies in the journal, the notes, or what was printed."""
    done = kiosk.once(card, "--withdraw", "20")
    number = parse(card.file.read_bytes()).card
    secret = (kiosk.directory / "terminal.key").read_bytes()
    for data in (done.out.encode(), done.err.encode(), *_files(kiosk.directory, but=("terminal.key",))):
        assert PIN.encode() not in data
        assert number.encode() not in data
        assert secret not in data
    del bank, tmp_path


def _files(folder: Path, but: tuple[str, ...]) -> Iterator[bytes]:
    for base, _, names in os.walk(folder):
        yield from ((Path(base) / name).read_bytes() for name in names if name not in but)
