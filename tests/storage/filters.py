"""Filters of redemptions in every combination of up to three, and the index that finds the fewest rows for each."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hexiao.domain.redemption import State
from hexiao.domain.scheme import Kind
from hexiao.storage.base import RedemptionFilter

FILTERS: dict[str, dict[str, Any]] = {
    "code": {"code": "C"},
    "bill": {"bill_number": "B"},
    "member": {"member_id": 5},
    "card": {"member_card_id": "1"},
    "shop": {"shop_id": 3},
    "scheme": {"scheme_number": "S"},
    "kind": {"kind": Kind.BALANCE},
    "made": {"created_from_at": 1, "created_until_at": 9},
    "changed": {"changed_from_at": 1, "changed_until_at": 9},
    "held": {"states": (State.HELD,), "now": 5},
    "reversed": {"states": (State.REVERSED,), "now": 5},
}
COMBINED = [
    combined for size in range(4) for combined in combinations(FILTERS, size) if not {"held", "reversed"} <= {*combined}
]
_INDEXES = {
    "bill": "redemption_bill",
    "member": "redemption_member",
    "card": "redemption_member",
    "held": "redemption_due",
    "reversed": "redemption_uncaptured",
    "shop": "redemption_shop_list",
    "scheme": "redemption_scheme",
}


def wanted(combined: tuple[str, ...]) -> RedemptionFilter:
    return RedemptionFilter(merchant_id=1, **{key: value for one in combined for key, value in FILTERS[one].items()})


def found(name: str, **_: Any) -> list[tuple[Any, ...]]:
    """A query for the ids of codes or schemes that finds one."""
    return [(1, "x", 7, Kind.BALANCE)]


def best_index(combined: tuple[str, ...], of_coupon: str) -> str:
    if "code" in combined:
        return "redemption_held" if "held" in combined else of_coupon
    passed = {"scheme"} if "changed" in combined else set()
    if {"shop", "changed"} <= {*combined}:
        passed.add("reversed")
    left = {*combined} - passed
    return next((index for name, index in _INDEXES.items() if name in left), "redemption_merchant_time")
