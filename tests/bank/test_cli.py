"""`atm-bank` by itself: one sentence and one code for every end, exact answers for scripts, no secret anywhere."""

from __future__ import annotations

import importlib
import io
import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bank_program import PROGRAM, BankProgram

from bank.cli import main
from bank_link.card_file import parse
from bank_link.enrolment_string import parse as parse_string


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> BankProgram:
    """A bank with one customer and one account of 100 euros; tests only add to it."""
    folder = tmp_path_factory.mktemp("cli")
    bank = BankProgram(folder / "bank", folder / "home")
    bank.found()
    bank.ok("customer", "add", "Ada Lovelace")
    bank.ok("account", "open", "C1001", "--opening", "100.00")
    return bank


@pytest.fixture
def call(founded: BankProgram, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The same in this process, which is quicker: (code, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["--dir", str(founded.directory), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_new_bank_has_its_files_and_nobody_else_may_read_them(founded: BankProgram) -> None:
    """Configuration, keys, books; all of them the owner's alone."""
    directory = founded.directory
    assert {"bank.toml", "books.sqlite", "keys"} <= {path.name for path in directory.iterdir()}
    for path in (directory, *directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_bank_is_never_founded_over_another(founded: BankProgram, tmp_path: Path) -> None:
    """Nor over anything else that lies there; and a failed try leaves nothing behind."""
    before = sorted(founded.directory.rglob("*"))
    sentence = founded.sentence("init", "--name", "Other", "--currency", "EUR")
    assert "holds a bank already" in sentence
    assert sorted(founded.directory.rglob("*")) == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("dear")
    assert "something already" in founded.sentence(
        "init", "--name", "O", "--currency", "EUR", "--dir", f"{tmp_path}/full"
    )
    bad = tmp_path / "bad"
    assert "no currency" in founded.sentence("init", "--name", "O", "--currency", "XYZ", "--dir", str(bad))
    assert not bad.exists()


def test_a_configuration_written_by_hand_gets_its_keys_and_books(founded: BankProgram, tmp_path: Path) -> None:
    """For a bank whose settings lie in /etc and its books elsewhere; settings are not said twice."""
    config = tmp_path / "etc" / "bank.toml"
    config.parent.mkdir()
    config.write_text(f'[bank]\nname = "Old"\ndata = "{tmp_path}/var"\ncurrency = "USD"\n')
    where = ("--config", str(config))
    assert "belongs into" in founded.sentence("init", *where, "--currency", "EUR", code=2)
    assert founded.run("init", *where).code == 0
    assert founded.ok("customer", "add", "Bo", *where)["customer"] == "C1001"
    assert "never overwritten" in founded.sentence("init", *where)


def test_answers_for_scripts_have_names_and_exact_amounts(founded: BankProgram) -> None:
    """Decimal text with its currency; the names stay."""
    shown = founded.ok("account", "show", "1000000016")
    assert shown["balance"] == {"amount": "100.00", "currency": "EUR"}
    assert set(shown) == {
        "account", "kind", "customer", "label", "currency", "state", "balance", "held", "available", "overdraft",
        "forced_case", "opened_at", "cards", "postings",
    }  # fmt: skip
    checked = founded.ok("ledger", "check")
    assert checked["sound"] is True
    assert checked["findings"] == []


def test_a_card_file_is_its_owners_alone_and_overwrites_nothing(founded: BankProgram, tmp_path: Path) -> None:
    """144 bytes, mode 0600; a second card does not go over the first, and then none is issued."""
    pin = tmp_path / "pin"
    pin.write_text("1357\n")
    out = tmp_path / "ada.card"
    made = founded.ok("card", "issue", "C1001", "--pin-file", str(pin), "--out", str(out))
    assert "file" not in made
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    card = parse(out.read_bytes())
    assert made["ends"] == f"ends {card.card[-4:]}"
    cards = len(founded.ok("account", "show", "1000000016")["cards"])
    assert "overwrites" in founded.sentence("card", "issue", "C1001", "--pin-file", str(pin), "--out", str(out))
    assert len(founded.ok("account", "show", "1000000016")["cards"]) == cards
    again = tmp_path / "again.card"
    founded.ok("card", "reissue", made["card"], "--out", str(again))
    assert parse(again.read_bytes()).newest > card.newest


def test_a_refused_issue_leaves_no_file(founded: BankProgram, tmp_path: Path) -> None:
    """Neither card nor PIN of a card that is not there."""
    founded.sentence("card", "issue", "C9", "--generate-pin", f"{tmp_path}/pin", "--out", f"{tmp_path}/card")
    founded.sentence("card", "issue", "C1001", "--generate-pin", f"{tmp_path}/pin", "--out", f"{tmp_path}/no/card")
    assert list(tmp_path.iterdir()) == []


def test_a_drawn_pin_is_in_its_file_and_nowhere_else(founded: BankProgram, tmp_path: Path) -> None:
    """Four digits for the mailer, not on the screen."""
    done = founded.run("card", "issue", "C1001", "--generate-pin", f"{tmp_path}/pin", "--out", f"{tmp_path}/card")
    pin = (tmp_path / "pin").read_text()
    assert len(pin) == 5
    assert pin[:4].isdecimal()
    assert stat.S_IMODE((tmp_path / "pin").stat().st_mode) == 0o600
    assert done.code == 0
    assert f" {pin[:4]} " not in done.out


def test_a_pin_is_asked_of_nobody_where_nobody_is(founded: BankProgram, tmp_path: Path) -> None:
    """A script that forgets it is told how; there is no option to say it."""
    sentence = founded.sentence("card", "issue", "C1001", "--out", f"{tmp_path}/card", code=2)
    assert "--pin-file" in sentence
    assert "--pin" in founded.sentence("card", "issue", "C1001", "--pin", "1234", "--out", f"{tmp_path}/card", code=2)
    made = founded.run("card", "issue", "C1001", "--pin-file", "-", "--out", f"{tmp_path}/card", typed="2468\n")
    assert made.code == 0


def test_the_enrolment_string_is_printed_as_text_and_as_a_picture(founded: BankProgram) -> None:
    """The text stands alone on its line; the picture can be left out."""
    done = founded.run("enrol")
    (string,) = [line for line in done.out.splitlines() if line.startswith("atm1:")]
    assert parse_string(string).address == f"localhost:{founded.ports[1]}"
    assert "█" in done.out
    assert "█" not in founded.run("enrol", "--no-qr").out
    assert parse_string(founded.ok("enrol")["string"]).token != parse_string(string).token


def test_the_picture_says_the_same_as_the_text(call: Callable[..., tuple[int, str, str]]) -> None:
    """Drawn from capitals, which mean the same; complete, with its margin."""
    _, out, _ = call("enrol")
    string = next(line for line in out.splitlines() if line.startswith("atm1:"))
    drawn = [line for line in out.splitlines() if line and set(line) <= set("█▀▄ ")]
    import segno

    size = segno.make(string.upper(), micro=False).symbol_size(border=4)[0]
    assert {len(line) for line in drawn} == {size}
    assert len(drawn) == (size + 1) // 2
    assert parse_string(string.upper()) == parse_string(string)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "COMMAND"), (["frob"], "invalid choice"), (["card"], "COMMAND"), (["card", "isue"], "invalid choice"),
        (["customer", "add"], "NAME"), (["case", "resolve", "X", "--note", "n"], "required"),
        (["case", "resolve", "X", "--debit", "1", "--void", "--note", "n"], "not allowed"),
        (["case", "resolve", "X", "--void"], "--note"), (["serve", "--port", "0"], "no port"),
        (["serve", "--port", "x"], "no port"), (["account", "show", "1", "--last", "-1"], ""),
        (["init", "--name", "x"], "--currency"), (["--dir", "a", "--config", "b", "case", "list"], "not allowed"),
        (["terminal", "confirm", "T1"], "--fingerprint"), (["customer", "add", "x", "--lang", "en"], "unrecognized"),
    ],
)  # fmt: skip
def test_a_misuse_is_one_sentence_and_code_2(
    call: Callable[..., tuple[int, str, str]], arguments: list[str], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names what is wrong and where help is, and nothing was done."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert part in err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["account", "show", "1"], "no account 1"), (["account", "open", "C77"], "no customer C77"),
        (["account", "open", "C1001", "--opening", "1e3"], "1e3"), (["card", "show", "c0"], "no card c0"),
        (["card", "unblock", "0000"], "no card ends in 0000"), (["terminal", "suspend", "T5"], "no terminal T5"),
        (["case", "show", "T1-1.1.doubt"], "no case"), (["customer", "add", ""], "the name"),
        (["customer", "add", "x", "--language", "?"], "a language"),
        (["enrol", "--terminal", "T5"], "no terminal T5"), (["audit", "verify", "--head", "ä"], "the heads"),
    ],
)  # fmt: skip
def test_what_the_bank_refuses_is_one_sentence_and_code_1(
    call: Callable[..., tuple[int, str, str]], arguments: list[str], part: str
) -> None:
    """Every command says no in the same way."""
    code, out, err = call(*arguments)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert part in err


def test_a_missing_damaged_or_open_file_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    """Whatever is wrong with a bank's directory: which file, and what to do."""
    bank = BankProgram(tmp_path / "bank", tmp_path / "home")
    assert "no such file" in bank.sentence("case", "list")
    bank.found()
    keys = tmp_path / "bank" / "keys"
    keys.chmod(0o755)
    assert "chmod 700" in bank.sentence("case", "list")
    keys.chmod(0o700)
    content = (keys / "wrap-1.key").read_bytes()
    (keys / "wrap-1.key").write_bytes(content[:-9])
    assert "wrap-1.key is damaged" in bank.sentence("case", "list")
    (keys / "wrap-1.key").write_bytes(content)
    (tmp_path / "bank" / "books.sqlite").rename(tmp_path / "away")
    assert "books.sqlite" in bank.sentence("case", "list")
    (tmp_path / "bank" / "books.sqlite").write_bytes(b"no database" * 1000)
    assert "not a bank's database" in bank.sentence("case", "list")


def test_a_configuration_says_all_its_mistakes(call: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """One line each, with the file."""
    (tmp_path / "bank.toml").write_text('[bank]\nname = "x"\n')
    code, out, err = call("case", "list", "--dir", str(tmp_path))
    assert (code, out) == (1, "")
    assert err.count("bank.toml: ") == err.count("\n") == 2


def test_the_exit_code_says_whether_a_check_found_something(founded: BankProgram) -> None:
    """For scripts and timers: 0 where all is well, 1 with a line for each finding."""
    done = founded.run("audit", "verify")
    assert done.code == 0
    head = founded.ok("audit", "verify")["head"]
    assert founded.run("audit", "verify", "--head", head).code == 0
    wrong = founded.run("audit", "verify", "--head", head, "--head", "99999.nothing")
    assert wrong.code == 1
    assert "truncated" in wrong.out.splitlines()[0]
    assert founded.run("ledger", "check").code == 0


def test_who_gave_the_command_is_the_unix_user_or_who_he_says(founded: BankProgram) -> None:
    """In the opening posting's text as well as in the audit log."""
    opened = founded.ok("account", "open", "C1001", "--opening", "1", "--by", "Olga O.")
    shown = founded.ok("account", "show", opened["account"])
    assert shown["postings"][0]["text"] == "opening balance by Olga O."
    opened = founded.ok("account", "open", "C1001", "--opening", "1")
    import pwd

    me = pwd.getpwuid(os.getuid()).pw_name
    assert founded.ok("account", "show", opened["account"])["postings"][0]["text"] == f"opening balance by {me}"


def test_many_commands_at_once_wait_for_one_another(founded: BankProgram) -> None:
    """Without a running bank each opens the books under their lock, and none fails for it."""
    processes = [
        subprocess.Popen(
            [PROGRAM, "--json", "customer", "add", f"n{place}"], stdout=subprocess.PIPE, env=founded.environment
        )
        for place in range(6)
    ]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert len({answer["customer"] for answer in answers}) == 6
    assert founded.ok("audit", "verify")["sound"]


def test_a_bug_is_one_sentence_and_its_stack_is_in_a_file(
    call: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The person is told where; the file has the stack and no value of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def broken(*_: object) -> None:
        raise ValueError("PIN 4711")

    monkeypatch.setattr("bank.commands.executing._DONE_BY", {})
    code, out, err = call("case", "list")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    (log,) = tmp_path.rglob("*.log")
    assert str(log) in err
    assert "executing.py" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    monkeypatch.setattr("bank.cli.commands.case_list", broken)
    monkeypatch.setattr("bank.cli.printing.words", broken)
    code, _, err = call("customer", "add", "x")
    assert code == 1
    assert "4711" not in log.read_text() + err


@pytest.mark.parametrize(("where", "part"), [("| true", "nobody reads"), ("> /dev/full", "cannot be written")])
def test_an_answer_that_cannot_be_written_is_no_failure_of_the_command(
    founded: BankProgram, tmp_path: Path, where: str, part: str
) -> None:
    """The person learns that it was carried out; no traceback, not even at Python's own end."""
    before = founded.ok("customer", "add", "x")["customer"]
    script = f"(sleep 0.3; {PROGRAM} customer add y 2> {tmp_path}/err) {where}"
    subprocess.run(["/bin/sh", "-c", script], env=founded.environment, timeout=60, check=False)
    assert (tmp_path / "err").read_text().count("\n") == 1
    assert part in (tmp_path / "err").read_text()
    assert "was carried out" in (tmp_path / "err").read_text()
    assert int(founded.ok("customer", "add", "z")["customer"][1:]) == int(before[1:]) + 2


def test_a_terminal_that_cannot_show_the_picture_is_spared_it(founded: BankProgram) -> None:
    """The string is ASCII and is there; a letter it lacks is written as its code, and JSON stays JSON."""
    done = founded.run("enrol", PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert "atm1:" in done.out
    assert "Zo\\xeb" in founded.run("customer", "add", "Zoë", PYTHONIOENCODING="ascii").out
    assert founded.ok("customer", "add", "Zoë Å", PYTHONIOENCODING="ascii")["name"] == "Zoë Å"


def test_bytes_that_are_no_text_are_refused(founded: BankProgram) -> None:
    """What a shell passes through unseen does not reach the books."""
    assert "no text in UTF-8" in founded.sentence("customer", "add", os.fsdecode(b"\xff\xfe"), code=2)
    assert "on one line" in founded.sentence("customer", "add", "a\x9b31mb")
    assert "on one line" in founded.sentence("customer", "add", "a\x1b[31mb")


def test_a_person_types_fingerprint_and_pin(founded: BankProgram, tmp_path: Path) -> None:
    """Asked for at a terminal; the PIN twice, and never shown."""
    with founded.typing("card", "issue", "C1001", "--out", f"{tmp_path}/a.card") as person:
        person.answers("PIN: ", "8246\n", "PIN once more: ", "8246\n")
    assert person.code == 0
    assert "8246" not in person.seen
    assert len((tmp_path / "a.card").read_bytes()) == 144
    with founded.typing("card", "issue", "C1001", "--out", f"{tmp_path}/b.card") as person:
        person.answers("PIN: ", "8246\n", "PIN once more: ", "8247\n")
    assert person.code == 1
    assert "not the same" in person.seen
    assert not (tmp_path / "b.card").exists()
    with founded.typing("terminal", "confirm", "T1") as person:
        person.answers("shows it: ", "AAAA-BBBB-CCCC-DDDD\n")
    assert person.code == 1
    assert "there is no terminal T1" in person.seen


def test_a_command_line_that_only_talks_starts_quickly() -> None:
    """A word to a running bank needs neither the database nor the web server nor cryptography."""
    script = (
        "import sys\nfrom bank.cli import main\nmain(['frob'])\nimport bank.cli.commands, bank.cli.running\n"
        "heavy = {'sqlalchemy', 'httptools', 'cryptography', 'segno'} & set(sys.modules)\n"
        "sys.exit(1 if heavy else 0)"
    )
    python = PROGRAM.with_name("python")
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_is_carried_out_by_something() -> None:
    """No command of the grammar leads nowhere; each says what it is for."""
    import argparse

    from bank.cli.arguments import _parser

    def leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
        inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        return [leaf for action in inner for child in action.choices.values() for leaf in leaves(child)] or [parser]

    found = leaves(_parser())
    assert len(found) == 34
    for leaf in found:
        module, function = leaf.get_default("do").split(".")
        assert callable(getattr(importlib.import_module(f"bank.cli.{module}"), function))
        assert leaf.description
        assert "--json" in leaf.format_help()


def test_configurations_are_shown_and_checked(founded: BankProgram) -> None:
    """Every value in force; every mistake, one line each."""
    shown = founded.run("config", "show")
    assert 'name = "Harbour"' in shown.out
    assert f"port = {founded.ports[0]}" in shown.out
    assert founded.run("config", "check").code == 0


def test_payees_are_added_listed_and_removed_in_words_and_for_scripts(
    call: Callable[..., tuple[int, str, str]], founded: BankProgram
) -> None:
    """Each says what the books have; a wrong digit count is one sentence."""
    account = founded.ok("account", "open", "C1001")["account"]
    code, out, _ = call(
        "payee", "add", "City Water", account, "--category", "water", "--digits", "11", "--check", "luhn"
    )
    assert (code, "P101, City Water" in out, "11 digits, checked by luhn" in out) == (0, True, True)
    code, out, _ = call("payee", "list", "--json")
    [listed] = json.loads(out)["payees"]
    assert (code, listed["payee"], listed["account"], listed["digits"]) == (0, "P101", account, 11)
    code, _, err = call("payee", "add", "City Light", account, "--digits", "21")
    assert (code, "is no number from 2 to 20" in err, err.count("\n")) == (2, True, 1)
    assert call("payee", "remove", "P101")[0] == 0
    assert call("payee", "list")[1] == "Nobody's bills can be paid yet.\n"
    assert "removed" in call("payee", "list", "--all")[1]


def test_accounts_and_cards_are_frozen_and_closed_by_command(
    call: Callable[..., tuple[int, str, str]], founded: BankProgram, tmp_path: Path
) -> None:
    """Each says the new state; what cannot be is one sentence."""
    account = founded.ok("account", "open", "C1001")["account"]
    for word, state in (("freeze", "frozen"), ("unfreeze", "open"), ("close", "closed")):
        code, out, _ = call("account", word, account, "--json")
        assert (code, json.loads(out)["state"]) == (0, state)
    code, _, err = call("account", "freeze", account)
    assert (code, "is closed" in err, err.count("\n")) == (1, True, 1)
    (tmp_path / "pin").write_text("4711\n")
    made = founded.ok("card", "issue", "C1001", "--out", str(tmp_path / "card"), "--pin-file", str(tmp_path / "pin"))
    for word, state in (("freeze", "blocked"), ("unfreeze", "active")):
        code, out, _ = call("card", word, made["card"], "--json")
        assert (code, json.loads(out)["state"]) == (0, state)
    code, out, _ = call("customer", "rename", "C1001", "Ada Byron")
    assert (code, "C1001: Ada Byron" in out) == (0, True)
