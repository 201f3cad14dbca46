"""Scenario files: what is one, what each step means, and every shipped one played on a real kiosk against a real bank."""

from __future__ import annotations

import contextlib
import shutil
import struct
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.living_kiosk import LivingKiosk, bank_in, with_card
from support.real_processes import RealBank, RealKiosk

from kiosk.simulator.scenario import ScenarioError, parse, read, shipped

PIN = "4711"
#: The demonstration brings its own customers.
PLAYED = tuple(name for name in shipped() if name != "demo")


# ── The format ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_promised_visits_are_shipped() -> None:
    """Those that the product's description names."""
    assert set(PLAYED) >= {
        "withdrawal", "balance", "wrong-pin", "card-left-in", "jam", "empty-cassette", "line-down", "over-limit",
        "by-ear",
    }  # fmt: skip


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_file_reads(name: str) -> None:
    """By its name alone, with a title for people."""
    scenario = read(name)
    assert scenario.title != name
    assert len(scenario.steps) > 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps = [", "cannot be read as TOML"),
        ("title = 'x'", "steps is missing"),
        ("steps = []", "steps is missing"),
        ("step = [{ expect = 'pin' }]", "step is not known"),
        ("steps = [{ expct = 'pin' }]", "step 1: expct is not known; did you mean expect?"),
        ("steps = [{ dance = true }]", "known are expect"),
        ("steps = [{ expect = 'pin', keys = '1' }]", "each step does one thing"),
        ("steps = [{ within_s = 3 }]", "nothing to do"),
        ("steps = [{ expect = 5 }]", "a screen's id"),
        ("steps = [{ expect = 'pin', within_s = 0 }]", "seconds, more than 0"),
        ("steps = [{ touch = 0 }]", "a choice's digit"),
        ("steps = [{ take_card = false }]", "take_card = False: true"),
        ("steps = [{ fault = { device = 'x' } }]", "device = "),
        ("steps = [{ line = 'down' }]", "'cut' or 'back'"),
        ("steps = [{ headphones = true }]", "'in' or 'out'"),
        ("steps = [{ expect_notes = { top = -1 } }]", "notes by cassette"),
        ("steps = ['pin']", "is no table"),
    ],
)
def test_mistakes_are_named_with_their_step(text: str, says: str) -> None:
    """One line each, with the file, the step and what is allowed."""
    with pytest.raises(ScenarioError) as refused:
        parse(text.encode(), "x", "x.toml")
    assert says in str(refused.value)
    assert str(refused.value).startswith("x.toml: ")


def test_all_mistakes_at_once() -> None:
    """Nobody has to mend one to hear of the next."""
    with pytest.raises(ScenarioError) as refused:
        parse(b"what = 1\nsteps = [{ a = 1 }, { expect = 'pin' }, { keys = 2 }]", "x", "x.toml")
    assert len(str(refused.value).splitlines()) == 3


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_scenario_or_one_error(data: bytes) -> None:
    """Nothing else comes of them."""
    with contextlib.suppress(ScenarioError):
        assert parse(data, "x").steps


# ── Played ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    with bank_in(tmp_path_factory.mktemp("scenarios"), day_amount=500, withdrawal_amount=500) as bank:
        yield bank


def made(bank: RealBank, folder: Path, profile: str = "") -> RealKiosk:
    """An enrolled kiosk with one card; a card left in is waited for ten seconds only, so that tests are short."""
    kiosk = RealKiosk.enrolled(bank, folder)
    with (kiosk.directory / "kiosk.toml").open("a") as file:
        file.write("\n[limits]\ncard_s = 5\n")
    if profile:
        path = kiosk.directory / "kiosk.toml"
        path.write_text(path.read_text().replace('"laptop"', f'"{profile}"'))
    with_card(bank, kiosk, opening="1000", pin=PIN)
    return kiosk


@pytest.mark.timeout(300)
def test_every_shipped_scenario_goes_as_its_file_says(tmp_path: Path) -> None:
    """All of them at once, each on a kiosk of its own; afterwards the bank's books agree with every machine."""
    with contextlib.ExitStack() as stack:
        bank = stack.enter_context(bank_in(tmp_path, day_amount=500, withdrawal_amount=500))
        running = {
            name: stack.enter_context(LivingKiosk(made(bank, tmp_path / name), "--scenario", name)) for name in PLAYED
        }
        codes = {name: living.wait() for name, living in running.items()}
        told = {name: running[name].out[-400:] for name, code in codes.items() if code}
        assert set(codes.values()) == {0}, told
        bank.sound()
        # The jammed note; and the exchange after it, in which nobody counted what was found.
        cases = sorted((case.kind, case.amount) for case in bank.open_cases().values())
        assert cases == [("cash-difference", -5000), ("doubt", 5000)]


def played(kiosk: RealKiosk, folder: Path, steps: str, *arguments: str) -> tuple[int, str]:
    """A scenario of one's own; its exit code, and all that was said."""
    file = folder / "own.toml"
    file.write_text(f"title = 'own'\nsteps = [\n{steps}\n]\n")
    assert tomllib.loads(file.read_text())
    with LivingKiosk(kiosk, "--scenario", str(file), *arguments) as living:
        return living.wait(), living.out


def test_where_it_goes_otherwise_each_mismatch_is_a_sentence(bank: RealBank, tmp_path: Path) -> None:
    """Step, what was expected, what was seen; the exit code tells a script."""
    kiosk = made(bank, tmp_path / "kiosk")
    code, out = played(
        kiosk,
        tmp_path,
        """
        { load = { top = 20 } },
        { expect = "welcome", within_s = 40 },
        { expect_text = "Bienvenue", within_s = 0.3 },
        { expect_notes = { top = 1 }, within_s = 0.3 },
        { expect_counts = { top = 19 }, within_s = 0.3 },
        { insert = "card-1" },
        { expect = "menu", within_s = 1 },
        { keys = "A" },
        """,
        "--quiet",
    )
    assert code == 8
    said = [line for line in out.splitlines() if line.startswith("atm-kiosk: ")]
    assert said == [
        "atm-kiosk: own, step 3 (expect_text Bienvenue): expected the words 'Bienvenue', saw welcome ('Welcome')",
        "atm-kiosk: own, step 4 (expect_notes top 1): expected the customer to have 1 of top, and it is nothing",
        "atm-kiosk: own, step 5 (expect_counts top 19): expected the machine to count 19 of top, it counts 20 of top",
        "atm-kiosk: own, step 7 (expect menu): expected screen menu within 1 s, saw pin ('Enter your PIN')",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ('{ insert = "nobodys" }', "There is no card nobodys; cards here: card-1."),
        ('{ touch = "cash" }', "there is no cash on welcome"),
        ('{ keys = "X" }', "The pad has no key 'X'"),
        ('{ fault = { device = "dispenser", name = "jam" } }', "has no fault 'jam'"),
        ('{ fault = { device = "roof", name = "leak" } }', "There is no device 'roof'"),
        ("{ load = { attic = 1 } }", "no cassette 'attic'"),
        ("{ take_card = true }", "there is no card in the slot"),
    ],
)  # fmt: skip
def test_what_hands_cannot_do_is_said(bank: RealBank, tmp_path: Path, step: str, says: str) -> None:
    """A step that is impossible ends it with its own sentence, not with a stack."""
    kiosk = made(bank, tmp_path / "kiosk")
    code, out = played(kiosk, tmp_path, f'{{ load = {{ top = 9 }} }}, {{ expect = "welcome" }}, {step}', "--quiet")
    assert code == 8
    assert says in out


def test_a_restart_in_the_middle(bank: RealBank, tmp_path: Path) -> None:
    """The power goes while the notes come: afterwards the machine is there again, and the books are right."""
    kiosk = made(bank, tmp_path / "kiosk")
    code, out = played(
        kiosk,
        tmp_path,
        """
        { load = { top = 20, middle = 20 } },
        { expect = "welcome", within_s = 40 },
        { insert = "card-1" }, { expect = "pin" }, { pin = "card-1" }, { expect = "menu" },
        { touch = "cash" }, { expect = "cash" }, { touch = "amount:10000" },
        { expect = "cash.mix" }, { touch = "fewest" }, { expect = "cash.receipt" }, { touch = "no" },
        { expect = "take.card" }, { take_card = true },
        { expect_counts = { top = 19 } },
        { restart = true },
        { expect = "out" },
        { load = { top = 18 } },
        { expect = "welcome", within_s = 40 },
        """,
        "--quiet",
    )
    assert code == 0, out
    assert "completion, presented: 1 x 50.00 USD from top; in doubt: 1 x 50.00 USD" in kiosk.run("journal", "show").out
    bank.sound()


def test_a_contactless_cabinet(bank: RealBank, tmp_path: Path) -> None:
    """Another profile: card and chip are electricity on a wire whose cable can be pulled; the card's file has the new secret."""
    kiosk = made(bank, tmp_path / "kiosk")
    shutil.copy(kiosk.directory / "kiosk.toml", tmp_path / "cabinet.toml")
    text = (tmp_path / "cabinet.toml").read_text().replace('"laptop"', '"floor-10"')
    (tmp_path / "cabinet.toml").write_text(text)
    before = (kiosk.directory / "cards" / "card-1.atm").read_bytes()
    code, out = played(
        kiosk,
        tmp_path,
        """
        { load = { 1 = 20 } },
        { expect = "welcome", within_s = 40 },
        { insert = "card-1" }, { expect = "pin" }, { pin = "card-1" }, { expect = "menu" }, { keys = "A" },
        { expect = "take.card" }, { take_card = true }, { expect = "welcome" },
        { fault = { device = "reader", name = "unplugged", on = true } }, { expect = "out" },
        { fault = { device = "reader", name = "unplugged", on = false } }, { expect = "welcome" },
        """.replace("1 = 20", f"{_first_cassette('floor-10')} = 20"),
        "--config", str(tmp_path / "cabinet.toml"), "--quiet",
    )  # fmt: skip
    assert code == 0, out
    assert (kiosk.directory / "cards" / "card-1.atm").read_bytes() != before


def test_a_cabinet_that_takes_cash_back(bank: RealBank, tmp_path: Path) -> None:
    """With a tray: what is taken is taken, what is left comes back; a tray that is stuck closes the machine until a hand helps."""
    kiosk = made(bank, tmp_path / "kiosk")
    kiosk.set("cash_tray", fitted="true")
    cash = """
        { expect = "welcome" }, { insert = "card-1" }, { expect = "pin" }, { pin = "card-1" }, { expect = "menu" },
        { keys = "1" }, { expect = "cash" }, { keys = "1" }, { expect = "cash.receipt" }, { touch = "no" },
        { expect = "take.card" }, { take_card = true }, { expect = "take.cash" },
    """
    code, out = played(
        kiosk, tmp_path,
        f"""
        {{ load = {{ middle = 9 }} }},
        {cash} {{ take_cash = true }},
        {cash} {{ expect = "time" }}, {{ keys = "A" }}, {{ expect = "e.retracted", within_s = 20 }}, {{ keys = "D" }},
        {{ fault = {{ device = "tray", name = "retract-dead", on = true }} }},
        {cash} {{ expect = "time" }}, {{ keys = "A" }}, {{ expect = "e.retracted", within_s = 20 }}, {{ keys = "D" }},
        {{ expect = "out" }}, {{ take_cash = true }}, {{ expect = "welcome" }},
        """,
        "--quiet",
    )  # fmt: skip
    assert code == 0, out
    # On a busy machine a note may be seen late, and is in doubt then.
    cases = [case.kind for case in bank.open_cases().values()]
    assert cases.count("retracted") == 2, cases


def _first_cassette(profile: str) -> str:
    from config.load import profile_text

    return str(tomllib.loads(profile_text(profile))["cassette"][0]["name"])


def test_every_screen_as_a_picture(bank: RealBank, tmp_path: Path) -> None:
    """Numbered in the order they were shown, each 1024 by 600."""
    kiosk = made(bank, tmp_path / "kiosk")
    code, out = played(
        kiosk, tmp_path, '{ load = { top = 9 } }, { expect = "welcome" }', "--quiet", "--png", str(tmp_path / "png")
    )
    assert code == 0, out
    names = sorted(path.name for path in (tmp_path / "png").iterdir())
    assert names[0] == "0001-starting.png"
    assert names[-1].endswith("-welcome.png")
    for path in (tmp_path / "png").iterdir():
        assert struct.unpack(">II", path.read_bytes()[16:24]) == (1024, 600)


def test_a_scenario_that_is_not_there(bank: RealBank, tmp_path: Path) -> None:
    """Told before anything is started, with the names of those that are."""
    kiosk = RealKiosk(tmp_path, bank.programs)
    done = kiosk.run("simulate", "--scenario", "withdrawel")
    assert (done.code, done.out) == (2, "")
    assert "shipped are balance, by-ear" in done.sentence


def test_what_is_not_said_is_a_mismatch_that_tells_what_was(bank: RealBank, tmp_path: Path) -> None:
    """A scenario by ear that goes otherwise names what was expected and all that was heard meanwhile."""
    kiosk = made(bank, tmp_path / "kiosk")
    code, out = played(
        kiosk,
        tmp_path,
        """
        { load = { top = 20 } },
        { expect = "welcome", within_s = 40 },
        { headphones = "in" },
        { expect_said = "Insert your card" },
        { expect_said = "Welcome", within_s = 2 },
        { headphones = "out" },
    """,
    )
    assert code == 8
    assert "expected to hear 'Welcome', heard or press 4 for cash by code" in out
    assert "  )) Welcome" in out
