"""Notices that the time of day went on by more than the time that passed, as when somebody set the clock wrongly.

Corrects nothing: who would do what cannot be undone asks first. A clock that was wrong from the start is not noticed.
"""

from __future__ import annotations

from collections.abc import Callable

from hexiao.logs import Log

JUMP_MS = 3_600_000
"""More than a clock is set by when it is put right, and less than would do harm."""
DOUBT_MS = 24 * 3_600_000
"""Long enough for somebody to see it; a clock that was rightly put on is believed after it."""

log = Log("hexiao.engine")


class ClockWatch:
    """`clock` tells the time of day and `passed` only how time goes by, both in milliseconds. For one thread."""

    def __init__(self, clock: Callable[[], int], passed: Callable[[], int]) -> None:
        self._clock = clock
        self._passed = passed
        self._apart = clock() - passed()
        self._doubted_until = passed()

    def doubted(self) -> bool:
        """Whether the clock jumped ahead within the last day, as far as that was seen: ask often."""
        passed = self._passed()
        apart = self._clock() - passed
        if apart - self._apart > JUMP_MS:
            self._doubted_until = passed + DOUBT_MS
            log.warning("clock_jumped", ahead_seconds=(apart - self._apart) // 1000)
        self._apart = apart
        return passed < self._doubted_until
