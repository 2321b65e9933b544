"""Benefit × what is left to pay → discount, line by line, in integer fen. Parts always add up.

Never gives more than is left to pay on a line, nor more than the coupon still holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from hexiao.domain.bill import BillLine
from hexiao.domain.money import split
from hexiao.domain.scheme import RATE_WHOLE_BP, Balance, Benefit, GoodsOff, MoneyOff, RateOff, RateUses


def discount(benefit: Benefit, lines: Sequence[BillLine], payable: Sequence[int], free_fen: int | None) -> list[int]:
    """The most this benefit gives on each line.

    `payable` is what is still to pay on each line, 0 where the coupon does not cover it;
    `free_fen` is what the coupon still holds (None = not limited).
    """
    base = sum(payable)
    match benefit:
        case MoneyOff(amount_fen=amount) | Balance(amount_fen=amount):
            most, weights = min(amount, base), payable
        case RateOff(off_bp=off, cap_fen=cap) | RateUses(off_bp=off, cap_fen=cap):
            most, weights = base * off // RATE_WHOLE_BP, payable
            if cap is not None:
                most = min(most, cap)
        case GoodsOff(up_to_fen=amount_or_none, up_to_quantity=quantity):
            weights = payable if quantity is None else _dearest_units(lines, payable, quantity)
            most = sum(weights)
            if amount_or_none is not None:
                most = min(most, amount_or_none)
    if free_fen is not None:
        most = min(most, free_fen)
    return split(most, weights)


def _dearest_units(lines: Sequence[BillLine], payable: Sequence[int], quantity: int) -> list[int]:
    """What covering `quantity` units is worth on each line: those first on which most is left to pay."""
    units = []
    for index, (line, left) in enumerate(zip(lines, payable, strict=True)):
        price = line.unit_price_fen
        whole = left // price if price else 0
        units.append((price, whole, index))
        units.append((left - whole * price, 1, index))  # a unit that another coupon paid in part
    covered = [0] * len(lines)
    for price, count, index in sorted(units, key=lambda unit: (-unit[0], unit[2])):
        if price:
            taken = min(quantity, count)
            covered[index] += taken * price
            quantity -= taken
    return covered
