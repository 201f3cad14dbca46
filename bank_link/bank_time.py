"""The bank's time at the kiosk: what its authenticated answers said, carried on by the monotonic clock."""

from __future__ import annotations

from bank_link.errors import NotSent


class BankTime:
    """An estimate that each answer narrows. No wall clock takes part, so a jump of it moves nothing.

    When an answer that says T arrives, the bank's time lies between T and T plus the exchange's duration. The estimate
    is only moved where it lies outside: a slow answer does not set it back, and a bank clock that was corrected is
    followed at the next answer.
    """

    def __init__(self) -> None:
        self._ahead_ms: float | None = None  # bank time minus loop time

    @property
    def known(self) -> bool:
        """Whether an answer told it yet."""
        return self._ahead_ms is not None

    def heard(self, time_ms: int, *, asked_s: float, answered_s: float) -> None:
        """An authenticated answer said `time_ms`; the loop's seconds when it was asked for, and when it arrived."""
        least, most = time_ms - answered_s * 1000, time_ms - asked_s * 1000
        self._ahead_ms = least if self._ahead_ms is None else min(max(self._ahead_ms, least), most)

    def now_ms(self, loop_s: float) -> int:
        """Bank time in milliseconds at the loop's second `loop_s`. Raises NotSent before the first answer."""
        if self._ahead_ms is None:
            raise NotSent("the bank has not been reached since the start: its time is not known yet")
        return int(self._ahead_ms + loop_s * 1000)
