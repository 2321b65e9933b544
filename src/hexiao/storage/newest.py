"""Redemptions newest first after a cursor: as many statements, one after another, as it takes to fill a page.

What was made since a time has also changed since; of what is older, only what changed is looked at. Refuses no filter,
and counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hexiao.storage.base import Cursor
from hexiao.storage.lists import NOWHERE, RedemptionQuery
from hexiao.storage.pages import NO_END, SORTED, in_order
from hexiao.storage.texts import COLUMNS

_SHOPS = "shop_id IN (SELECT id FROM shop WHERE merchant_id = :merchant_id)"
"""Changes are indexed shop by shop."""


def statements(query: RedemptionQuery, after: Cursor) -> Iterator[tuple[str, dict[str, Any]]]:
    """(SQL, its parameters but for :limit); the rows of a later one are all older."""
    given = query.parameters
    if NOWHERE in given.values():
        return
    low, high = given.get("created_from_at", 0), given.get("created_until_at", NO_END)
    since, until = given.get("changed_from_at"), given.get("changed_until_at", NO_END)
    conditions = query.conditions(*query.index)
    if since is None or query.best not in ("shop_id", "merchant_id"):
        yield _statement(query, conditions, query.plus, after, low, high)
        return
    yield _statement(query, conditions, query.plus, after, max(low, since), min(high, until))
    changed = {**query.conditions("shop_id"), "changed": "changed_at > created_at"}
    if query.best == "merchant_id":
        changed["shops"] = _SHOPS
    yield _statement(query, changed, SORTED, after, low, min(high, since))


def _statement(
    query: RedemptionQuery, conditions: dict[str, str], plus: str, after: Cursor, low: int, high: int
) -> tuple[str, dict[str, Any]]:
    """Made from `low` on and before `high`; they are named only where they bound something, since PostgreSQL takes each
    for a sign of few rows."""
    wanted = [text for name, text in conditions.items() if not name.startswith("created_")]
    wanted += [f"{plus}created_at >= :low"] if low > 0 else []
    wanted += [f"{plus}created_at < :high"] if high < NO_END else []
    sql = (
        f"SELECT {', '.join(COLUMNS['redemption'])} FROM redemption WHERE {' AND '.join(wanted)}"
        f" AND ({in_order(plus)}) < (:at, :id) ORDER BY {in_order(plus, way=' DESC')} LIMIT :limit"
    )
    end = min(high, after.at + 1, NO_END)  # SQLite begins at the one or the other, and would pass over all between
    return sql, {**query.parameters, "at": after.at, "id": after.id, "low": low, "high": end}
