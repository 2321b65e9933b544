"""The rows of an export: every redemption of a filter with its names, oldest first, as plain tuples in blocks.

No object is made for a row, and no more than a block is held: a million rows take the memory of a thousand.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hexiao.storage import pages
from hexiao.storage.base import RedemptionFilter
from hexiao.storage.lists import Query, RedemptionQuery

BLOCK = 2_000

_OF_MEMBER = " m.name, m.mobile, m.card_number,"
_MEMBER = "LEFT JOIN member m ON m.id = r.member_id\n"
_STATEMENT = f"""
SELECT r.id, r.state, r.held_until_at, c.code, s.number, v.name, r.kind, r.bill_number, r.scene,
    r.shop_id, p.number, p.name, r.cashier_id, k.name, r.member_id,{_OF_MEMBER}
    r.held_fen, r.captured_fen, r.reversed_fen, r.created_at, r.captured_at, r.settled_at, r.changed_at, r.coupon_id
FROM (SELECT * FROM redemption WHERE {{where}}) r
JOIN coupon c ON c.id = r.coupon_id
JOIN scheme s ON s.id = r.scheme_id
JOIN scheme_version v ON v.scheme_id = c.scheme_id AND v.version = c.scheme_version
LEFT JOIN shop p ON p.id = r.shop_id
LEFT JOIN cashier k ON k.id = r.cashier_id
{_MEMBER}ORDER BY {{order}}
"""


class Exported(NamedTuple):
    """What stands in a row, in this order; the rows themselves are bare tuples."""

    id: int
    state: int
    held_until_at: int | None
    code: str
    scheme_number: str
    scheme_name: str
    kind: int
    bill_number: str
    scene: str
    shop_id: int
    shop_number: str | None
    shop_name: str | None
    cashier_id: int | None
    cashier_name: str | None
    member_id: int | None
    member_name: str | None
    mobile: str | None
    card_number: str | None
    held_fen: int
    captured_fen: int
    reversed_fen: int
    created_at: int
    captured_at: int | None
    settled_at: int | None
    changed_at: int
    coupon_id: int


def statement(query: Query, wanted: RedemptionFilter, *, members: bool = True) -> tuple[str, dict[str, Any]]:
    """The SQL with `:name` parameters, and the parameters. Without `members` their three columns are left out."""
    listed = RedemptionQuery(query, wanted)
    sql = _STATEMENT if members else _STATEMENT.replace(_OF_MEMBER, "").replace(_MEMBER, "")
    sql = sql.replace("{where}", listed.where).replace("{order}", pages.in_order(listed.plus, of="r."))
    return sql, listed.parameters
