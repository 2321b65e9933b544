"""SQLite files that the commands leave behind: looked at, and changed behind their back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

BREAK = "UPDATE redemption SET captured_fen = 99 WHERE coupon_id = 100"
ANY_REDEMPTION = "WHERE id = (SELECT max(id) FROM redemption)"
IMPOSSIBLE = [
    f"UPDATE redemption SET returned = 'no JSON' {ANY_REDEMPTION}",
    "UPDATE coupon SET captured_fen = -9223372036854775807 - 1 WHERE id = (SELECT max(id) FROM coupon)",
    "UPDATE coupon SET scheme_id = CAST(x'ff41' AS text) WHERE id = (SELECT max(id) FROM coupon)",
]


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def rows(database: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute(sql).fetchall()


def change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        for sql in statements:
            db.execute(sql)


def files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def damage_an_index(database: Path) -> None:
    """A page goes bad that no query of the invariants may ever read; the rows are as they were."""
    [(root,)] = rows(database, "SELECT rootpage FROM sqlite_master WHERE name = 'redemption_changed'")
    [(size,)] = rows(database, "PRAGMA page_size")
    with database.open("r+b") as pages:
        pages.seek((root - 1) * size)
        pages.write(b"\xff" * size)


def quote_no_text(database: Path) -> None:
    """The list of tables goes bad, and SQLite names the place by bytes that are no text."""
    change(
        database,
        "PRAGMA writable_schema = on",
        "UPDATE sqlite_master SET name = CAST(x'62bf' AS text), sql = 'CREATE TABLE x(' WHERE name = 'bill'",
    )
