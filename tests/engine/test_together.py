"""The same lapses in one batch and in a batch each: which columns tell the one from the other, and that no other does.

Two databases, with the same clock, node and random numbers. The comparison of twins that have a queue stands on this.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.desk import MEMBER, MERCHANT, a_bill
from engine.process import Process
from hexiao.config import Settings
from hexiao.engine.commands import Lapse, Nothing
from storage.postgres.tables import tables
from storage.postgres.twins import BY_BATCH, assert_same_tables

HOLD_SECONDS = 60
Pair = tuple[Settings, Settings]


@pytest.fixture
def pair(tmp_path: Path, migrated: bytes) -> Pair:
    files = tmp_path / "together.db", tmp_path / "one_by_one.db"
    for file in files:
        file.write_bytes(migrated)
    return Settings(database=f"sqlite:///{files[0]}"), Settings(database=f"sqlite:///{files[1]}")


def sweep(settings: Settings, clock: Any, batches_of: int) -> None:
    """Four holds are over: two on one bill, and with and without a limit on the scheme. Then one of them once more."""
    process = Process(settings, clock)
    process.furnish()
    desk = process.desk
    schemes = [desk.scheme(shareable=True, hold_seconds=HOLD_SECONDS, budget_fen=fen) for fen in (0, 90_000)]
    codes = [coupon.code for scheme in schemes for coupon in desk.issue(scheme, 2, MEMBER)]
    held = [desk.hold(code, a_bill(bill)) for code, bill in zip(codes, ("B1", "B2", "B1", "B3"), strict=True)]
    clock.forward(HOLD_SECONDS)
    lapses = [Lapse(merchant_id=MERCHANT, redemption_id=one.redemption.id, actor="sweeper") for one in held]
    lapses.append(lapses[0])
    for place in range(0, len(lapses), batches_of):
        outcomes = process.outcomes(*lapses[place : place + batches_of])
        assert all(isinstance(one, Nothing) for one in outcomes), outcomes
    process.close()


@pytest.fixture
def swept(pair: Pair, clock: Any) -> Pair:
    """All in one batch, and in a batch each."""
    began = clock.now
    sweep(pair[0], clock, 5)
    clock.now = began
    sweep(pair[1], clock, 1)
    return pair


def columns_apart(pair: Pair) -> set[tuple[str, str]]:
    """(table, column) for each column with another value; (table, "rows") where there are more of them."""
    apart = set()
    together, one_by_one = (tables(settings) for settings in pair)
    for table in together:
        if len(together[table]) != len(one_by_one[table]):
            apart.add((table, "rows"))
            continue
        for row, other in zip(together[table], one_by_one[table], strict=True):
            apart |= {(table, column) for column in row if row[column] != other[column]}
    return apart


def test_only_what_counts_batches_tells_lapses_in_one_batch_from_a_batch_each(swept: Pair) -> None:
    assert columns_apart(swept) == {*BY_BATCH, ("block", "rows")}


def test_a_bill_on_which_two_holds_lapse_in_one_batch_is_touched_once_and_in_two_batches_twice(swept: Pair) -> None:
    held = 2
    assert [touched(settings, "B1") - held for settings in swept] == [1, 2]
    assert [touched(settings, "B2") - 1 for settings in swept] == [1, 1]


def touched(settings: Settings, number: str) -> int:
    return int(next(row["seq"] for row in tables(settings, ["bill"])["bill"] if row["number"] == number))


def test_twins_with_a_queue_are_the_same_and_without_one_they_are_not(swept: Pair) -> None:
    """The control: by batches alone they can be told apart."""
    assert_same_tables(swept, same_batches=False)
    with pytest.raises(AssertionError, match="journal: height"):
        assert_same_tables(swept)


def test_what_differs_besides_is_found_out_and_named(swept: Pair) -> None:
    with closing(sqlite3.connect(swept[1].sqlite_path)) as db, db:
        db.execute("UPDATE coupon SET held_fen = 7 WHERE id = (SELECT max(id) FROM coupon)")
    with pytest.raises(AssertionError, match=r"^coupon: held_fen\n.*'held_fen': 0.*\n.*'held_fen': 7"):
        assert_same_tables(swept, same_batches=False)
