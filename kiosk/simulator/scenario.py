"""A visit as a file that a person can read: TOML into steps. The format is in `docs/simulator.md`."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

WITHIN_S = 20.0
_SHIPPED = "kiosk.simulator", "scenarios"


class ScenarioError(Exception):
    """The file is no scenario; one line for each mistake."""


@dataclass(frozen=True)
class Step:
    """`does` is the step's one verb; `within_s` how long what it expects may take."""

    number: int
    does: str
    value: Any
    within_s: float = WITHIN_S

    def __str__(self) -> str:
        if self.value is True:
            return self.does
        pairs = self.value.items() if isinstance(self.value, dict) else ()
        shown = ", ".join(f"{key} {value}" for key, value in pairs) or self.value or "none"
        return f"{self.does} {shown}"

    @property
    def hands(self) -> str:
        """What a person sees somebody do; "" where the step only looks."""
        said = _HANDS.get(self.does, "")
        return said.format(self.value) if said else ""


_HANDS = {
    "insert": "The card of {} goes in.", "pin": "The PIN is typed on the pad.", "keys": "On the pad: {}",
    "touch": "A finger on: {}", "headphones": "Headphones: {}", "take_card": "The card is taken.", "take_cash": "The notes are taken.",
    "insert_note": "A note of {} is put in.", "take_notes": "The notes at the mouth are taken.",
    "take_receipt": "The receipt is taken.",
    "open_door": "The {} door is opened.", "shut_door": "The {} door is shut.",
}  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """`title` says what it shows."""

    name: str
    title: str
    steps: tuple[Step, ...]


def shipped() -> tuple[str, ...]:
    """Names of the scenarios that come with the simulator."""
    files = resources.files(_SHIPPED[0]).joinpath(_SHIPPED[1]).iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def read(file: str) -> Scenario:
    """By path, or by the name of a shipped one. Raises ScenarioError."""
    path = Path(file)
    try:
        if file in shipped():
            data = resources.files(_SHIPPED[0]).joinpath(_SHIPPED[1], f"{file}.toml").read_bytes()
        else:
            data = path.read_bytes()
    except OSError as error:
        why = (error.strerror or "error").lower()
        raise ScenarioError(f"there is no scenario {file}: {why}; shipped are {', '.join(shipped())}") from error
    return parse(data, path.stem, file)


def parse(data: bytes, name: str, file: str = "scenario") -> Scenario:
    """Raises ScenarioError with every mistake."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{file}: cannot be read as TOML in UTF-8: {error}") from error
    mistakes = [f"{file}: {key} is not known; there are title and steps" for key in table if key not in _TOP]
    steps = table.get("steps", [])
    if not isinstance(steps, list) or not steps:
        mistakes.append(f"{file}: steps is missing: a list of tables, like steps = [{{ expect = 'welcome' }}]")
        steps = []
    read_steps = []
    for number, step in enumerate(steps, start=1):
        try:
            read_steps.append(_step(number, step))
        except ScenarioError as error:
            mistakes.append(f"{file}: step {number}: {error}")
    if mistakes:
        raise ScenarioError("\n".join(mistakes))
    return Scenario(name, str(table.get("title", name)), tuple(read_steps))


_TOP = ("title", "steps")


def _step(number: int, step: Any) -> Step:
    if not isinstance(step, dict):
        raise ScenarioError(f"is no table but {step!r}")
    verbs = [key for key in step if key != "within_s"]
    if len(verbs) != 1:
        raise ScenarioError(f"has {', '.join(verbs) or 'nothing to do'}; each step does one thing")
    does = verbs[0]
    if does not in _VERBS:
        near = difflib.get_close_matches(does, _VERBS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(_VERBS)}"
        raise ScenarioError(f"{does} is not known{hint}")
    says, right = _VERBS[does]
    if not right(step[does]):
        raise ScenarioError(f"{does} = {step[does]!r}: {says}")
    within = step.get("within_s", WITHIN_S)
    if not _number(within):
        raise ScenarioError(f"within_s = {within!r}: seconds, more than 0")
    return Step(number, does, step[does], float(within))


# ── What a step's value may be ──────────────────────────────────────────────────────────────────────────────────────


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _screens(value: Any) -> bool:
    return _text(value) or (isinstance(value, list) and bool(value) and all(_text(one) for one in value))


def _target(value: Any) -> bool:
    return _text(value) or (type(value) is int and 1 <= value <= 9)


def _number(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= 3600


def _counts(value: Any) -> bool:
    return isinstance(value, dict) and all(type(one) is int and 0 <= one <= 100_000 for one in value.values())


def _value(value: Any) -> bool:
    return type(value) is int and 0 < value <= 1_000_000


def _places(value: Any) -> bool:
    if not isinstance(value, dict) or not value or not value.keys() <= {"box", "escrow", "mouth", "path"}:
        return False
    return all(isinstance(notes, list) and all(_value(note) for note in notes) for notes in value.values())


def _filled(value: Any) -> bool:
    return bool(value) and _counts(value)


def _yes(value: Any) -> bool:
    return value is True


def _fault(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= {"device", "name", "times", "on"}:
        return False
    times = value.get("times", 1)
    good = _text(value.get("device")) and _text(value.get("name")) and type(times) is int and times > 0
    return good and type(value.get("on", True)) is bool


def _line(value: Any) -> bool:
    return value in ("cut", "back")


def _in_or_out(value: Any) -> bool:
    return value in ("in", "out")


_CARD = "a card's name, like 'card-1'"
_VERBS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "expect": ("a screen's id, or a list of them", _screens),
    "expect_text": ("words that are on the screen", _text),
    "expect_said": ("words that are said in the headphones, after those of an earlier expect_said", _text),
    "expect_notes": ("notes by cassette that the customer has got in this scenario, like { top = 1 }", _counts),
    "expect_counts": ("notes by cassette that the machine believes it has", _filled),
    "insert": (_CARD, _text),
    "pin": (_CARD, _text),
    "wrong_pin": (_CARD, _text),
    "keys": ("keys of the pad, like '20 D'", _text),
    "touch": ("a choice's digit, or its key, like 'cash' or 'D'", _target),
    "take_card": ("true", _yes),
    "take_cash": ("true", _yes),
    "insert_note": ("a note's value in whole units", _value),
    "take_notes": ("true", _yes),
    "take_receipt": ("words that stand on it", _text),
    "new_roll": ("true", _yes),
    "open_door": ("a door's name, like 'safe'", _text),
    "shut_door": ("a door's name, like 'safe'", _text),
    "expect_taken": ("notes at the acceptor, like { box = [20, 50], escrow = [], mouth = [] }", _places),
    "wait_s": ("seconds, more than 0", _number),
    "fault": ("{ device = '…', name = '…', times = 1 }, or on = true / false", _fault),
    "line": ("'cut' or 'back'", _line),
    "headphones": ("'in' or 'out'", _in_or_out),
    "load": ("notes by cassette, like { top = 20 }", _filled),
    "take_out": ("what is left in a cassette of which nobody is told, like { top = 0 }", _filled),
    "clear_path": ("true", _yes),
    "restart": ("true", _yes),
}
