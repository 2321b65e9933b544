"""The faults that are planted for SQLite are found on PostgreSQL too, by the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from engine.desk import Desk
from engine.process import Process
from hexiao.storage.postgres_queries import INVARIANTS
from storage.sqlite.test_invariants import GRACE_MS, PLANTS, desk, names
from thaw import thaw

__all__ = ["desk"]

BYTES = {"x''": "''::bytea", "x'00'": "'\\x00'::bytea"}


@pytest.fixture
def alone(meet: Callable[[], Process]) -> Process:
    """Where the other module's scene is set this time."""
    return meet()


def test_nothing_is_broken_before_anything_is_planted(desk: Desk, clock: Any) -> None:
    assert names(desk, clock.now) == set()


def test_every_planted_fault_is_named_and_no_other(alone: Process, desk: Desk, clock: Any) -> None:
    connection: Any = alone.storage._db  # type: ignore[attr-defined]
    found = []
    for _, planted in PLANTS:
        connection.execute("BEGIN")
        for (check,) in connection.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'coupon'::regclass"
        ).fetchall():
            connection.execute(f'ALTER TABLE coupon DROP CONSTRAINT "{check}"')
        thaw(connection)
        for sqlite, postgres in BYTES.items():
            planted = planted.replace(sqlite, postgres)
        assert connection.execute(planted).rowcount > 0, planted
        found.append((planted, names(desk, clock.now)))
        connection.execute("ROLLBACK")
    expected = [set(named.split()) for named, _ in PLANTS]
    assert [(planted, named) for (planted, named), want in zip(found, expected, strict=True) if named != want] == []
    assert {name for named in expected for name in named} | {"I14"} == {name.split()[0] for name in INVARIANTS}
    assert names(desk, clock.now) == set()


def test_a_hold_that_nobody_swept_is_named_after_its_grace(alone: Process, desk: Desk, clock: Any) -> None:
    connection: Any = alone.storage._db  # type: ignore[attr-defined]
    [(deadline,)] = connection.execute("SELECT min(held_until_at) FROM redemption WHERE state = 1").fetchall()
    assert names(desk, deadline + GRACE_MS) == set()
    assert names(desk, deadline + GRACE_MS + 1) == {"I14"}


@pytest.mark.parametrize(
    "change",
    [
        "held_fen = -1",
        "captured_fen = -1",
        "held_uses = -1",
        "captured_uses = -1",
        "face_fen = 1, held_fen = 2",
        "uses_max = 1, held_uses = 2",
    ],
)
def test_the_tables_own_checks_refuse_the_worst_by_themselves(alone: Process, desk: Desk, change: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        alone.storage._db.execute(f"UPDATE coupon SET {change}")  # type: ignore[attr-defined]
