"""P6: a shop's list of redemptions among millions, with exact counts, by each filter; against bare SQL of 100 rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from benchmarks import listing, shop
from benchmarks.audit import ROOM
from benchmarks.load import Load
from benchmarks.report import console
from benchmarks.result import Finding, Measure, Result
from benchmarks.rounds import Leg, Measured, finding, in_turn
from benchmarks.session import Session, run_one
from hexiao.domain.redemption import ListedRedemption
from hexiao.domain.scheme import Kind
from hexiao.storage.base import RedemptionFilter, Storage
from hexiao.storage.texts import COLUMNS
from hexiao.wiring import open_engine, open_storage, system_clock

PAGE_SIZE = 100
GOAL, GOAL_DEEP = 3.0, 2.0
PART = 0.3  # of a leg's length: there are many legs
ROWS_SHORT, ROWS_LONG = 2, 10  # for each coupon of the form
ONE_TABLE, WITH_NAMES = "bare SQL, one table", "bare SQL, with the names"
DOOR = "Kingdee door"
FIRST = "first page"
ZONE = ZoneInfo("Asia/Shanghai")

RANGE = "FROM redemption WHERE shop_id = %(shop)s AND created_at >= %(at)s ORDER BY created_at, id LIMIT 100"
BARE = {
    ONE_TABLE: f"SELECT {', '.join(COLUMNS['redemption'])} {RANGE}",
    WITH_NAMES: "SELECT r.id, r.created_at, r.coupon_id, r.bill_number, r.shop_id, r.kind, r.state, r.held_fen,"  # noqa: S608 - texts of ours
    " r.captured_fen, r.reversed_fen, r.held_until_at, r.captured_at, r.cashier_id, r.member_id, c.code, c.record_id,"
    " c.face_fen, c.uses_max, c.captured_fen, c.captured_uses, s.number, h.number, h.name, k.name, m.name, m.mobile,"
    f" m.card_id, m.card_number FROM (SELECT * {RANGE}) r"
    " LEFT JOIN coupon c ON c.id = r.coupon_id LEFT JOIN scheme s ON s.id = r.scheme_id"
    " LEFT JOIN shop h ON h.id = r.shop_id LEFT JOIN cashier k ON k.id = r.cashier_id"
    " LEFT JOIN member m ON m.id = r.member_id ORDER BY r.created_at, r.id",
}
"""The second reads all that the list shows; neither counts."""


def wanted(filled: listing.Filled) -> dict[str, tuple[dict[str, Any], dict[str, str], int]]:
    """What is asked: for the storage, for the door, and which page."""
    half, days = filled.rows_of_big_shop // 2, listing.DAY_MS
    member = next(place for place in range(half, half + 9) if place % 5 < 3)
    made, until = filled.made_at(half) // 1000 * 1000, (filled.made_at(half) + 30 * days) // 1000 * 1000
    last_day = filled.made_at(filled.rows_of_big_shop) // 1000 * 1000 - days
    member_id = 1_000_000 + member * 104_729 % listing.MEMBERS
    deep = filled.rows_of_big_shop // PAGE_SIZE
    return {
        FIRST: ({}, {}, 1),
        f"page {deep:,}": ({}, {}, deep),
        "by time, 30 days": (
            {"created_from_at": made, "created_until_at": until},
            {"create_start_time": _local(made), "create_end_time": _local(until - 1000)},
            1,
        ),
        "by kind": ({"kind": Kind.BALANCE}, {"schema_type": "4"}, 1),
        "by scheme": ({"scheme_number": filled.scheme_number}, {"schema_no": filled.scheme_number}, 1),
        "by bill": ({"bill_number": f"B{filled.row(half)}"}, {"bill_no": f"B{filled.row(half)}"}, 1),
        "by coupon": ({"code": filled.code(half)}, {"coupons_no": filled.code(half)}, 1),
        "by member": ({"member_id": member_id}, {"member_id": str(member_id)}, 1),
        "by card": (
            {"member_card_id": f"card{member_id - 1_000_000}"}, {"member_card_id": f"card{member_id - 1_000_000}"}, 1,
        ),
        "changed since a day": ({"changed_from_at": last_day}, {"modify_start_time": _local(last_day)}, 1),
        "changed within a day": (
            {"changed_from_at": last_day - days, "changed_until_at": last_day},
            {"modify_start_time": _local(last_day - days), "modify_end_time": _local(last_day - 1000)},
            1,
        ),
    }  # fmt: skip


def run(session: Session) -> Result:
    form, cluster = session.form, session.cluster
    rows = form.coupons * (ROWS_SHORT if form.short else ROWS_LONG)
    database = cluster.create("bench_p6")
    try:
        filled = listing.fill(database, rows)
        cluster.settle("bench_p6")
        tallied = _tally(database)
        cluster.settle("bench_p6")
        asked = wanted(filled)
        with (
            session.serving("p6", database) as clients,
            closing(open_storage(shop.settings(database))) as storage,
            psycopg.connect(database, autocommit=True) as db,
        ):
            legs = [Leg(name, _bare(db, sql, filled)) for name, sql in BARE.items()]
            sizes = {}
            for name, (filters, params, page) in asked.items():
                look = _look(storage, filters, page)
                sizes[name], _ = look()
                legs.append(Leg(name, _timed(look)))
                query = {"store_id": str(listing.BIG_SHOP), "page": str(page), "page_size": str(PAGE_SIZE), **params}
                legs.append(Leg(f"{name}, {DOOR}", _over_door(clients, query)))
            measured = in_turn("P6", legs, form.pairs, form.seconds)
            _audit(database, sizes, asked)
    finally:
        cluster.drop("bench_p6")
    counts = ", ".join(f"{name} {count:,}" for name, count in sizes.items())
    return session.result(
        "p6", f"Lists on {rows:,} redemptions", "one page and its exact count ÷ bare SQL of 100 rows, one caller",
        _findings(measured, list(asked)), measured,
        [f"Rows counted in the shop of {filled.rows_of_big_shop:,}: {counts}.",
         f"Tallying all {rows:,} redemptions took {tallied:.1f} s, beside the running business."],
    )  # fmt: skip


def _findings(measured: Measured, names: list[str]) -> list[Finding]:
    first, deep = names[:2]
    found = [_p99(measured, name, ONE_TABLE, GOAL) for name in names]
    found.append(_over(measured, deep, first, "p50", GOAL_DEEP))
    found += [_p99(measured, f"{name}, {DOOR}", WITH_NAMES, GOAL) for name in names]
    found.append(_over(measured, f"{deep}, {DOOR}", f"{first}, {DOOR}", "p50", GOAL_DEEP))
    found += [_p99(measured, name, WITH_NAMES, None) for name in (first, deep)]
    found += [_p99(measured, f"{name}, {DOOR}", ONE_TABLE, None) for name in (first, deep)]
    return found


def _p99(measured: Measured, name: str, to: str, goal: float | None) -> Finding:
    return _over(measured, name, to, "p99", goal)


def _over(measured: Measured, name: str, to: str, what: str, goal: float | None) -> Finding:
    """How many times as long as the other leg of the same round."""
    values = [
        getattr(one, f"{what}_ms") / getattr(other, f"{what}_ms")
        for one, other in zip(measured[name], measured[to], strict=True)
    ]
    return finding(f"{name} ÷ {to}, {what}", values, goal, unit="×", at_most=True)


def _bare(db: psycopg.Connection[Any], sql: str, filled: listing.Filled) -> Callable[[float], Measure]:
    parameters = {"shop": listing.BIG_SHOP, "at": filled.begin}
    return _timed(lambda: db.execute(sql.encode(), parameters, prepare=True).fetchall())


def _look(storage: Storage, filters: dict[str, Any], page: int) -> Callable[[], tuple[int, list[ListedRedemption]]]:
    wants = RedemptionFilter(merchant_id=shop.MERCHANT_ID, shop_id=listing.BIG_SHOP, **filters)
    return lambda: storage.redemption_page(wants, page, PAGE_SIZE)


def _over_door(clients: Load, query: dict[str, str]) -> Callable[[float], Measure]:
    return lambda seconds: clients.write_offs(query, seconds * PART)


def _timed(ask: Callable[[], object]) -> Callable[[float], Measure]:
    def run(seconds: float) -> Measure:
        times = []
        began = now = time.perf_counter()
        while now < began + seconds * PART:
            ask()
            done = time.perf_counter()
            times.append(done - now)
            now = done
        times.sort()
        return Measure(
            count=len(times), seconds=now - began, mean_ms=1000 * statistics.fmean(times),
            p50_ms=1000 * times[len(times) // 2], p99_ms=1000 * times[len(times) * 99 // 100], max_ms=1000 * times[-1],
        )  # fmt: skip

    return run


def _tally(database: str) -> float:
    engine = open_engine(shop.settings(database))
    try:
        with console.status("tallying"):
            began = time.perf_counter()
            engine.sweeper.tally()
            return time.perf_counter() - began
    finally:
        engine.close()


def _audit(database: str, sizes: dict[str, int], asked: dict[str, tuple[dict[str, Any], dict[str, str], int]]) -> None:
    """Every count once more by counting, and the tallies by their invariants."""
    columns = {"scheme_number": None, "code": None, "member_card_id": None}
    with psycopg.connect(database) as db, console.status("auditing the counts"):
        for name, (filters, _, _) in asked.items():
            if columns.keys() & filters.keys():
                continue
            where = " AND ".join(
                _condition(one, value) for one, value in {"shop_id": listing.BIG_SHOP, **filters}.items()
            )
            row = db.execute(f"SELECT count(*) FROM redemption WHERE {where}".encode()).fetchone()  # noqa: S608
            if row != (sizes[name],):
                raise SystemExit(f"{name}: {row} rows, but the list counted {sizes[name]:,}")
    with closing(open_storage(shop.settings(database + ROOM))) as storage:
        broken = list(storage.broken(system_clock(), only=("I27", "I28")))
        if broken:
            raise SystemExit(f"the tallies are wrong: {broken[:5]}")


def _condition(name: str, value: object) -> str:
    if name.endswith("_at"):
        column, _, end = name.removesuffix("_at").partition("_")
        return f"{column}_at {'>=' if end == 'from' else '<'} {value}"
    return f"{name} = '{value}'" if isinstance(value, str) else f"{name} = {int(str(int(value)))}"  # type: ignore[call-overload]


def _local(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, ZONE).strftime("%Y-%m-%d %H:%M:%S")


if __name__ == "__main__":
    run_one(__doc__ or "", run)
