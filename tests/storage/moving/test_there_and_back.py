"""Moving rows between SQLite and PostgreSQL: nothing is lost or changed.

HEXIAO_MOVED_REDEMPTIONS=100000 makes the round trip a long one and prints how long each way took.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from engine.desk import MERCHANT
from hexiao.config import Settings
from hexiao.storage.base import StorageError
from hexiao.wiring import open_storage
from storage.moving.books import REDEMPTIONS, breaks, hashes, moved, write


class TestThereAndBack:
    def test_every_hash_comes_back_the_same(self, books: Settings, fresh: Callable[[str], Settings]) -> None:
        there, back = fresh("postgres"), fresh("sqlite")
        started = time.monotonic()
        first = moved(books, there)
        between = time.monotonic()
        second = moved(there, back)
        rows = sum(one.source.rows for one in first.tables)
        print(f"{REDEMPTIONS} redemptions, {rows} rows: there in {between - started:.1f} s,", end=" ")
        print(f"back in {time.monotonic() - between:.1f} s")
        assert first.whole and second.whole
        assert hashes(first) == hashes(second)
        assert {one.table: one.source for one in first.tables} == {one.table: one.target for one in second.tables}
        assert breaks(there) == breaks(back) == []

    def test_the_money_is_counted_as_the_database_counts_it(
        self, books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        outcome = moved(books, fresh("sqlite"))
        with closing(sqlite3.connect(books.sqlite_path)) as db:
            for one in outcome.tables:
                for name, fen in one.source.sums.items():
                    assert db.execute(f"SELECT coalesce(sum({name}), 0) FROM {one.table}").fetchone() == (fen,)
        [redemption] = [one for one in outcome.tables if one.table == "redemption"]
        assert redemption.source.sums.keys() == {"held_fen", "captured_fen", "reversed_fen"}

    def test_no_value_changes_on_the_way(self, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        awkward = "a\tb\nc\\N\\.\r'\"%s ? :x 核销🧧 \ufeff"
        greatest, every_byte = 2**63 - 1, bytes(range(256))
        write(some_books, "INSERT INTO item VALUES (?, ?, ?, '', ?)", greatest, MERCHANT, awkward, awkward)
        write(
            some_books,
            "INSERT INTO credential VALUES (1, 1, 'api', ?, '', 'till', ?, NULL)", awkward, every_byte,
        )  # fmt: skip
        write(some_books, "INSERT INTO credential VALUES (2, 1, 'api', '', '', '', ?, ?)", b"", greatest)
        write(some_books, "INSERT INTO bill VALUES (?, ?, ?, 0)", -greatest - 1, 0, '{"a": "\\u0000", "b": 1.0}')
        there, back = fresh("postgres"), fresh("sqlite")
        assert moved(some_books, there).whole
        assert moved(there, back).whole
        with closing(sqlite3.connect(back.sqlite_path)) as db:
            assert db.execute("SELECT id, sku FROM item WHERE sku = ?", (awkward,)).fetchone() == (greatest, awkward)
            assert db.execute("SELECT sealed, revoked_at FROM credential WHERE id = 1").fetchone() == (every_byte, None)
            assert db.execute("SELECT sealed, revoked_at FROM credential WHERE id = 2").fetchone() == (b"", greatest)

    def test_text_keys_are_in_the_same_order_on_both(
        self, some_books: Settings, fresh: Callable[[str], Settings], rng: random.Random
    ) -> None:
        for number in {"".join(rng.choices("aAbB-_ 1券é￿😀", k=3)) for _ in range(300)}:
            write(some_books, "INSERT INTO bill VALUES (1, 1, ?, 0)", number)
        assert moved(some_books, fresh("postgres")).whole

    @pytest.mark.parametrize(
        ("sql", "row"),
        [
            ("INSERT INTO bill VALUES (1, 1, char(97, 0, 98), 0)", r"bill with .*number="),
            ("UPDATE refusal SET at = 'noon' WHERE id = (SELECT max(id) FROM refusal)", r"refusal with id=\d+"),
            (
                "UPDATE receipt_count SET received = 1 << 40",
                r"receipt_count with scheme_id=",
            ),
            ("UPDATE shop SET name = NULL WHERE id = 12", r"shop with id=12"),
        ],
    )
    def test_a_value_that_postgresql_cannot_hold_is_told_in_a_sentence_with_its_row(
        self, sql: str, row: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        without_not_null(some_books, "shop")
        write(some_books, sql)
        target = fresh("postgres")
        with pytest.raises(StorageError, match=rf"cannot hold the row of {row}"):
            moved(some_books, target)
        with pytest.raises(StorageError, match="unfinished copy"):
            open_storage(target)


def without_not_null(settings: Settings, table: str) -> None:
    with closing(sqlite3.connect(settings.sqlite_path)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = ?", [table])
