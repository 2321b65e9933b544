"""Bytes that go bad on the disk under a database, and what two tills then get in one batch."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from engine.desk import a_bill, redeeming
from engine.process import Process
from hexiao.engine.batch import Result
from hexiao.engine.commands import Answer, Failed

COUPONS = 1_000
"""Of one scheme: on several pages."""
INTERIOR = 0x05
"""How SQLite marks a page of a table that only leads to others."""


def first_and_last(process: Process) -> tuple[str, str]:
    """Codes of two coupons, of which the first stands on the first page of its table, the last on another."""
    process.furnish()
    coupons = process.desk.issue(process.desk.scheme(), COUPONS)
    codes = [coupon.code for coupon in sorted(coupons, key=lambda coupon: coupon.id)]
    return codes[0], codes[-1]


def redeemed_together(process: Process, *codes: str) -> list[str]:
    """One batch, a bill for each: what came of it, by code."""
    return [_told(one) for one in process.commit(*(redeeming(code, a_bill(f"B-{code}"), code) for code in codes))]


def _told(result: Result) -> str:
    if not isinstance(result, Answer):
        return result.code.value
    return result.outcome.code.value if isinstance(result.outcome, Failed) else "redeemed"


def spoil_a_text(database: Path, code: str) -> None:
    """SQLite keeps any bytes as a text."""
    with closing(sqlite3.connect(database)) as db, db:
        assert db.execute("UPDATE coupon SET code = CAST(x'ff' AS text) WHERE code = ?", (code,)).rowcount == 1


def spoil_the_first_page(database: Path, table: str) -> None:
    """Of those that hold the table's rows."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(page,)] = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchall()
        [(size,)] = db.execute("PRAGMA page_size").fetchall()
    with database.open("r+b") as file:
        while True:
            file.seek((page - 1) * size)
            head = file.read(size)
            if head[0] != INTERIOR:
                break
            cell = int.from_bytes(head[12:14], "big")  # the first of its pointers
            page = int.from_bytes(head[cell : cell + 4], "big")
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
