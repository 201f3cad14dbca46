"""`atm-kiosk` as a person types it: every end is one sentence and its code; journal and cash without a running kiosk."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bank_link.seams import SystemRandomness
from config.load import example_kiosk
from kiosk.cli import main
from kiosk.exit_codes import MEANINGS, Code, CommandError, code_of
from kiosk.journal import records as r
from kiosk.journal.store import Journal
from kiosk.operator.journal_text import text


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    """A laptop's directory with a configuration."""
    (tmp_path / "kiosk.toml").write_text(
        example_kiosk("laptop", state=".", auth_file="terminal.auth", key_file="terminal.key")
    )
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured
    assert captured.out == ""
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "COMMAND"),
        (["dance"], 2, "invalid choice"),
        (["journal", "show", "--last", "0"], 2, "from 1 to 10000"),
        (["journal", "show", "--last", "³"], 2, "from 1 to 10000"),
        (["cash", "load", "top=5"], 2, "--by"),
        (["run", "--config", "/nowhere/kiosk.toml"], 2, "/nowhere/kiosk.toml"),
        (["status", "--state", "/nowhere"], 6, "atm-provision --state /nowhere"),
        (["simulate"], 2, "--state DIR"),
        (["simulate", "--state", "/proc/nowhere"], 6, "/proc/nowhere"),
        (["once", "--state", "x", "--card", "c", "--pin-file", "p"], 2, "--withdraw --balance"),
    ],
)
def test_misuse_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    """Whatever is typed, there is one line that names it, and the documented code."""
    assert main(arguments) == code
    assert words in said(capsys)


def test_help_says_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The codes that a script may rely on are where it is looked for first."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for code in Code:
        assert re.search(rf"^  {code.value} +{re.escape(MEANINGS[code])}$", out, re.MULTILINE), code


def test_an_unforeseen_error_is_a_sentence_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours names itself, without a stack unless it is asked for."""
    monkeypatch.setattr("kiosk.commands.config.load_kiosk", lambda _: 1 / 0)
    assert main(["config", "check", "x"]) == Code.FAILED
    assert "ZeroDivisionError" in said(capsys)


def test_codes_belong_to_our_errors_only() -> None:
    """Somebody else's class of the same name is not taken for ours."""

    class JournalError(Exception):
        pass

    assert code_of(JournalError()) is None
    assert code_of(CommandError("x", Code.LINE_DOWN)) is Code.LINE_DOWN


# ── config ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_config_check_says_every_mistake(kiosk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, a line each; and nothing but one line where there is none."""
    assert main(["config", "check", str(kiosk / "kiosk.toml")]) == 0
    assert "in order" in capsys.readouterr().out
    with (kiosk / "kiosk.toml").open("a") as file:
        file.write("\n[limits]\nanswer_s = 1\ncash_s = 'long'\n")
    assert main(["config", "check", str(kiosk / "kiosk.toml")]) == Code.BAD_INPUT
    err = capsys.readouterr().err
    assert "limits.answer_s" in err
    assert "limits.cash_s" in err
    assert all(line.startswith("atm-kiosk: ") for line in err.splitlines())


def test_config_show_names_origins(kiosk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each value with the file it came from; `diff` only what is this kiosk's own."""
    path = str(kiosk / "kiosk.toml")
    assert main(["config", "show", path]) == 0
    out = capsys.readouterr().out
    assert re.search(r"currency = \"USD\" +# profile laptop", out)
    assert re.search(rf"auth_file = .*# {re.escape(path)}", out)
    assert main(["config", "diff", path]) == 0
    out = capsys.readouterr().out
    assert "terminal.auth_file" in out
    assert "currency" not in out


# ── journal show ────────────────────────────────────────────────────────────────────────────────────────────────────


def _journal(kiosk: Path) -> Journal:
    return Journal.open(kiosk / "journal.sqlite", random=SystemRandomness(), now=lambda: 1_790_000_000_000)


def _remember(kiosk: Path, *records: r.AnyRecord) -> None:
    journal = _journal(kiosk)
    journal.write(*records)
    journal.close()


def test_journal_show_where_there_is_none(kiosk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Looking makes nothing: a wrong directory is told, not filled."""
    assert main(["journal", "show", "--state", str(kiosk)]) == Code.STATE
    assert "ever been started" in said(capsys)
    assert not (kiosk / "journal.sqlite").exists()


def test_journal_show_reads_like_a_diary(kiosk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest N in their order, with time, boot and words; only those that contain the text."""
    booted = r.Booted(boot="b123456789", version="1", terminal="T1", generation=1)
    _remember(kiosk, booted, *(r.Event(what="tick", detail=str(n)) for n in range(5)))
    assert main(["journal", "show", "--state", str(kiosk), "--last", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[-7:] for line in lines] == ["tick: 3", "tick: 4"]
    assert "2026-09-21" in lines[0]
    assert "b123456" in lines[0]
    assert "b1234567" not in lines[0]
    assert main(["journal", "show", "--state", str(kiosk), "--filter", "T1", "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["kind"] == "booted"
    assert line["record"]["terminal"] == "T1"


def test_journal_show_masks(kiosk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a reference of card or account, nor a nonce, is printed whole."""
    name = r.Transaction(1, 7)
    nonce = b"N" * 32
    _remember(
        kiosk,
        r.Held(
            transaction=name, hold="h1", card="c1234567890abcdef", account="1000000016",
            amount=r.Money(7000, "USD"), mix=(), claim="T1-7",
        ),
        r.NonceMade(transaction=name, nonce=nonce, boot="b1"),
        r.NonceBurnt(transaction=name, nonce=nonce),
    )  # fmt: skip
    for more in ([], ["--json"]):
        assert main(["journal", "show", "--state", str(kiosk), *more]) == 0
        out = capsys.readouterr().out
        assert "70.00 USD" in out
        assert "T1-7" in out
        assert "1000000016" not in out
        assert "c1234567890" not in out
        assert "Tk5OTk5O" not in out


def test_every_record_has_words() -> None:
    """No kind of record is left without a sentence."""
    for kind in r.AnyRecord.__args__:
        assert text.dispatch(kind) is not text.dispatch(object), kind


def test_a_journal_in_use_is_waited_for_then_told(
    kiosk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that holds the journal and does not listen is named, and nothing is changed."""
    monkeypatch.setattr("kiosk.commands.asking.PATIENCE_S", 0.2)
    journal = _journal(kiosk)
    assert main(["journal", "show", "--state", str(kiosk)]) == Code.STATE
    assert "in use" in said(capsys)
    journal.close()
    assert main(["journal", "show", "--state", str(kiosk)]) == 0
