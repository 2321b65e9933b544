"""Whatever is changed in the journal behind the program's back is found, and named; nothing else is."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from hexiao.config import Settings
from hexiao.domain.tampering import Problem, Sign
from hexiao.storage.tables import Kind
from hexiao.wiring import open_side
from storage.chains import JOURNAL, audited, named, plant, problems, where
from storage.postgres.tables import rows

OTHER = {Kind.INTEGER: "coalesce({0}, 0) + 1000", Kind.TEXT: "{0} || 'x'"}
BLOCKS = "SELECT lane, height FROM block ORDER BY lane, height"


def test_an_untouched_database_is_clean(books: Settings) -> None:
    audit, found = audited(books)
    assert found == []
    assert (audit.blocks, audit.entries) == (len(rows(books, BLOCKS)), len(rows(books, JOURNAL)))
    assert audit.blocks > 5
    assert len(audit.heads) == 1


def test_a_database_without_rows_is_clean(empty: Settings) -> None:
    assert problems(empty) == []


def test_a_change_of_any_column_of_any_row_is_found_and_the_row_is_named(books: Settings) -> None:
    with closing(open_side(books)) as side:
        [journal] = [one for one in side.tables() if one.name == "journal"]
    missed = []
    for row in rows(books, JOURNAL)[::4]:
        key, its_key = where(row)
        for column, kind in journal.columns:
            changed_key = tuple(row[name] + 1000 if name == column else row[name] for name in journal.key)
            place = "coupon_id = ? AND seq = ?"
            assert (
                plant(books, f"UPDATE journal SET {column} = {OTHER[kind].format(column)} WHERE {key}", *its_key) == 1
            )
            found = problems(books)
            if its_key not in named(found) or named(found) - {its_key, changed_key}:
                missed.append((column, its_key, found))
            plant(books, f"UPDATE journal SET {column} = ? WHERE {place}", row[column], *changed_key)
    assert missed == []
    assert problems(books) == []


@pytest.mark.parametrize("column", ["redemption_id", "cashier_id"])
def test_a_value_that_was_taken_away_is_found(column: str, books: Settings) -> None:
    row = next(row for row in rows(books, JOURNAL) if row[column] is not None)
    key, its_key = where(row)
    plant(books, f"UPDATE journal SET {column} = NULL WHERE {key}", *its_key)
    assert problems(books) == [Problem(Sign.ROW_CHANGED, row["lane"], row["height"], *its_key)]


def test_every_removed_row_is_named(books: Settings) -> None:
    for row in rows(books, JOURNAL)[:4]:
        key, its_key = where(row)
        plant(books, f"DELETE FROM journal WHERE {key}", *its_key)
        assert Problem(Sign.ROW_REMOVED, row["lane"], row["height"], *its_key) in problems(books)
    assert {one.sign for one in problems(books)} == {Sign.ROW_REMOVED}


def add(settings: Settings, **changed: Any) -> dict[str, Any]:
    """A copy of the first row with other values."""
    row = {**rows(settings, JOURNAL)[0], "redemption_id": None, **changed}
    plant(
        settings, f"INSERT INTO journal ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values()
    )  # fmt: skip
    return row


def test_an_added_row_is_named(books: Settings) -> None:
    row = add(books, coupon_id=99, seq=1)
    assert problems(books) == [Problem(Sign.ROW_ADDED, row["lane"], row["height"], 99, 1)]


@pytest.mark.parametrize("place", [{"height": 1_000}, {"lane": 99}, {"lane": 0}, {"height": -1}, {"lane": -1}])
def test_a_row_that_was_added_where_no_block_is_is_named(place: dict[str, int], books: Settings) -> None:
    row = add(books, coupon_id=99, seq=1, **place)
    assert problems(books) == [Problem(Sign.ROW_WITHOUT_BLOCK, row["lane"], row["height"], 99, 1)]


def test_two_rows_that_were_swapped_are_both_named(books: Settings) -> None:
    one, other = [row for row in rows(books, JOURNAL) if row["entry"] == "capture"][:2]
    assert one["request_id"] != other["request_id"]
    for row, become in ((one, other), (other, one)):
        key, its_key = where(row)
        plant(books, f"UPDATE journal SET request_id = ? WHERE {key}", become["request_id"], *its_key)
    found = problems(books)
    assert named(found) == {where(one)[1], where(other)[1]}
    assert {problem.sign for problem in found} == {Sign.ROW_CHANGED}
