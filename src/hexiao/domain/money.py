"""Money is integer fen (分), always. Parse, print, and split without losing one.

No float ever touches an amount: text goes through Decimal, arithmetic stays in int.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache

FEN_MAX = 10**13
"""Largest amount we take: 100 billion yuan. Sums of 900,000 of these still fit 63 bits."""


def parse_yuan(text: str) -> int:
    """ "12.30" → 1230. Raises ValueError for anything that is not a finite amount of whole fen."""
    if len(text) > 24 or not set("_eE").isdisjoint(text):  # beyond 28 digits Decimal rounds, or raises Overflow
        raise ValueError(f"not an amount: {text[:40]!r}")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"not an amount: {text!r}") from None
    if not amount.is_finite() or abs(amount) > FEN_MAX // 100:
        raise ValueError(f"amount out of range: {text!r}")
    fen = amount * 100
    if fen != fen.to_integral_value():
        raise ValueError(f"amount has parts of a fen: {text!r}")
    return int(fen)


def format_yuan(fen: int) -> str:
    """1230 → "12.30"; -5 → "-0.05"."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


@lru_cache(1024)  # the same amounts come again and again
def format_yuan_short(fen: int) -> str:
    """1230 → "12.3", 100 → "1": the form both vendors print."""
    text = format_yuan(fen)
    return text.rstrip("0").rstrip(".")


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` fen in proportion to `weights` by largest remainder; the parts add up to `total`.

    No part exceeds its weight as long as total ≤ sum(weights); among equal remainders the earlier line wins.
    Raises ValueError when there is something to split and nothing to carry it.
    """
    whole = sum(weights)
    if total == 0:
        return [0] * len(weights)
    if whole <= 0 or total < 0 or min(weights) < 0:
        raise ValueError(f"cannot split {total} over {list(weights)}")
    parts = [total * weight // whole for weight in weights]
    missing = total - sum(parts)
    if missing:
        remainders = [total * weight % whole for weight in weights]
        # Also when reversed, sorting keeps the order of equals.
        by_remainder = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
        for index in by_remainder[:missing]:
            parts[index] += 1
    return parts
