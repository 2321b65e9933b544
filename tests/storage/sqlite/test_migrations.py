"""A file of an older program is brought to this program's schema with every row it had, and with its guards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files

import pytest

ONCE = "UNIQUE constraint failed: journal.redemption_id, journal.coupon_id, journal.entry, journal.part"
TABLES = ("redemption", "journal")


def apply(db: sqlite3.Connection, first: int, last: int) -> None:
    folder = files("hexiao.storage") / "migrations" / "sqlite"
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if first <= int(one.name[:4]) <= last:
            db.executescript(one.read_text("utf-8"))


def insert(db: sqlite3.Connection, table: str, **values: object) -> None:
    """A row whose other columns are what their types make of nothing."""
    columns = db.execute(f"SELECT name, type, \"notnull\" FROM pragma_table_info('{table}')").fetchall()
    row = {name: ("" if kind == "text" else 0) if needed else None for name, kind, needed in columns} | values
    holes = ", ".join(f":{name}" for name in row)
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({holes})", row)


def rows_of(db: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return db.execute(f"SELECT * FROM {table} ORDER BY coupon_id, 2").fetchall()


@pytest.fixture
def old() -> Iterator[sqlite3.Connection]:
    """Two coupons, the older used later, in a file from before rows lay in order of making."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        apply(db, 1, 4)
        for coupon_id, redemption_id in ((1, 12), (2, 11)):
            insert(db, "redemption", coupon_id=coupon_id, id=redemption_id, lines="[5]", bill_number="核销")
            insert(db, "journal", coupon_id=coupon_id, seq=1, entry="issue")
            insert(db, "journal", coupon_id=coupon_id, seq=2, entry="capture", redemption_id=redemption_id, lane=3)
        yield db


def test_every_row_is_still_there(old: sqlite3.Connection) -> None:
    before = [rows_of(old, table) for table in TABLES]
    apply(old, 5, 5)
    assert [rows_of(old, table) for table in TABLES] == before
    assert len(before[1]) == 4


def test_an_entry_stands_once_as_before(old: sqlite3.Connection) -> None:
    apply(old, 5, 5)
    with pytest.raises(sqlite3.IntegrityError, match=ONCE):
        insert(old, "journal", coupon_id=1, seq=3, entry="capture", redemption_id=12)


@pytest.mark.parametrize("sql", ["UPDATE journal SET at = 1", "DELETE FROM journal"])
def test_the_journal_still_refuses_to_be_changed(sql: str, old: sqlite3.Connection) -> None:
    apply(old, 5, 5)
    with pytest.raises(sqlite3.IntegrityError, match="journal rows are never"):
        old.execute(sql)


def test_no_index_is_lost(old: sqlite3.Connection) -> None:
    named = "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1, 2"
    before = old.execute(named).fetchall()
    apply(old, 5, 5)
    assert old.execute(named).fetchall() == before


def test_remembered_answers_are_all_there_in_order_of_giving_and_each_once(old: sqlite3.Connection) -> None:
    apply(old, 5, 9)
    for at, id in ((3, "a"), (1, "c"), (2, "b")):
        insert(old, "request", id=id, at=at, answer=f"to {id}".encode())
    before = old.execute("SELECT * FROM request ORDER BY id").fetchall()
    apply(old, 10, 10)
    assert old.execute("SELECT * FROM request ORDER BY id").fetchall() == before
    assert old.execute("SELECT id FROM request ORDER BY rowid").fetchall() == [("c",), ("b",), ("a",)]
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: request\.id"):
        insert(old, "request", id="b")
    assert ("request_at",) in old.execute("SELECT name FROM sqlite_schema WHERE tbl_name = 'request'").fetchall()
