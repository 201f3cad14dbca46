"""What a campaign leaves behind: its report as text, and as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pygame
from simulation.campaign import Tally
from simulation.reached import LEAST, FileReached

from kiosk.display.pygame.theme import Colour, mixed, standard

ROOT = Path(__file__).resolve().parents[2]
DISPLAY = ROOT / "kiosk" / "display"
TITLES = {
    "line": "The line", "crash": "Crashes", "cut": "Crashes in the middle of an effect", "fault": "Faults that were drawn",
    "": "Two things at once", "journal": "Journal", "dispenser": "Note dispenser", "keypad": "Keypad",
    "reader": "Card reader", "stick": "Stick", "customer": "Customers", "operator": "Operator",
    "newcomer": "Newcomers", "acceptor": "Note acceptor", "tray": "Cash tray", "door": "Doors", "printer": "Receipt printer",
    "receipt": "Receipts",
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """All that is told of a campaign. `seconds`: of real time; `events`: those that must be reached."""

    tally: Tally
    events: Sequence[str]
    reached: Sequence[FileReached]
    seconds: float
    jobs: int

    @property
    def rare(self) -> list[str]:
        """Events that came too seldom."""
        return [event for event in self.events if self.tally.counts[event] < LEAST]

    @property
    def verdict(self) -> str:
        failed = sorted(plan.seed for plan in self.tally.failed)
        if not failed:
            return "No seed failed"
        more = f" and {len(failed) - 12} more" if len(failed) > 12 else ""
        return f"{counted(len(failed), 'seed')} failed: {', '.join(map(str, failed[:12]))}{more}"

    @property
    def reaching(self) -> str:
        met = len(self.events) - len(self.rare)
        return f"{met} of {len(self.events)} events came at least {LEAST} times"

    def groups(self) -> dict[str, list[str]]:
        """The events by kind, the most frequent first."""
        groups: dict[str, list[str]] = {}
        for event in sorted(self.events, key=lambda event: (-self.tally.counts[event], event)):
            groups.setdefault(event.rpartition(": ")[0], []).append(event)
        return dict(sorted(groups.items(), key=lambda item: [*TITLES, item[0]].index(item[0])))


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def clock(seconds: float) -> str:
    """`h:mm:ss`."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def share(part: int, whole: int) -> int:
    """In percent, never rounded up to a whole that it is not."""
    return 100 * part // whole if whole else 100


def write(report: Report, folder: Path) -> None:
    """`report.txt` and `report.png` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.txt").write_text(text(report), encoding="utf-8")
    pygame.image.save(picture(report), folder / "report.png")


# ── Text ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def text(report: Report) -> str:
    """The whole report, to be read in a terminal."""
    parts = [_head(report), _events(report), _others(report), _lines(report), _missing(report), _failures(report)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(report: Report) -> list[str]:
    tally = report.tally
    together = tally.visits / report.seconds if report.seconds else 0.0
    return [
        f"{report.verdict}. {report.reaching}.",
        "",
        f"{tally.visits:>12,}  visits, in {counted(tally.seeds, 'seed')}",
        f"{tally.crashes:>12,}  crashes of kiosks and bank",
        f"{tally.visits_a_second:>12.1f}  visits a second on one core, by the processor's time",
        f"{together:>12.1f}  visits a second on {counted(report.jobs, 'core')}, in {clock(report.seconds)} of real time",
    ]


def _events(report: Report) -> list[str]:
    rows = [f"Events: each is to come at least {LEAST} times; ! marks those that did not"]
    for kind, names in report.groups().items():
        rows += ["", f"  {TITLES.get(kind, kind)}"]
        rows += [f"  {'!' if name in report.rare else ' '} {report.tally.counts[name]:>9,}  {name}" for name in names]
    return rows


def _others(report: Report) -> list[str]:
    others = sorted(set(report.tally.counts) - set(report.events))
    return ["Counted, and on no list", *(f"    {report.tally.counts[name]:>9,}  {name}" for name in others)]


def _lines(report: Report) -> list[str]:
    if not report.reached:
        return ["Lines of journal and ledger: no seed was watched"]
    rows = [f"Lines and branches of journal and ledger, inside functions, in {counted(report.tally.watched, 'seed')}"]
    for file in report.reached:
        branches = file.branches - len(file.missing_branches)
        rows.append(
            f"    {share(file.reached, file.lines):>3} %  {file.reached:>4} of {file.lines:>4} lines"
            f"  {branches:>4} of {file.branches:>4} branches  {file.path}"
        )
    return rows


def _missing(report: Report) -> list[str]:
    rows = []
    for file in report.reached:
        if file.missing:
            rows.append(f"    {file.path}: {ranges(file.missing)}")
        # A branch to a line that was never reached says nothing new.
        branches = [
            f"{start}→{end}" for start, end in file.missing_branches if {start, abs(end)}.isdisjoint(file.missing)
        ]
        if branches:
            rows.append(f"    {file.path}, branches: {', '.join(branches)}")
    return ["Never reached (a branch to a negative number leaves its function)", *rows] if rows else []


def _failures(report: Report) -> list[str]:
    rows = []
    for plan, violations in sorted(report.tally.failed.items(), key=lambda item: item[0].seed):
        rows.append(f"  seed {plan.seed}, {plan.visits} visits")
        rows += [f"    {violation}" for violation in violations]
    return ["Failures", *rows] if rows else []


def ranges(numbers: Iterable[int]) -> str:
    """`3, 5-7` for 3 5 6 7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(start) if start == end else f"{start}-{end}" for start, end in runs)


# ── Picture ─────────────────────────────────────────────────────────────────────────────────────────────────────────

WIDTH = 1920
MARGIN, GAP, HEADER, ROW, TITLE = 56, 48, 236, 27, 50
COLUMN = (WIDTH - 2 * MARGIN - 2 * GAP) // 3
EVENT_NAME, FILE_NAME, FIGURE = 272, 150, 88
THEME = standard()


class Sheet:
    """A surface, and the product's type and colours on it."""

    def __init__(self, height: int) -> None:
        pygame.font.init()
        self.surface = pygame.Surface((WIDTH, height), depth=32)
        self.surface.fill(THEME["paper"])

    def words(
        self, words: str, at: tuple[float, float], size: int, colour: Colour, *,
        weight: int = 500, right: bool = False, centred: bool = False,
    ) -> None:  # fmt: skip
        """Words with their middle line at `at`, which is their left end (or their right one, or their middle)."""
        font = pygame.font.Font(DISPLAY / "fonts" / f"FigtreeTabular-{weight}.ttf", size)
        drawn = font.render(words, True, colour)
        left = at[0] - drawn.get_width() * (1.0 if right else 0.5 if centred else 0.0)
        self.surface.blit(drawn, (round(left), round(at[1] - drawn.get_height() / 2)))

    def box(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        pygame.draw.rect(self.surface, colour, (round(left), round(top), max(1, round(width)), round(height)))


def picture(report: Report) -> pygame.Surface:
    """The same as a picture, `WIDTH` wide and as high as it needs."""
    groups = report.groups()
    columns = _columns(groups)
    rows = [sum(TITLE + ROW * len(groups[kind]) for kind in column) for column in columns]
    rows.append(TITLE * len(_folders(report)) + ROW * len(report.reached))
    sheet = Sheet(HEADER + 90 + max(rows) + 2 * MARGIN)
    _header(sheet, report)
    most = max([LEAST, *(report.tally.counts[event] for event in report.events)])
    top = HEADER + 40
    for number, column in enumerate(columns):
        _draw_events(
            sheet, report, {kind: groups[kind] for kind in column}, MARGIN + number * (COLUMN + GAP), top, most
        )
    _draw_files(sheet, report, MARGIN + 2 * (COLUMN + GAP), top)
    _footer(sheet, report)
    return sheet.surface


def _columns(groups: dict[str, list[str]]) -> list[list[str]]:
    """The kinds in two columns of about one height, in their order."""
    kinds = list(groups)
    heights = [TITLE + ROW * len(groups[kind]) for kind in kinds]
    cut = min(range(len(kinds) + 1), key=lambda cut: max(sum(heights[:cut]), sum(heights[cut:])))
    return [kinds[:cut], kinds[cut:]]


def _header(sheet: Sheet, report: Report) -> None:
    tally, white, mist = report.tally, THEME["white"], THEME["mist"]
    sheet.box(0, 0, WIDTH, HEADER, THEME["deep"])
    sheet.box(0, HEADER, WIDTH, 6, THEME["danger"] if tally.failed else THEME["accent"])
    mark = pygame.image.load_sized_svg(str(DISPLAY / "art" / "mark.svg"), (64, 64))
    sheet.surface.blit(mark, (MARGIN, 40))
    sheet.words("Bad days, simulated: kiosks, bank and people, and all that goes wrong", (MARGIN + 88, 54), 25, mist)
    sheet.words(f"{report.verdict}. {report.reaching}.", (MARGIN + 88, 88), 30, white, weight=600)
    figures = (
        (f"{tally.visits:,}", "visits"),
        (f"{tally.seeds:,}", "seeds"),
        (f"{tally.crashes:,}", "crashes of kiosks and bank"),
        (f"{tally.visits_a_second:.0f}", "visits a second on one core"),
        (clock(report.seconds), f"on {counted(report.jobs, 'core')}"),
    )
    for number, (figure, what) in enumerate(figures):
        left = MARGIN + number * (WIDTH - 2 * MARGIN) / len(figures)
        sheet.words(figure, (left, 156), 52, THEME["accent"], weight=700)
        sheet.words(what, (left, 200), 21, mist)


def _draw_events(
    sheet: Sheet, report: Report, groups: dict[str, list[str]], left: int, top: int, most: int
) -> None:  # fmt: skip
    """Bars on a scale of powers of ten."""
    start, width = left + EVENT_NAME, COLUMN - EVENT_NAME - FIGURE
    decades = math.log10(most)

    def reach(count: int) -> float:
        # One event is a stump, so that it is not taken for none.
        return width * (0.03 + 0.97 * math.log10(count) / decades) if count else 0

    for kind, names in groups.items():
        sheet.words(TITLES.get(kind, kind), (left, top + TITLE - 20), 22, THEME["deep"], weight=700)
        top += TITLE
        bottom = top + ROW * len(names)
        for decade in range(int(decades) + 1):
            sheet.box(start + reach(10**decade), top, 1, bottom - top, THEME["hair"])
            if kind == next(iter(groups)):
                label = ("1", "10", "100", "1k", "10k", "100k", "1M", "10M")[decade]
                sheet.words(label, (start + reach(10**decade), top - 12), 14, THEME["ink2"], centred=True)
        for name in names:
            count = report.tally.counts[name]
            colour = THEME["danger"] if name in report.rare else THEME["deep"]
            sheet.words(name.rpartition(": ")[2], (left, top + ROW / 2), 17, THEME["ink"])
            if count:
                sheet.box(start, top + 5, reach(count), ROW - 10, colour)
            figure = f"{count:,}" if count else "never"
            sheet.words(figure, (left + COLUMN, top + ROW / 2), 17, colour, weight=600, right=True)
            top += ROW
        for dash in range(top - ROW * len(names), bottom, 9):
            sheet.box(start + reach(LEAST), dash, 2, min(5, bottom - dash), THEME["accent"])


def _folders(report: Report) -> dict[str, list[FileReached]]:
    folders: dict[str, list[FileReached]] = {}
    for file in report.reached:
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    return folders


def _draw_files(sheet: Sheet, report: Report, left: int, top: int) -> None:
    """Bars of the lines that were reached, by file."""
    start, width = left + FILE_NAME, COLUMN - FILE_NAME - FIGURE
    track = mixed(THEME["paper"], THEME["danger"], 0.3)
    for folder, files in _folders(report).items():
        lines, hit = sum(file.lines for file in files), sum(file.reached for file in files)
        sheet.words(f"{folder}/", (left, top + TITLE - 20), 22, THEME["deep"], weight=700)
        sheet.words(
            f"{share(hit, lines)} %", (left + COLUMN, top + TITLE - 20), 20, THEME["deep"], weight=700, right=True
        )
        top += TITLE
        for file in files:
            sheet.words(file.path.rpartition("/")[2], (left, top + ROW / 2), 17, THEME["ink"])
            sheet.box(start, top + 5, width, ROW - 10, track)
            if file.reached:
                sheet.box(start, top + 5, width * file.reached / file.lines, ROW - 10, THEME["success"])
            figure = f"{file.reached}/{file.lines}"
            sheet.words(figure, (left + COLUMN, top + ROW / 2), 17, THEME["ink2"], weight=600, right=True)
            top += ROW


def _footer(sheet: Sheet, report: Report) -> None:
    base = sheet.surface.get_height() - MARGIN
    sheet.box(MARGIN, base - 34, WIDTH - 2 * MARGIN, 1, THEME["edge"])
    sheet.words(
        f"How often each event came, on a scale of powers of ten. Dashed: {LEAST}, the least; red: fewer.",
        (MARGIN, base), 19, THEME["ink2"],
    )  # fmt: skip
    watched = f"Lines of journal and ledger in functions, reached in {counted(report.tally.watched, 'seed')}"
    sheet.words(watched, (MARGIN + 2 * (COLUMN + GAP), base), 19, THEME["ink2"])
