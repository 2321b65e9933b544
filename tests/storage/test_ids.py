"""No two redemptions have the same id, also when the numbers of two processes end up alike."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from engine.desk import a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.engine.mint import NODES
from storage.chains import plant
from storage.postgres.tables import rows

LOOSE = "DROP INDEX redemption_id"


def ids_of_two_that_are_numbered_alike(books: Settings, clock: Any) -> list[int]:
    """Each redeems a coupon in the same millisecond."""
    with closing(Process(books, clock, 1)) as one, closing(Process(books, clock, 2)) as other:
        one.furnish()
        codes = [coupon.code for coupon in one.desk.issue(one.desk.scheme(), 2)]
        clock.forward(1)
        other.mint.node = (one.mint.node + NODES) % NODES
        for process, code in zip((one, other), codes, strict=True):
            process.desk.must(redeeming(code, a_bill(f"B{code}"), f"r{code}"))
    return [row["id"] for row in rows(books, "SELECT id FROM redemption")]


def test_two_processes_that_are_numbered_alike_make_no_id_twice(books: Settings, clock: Any) -> None:
    ids = ids_of_two_that_are_numbered_alike(books, clock)
    assert len(ids) == len(set(ids)) == 2


def test_without_the_index_they_would(books: Settings, clock: Any) -> None:
    """The control."""
    plant(books, LOOSE)
    ids = ids_of_two_that_are_numbered_alike(books, clock)
    assert (len(ids), len(set(ids))) == (2, 1)
