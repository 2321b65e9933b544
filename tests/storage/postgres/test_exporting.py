"""An export has the rows of the list, oldest first, on both engines: the same, of one state, in blocks."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest

from engine.desk import MERCHANT
from hexiao.storage import exporting
from hexiao.storage.base import Reader, RedemptionFilter, StorageDown
from hexiao.storage.exporting import Exported
from hexiao.storage.postgres import open_storage
from postgres_server import Databases
from storage.postgres.test_lists import redemption_filters, scene
from storage.postgres.twins import Twins

__all__ = ["scene"]

FILTERS = range(len(redemption_filters(0)))


def exported(reader: Reader, wanted: RedemptionFilter) -> list[Exported]:
    return [Exported(*row) for block in reader.exported(wanted) for row in block]


@pytest.mark.parametrize("number", FILTERS)
def test_every_filter_narrows_it_as_it_does_the_list(scene: tuple[Twins, int], number: int) -> None:
    twins, begin = scene
    wanted = redemption_filters(begin)[number]
    rows = twins.read(lambda reader: exported(reader, wanted))
    listed = twins.read(lambda reader: reader.redemption_page(wanted, 1, 1_000)[1])
    assert [row.id for row in rows] == [one.id for one in listed]
    shown = twins.read(lambda reader: [reader.redemption(wanted.merchant_id, row.id) for row in rows])
    for row, one in zip(rows, shown, strict=True):
        assert one is not None
        same = one.redemption
        assert (row.state, row.kind, row.bill_number, row.coupon_id) == (
            same.state, same.kind, same.bill_number, same.coupon_id
        )  # fmt: skip
        assert (row.held_fen, row.captured_fen, row.reversed_fen) == (
            same.held_fen, same.captured_fen, same.reversed_fen
        )  # fmt: skip
        assert (row.created_at, row.held_until_at, row.captured_at, row.settled_at, row.changed_at) == (
            same.created_at, same.held_until_at, same.captured_at, same.settled_at, same.changed_at
        )  # fmt: skip
        assert (row.code, row.scheme_number, row.scheme_name) == (one.coupon.code, one.scheme.number, one.scheme.name)
        assert row.shop_name == (one.shop.name if one.shop else None)
        assert row.cashier_name == (one.cashier.name if one.cashier else None)
        assert row.mobile == (one.member.mobile if one.member else None)


def test_it_comes_in_blocks(scene: tuple[Twins, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BLOCK", 7)
    twins, _ = scene
    blocks = twins.read(
        lambda reader: [len(block) for block in reader.exported(RedemptionFilter(merchant_id=MERCHANT))]
    )
    assert len(blocks) > 2
    assert set(blocks[:-1]) == {7}


def test_a_reader_that_stopped_half_way_can_be_asked_again(scene: tuple[Twins, int]) -> None:
    twins, _ = scene
    wanted = RedemptionFilter(merchant_id=MERCHANT)

    def give_up(reader: Reader) -> list[int]:
        blocks = reader.exported(wanted)
        first = next(blocks)
        blocks.close()
        return [row[0] for row in first]

    assert twins.read(give_up) == [row.id for row in twins.read(lambda reader: exported(reader, wanted))]


@pytest.mark.parametrize("timeout", ["statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"])
def test_what_reads_whole_tables_takes_as_long_as_it_takes(databases: Databases, timeout: str) -> None:
    """A limit for the user of a till's server must not end an export, nor a look at the books."""
    url = databases.migrated()
    with psycopg.connect(url) as server:
        if not server.execute("SELECT 1 FROM pg_settings WHERE name = %s", [timeout]).fetchall():
            pytest.skip("this PostgreSQL is too old for it")
        server.execute(f"ALTER DATABASE {server.info.dbname} SET {timeout} = '200ms'".encode())
    slow = "SELECT n, pg_sleep(0.1)::text FROM generate_series(1, 4) n"
    storage: Any = open_storage(url)
    try:
        found = 0
        for _ in storage._run_named(slow, {}):
            time.sleep(0.1)
            found += 1
        with storage._one_state():
            for block in storage._stream(slow, {}, 2):
                time.sleep(0.3)
                found += len(block)
        assert found == 8
        with pytest.raises(StorageDown), storage._translating(), storage._db.transaction():  # the control
            storage._db.execute(slow)
            time.sleep(0.3)
            storage._db.execute("SELECT 1")
    finally:
        storage.close()
