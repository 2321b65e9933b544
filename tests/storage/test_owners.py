"""An id that two merchants choose at the same moment belongs to the one who was faster, and stays his."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from engine.desk import MERCHANT, OTHER_MERCHANT
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.domain.party import Cashier, Credential, Item, Member, Shop
from hexiao.engine.commands import Put
from hexiao.storage import saving
from hexiao.storage.snapshot import Changes
from storage.postgres.tables import rows

ID = 700
RECORDS = [
    Shop(id=ID, merchant_id=0, number="9", name="九店"),
    Cashier(id=ID, merchant_id=0, name="收银员"),
    Member(id=ID, merchant_id=0, name="会员"),
    Item(id=ID, merchant_id=0, sku="tea", name="茶"),
    Credential(id=ID, merchant_id=0, door="api", public_id="h", name="key"),
]
every_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)


def put_while_another_merchant_does(record: Any, books: Settings, clock: Any) -> tuple[Any, list[dict[str, Any]]]:
    """The answer to the slower one, who decides before the faster one saved; and the rows that are left."""
    with closing(Process(books, clock, 1)) as slow, closing(Process(books, clock, 2)) as fast:
        slow.furnish()
        save, waiting = slow.storage.save, [Put(merchant_id=MERCHANT, record=replace(record, name="faster"))]

        def save_later(changes: Changes, now: int, node: int) -> None:
            while waiting:
                fast.desk.must(waiting.pop())
            save(changes, now, node)

        slow.storage.save = save_later  # type: ignore[method-assign]
        outcome = slow.desk.do(Put(merchant_id=OTHER_MERCHANT, record=replace(record, name="slower")))
        return outcome, rows(books, f"SELECT merchant_id, name FROM {type(record).__name__.lower()} WHERE id = {ID}")


@every_record
def test_the_slower_one_is_told_that_it_is_taken(record: Any, books: Settings, clock: Any) -> None:
    outcome, left = put_while_another_merchant_does(record, books, clock)
    assert getattr(outcome, "code", outcome) is Code.ID_TAKEN
    assert left == [{"merchant_id": MERCHANT, "name": "faster"}]


def test_without_the_guard_he_would_take_it_away(books: Settings, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    guarded = saving._upsert
    monkeypatch.setattr(saving, "_upsert", lambda record: guarded(record).partition(" WHERE ")[0])
    _, left = put_while_another_merchant_does(RECORDS[0], books, clock)
    assert left == [{"merchant_id": OTHER_MERCHANT, "name": "slower"}]
