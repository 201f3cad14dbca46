"""`make kill`: real processes killed at random moments, and a crowd of duplicates; nothing may be lost, nothing done twice.

    python tests/campaigns/run.py [--kills 300] [--duplicates 20000] [--seed N] [--towns N] [--kiosks N] [--terminals N]

0 of either leaves it out. Exit code 1: something was not right; what, is printed, and the folder is left to be looked at.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

#: Of each fault; the folder has the rest.
MOST_SAID = 2_000
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main() -> int:
    options = parsed()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    # On the disk that the sources are on: where temporary files are kept in memory, no commit is durable.
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir=build))
    print(f"seed {options.seed}", flush=True)
    try:
        found = [*killed(folder, options), *doubled(folder, options)]
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    for fault in found:
        print(f"FAULT: {fault[:MOST_SAID]}", file=sys.stderr)
    if found:
        print(f"seed {options.seed}: {len(found)} faults; everything lies in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("Nothing was lost, and nothing was done twice.")
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--kills", type=int, default=300, metavar="N", help="processes to be killed (300)")
    add("--duplicates", type=int, default=20_000, metavar="N", help="submissions of duplicates (20000)")
    add("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="what chance is made of (random)")
    add("--towns", type=int, default=2, metavar="N", help="banks that are killed, each with its kiosks (2)")
    add("--kiosks", type=int, default=3, metavar="N", help="of each town (3)")
    add("--terminals", type=int, default=50, metavar="N", help="that send duplicates (50)")
    return parser.parse_args()


def killed(folder: Path, options: argparse.Namespace) -> list[str]:
    from campaigns import kills
    from campaigns.tally import Tally

    if not options.kills:
        return []
    tally = Tally(options.kills)
    kills.campaign(folder, tally, seed=options.seed, towns=options.towns, kiosks=options.kiosks)
    print(kills.report(tally), flush=True)
    return tally.faults


def doubled(folder: Path, options: argparse.Namespace) -> list[str]:
    from campaigns import duplicates

    if not options.duplicates:
        return []
    outcome = duplicates.campaign(
        folder / "crowd", options.duplicates, seed=options.seed, terminals=options.terminals
    )  # fmt: skip
    print(duplicates.report(outcome), flush=True)
    return outcome.faults


if __name__ == "__main__":
    sys.exit(main())
