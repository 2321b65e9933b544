"""Books to move between SQLite and PostgreSQL, how they are moved, and what is done to them meanwhile."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

import psycopg

from engine.desk import MEMBER, MERCHANT, Desk, a_bill, put_all, redeeming
from hexiao.config import Settings
from hexiao.domain.scheme import Balance, MoneyOff
from hexiao.engine.commands import RedeemEach
from hexiao.storage.moving import Moved, move
from hexiao.storage.side import Side, Tell
from hexiao.wiring import migrate, open_engine, open_side, open_storage
from thaw import thaw

REDEMPTIONS = int(os.environ.get("HEXIAO_MOVED_REDEMPTIONS", "3000"))
AT_ONCE = 1_000


def silent(what: str, done: int, total: int) -> None:
    """Nobody looks at the progress."""


def fill(settings: Settings, redemptions: int) -> None:
    migrate(settings)
    with closing(open_engine(settings)) as engine:
        desk = Desk(engine.call, engine.read_now)
        for command in put_all():
            desk.must(command)
        scheme = desk.scheme(MoneyOff(1_000))
        numbers = count(1)
        for start in range(0, redemptions, AT_ONCE):
            coupons = desk.issue(scheme, min(AT_ONCE, redemptions - start), member_id=MEMBER)
            request_id = f"test/{start}"
            items = tuple(redeeming(one.code, a_bill(f"单{next(numbers)}"), request_id) for one in coupons)
            desk.must(RedeemEach(merchant_id=MERCHANT, items=items, request_id=request_id))
        purse = desk.coupon(Balance(10_000))
        held = desk.hold(purse)
        desk.capture(held.redemption.id, 700)
        desk.reverse(held.redemption.id, 300)
        desk.release(desk.hold(purse).redemption.id)
        desk.refused(redeeming("00000000000000000000", a_bill("R1")))
        desk.void(desk.coupon())


def redeem_one_more(settings: Settings) -> None:
    with closing(open_engine(settings)) as engine:
        desk = Desk(engine.call, engine.read_now)
        desk.redeem(desk.coupon(number="one more"), a_bill("one more"))


@contextmanager
def sides(source: Settings, target: Settings) -> Iterator[tuple[Side, Side]]:
    with closing(open_side(source)) as one, closing(open_side(target, written=True)) as other:
        yield one, other


def moved(source: Settings, target: Settings, tell: Tell = silent, **how: Any) -> Moved:
    with sides(source, target) as (one, other):
        return move(one, other, tell, **how)


def hashes(outcome: Moved) -> dict[str, str]:
    return {one.table: one.target.sha256 for one in outcome.tables}


def write(settings: Settings, sql: str, *parameters: Any) -> None:
    with closing(sqlite3.connect(settings.sqlite_path)) as db, db:
        thaw(db)
        assert db.execute(sql, parameters).rowcount == 1


def administer(settings: Settings, *statements: str) -> None:
    with psycopg.connect(settings.database, autocommit=True) as server:
        for sql in statements:
            server.execute(sql.encode())


def in_schema(settings: Settings, schema: str) -> Settings:
    return Settings(database=f"{settings.database}?options=-csearch_path%3D{schema}")


def breaks(settings: Settings) -> list[str]:
    with closing(open_storage(settings)) as storage:
        return [one.invariant for one in storage.broken(time.time_ns() // 1_000_000)]
