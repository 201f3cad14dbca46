"""The simulator in front of a person: a real terminal, typed keys that press the simulated pad, a window, and the demo."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.living_kiosk import LivingKiosk, bank_in, with_card
from support.page_guest import Guest, Listener
from support.real_processes import PATIENCE_S, PROGRAMS, RealBank, RealKiosk

from bank_link.card_file import parse

PIN = "4711"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    with bank_in(tmp_path_factory.mktemp("terminal")) as bank:
        yield bank


@pytest.fixture
def kiosk(bank: RealBank, tmp_path: Path) -> RealKiosk:
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    kiosk.load(top=20, middle=20, bottom=20)
    return kiosk


# ── In a terminal ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_visit_typed_in_a_terminal(bank: RealBank, kiosk: RealKiosk) -> None:
    """i, the PIN, the choices, p, t: a whole withdrawal, and the notes are in the customer's hand."""
    card = with_card(bank, kiosk, opening="500", pin=PIN)
    with LivingKiosk(kiosk, terminal=True) as living:
        at = living.until("q quit")
        at = living.until("Insert your card", since=at)
        living.type("i")
        at = living.until("Enter your PIN", since=at)
        living.type(PIN + "\r")
        at = living.until("What would you like to do?", since=at)
        living.type("1")
        at = living.until("How much cash?", since=at)
        living.type("6")
        at = living.until("In steps of", since=at)
        living.type("30d")
        at = living.until("Which notes?", since=at)
        living.type("1")
        at = living.until("A receipt?", since=at)
        living.type("1")
        at = living.until("Take your card", since=at)
        living.type("p")
        at = living.until("card-1.atm is in your hand", since=at)
        at = living.until("Take your cash", since=at)
        living.type("t")
        at = living.until("in your hand: 1 of middle, 1 of bottom", since=at)
        assert PIN not in living.out
        living.type("q")
        assert living.wait() == 0
    assert bank.account(card).balance == 47000
    assert kiosk.given == 3000


def test_typed_keys_go_through_the_pad(bank: RealBank, kiosk: RealKiosk) -> None:
    """Not past it: with dead contacts a typed key does nothing, and the next one is heard again."""
    with_card(bank, kiosk, pin=PIN)
    with LivingKiosk(kiosk, terminal=True) as living:
        at = living.until("Insert your card")
        living.type("i")
        at = living.until("Enter your PIN", since=at)
        living.type("f")
        listed = living.until("keypad dead-contacts", since=at)
        number = re.findall(r"(\d\d) keypad dead-contacts", living.out)[-1]
        living.type(number)
        at = living.until("keypad dead-contacts is to come, once", since=listed)
        living.type("4")
        time.sleep(0.6)
        living.type("7")
        living.until("● ○ ○ ○", since=at)
        assert "● ●" not in living.out[at:]


def test_the_line_and_the_letters(kiosk: RealKiosk) -> None:
    """The line is cut and mended by l, s tells, o clears, an unknown letter is helped; nothing of it ends the simulator."""
    with LivingKiosk(kiosk, terminal=True) as living:
        at = living.until("Insert your card")
        living.type("l")
        at = living.until("the line to the bank is cut", since=at)
        living.type("l")
        at = living.until("is there again", since=at)
        living.type("s")
        at = living.until("dispenser: online", since=at)
        living.type("o")
        at = living.until("0 notes were taken out of the path", since=at)
        living.type("i")
        at = living.until("There is no card card-1; cards here: none.", since=at)
        living.type("z")
        at = living.until("q quit", since=at)
        assert living.kill(signal.SIGINT) == 0


def test_two_cards_are_chosen_by_number(bank: RealBank, kiosk: RealKiosk, tmp_path: Path) -> None:
    """A card of the directory and one that was named; a letter instead of a number changes one's mind."""
    with_card(bank, kiosk, pin=PIN)
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    bank.customer(elsewhere, pin=PIN).file.rename(elsewhere / "ben.atm")
    with LivingKiosk(kiosk, "--card", str(elsewhere / "ben.atm"), terminal=True) as living:
        at = living.until("Insert your card")
        living.type("i")
        at = living.until("1 card-1   2 ben", since=at)
        living.type("2")
        at = living.until("Enter your PIN", since=at)
        assert not (elsewhere / "ben.atm").exists(), "the card is in the slot, not in two places"
        living.type("a")
        at = living.until("Take your card", since=at)
        living.type("p")
        living.until("ben.atm is in your hand", since=at)
        assert (elsewhere / "ben.atm").exists()


def test_the_terminal_goes_away(kiosk: RealKiosk) -> None:
    """Nobody is left to play: it ends, and the next one starts."""
    with LivingKiosk(kiosk, terminal=True) as living:
        living.until("Insert your card")
        assert living.kill(signal.SIGTERM) == 0
    with LivingKiosk(kiosk) as living:
        living.until("Insert your card")


def test_first_screen_within_a_second_of_cpu(kiosk: RealKiosk) -> None:
    """Everything up to the first picture, the interpreter itself included."""
    with LivingKiosk(kiosk) as living:
        living.until("Starting")
        fields = Path(f"/proc/{living.pid}/stat").read_text().rpartition(")")[2].split()
        used_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        assert used_s < 1.0


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed: the window has no desktop")
def test_the_window_opens_and_can_be_closed(kiosk: RealKiosk, tmp_path: Path) -> None:
    """--window shows the touch window beside the terminal; without a desktop it is one sentence."""
    with LivingKiosk(kiosk, "--window", SDL_VIDEODRIVER="x11", DISPLAY="", WAYLAND_DISPLAY="") as dark:
        assert dark.wait() == 7
        assert "No display can be opened" in dark.out
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=(write,), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        display = f":{os.read(read, 16).decode().strip()}"
        with LivingKiosk(kiosk, "--window", SDL_VIDEODRIVER="x11", DISPLAY=display) as living:
            living.until("Insert your card")
            assert living.status()["in_service"]
            assert living.kill(signal.SIGTERM) == 0
    finally:
        server.terminate()
        server.wait()
        os.close(read)


# ── The demonstration ───────────────────────────────────────────────────────────────────────────────────────────────


#: Marked, so that it is found wherever it lies, in whatever file.
MARKED_PIN = "907182630"
_MARKED = f"""
import sys
from kiosk.cli import main
from kiosk.simulator.demonstration import people
people.draw_pin = lambda: "{MARKED_PIN}"
sys.exit(main(["simulate", "--demo"]))
"""


def demo(folder: Path, *, marked: bool = False) -> subprocess.CompletedProcess[str]:
    """`make demo` as a script runs it: nobody is there. `marked`: with PINs that can be looked for."""
    line = [sys.executable, "-c", _MARKED] if marked else [str(PROGRAMS / "atm-kiosk"), "simulate", "--demo"]
    return subprocess.run(
        line, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def banks_in(folder: Path) -> list[str]:
    """Processes of a bank below `folder` that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line and "serve" in line:
            found.append(line)
    return found


def test_the_demo_tells_both_sides_and_leaves_no_secret(tmp_path: Path) -> None:
    """A whole withdrawal, checks that agree, exit 0; no PIN in any file, a card's number nowhere but on its card."""
    began = time.monotonic()
    done = demo(tmp_path, marked=True)
    assert done.returncode == 0, done
    assert done.stderr == ""
    assert "PIN" not in done.stdout.replace("Enter your PIN", "").replace("The PIN is typed", "")
    assert time.monotonic() - began < 60
    for words in (
        "The kiosk is enrolled as T1", "70.00 USD held", "1 counted and out", "withdrawal, T1-", "balance 430.00 USD",
        "The books are right", "The audit log is whole", "Debited by the bank: 70.00 USD. They agree.",
    ):  # fmt: skip
        assert words in done.stdout, done.stdout
    assert banks_in(tmp_path) == []
    _no_secrets(tmp_path / "demo", done.stdout)
    again = demo(tmp_path)
    assert again.returncode == 0, again
    assert "balance 430.00 USD" in again.stdout


def _no_secrets(folder: Path, said: str) -> None:
    """PINs nowhere; a card's number and its secrets on its card alone; the keys in the files that are theirs."""
    cards = [parse(path.read_bytes()) for path in folder.rglob("*.atm") if any(path.read_bytes())]
    assert len(cards) == 3
    secrets = [MARKED_PIN.encode(), *(card.card.encode() for card in cards)]
    secrets += [slot.secret for card in cards for slot in card.slots if slot is not None]
    key = (folder / "kiosk" / "terminal.key").read_bytes()
    looked_at = 0
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".atm":
            data = path.read_bytes()
            assert not any(secret in data for secret in secrets), path
            assert key not in data or path.name == "terminal.key", path
            looked_at += 1
    assert looked_at > 8
    assert not any(secret.decode("latin-1") in said for secret in secrets)


def test_the_demo_removes_only_what_is_its_own(tmp_path: Path) -> None:
    """A folder of somebody else's of that name is left alone, and said."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("mine")
    done = demo(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a demonstration's" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "demo" / "thesis.txt").read_text() == "mine"


def test_the_demo_stays_for_a_person(tmp_path: Path) -> None:
    """In a terminal it says how to go on, can be played, is not disturbed by a second one, and leaves no bank behind."""
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [str(PROGRAMS / "atm-kiosk"), "simulate", "--demo"], cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave,
        env={**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": ""},
    )  # fmt: skip
    os.close(slave)
    out = ""
    try:
        out = _until(master, out, "Now it is yours", process)
        out = _until(master, out, "q quit", process)
        second = demo(tmp_path)
        assert second.returncode == 2
        assert "is running in" in second.stderr
        os.write(master, b"i")
        out = _until(master, out, "1 ada   2 ben   3 olga   4 blank-stick", process)
        os.write(master, b"2")
        out = _until(master, out, "Enter your PIN", process, since=out.rindex("1 ada   2 ben   3 olga   4 blank-stick"))
        os.write(master, b"q")
        assert process.wait(PATIENCE_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
    assert banks_in(tmp_path) == []


def _until(master: int, out: str, words: str, process: subprocess.Popen[bytes], *, since: int = 0) -> str:
    end = time.monotonic() + PATIENCE_S
    while words not in out[since:]:
        assert time.monotonic() < end, out
        assert process.poll() is None or words in out, out
        out += os.read(master, 65_536).decode("utf-8", "replace")
    return out


def test_the_demo_has_a_page(tmp_path: Path) -> None:
    """Asked for, it stays without a terminal: machine and the bank's books in a browser, a PIN told there alone."""
    process = subprocess.Popen(
        [str(PROGRAMS / "atm-kiosk"), "simulate", "--demo", "--page"], cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        out = _until(process.stdout.fileno(), "", "In a browser on this computer: http", process)
        guest = Guest(out)
        with guest.listening() as listener:
            listener.until_screen("welcome")
            listener.until(lambda one: "ledger" in one.now and one.now["ledger"]["accounts"], "the books")
            ada, ben = listener.now["ledger"]["accounts"]
            assert (ada["owner"], ada["balance"], ada["held"]) == ("Ada", "430.00 USD", "0.00 USD")
            assert [one["amount"] for one in ada["postings"]] == ["-70.00 USD", "500.00 USD"]
            assert ben["balance"] == "40.00 USD"
            pin = guest.done({"do": "pin", "card": "ben"})["pin"]
            _balance(guest, listener, "ben", pin)
            assert listener.now["cards"]["blanks"] == ["blank-stick"]
            assert set(listener.now["cards"]["all"]) == {"ada", "ben", "olga", "blank-stick"}
            assert guest.do({"do": "pin", "card": "blank-stick"}).json == {
                "error": "Nobody here knows the PIN of blank-stick."
            }
            _opens_an_account(guest, listener, own := "2846")
            _balance(guest, listener, "blank-stick", own)
            _service(guest, listener, guest.done({"do": "pin", "card": "olga"})["pin"])
        process.terminate()
        rest, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert "Traceback" not in out + rest.decode()
        assert not re.search(rf"PIN (is )?{pin}", out)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
    assert banks_in(tmp_path) == []


def _balance(guest: Guest, listener: Listener, card: str, pin: str) -> None:
    """A visit that only looks, by the page's deeds."""
    guest.done({"do": "insert", "card": card})
    listener.until_screen("pin")
    _press(guest, f"{pin}D")
    listener.until_screen("menu")
    guest.done({"do": "pull"})
    listener.until_screen("welcome")


def _opens_an_account(guest: Guest, listener: Listener, pin: str) -> None:
    """Somebody without a card, with the stick that lies there."""
    offered = next(words for words in listener.now["screen"]["words"] if "Open an account" in words)
    _press(guest, next(letter for letter in offered if letter.isdigit()))
    listener.until_screen("open")
    _press(guest, "1")
    listener.until_screen("newpin")
    _press(guest, f"{pin}D")
    listener.until_screen("newpin.again")
    _press(guest, f"{pin}D")
    listener.until_screen("open.stick")
    guest.done({"do": "insert", "card": "blank-stick"})
    listener.until_screen("open.done")
    _press(guest, "D")
    listener.until_screen("take.card")
    guest.done({"do": "pull"})
    listener.until_screen("welcome")


def _service(guest: Guest, listener: Listener, pin: str) -> None:
    """The operator looks at her menu and leaves."""
    guest.done({"do": "insert", "card": "olga"})
    listener.until_screen("pin")
    _press(guest, f"{pin}D")
    listener.until_screen("op.menu")
    _press(guest, "A")
    listener.until_screen("take.card")
    guest.done({"do": "pull"})
    listener.until_screen("welcome")


def _press(guest: Guest, keys: str) -> None:
    for key in keys:
        guest.done({"do": "press", "key": key})


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_broken_off_it_leaves_no_bank_behind(tmp_path: Path, how: int, code: int) -> None:
    """Ctrl-C, a polite end or a rude one, in the middle of the visit: no process stays, no stack is shown."""
    process = subprocess.Popen(
        [str(PROGRAMS / "atm-kiosk"), "simulate", "--demo"], cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "Enter your PIN" in line:
            break
    process.send_signal(how)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert "Traceback" not in err
    end = time.monotonic() + PATIENCE_S
    while banks_in(tmp_path):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_the_bank_it_is_one_sentence(tmp_path: Path) -> None:
    """The extra 'bank' is named where it is missing."""
    program = (
        "import sys; sys.executable = '/nowhere/python'; from kiosk.cli import main; "
        "sys.exit(main(['simulate', '--demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "atm-kiosk: there is no atm-bank beside this Python: install this program with its extra 'bank'"
    ]
