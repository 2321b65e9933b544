"""New ids and new codes. Time and randomness are handed in; nothing here reads a clock or decides a rule.

An id has 63 bits: 41 of milliseconds since 2020, 10 of the node (one number for each running process), 12 of a
counter. So ids rise with time, and two processes never make the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from hexiao.domain.coupon import check_digit
from hexiao.domain.scheme import CodeFormat

EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
NODE_BITS, COUNTER_BITS = 10, 12
NODES = 1 << NODE_BITS


class Mint:
    """Not shared between threads: each committer has its own node."""

    def __init__(self, node: int, randbelow: Callable[[int], int]) -> None:
        self.node = node % NODES
        self._randbelow = randbelow
        self._last = 0
        self._counter = 0

    def id(self, now: int) -> int:
        """A new id, greater than every earlier one of this mint even when the clock went back."""
        tick = max(now - EPOCH_MS, self._last, 1)
        if tick == self._last:
            self._counter += 1
            if self._counter >> COUNTER_BITS:
                tick, self._counter = tick + 1, 0
        else:
            self._counter = 0
        self._last = tick
        return (tick << NODE_BITS | self.node) << COUNTER_BITS | self._counter

    def code(self, form: CodeFormat, now: int, zone: ZoneInfo) -> str:
        """Twenty digits. `random` carries 63 bits and a check digit; `dated` is the vendor's form, with 40 bits."""
        if form is CodeFormat.DATED:
            day = datetime.fromtimestamp(now / 1000, zone)
            return f"{day:%Y%m%d}{self._randbelow(10**12):012d}"
        digits = f"{self._randbelow(10**19):019d}"
        return digits + check_digit(digits)
