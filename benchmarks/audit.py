"""After the load: what was acknowledged is in the tables, once, and every invariant holds. Speed alone is nothing."""

from __future__ import annotations

from contextlib import closing

from benchmarks import shop
from benchmarks.report import console
from hexiao.storage.base import RedemptionFilter
from hexiao.wiring import open_storage, system_clock

SHOWN = 5
# The invariants join whole tables, which PostgreSQL's own default has no room for.
ROOM = "?options=-c%20work_mem%3D512MB"


def audit(database: str, acknowledged: int) -> None:
    """Ends the run when a row is missing, doubled or wrong."""
    url = database + ROOM if database.startswith("postgresql://") else database
    with (
        console.status(f"auditing {acknowledged:,} redemptions"),
        closing(open_storage(shop.settings(url))) as storage,
    ):
        found, _ = storage.redemption_page(RedemptionFilter(merchant_id=shop.MERCHANT_ID), 1, 1)
        if found != acknowledged:
            raise SystemExit(f"{acknowledged:,} redemptions were acknowledged, {found:,} are in the tables")
        broken = [row for _, row in zip(range(SHOWN), storage.broken(system_clock()), strict=False)]
        if broken:
            raise SystemExit(f"the books are broken: {broken}")
