"""Deliberate defects in cash codes: each lets one code be paid more than once."""

from __future__ import annotations

from simulation.planting import Defect, Text

from bank.authoriser import codes

CODES = (
    Defect(
        "code-used-twice",
        "What was paid for a code is not looked at: it is good until its time is over.",
        (Text(codes.state_of, "    if moved or _forgotten(card, holds):\n", "    if False:\n"),),
    ),
    Defect(
        "code-spent-by-the-completion",
        "Only a completion spends a code: while one is on its way, another machine pays the code again.",
        (
            Text(
                codes.state_of,
                'hold.posted_minor or hold.case_id or hold.state in {"released", "posted"}',
                "hold.posted_minor",
            ),
        ),
    ),
)
