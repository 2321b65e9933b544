"""What another hand wrote that no program can read is named: which row, which column, and why."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from engine.desk import MERCHANT
from hexiao.config import Settings
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.engine.commands import Put
from hexiao.storage.base import Broken
from hexiao.storage.readable import INVARIANT, READ
from hexiao.wiring import open_engine, open_side
from storage.moving.books import fill
from thaw import thaw

ODD = {
    ("merchant", "time_zone"): "'Asia/Nowhere'",
    ("credential", "role"): "'emperor'",
    ("scheme", "kind"): "99",
    ("scheme_version", "terms"): "'{\"validity\":'",
    ("scheme_version", "benefit"): '\'{"type":"gift"}\'',
    ("coupon", "channel"): "99",
    ("redemption", "kind"): "99",
    ("redemption", "scene"): "'moon'",
    ("redemption", "state"): "99",
    ("redemption", "lines"): "'[1.5]'",
    ("redemption", "returned"): "'none'",
}
KEYS = {"scheme_version": "scheme_id"}


@pytest.fixture
def filled(books: Settings) -> Settings:
    fill(books, 3)
    with closing(open_engine(books)) as engine:
        for record in (
            Merchant(id=MERCHANT, name="测试商户"),
            Shop(id=0, merchant_id=MERCHANT, number="1", name="一"),
            Cashier(id=0, merchant_id=MERCHANT, name="二"),
            Member(id=0, merchant_id=MERCHANT, name="三"),
            Item(id=0, merchant_id=MERCHANT, sku="4", name="四", category="五"),
            Credential(id=0, merchant_id=MERCHANT, door="api", public_id="k", name="六"),
        ):
            engine.call(Put(merchant_id=MERCHANT, record=record))
    return books


def change(settings: Settings, statements: Iterator[str]) -> None:
    if settings.on_postgres:
        with psycopg.connect(settings.database) as db:
            for sql in statements:
                assert db.execute(sql.encode()).rowcount == 1, sql
        return
    with closing(sqlite3.connect(settings.sqlite_path)) as lite, lite:
        thaw(lite)
        for sql in statements:
            assert lite.execute(sql).rowcount == 1, sql


def unreadable(settings: Settings) -> list[Broken]:
    with closing(open_side(settings)) as side:
        return [one for one in side.broken(time.time_ns() // 1_000_000) if one.invariant == INVARIANT]


def planted(table: str, column: str, value: str) -> str:
    """In the first row, of those that have something there."""
    key = KEYS.get(table, "id")
    return f"UPDATE {table} SET {column} = {value} WHERE {key} = (SELECT max({key}) FROM {table})"


def test_all_that_the_program_wrote_can_be_read(filled: Settings) -> None:
    assert unreadable(filled) == []


def test_each_column_that_means_more_than_it_is_has_its_odd_value_here() -> None:
    assert {(table, column) for table, columns in READ.items() for column in columns} == ODD.keys()


def test_each_value_that_cannot_be_read_is_named_with_its_row_and_the_reason(filled: Settings) -> None:
    change(filled, (planted(table, column, value) for (table, column), value in ODD.items()))
    found = unreadable(filled)
    assert {(one.row["table"], one.row["column"]) for one in found} == ODD.keys()
    assert len(found) == len(ODD)
    with closing(open_side(filled)) as side:
        for one in found:
            assert one.row["reason"]
            key = KEYS.get(str(one.row["table"]), "id")
            assert [(one.row[key],)] == side.run(f"SELECT max({key}) FROM {one.row['table']}")


@pytest.mark.parametrize("books", ["sqlite"], indirect=True)
def test_a_value_of_another_type_is_named_where_the_engine_keeps_it(filled: Settings) -> None:
    with closing(open_side(filled)) as side:
        columns = {
            (one.name, name): {"integer": "'x'", "text": "CAST(x'ff' AS text)", "bytes": "'x'"}[kind]
            for one in side.tables()
            if one.name in READ
            for name, kind in one.columns
        }
    for (table, column), value in columns.items():
        if column == "id" or (table, column) == ("scheme_version", "scheme_id"):
            continue
        change(filled, iter([planted(table, column, value)]))
        assert (table, column) in {(one.row["table"], one.row["column"]) for one in unreadable(filled)}
