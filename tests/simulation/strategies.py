"""What the machine draws from: few values, so that coupons, bills and members meet each other often."""

from __future__ import annotations

from datetime import date
from functools import reduce
from operator import or_
from typing import Any

from hypothesis import strategies as st

from engine.desk import MEMBER, OTHER_MEMBER, OTHER_SHOP, SHOP
from hexiao.domain.bill import Bill, BillLine, Scene
from hexiao.domain.scheme import (
    Balance,
    DaysFromNextDay,
    DaysFromReceipt,
    FixedDates,
    Goods,
    GoodsOff,
    MoneyOff,
    RateOff,
    RateUses,
    Shops,
    Terms,
    Window,
)

DAY = 86_400_000
GOODS = {"milk": "dairy", "bread": "bakery", "soap": "care"}
"""Known goods and their categories; a bill may leave the category out."""


def often(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """`usual` three times out of four, so that most coupons work."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


GOODS_TERMS = [
    Goods("listed", ("milk",)),
    Goods("all_but", ("bread",)),
    Goods("categories", ("dairy", "care")),
]
MONEY_OFF = st.builds(MoneyOff, st.sampled_from([1, 500, 1_000]))
RATE_OFF = st.builds(RateOff, st.sampled_from([100, 1_500, 3_333, 10_000]), st.sampled_from([None, 400]))
GOODS_OFF = st.one_of(
    st.builds(GoodsOff, up_to_fen=st.sampled_from([700, 2_000])),
    st.builds(GoodsOff, up_to_quantity=st.sampled_from([1, 2])),
    st.just(GoodsOff(up_to_fen=600, up_to_quantity=2)),
)
BALANCE = st.builds(Balance, st.sampled_from([1_000, 5_000]))
RATE_USES = st.builds(RateUses, st.sampled_from([2_000, 6_667]), st.sampled_from([2, 3]), st.sampled_from([None, 300]))
KINDS = (MONEY_OFF, RATE_OFF, GOODS_OFF, BALANCE, RATE_USES)
BENEFITS = st.one_of(*KINDS)

CHANGES: list[dict[str, Any]] = [
    {"validity": DaysFromReceipt(1)},
    {"validity": DaysFromNextDay(2)},
    {"validity": FixedDates(date(2025, 11, 20), date(2025, 11, 23))},
    {"windows": (Window((6, 7)),)},
    {"windows": (Window((1, 2, 3, 4, 5), "09:00", "18:00"), Window((6,), "12:00", "13:30"))},
    {"minimum_spend_fen": 2_000},
    {"minimum_spend_fen": 4_000},
    *({"goods": goods} for goods in GOODS_TERMS),
    {"shops": Shops("listed", (str(SHOP),))},
    {"scene": "shop"},
    {"scene": "online"},
    {"holder": "member"},
    {"shareable": False},
    {"total": 2},
    {"total": 5},
    {"per_member": 1},
    {"budget_fen": 900},
    {"budget_fen": 2_000},
    {"hold_seconds": 60},
    {"hold_seconds": 0},
    {"reverse_within_seconds": 0},
    {"reverse_within_seconds": 600},
]


def loose_terms(*changes: dict[str, Any]) -> Terms:
    loose: dict[str, Any] = {"validity": DaysFromReceipt(30), "shareable": True}
    return Terms(**reduce(or_, changes, loose))


GOOD_TERMS = st.lists(st.sampled_from([change for change in CHANGES if "hold_seconds" not in change]), max_size=1).map(
    lambda changes: loose_terms(*changes)
)
TERMS = st.lists(st.sampled_from(CHANGES), max_size=3).map(lambda changes: loose_terms(*changes))
"""At most three of all the terms, or nobody could ever use the coupon."""

LINES = st.builds(
    BillLine,
    sku=st.sampled_from(sorted(GOODS)),
    quantity=often(1, 2, 3),
    unit_price_fen=often(2_500, 1, 333, 999),
    category=st.sampled_from(["", "dairy"]),
)
BILLS = st.builds(
    Bill,
    number=st.sampled_from(["B1", "B2", "B3", "B4", "B5"]),
    shop_id=often(SHOP, OTHER_SHOP),
    lines=st.lists(LINES, min_size=1, max_size=3).map(tuple),
    scene=often(Scene.SHOP, Scene.ONLINE),
    member_id=st.sampled_from([None, MEMBER, MEMBER, OTHER_MEMBER]),
)
MEMBERS = st.sampled_from([None, MEMBER, MEMBER, OTHER_MEMBER])
AMOUNTS = st.one_of(often(None, 1, 300), often(300, 5_001, 0, -1))
PERCENT = st.integers(1, 150)
MODES = st.sampled_from(["hold", "redeem"])
EDGES = st.sampled_from([-1, 0, 1])
"""One millisecond before, at, and after a moment that matters."""


def part_of(fen: int, percent: int) -> int | None:
    """A part, all of it (None), too much, or nothing."""
    if percent > 130:
        return fen + 1 if percent < 145 else 145 - percent
    return None if percent > 100 else max(1, fen * percent // 100)
