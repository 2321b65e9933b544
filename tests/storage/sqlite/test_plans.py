"""Every list reads by the index that finds the fewest rows. SQLite plans without statistics: an empty table tells."""

from __future__ import annotations

import re
import sqlite3

import msgspec
import pytest

from hexiao.storage import exporting, lists, newest, pages
from hexiao.storage.base import CouponFilter, Cursor
from hexiao.storage.sqlite import QUERIES
from storage.filters import COMBINED, best_index, found, wanted


def plan(db: sqlite3.Connection, sql: str) -> list[str]:
    """Its steps."""
    values = dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", sql), 1)
    return [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def indexes(db: sqlite3.Connection, sql: str) -> set[str]:
    """By which of their indexes redemptions are read; a step that says none reads them whole."""
    of_redemptions = {name for _, name, *_ in db.execute("PRAGMA index_list(redemption)")}
    steps = plan(db, sql)
    assert [step for step in steps if re.match(r"(SCAN|SEARCH) redemption\b(?! USING)", step)] == []
    return {word for step in steps for word in step.split()} & of_redemptions


def test_nothing_that_may_be_large_lies_in_the_index_that_finds_it(bare: sqlite3.Connection) -> None:
    """Every step of a search would compare whole rows, of a megabyte each."""
    without_rowid = [
        name for name, sql in bare.execute("SELECT name, sql FROM sqlite_schema") if "WITHOUT ROWID" in str(sql)
    ]
    assert "coupon_code" in without_rowid
    for table in without_rowid:
        kinds = {kind for (kind,) in bare.execute("SELECT lower(type) FROM pragma_table_info(?)", (table,))}
        assert "blob" not in kinds, table


@pytest.mark.parametrize("combined", COMBINED, ids="+".join)
def test_a_list_of_redemptions_is_read_by_its_best_index(combined: tuple[str, ...], bare: sqlite3.Connection) -> None:
    best = best_index(combined, "sqlite_autoindex_redemption_1")
    query = lists.RedemptionQuery(found, wanted(combined))
    assert indexes(bare, pages.plain_rows(query.where, query.plus, 100)) == {best}
    assert indexes(bare, pages.count(query.where)) == {best}
    first, *older = newest.statements(query, Cursor(pages.NO_END, pages.NO_END))
    assert indexes(bare, first[0]) == {best}
    assert [indexes(bare, sql) for sql, _ in older] == [{"redemption_changed"}] * len(older)
    assert indexes(bare, exporting.statement(found, wanted(combined))[0]) == {best}


@pytest.mark.parametrize(
    "beside", [(), ("kind",), ("scheme",), ("made",), ("made", "scheme", "reversed")], ids="+".join
)
@pytest.mark.parametrize("until_at", [None, 9], ids=["since", "within"])
def test_what_changed_in_a_shop_is_found_among_what_was_changed_or_made_then(
    until_at: int | None, beside: tuple[str, ...], bare: sqlite3.Connection
) -> None:
    changed = msgspec.structs.replace(wanted(("shop", *beside)), changed_from_at=1, changed_until_at=until_at)
    sought, _ = lists.RedemptionQuery(found, changed).sought()
    steps = plan(bare, pages.statement(sought, 100))
    by_changes = [step for step in steps if "redemption_changed (shop_id=? AND changed_at>" in step]
    made_then = [step for step in steps if "redemption_shop_list (shop_id=? AND created_at>" in step]
    found_again = [step for step in steps if "(shop_id=? AND created_at=? AND id=?)" in step]
    assert min(len(by_changes), len(made_then)) > 0
    assert {*by_changes, *made_then, *found_again} == {step for step in steps if "redemption_" in step}


@pytest.mark.parametrize("facet", pages.Facet, ids=lambda facet: facet.name)
@pytest.mark.parametrize("since", [True, False], ids=["from a time on", "from the beginning"])
def test_a_numbered_list_of_a_shop_is_read_by_the_list_of_the_shop(
    facet: pages.Facet, since: bool, bare: sqlite3.Connection
) -> None:
    assert indexes(bare, pages.statement(pages.MADE[facet, since], 100)) == {"redemption_shop_list"}


def test_for_a_scheme_or_a_code_that_nobody_has_nothing_is_read() -> None:
    for one in ("scheme", "code"):
        query = lists.RedemptionQuery(lambda name, **_: [], wanted((one,)))
        assert list(newest.statements(query, Cursor(pages.NO_END, pages.NO_END))) == []


def test_without_the_plus_a_bill_would_be_looked_for_among_all_of_its_shop(bare: sqlite3.Connection) -> None:
    """The control."""
    query = lists.RedemptionQuery(found, wanted(("bill", "shop")))
    assert indexes(bare, pages.plain_rows(query.where, "", 100)) == {"redemption_shop_list"}


@pytest.mark.parametrize("filters", [{"member_id": 5}, {"scheme_id": 7}, {"scheme_id": 7, "member_id": 5}], ids=str)
def test_coupons_of_a_member_or_scheme_are_read_in_order_of_an_index(
    filters: dict[str, int], bare: sqlite3.Connection
) -> None:
    (step,) = plan(bare, lists.coupons_sql(CouponFilter(merchant_id=1, **filters))[0])
    assert re.search(r"INDEX coupon_(member|scheme) \((member_id|scheme_id)=\? AND id<\?\)", step)


@pytest.mark.parametrize("name", ["shops_of", "cashiers_of", "members_of", "items_of"])
def test_a_page_of_master_data_is_read_from_where_the_last_one_ended(name: str, bare: sqlite3.Connection) -> None:
    (step,) = plan(bare, QUERIES[name])
    assert step.endswith("_1 (id>?)")


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("holds_of_coupons", "redemption_held"),
        ("first_holds", "redemption_held_often"),
        ("latest_captures", "redemption_captured"),
        ("captures_of_coupons", "sqlite_autoindex_redemption_1"),
    ],
)
def test_the_uses_of_a_coupon_are_read_by_an_index_of_those(name: str, index: str, bare: sqlite3.Connection) -> None:
    assert indexes(bare, QUERIES[name]) == {index}
    assert "TEMP B-TREE" not in " ".join(plan(bare, QUERIES[name])), "all of them are sorted for the latest"


def test_of_a_bill_nothing_is_read_that_is_not_off_it_any_more(bare: sqlite3.Connection) -> None:
    [step] = [step for step in plan(bare, QUERIES["live_of_bills"]) if " r " in step]
    assert step.endswith("INDEX redemption_bill (merchant_id=? AND bill_number=? AND shop_id=? AND state=?)")
