"""What a campaign must have reached: the events on its list, and the lines and branches of journal and ledger."""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[2]
#: So often each event must have come in a campaign.
LEAST = 200
#: These files say `count(...)` of what happens to a system, and of what people do to it.
COUNTERS = (
    "line.py", "machines.py", "chaos.py", "people.py", "staff.py", "run.py", "troubles.py", "trays.py", "receipts.py",
    "errand_visits.py", "inquiry_visits.py",
)  # fmt: skip
#: Counted, and no event that a campaign has to reach: how far it came, and what the bank's staff had to do about it.
NOT_EVENTS = ("visits", "visit:", "settled", "staff:")
#: The code that decides about money; folders stand for all files in them.
WATCHED = (
    "kiosk/journal", "kiosk/vault.py", "kiosk/payment.py", "kiosk/host.py", "kiosk/standing.py",
    "kiosk/transactions/withdrawal.py", "kiosk/transactions/cash_tray.py", "kiosk/handover.py", "kiosk/cash_in.py",
    "bank/facts", "bank/decision", "bank/ledger", "bank/authoriser", "bank/terminals", "bank/cards",
)  # fmt: skip


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def events() -> list[str]:
    """All events that a campaign must reach, as the simulator counts them, by kind.

    They are read from the places that count them, so a new fault is on the list as soon as it is counted. ValueError
    where a name is made at run time of what is not known here.
    """
    known = {name for file in COUNTERS for name in _counted(Path(__file__).parent / file)}
    return sorted(name for name in known if not name.startswith(NOT_EVENTS))


def _counted(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
            continue
        name = node.args[0]
        if node.func.attr == "count" and isinstance(name, ast.IfExp):
            yield from (ast.literal_eval(branch) for branch in (name.body, name.orelse))
        elif node.func.attr == "_note" and len(node.args) == 2:
            yield f"line: {ast.literal_eval(node.args[1])}"
        elif node.func.attr == "count" and isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value
        elif node.func.attr == "count" and isinstance(name, ast.JoinedStr):
            yield from _family(name, f"{file.name}:{node.lineno}")


def _family(name: ast.JoinedStr, place: str) -> Iterator[str]:
    start = name.values[0].value if isinstance(name.values[0], ast.Constant) else ""
    families = _families()
    if start not in families:
        raise ValueError(f"{place} counts {ast.unparse(name)}: tell reached.py what its names may be")
    yield from (f"{start}{value}" for value in families[start])


def _families() -> dict[str, tuple[str, ...]]:
    """Names that are made at run time: how they begin, and how they can go on."""
    from simulation import chaos, troubles

    from drivers.simulated.note_acceptor import ElectricNoteAcceptor
    from drivers.simulated.receipt_printer import ElectricReceiptPrinter

    kiosk = [f"{what} journal.sqlite-wal" for what in ("write", "sync")]
    kiosk += [
        f"sending {kind}" for kind in ("open-visit", "authorise", "release", "completion", "reversal", "to the reader")
    ]
    cuts = {
        "kiosk": [*kiosk, "a pin", "the stick's pwrite", "the stick's fsync"],
        "bank": ["write books.sqlite-wal", "sync books.sqlite-wal"],
    }
    return {
        # Cuts, kills and devices' faults are counted where they happen, by their own names.
        "fault: ": tuple(
            name.replace("_", " ")
            for name in (*chaos.Chaos._ACTS, *chaos.OCCASIONS)
            if not name.endswith(("_power_cut", "_killed", "_fault"))
        ),
        "dispenser: ": chaos.DISPENSER_FAULTS,
        "keypad: ": chaos.KEYPAD_FAULTS,
        "reader: ": ("noise", "checksums", "silence", "cable"),
        "crash: ": tuple(f"{machine}, {how}" for machine in cuts for how in ("power cut", "killed")),
        "cut: ": tuple(f"{machine}, at {effect}" for machine, effects in cuts.items() for effect in effects),
        "stick: dies in ": ("pwrite", "fsync", "pread", "open", "drop_cache"),
        "acceptor: ": tuple(sorted(set(ElectricNoteAcceptor.faults) - {"stuck-line"})),
        "printer: ": tuple(ElectricReceiptPrinter.faults),
        "tray: ": troubles.FAULTS,
        "customer: ": tuple(f"{what} is done" for what in ("name", "usual", "freeze", "unfreeze", "close", "open")),
        "newcomer: told ": ("open.done", "open.unwritten"),
        "operator: switches a cassette ": ("on", "off"),
        "line: ": (),  # by its calls of _note
        "staff: closes a case of kind ": (),  # the staff's answer, no event
    }


# ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class FileReached:
    """One file: how many lines and branches inside its functions there are and were reached, and which were not.

    What stands outside functions is left out: it runs when the file is imported, and shows nothing.
    """

    path: str
    lines: int
    missing: tuple[int, ...]
    branches: int
    missing_branches: tuple[tuple[int, int], ...]

    @property
    def reached(self) -> int:
        return self.lines - len(self.missing)


class Collector:
    """Sees which lines of the watched code run, in this process, and keeps that in `folder`, beside other processes'."""

    def __init__(self, folder: Path) -> None:
        self._coverage = _coverage(folder, data_suffix=True)

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._coverage.start()
        try:
            yield
        finally:
            self._coverage.stop()
            self._coverage.save()


def reached(folder: Path) -> list[FileReached]:
    """What all collectors of `folder` saw together; nothing where there was none."""
    kept = list(folder.glob("reached.*"))
    if not kept:
        return []
    together = _coverage(folder)
    together.combine([str(path) for path in kept])
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "reached.json"
        together.json_report(morfs=[str(path) for path in watched()], outfile=str(out))
        found = json.loads(out.read_text())["files"]
    files = [_file(path, one["functions"]) for path, one in found.items()]
    return sorted((file for file in files if file.lines), key=lambda file: file.path)


def watched() -> list[Path]:
    """The files of `WATCHED`."""
    places = [ROOT / name for name in WATCHED]
    return [file for place in places for file in (sorted(place.glob("*.py")) if place.is_dir() else [place])]


def _coverage(folder: Path, *, data_suffix: bool = False) -> Coverage:
    include = [str(ROOT / name / "*") if (ROOT / name).is_dir() else str(ROOT / name) for name in WATCHED]
    return Coverage(
        data_file=str(folder / "reached"), data_suffix=data_suffix, branch=True, config_file=False, include=include
    )


def _file(path: str, functions: dict[str, dict[str, list[int] | list[list[int]]]]) -> FileReached:
    inside = [function for name, function in functions.items() if name]

    def every(key: str) -> list[tuple[int, ...]]:
        found = [each for function in inside for each in function[key]]
        return sorted(tuple(each) if isinstance(each, list) else (each,) for each in found)

    missing = tuple(line for (line,) in every("missing_lines"))
    missing_branches = tuple((start, end) for start, end in every("missing_branches"))
    return FileReached(
        _relative(path), len(every("executed_lines")) + len(missing), missing,
        len(every("executed_branches")) + len(missing_branches), missing_branches,
    )  # fmt: skip


def _relative(path: str) -> str:
    whole = Path(path).resolve()
    return whole.relative_to(ROOT).as_posix() if whole.is_relative_to(ROOT) else path
