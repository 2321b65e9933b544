"""The oracle's sums: discounts, periods and opening hours, worked out another way than the engine does.

Fractions instead of remainders, single units instead of quantities, UTC+8 all year instead of a zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hexiao.domain.bill import BillLine
from hexiao.domain.scheme import Goods

DAY, ZONE = 86_400_000, 8 * 3_600_000


def parted(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in proportion to `weights`; the largest fractions get the fen that are left over."""
    if total == 0:
        return [0] * len(weights)
    shares = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in shares]
    by_rest = sorted(range(len(weights)), key=lambda i: (parts[i] - shares[i], i))
    for index in by_rest[: total - sum(parts)]:
        parts[index] += 1
    return parts


def faces(benefit: Any) -> tuple[int | None, int | None]:
    """(face in fen, number of uses) of a new coupon."""
    kind = benefit.__struct_config__.tag
    if kind == "goods_off":
        return benefit.up_to_fen, 1
    face = benefit.amount_fen if kind in ("money_off", "balance") else None
    return face, {"balance": None, "rate_uses": getattr(benefit, "uses", None)}.get(kind, 1)


def discount(benefit: Any, lines: Any, payable: list[int], free: int | None) -> list[int]:
    """The most that it takes off each line."""
    kind, most, weights = benefit.__struct_config__.tag, sum(payable), payable
    if kind in ("money_off", "balance"):
        most = min(most, benefit.amount_fen)
    elif kind in ("rate_off", "rate_uses"):
        off = int(most * Fraction(benefit.off_bp, 10_000))
        most = off if benefit.cap_fen is None else min(off, benefit.cap_fen)
    else:
        if benefit.up_to_quantity is not None:
            units = [
                (-min(line.unit_price_fen, left - unit * line.unit_price_fen), index)
                for index, (line, left) in enumerate(zip(lines, payable, strict=True))
                for unit in range(line.quantity)
                if left > unit * line.unit_price_fen
            ]
            dearest = sorted(units)[: benefit.up_to_quantity]
            weights = [-sum(worth for worth, at in dearest if at == index) for index in range(len(lines))]
        most = sum(weights) if benefit.up_to_fen is None else min(sum(weights), benefit.up_to_fen)
    return parted(most if free is None else min(most, free), weights)


def left_to_pay(bill: Any, taken: list[list[int]]) -> list[int]:
    """What each line still costs; what is off a line that costs less now goes off the others, first to last."""
    left, homeless = [line.quantity * line.unit_price_fen for line in bill.lines], 0
    for offs in taken:
        for index, off in enumerate(offs):
            fits = min(off, left[index]) if index < len(left) else 0
            homeless += off - fits
            if fits:
                left[index] -= fits
    for index, pay in enumerate(left):
        left[index] -= min(homeless, pay)
        homeless -= min(homeless, pay)
    return left


def covers(goods: Goods, line: BillLine, categories: dict[str, str]) -> bool:
    if goods.mode == "categories":
        return (line.category or categories.get(line.sku, "")) in goods.values
    return goods.mode == "all" or (line.sku in goods.values) == (goods.mode == "listed")


def period(validity: Any, at: int) -> tuple[int, int]:
    """From when until when a coupon received at `at` is valid."""
    if hasattr(validity, "first_day"):
        first, last = [(day.toordinal() - 719_163) * DAY - ZONE for day in (validity.first_day, validity.last_day)]
        return first, last + DAY
    today = (at + ZONE) // DAY * DAY - ZONE
    since = today + (DAY if "NextDay" in type(validity).__name__ else 0)
    return since, since + validity.days * DAY


def is_open(windows: Any, now: int) -> bool:
    """Windows that do not pass midnight."""
    weekday, minute = ((now + ZONE) // DAY + 3) % 7 + 1, (now + ZONE) % DAY // 60_000
    hours = [[int(clock[:2]) * 60 + int(clock[3:]) for clock in (w.since, w.until)] for w in windows]
    fits = [since <= minute < until for since, until in hours]
    return not windows or any(fit and weekday in w.weekdays for fit, w in zip(fits, windows, strict=True))
