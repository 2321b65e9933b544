"""One coupon on one bill, as the checks see it. Everything is loaded and worked out before the first check runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.bill import Bill
from hexiao.domain.coupon import Coupon
from hexiao.domain.redemption import Redemption
from hexiao.domain.scheme import Scheme


@lru_cache(64)  # the cases of one batch have one moment, and few zones
def local_time(now: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(now / 1000, zone)


class Case(msgspec.Struct, kw_only=True):
    """All that the checks may look at. The coupon's own hold on this bill, if any, counts as free."""

    coupon: Coupon
    scheme: Scheme
    bill: Bill
    zone: ZoneInfo
    now: int
    shop_name: str
    payable: Sequence[int]
    asked_fen: int | None = None
    companions: Sequence[Scheme] = ()
    own_hold: Redemption | None = None
    other_hold: Redemption | None = None
    captured_here: Redemption | None = None
    last_capture: Redemption | None = None
    last_shop_name: str = ""
    budget_left_fen: int | None = None
    # Worked out once, before the checks: which lines the coupon covers, what is left to pay on them, what comes off.
    covers: Sequence[bool] = ()
    covered: Sequence[int] = ()
    most: Sequence[int] = ()

    @property
    def free_fen(self) -> int | None:
        free = self.coupon.free_fen
        return free if free is None or self.own_hold is None else free + self.own_hold.held_fen

    @property
    def free_uses(self) -> int | None:
        free = self.coupon.free_uses
        return free if free is None or self.own_hold is None else free + 1

    @property
    def bound(self) -> bool:
        """A bearer's coupon remembers who received it, and works for anybody."""
        return self.scheme.terms.holder == "member" and self.coupon.member_id is not None

    @property
    def spent_fen(self) -> int:
        """On what the coupon covers, before any discount."""
        return sum([line.amount_fen for line, hit in zip(self.bill.lines, self.covers, strict=True) if hit])

    @property
    def takes_fen(self) -> int:
        return sum(self.most) if self.asked_fen is None else self.asked_fen
