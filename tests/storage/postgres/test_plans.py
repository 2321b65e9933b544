"""A plan that was made while a table was empty stays good when it has grown: every keyed query, and
every part of a save, probes an index."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hexiao.config import Settings
from hexiao.storage import lists, newest, pages, postgres_glance, postgres_queries
from hexiao.storage.base import Cursor
from hexiao.storage.postgres import open_storage
from hexiao.storage.postgres_queries import MACROS, numbered
from hexiao.storage.saving_at_once import _PARTS
from hexiao.storage.texts import read_queries
from postgres_server import Databases
from storage.filters import COMBINED, best_index, found, wanted

KEYED = sorted(name for name, sql in read_queries("queries.sql", MACROS).items() if "LATERAL" in sql)
QUERIES = read_queries("queries.sql", MACROS)


def plan(db: psycopg.Connection[Any], sql: str) -> list[dict[str, Any]]:
    """Every step of the generic plan, which this connection always makes."""
    nothing = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", sql))))
    db.execute(f"PREPARE planned AS {sql}".encode())
    explained = f"EXPLAIN (FORMAT JSON) EXECUTE planned{f'({nothing})' if nothing else ''}"  # 15 knows no GENERIC_PLAN
    [(told,)] = db.execute(explained.encode()).fetchall()
    db.execute("DEALLOCATE planned")
    steps, found = [told[0]["Plan"]], []
    while steps:
        step = steps.pop()
        found.append(step)
        steps += step.get("Plans", [])
    return found


@pytest.fixture
def db(on_postgres: Settings) -> Any:
    storage: Any = open_storage(on_postgres.database)
    storage._db.execute("VACUUM ANALYZE")  # so that the planner knows how empty they are
    yield storage._db
    storage.close()


def reads_whole(steps: list[dict[str, Any]]) -> list[str]:
    whole = [step for step in steps if step["Node Type"] in ("Seq Scan", "Index Scan", "Index Only Scan")]
    return [json.dumps(step) for step in whole if "Index Cond" not in step]


def test_no_statement_is_compiled_before_it_runs_whatever_the_database_is_set_to(databases: Databases) -> None:
    """With LLVM, a plan of version 15 to 17 that cannot avoid a scan would be, each time."""
    url = databases.migrated()
    databases.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET jit = on")
    storage: Any = open_storage(url)
    try:
        assert storage._db.execute("SHOW jit").fetchone() == ("off",)
        explained = storage._db.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {QUERIES['one_sealed_credential']}")
        assert "JIT" not in explained.fetchone()[0][0]
    finally:
        storage.close()


@pytest.mark.parametrize("name", KEYED)
def test_a_query_by_keys_probes_an_index_although_its_tables_are_empty(name: str, db: Any) -> None:
    assert reads_whole(plan(db, numbered(QUERIES[name])[0])) == []


@pytest.mark.parametrize("part", sorted(_PARTS))
def test_a_part_of_a_save_probes_an_index_although_its_tables_are_empty(part: str, db: Any) -> None:
    assert reads_whole(plan(db, numbered(_PARTS[part])[0])) == []


@pytest.mark.parametrize("part", ["code", "new_coupon", "new_redemption", "journal", "new_bill"])
def test_new_rows_come_in_the_types_and_the_order_of_their_table(part: str, db: Any) -> None:
    """Else each is copied once more on its way."""
    steps = plan(db, numbered(_PARTS[part])[0])
    assert [step["Node Type"] for step in steps] == ["ModifyTable", "ProjectSet", "Result"]


def test_a_wave_in_one_statement_probes_an_index_for_every_query(db: Any) -> None:
    names = tuple(postgres_glance.WIDTHS)
    text = postgres_glance.statement(names, tuple(postgres_queries.QUERIES[name] for name in names))
    steps = plan(db, numbered(re.sub(r"%\((\w+)\)s", r":\1", text))[0])
    assert reads_whole(steps) == []
    assert {step["Relation Name"] for step in steps if "Relation Name" in step} >= {"request", "coupon", "redemption"}


@pytest.mark.parametrize("name", sorted(postgres_glance.WIDTHS))
def test_the_width_of_a_query_is_the_number_of_its_columns(name: str, db: Any) -> None:
    text = re.sub(r"%\((\w+)\)s", "NULL", postgres_queries.QUERIES[name])
    assert len(db.execute(text.encode()).description) == postgres_glance.WIDTHS[name]


def test_a_join_that_can_be_flattened_would_read_the_table_whole(db: Any) -> None:
    """The control."""
    flat = QUERIES["bills"].replace("LATERAL (SELECT * FROM ", "").replace(" OFFSET 0) b", "")
    assert reads_whole(plan(db, numbered(flat)[0])) != []


REDEMPTIONS = """
INSERT INTO redemption (coupon_id, id, merchant_id, scheme_id, kind, bill_number, shop_id, member_id, scene, state,
    held_fen, captured_fen, reversed_fen, lines, returned, reversals, created_at, changed_at, request_id)
SELECT i, i, 1, i % 41, 1, 'B' || i, i % 5, i % 1000, 'shop', CASE WHEN i % 31 = 0 THEN 5 ELSE 2 END, 1, 1, 0, '[1]',
    '[0]', 0, i, i, 'k/' || i
FROM generate_series(1, 20000) i
"""


@pytest.fixture(scope="module")
def filled(databases: Databases) -> Iterator[psycopg.Connection[Any]]:
    """Twenty thousand redemptions in five shops, of which some are undone."""
    storage: Any = open_storage(databases.migrated())
    storage._db.execute(REDEMPTIONS.encode())
    storage._db.execute("VACUUM ANALYZE redemption")
    yield storage._db
    storage.close()


FEW = [
    combined
    for combined in COMBINED
    if {"code", "bill", "member", "card"} & {*combined} and len(combined) < 3 and "held" not in combined
]  # none is held here, as statistics tell


@pytest.mark.parametrize("combined", FEW, ids="+".join)
def test_a_list_of_few_redemptions_is_read_by_its_own_index(
    combined: tuple[str, ...], filled: psycopg.Connection[Any]
) -> None:
    assert read_by(filled, combined) == {best_index(combined, "redemption_pkey")}


@pytest.mark.parametrize("combined", [("scheme",), ("scheme", "made"), ("scheme", "kind"), ("reversed",)], ids="+".join)
def test_a_scheme_and_what_was_undone_is_not_looked_for_among_all_redemptions(
    combined: tuple[str, ...], filled: psycopg.Connection[Any]
) -> None:
    assert read_by(filled, combined) == {best_index(combined, "")}


@pytest.mark.parametrize("since", [True, False], ids=["from a time on", "from the beginning"])
def test_a_scheme_in_a_shop_is_read_by_the_list_of_the_shop(since: bool, filled: psycopg.Connection[Any]) -> None:
    steps = plan(filled, numbered(pages.statement(pages.MADE[pages.Facet.SCHEME, since], 100))[0])
    read = [step for step in steps if step.get("Relation Name") == "redemption"]
    assert {step["Index Name"] for step in read} == {"redemption_shop_list"}
    assert all("scheme_id" in step["Index Cond"] for step in read), "else each redemption of the shop is fetched"


@pytest.mark.parametrize(
    ("sql_of", "index"),
    [
        ("holds_of_coupons", "redemption_held"),
        ("first_holds", "redemption_held_often"),
        ("latest_captures", "redemption_captured"),
    ],
)
def test_the_uses_of_a_coupon_are_read_by_an_index_of_those(
    sql_of: str, index: str, filled: psycopg.Connection[Any]
) -> None:
    steps = plan(filled, numbered(QUERIES[sql_of])[0])
    assert {step["Index Name"] for step in steps if step.get("Relation Name") == "redemption"} == {index}
    assert "Sort" not in {step["Node Type"] for step in steps}, "all of them are sorted for the first or the latest"


def read_by(db: psycopg.Connection[Any], combined: tuple[str, ...]) -> set[str]:
    """The indexes by which page, count, and list after a cursor are read."""
    query = lists.RedemptionQuery(found, wanted(combined))
    [(after_a_cursor, _)] = newest.statements(query, Cursor(pages.NO_END, pages.NO_END))
    texts = (pages.plain_rows(query.where, query.plus, 100), pages.count(query.where), after_a_cursor)
    steps = [step for sql in texts for step in plan(db, numbered(sql)[0])]
    return {step["Index Name"] for step in steps if step.get("Relation Name") == "redemption"}


def test_of_a_bill_nothing_is_read_that_is_not_off_it_any_more(db: Any) -> None:
    [step] = [step for step in plan(db, numbered(QUERIES["live_of_bills"])[0]) if step.get("Alias") == "r"]
    assert step["Index Name"] == "redemption_bill" and "Filter" not in step
    assert "state = ANY" in step["Index Cond"]
