"""After a move both sides are compared: whatever differs is named, and what changed meanwhile is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from hexiao.config import Settings
from hexiao.storage import moving
from hexiao.storage.base import StorageError
from hexiao.storage.moving import move
from hexiao.storage.tables import Kind, Table
from hexiao.wiring import open_side, open_storage
from storage.moving.books import moved, redeem_one_more, sides, silent, write
from storage.postgres.tables import KEYS, rows

SAMPLES = {Kind.INTEGER: (1, 2), Kind.TEXT: ("a", "b"), Kind.BYTES: (b"a", b"b")}


class TestTheComparison:
    @pytest.mark.parametrize(
        ("change", "table", "row"),
        [
            ("UPDATE redemption SET captured_fen = 1", "redemption", "id = (SELECT min(id) FROM redemption)"),
            ("UPDATE journal SET reason = 'x'", "journal", "entry = 'void'"),
            ("DELETE FROM coupon_code", "coupon_code", "code = (SELECT min(code) FROM coupon_code)"),
            ("UPDATE item SET name = 'other'", "item", "id = 5"),
        ],
    )
    def test_names_the_table_and_the_first_row_that_differs(
        self, change: str, table: str, row: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        write(some_books, "INSERT INTO item VALUES (5, 1, 'tea', 'tea', '')")
        [key] = rows(some_books, f"SELECT {KEYS[table]} FROM {table} WHERE {row}")
        target = fresh("sqlite")
        done: list[str] = []

        def tamper(what: str, *_: int) -> None:
            if what.startswith("=") and not done:  # the first table is compared, the others are not yet
                done.append(what)
                write(target, f"{change} WHERE {row}")

        with sides(some_books, target) as (one, other):
            # A change from outside is not seen within one state, so this target has none.
            other.one_state = nothing_held  # type: ignore[method-assign]
            outcome = move(one, other, tamper)
        assert not outcome.whole
        [named] = [one for one in outcome.tables if not one.equal]
        assert named.table == table
        assert named.first_difference == ", ".join(f"{name}={value!r}" for name, value in key.items())
        with pytest.raises(StorageError, match="unfinished copy"):
            open_storage(target)

    def test_counts_every_column_of_every_table(self, fresh: Callable[[str], Settings]) -> None:
        with closing(open_side(fresh("sqlite"), written=True)) as side:
            columns = [(one, name) for one in side.tables() for name in one.names]
        ours: Any = OneRow()
        unseen = []
        for one, name in columns:
            theirs: Any = OneRow(name)
            [compared] = moving._compare(ours, theirs, [one], silent)
            if compared.equal:
                unseen.append(f"{one.name}.{name}")
        assert unseen == []
        assert len(columns) > 100

    def test_sees_that_the_source_changed_meanwhile(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("sqlite")
        sold: list[str] = []

        def redeem_meanwhile(what: str, done: int, total: int) -> None:
            if what == "redemption" and not sold:
                sold.append(what)
                redeem_one_more(some_books)

        outcome = moved(some_books, target, redeem_meanwhile)
        assert (outcome.source_changed, outcome.whole) == (True, False)
        assert all(one.equal for one in outcome.tables)
        with pytest.raises(StorageError, match="unfinished copy"):
            open_storage(target)

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE member SET name = 'other' WHERE id = (SELECT min(id) FROM member)",
            "UPDATE item SET name = 'cup' WHERE id = 5",
            "UPDATE credential SET sealed = x'02' WHERE id = 5",
        ],
    )
    def test_sees_a_change_that_moves_no_number(
        self, sql: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        """A member's name was put anew: nothing else of it tells that."""
        write(some_books, "INSERT INTO item VALUES (5, 1, 'tea', 'tea', '')")
        write(some_books, "INSERT INTO credential VALUES (5, 1, 'api', 'app', 'app', 'till', x'01', NULL)")
        target = fresh("sqlite")
        done: list[str] = []

        def put_meanwhile(what: str, *_: int) -> None:
            if what == "redemption" and not done:
                done.append(what)
                write(some_books, sql)

        outcome = moved(some_books, target, put_meanwhile)
        assert (outcome.source_changed, outcome.whole) == (True, False)


class OneRow:
    """As much of a side as is compared: one row in each table, with another value in the column of this name."""

    def __init__(self, changed: str = "") -> None:
        self._changed = changed

    def count(self, one: Table) -> int:
        return 1

    def rows(self, one: Table) -> Iterator[list[tuple[Any, ...]]]:
        yield [tuple(SAMPLES[kind][name == self._changed] for name, kind in one.columns)]


@contextmanager
def nothing_held() -> Iterator[None]:
    yield
