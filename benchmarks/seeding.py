"""Fills the real tables with many coupons at once, in the state in which the engine would have left them.

Each row is a copy of one that the engine issued, with an id and a code of its own; `hexiao verify` must agree.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from enum import Enum
from typing import Any

import psycopg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import shop
from benchmarks.report import console
from hexiao.engine.mint import COUNTER_BITS, EPOCH_MS, NODE_BITS
from hexiao.storage import rows
from hexiao.storage.chain_side import OLD_LANE
from hexiao.storage.texts import COLUMNS
from hexiao.wiring import migrate

FIRST_MS = 1_704_067_200_000  # 2024: before any id that the engine makes now
APART_MS = 86_400_000
BLOCK = 5_000
SEALED = 1_000
"""Entries in a block of the chain; they lie in the lane of rows that no process wrote, which a migration seals."""

COUNT = (
    "INSERT INTO scheme_count (scheme_id, slot, issued, captured_uses, held_fen, captured_fen)"
    " VALUES (?, ?, ?, 0, 0, 0)"
    " ON CONFLICT (scheme_id, slot) DO UPDATE SET issued = scheme_count.issued + excluded.issued"
)


class Own(Enum):
    """What each row has for itself."""

    ID = "id"
    CODE = "code"
    HEIGHT = "height"


Tables = dict[str, dict[str, Any]]
"""table → column → the value of every row, or Own"""


def fill(database: str, plain: int, counted: int = 0) -> None:
    """An empty database → the shop with so many coupons of each scheme."""
    samples = shop.open_shop(database)
    write = _copy if database.startswith("postgresql://") else _insert
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("filling the tables, rows", total=3 * (plain + counted))
        height = 0
        for scheme, quantity in ((shop.PLAIN, plain), (shop.COUNTED, counted)):
            if quantity:
                for done in write(database, samples[scheme], scheme, quantity, height):
                    bar.advance(task, done)
                height += -(-quantity // SEALED)
            bar.update(task, description="sealing the journal, rows")
    migrate(shop.settings(database))


def coupon_id(scheme: int, number: int) -> int:
    return ((FIRST_MS + scheme * APART_MS - EPOCH_MS) << (NODE_BITS + COUNTER_BITS)) + number


def _tables(sample: shop.Sample) -> Tables:
    coupon = dict(zip(COLUMNS["coupon"], rows.coupon_row(sample.coupon), strict=True))
    entry = dict(zip(COLUMNS["journal"], rows.journal_row(sample.entry), strict=True))
    return {
        "coupon_code": {"merchant_id": sample.coupon.merchant_id, "code": Own.CODE, "coupon_id": Own.ID},
        "coupon": {**coupon, "id": Own.ID, "record_id": Own.ID, "code": Own.CODE},
        "journal": {**entry, "coupon_id": Own.ID, "lane": OLD_LANE, "height": Own.HEIGHT},
    }


def _own(scheme: int, number: int, height: int) -> dict[str, Any]:
    """What one coupon has for itself; `height` is that of the first block of its scheme."""
    return {
        "own_id": coupon_id(scheme, number), "own_code": shop.code(scheme, number),
        "own_height": height + number // SEALED,
    }  # fmt: skip


def _count(sample: shop.Sample, scheme: int, quantity: int) -> tuple[int, int, int]:
    """Where the engine counts what it issued: exactly in slot 0 when there are limits."""
    return sample.coupon.scheme_id, 0 if scheme == shop.COUNTED else 1, quantity


def _copy(database: str, sample: shop.Sample, scheme: int, quantity: int, height: int) -> Iterator[int]:
    with psycopg.connect(database) as db, db.cursor() as cursor:
        for name, columns in _tables(sample).items():
            line = "\t".join(_cell(value) for value in columns.values()) + "\n"
            with cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
                for numbers in _blocks(quantity):
                    copy.write("".join([line % _own(scheme, i, height) for i in numbers]))
                    yield len(numbers)
        cursor.execute(COUNT.replace("?", "%s"), _count(sample, scheme, quantity))


def _cell(value: Any) -> str:
    if isinstance(value, Own):
        return f"%(own_{value.value})s"
    return r"\N" if value is None else str(_plain(value)).replace("%", "%%")


def _insert(database: str, sample: shop.Sample, scheme: int, quantity: int, height: int) -> Iterator[int]:
    with closing(sqlite3.connect(shop.settings(database).sqlite_path)) as db:
        for name, columns in _tables(sample).items():
            own = {column: value.value for column, value in columns.items() if isinstance(value, Own)}
            holes = ", ".join(f":own_{own[column]}" if column in own else f":{column}" for column in columns)
            fixed = {column: _plain(value) for column, value in columns.items() if column not in own}
            sql = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({holes})"  # noqa: S608 - names of ours
            for numbers in _blocks(quantity):
                db.executemany(sql, [{**fixed, **_own(scheme, i, height)} for i in numbers])
                yield len(numbers)
        db.execute(COUNT, _count(sample, scheme, quantity))
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _plain(value: Any) -> Any:
    """Enums as the values that they stand for."""
    return value.value if isinstance(value, Enum) else value


def _blocks(quantity: int) -> Iterator[range]:
    for start in range(0, quantity, BLOCK):
        yield range(start, min(start + BLOCK, quantity))
