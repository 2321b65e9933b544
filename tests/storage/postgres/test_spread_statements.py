"""Every statement that runs while the tables are spread keeps to what Citus accepts, as its planner says it.

There is no Citus here, so its rules are looked for in the texts: a row is placed by a column that the statement gives
as a value, and nothing is asked for each row of a list or of a table that lies elsewhere.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.storage import rows, saving
from hexiao.storage.distributing import EVERYWHERE, PLACES, TOGETHER
from hexiao.storage.postgres_queries import INVARIANTS, SPREAD_INVARIANTS, SPREAD_QUERIES
from hexiao.storage.snapshot import Changes

RECORDS: tuple[type[Any], ...] = (Merchant, Shop, Cashier, Member, Item, Credential)
REFUSED = {
    "LATERAL": "a lateral subquery behind a list: 'cannot perform a lateral outer join when a distributed subquery…'",
    "ARRAY(SELECT": "its values are unknown when the machines are chosen",
    "FOR UPDATE": "only on one shard",
    " OVER (": "only with PARTITION BY the column that places the rows",
    "WITH ": "each part is sent to the coordinator and back",
}
INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\) VALUES \([^)]*\)(?: ON CONFLICT(?: \(([^)]*)\))? DO (.*))?$")
UPDATE = re.compile(r"UPDATE (\w+) SET (.*) WHERE (.*)$")
SAVED = {name: sql for name, sql in vars(saving).items() if isinstance(sql, str) and re.match("INSERT|UPDATE", sql)}
UPSERTS = {kind.__name__: saving._upsert(kind(**dict.fromkeys(kind.__struct_fields__))) for kind in RECORDS}


@pytest.mark.parametrize("name", sorted((SAVED | UPSERTS).keys() - {"_LATE"}))
def test_a_save_names_the_column_that_places_its_row_and_never_changes_it(name: str) -> None:
    sql = (SAVED | UPSERTS)[name]
    if insert := INSERT.match(sql):
        table, columns, conflict, change = insert.groups()
        place = PLACES[table]
        assert place in ("", *columns.split(", "))
        assert conflict is None or place in ("", *conflict.split(", ")), "no machine could see such a conflict"
    else:
        update = UPDATE.match(sql)
        assert update is not None, "neither INSERT … VALUES nor UPDATE … WHERE: find out what Citus says"
        table, change, where = update.groups()
        place = PLACES[table]
        assert place == EVERYWHERE or f"{place} = ?" in where.split(" AND ")
    assert "SELECT" not in sql, "subqueries are not supported within INSERT queries"
    assert not place or not re.search(rf"(SET|,) {place} = ", f"SET {change}"), "modifying the partition value"


class Noted:
    """A writer that notes the texts."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def many(self, sql: str, rows: list[Any]) -> int:
        self.texts.add(sql)
        return len(rows)

    def perhaps(self, sql: str, rows: list[Any]) -> None:
        self.texts.add(sql)


def test_nobody_says_that_he_adds_to_the_past_where_nothing_is_tallied(monkeypatch: pytest.MonkeyPatch) -> None:
    """INSERT … SELECT of values goes through the coordinator and back, for each batch."""
    changes = Changes()
    changes.new_redemptions = {1: object()}  # type: ignore[dict-item]
    monkeypatch.setattr(saving, "earliest", lambda changes: [(1, 1)])
    monkeypatch.setattr(rows, "redemption_row", lambda redemption: ())
    usual, spread = Noted(), Noted()
    saving.write(usual, changes, 1, 1)
    saving.write(spread, changes, 1, 1, tallied=False)
    assert usual.texts - spread.texts == {saving._LATE}


@pytest.mark.parametrize("name", sorted(SPREAD_QUERIES))
def test_a_query_has_no_form_that_is_refused(name: str) -> None:
    sql = SPREAD_QUERIES[name]
    assert [why for form, why in REFUSED.items() if form in sql] == []
    assert sql.count("SELECT") <= 4


@pytest.mark.parametrize("name", sorted(SPREAD_QUERIES))
def test_a_subquery_that_asks_for_each_row_stays_on_its_machine(name: str) -> None:
    """Correlated subqueries are pushed down when they are joined by the column that places the rows."""
    found = re.findall(r"EXISTS \(\s*SELECT 1 FROM (\w+) (\w) WHERE ([^)]*)", SPREAD_QUERIES[name])
    assert len(found) == SPREAD_QUERIES[name].count("EXISTS")
    for table, alias, where in found:
        assert re.match(rf"{alias}\.{PLACES[table]} = \w\.{PLACES[table]} ", where), name


@pytest.mark.parametrize("name", sorted(SPREAD_QUERIES))
def test_a_subquery_of_rows_that_are_placed_by_ids_is_given_the_ids_too(name: str) -> None:
    """Of all tables in a statement the machines are added up: one that is pruned does not spare the others."""
    around, *inner = re.split(r"EXISTS \(", SPREAD_QUERIES[name])
    given = re.search(r"FROM (\w+) .*WHERE (\w+) = ANY\(%\(ids\)s::bigint\[\]\)", around)
    if given is None or given[2] != PLACES[given[1]]:
        return
    assert [one for one in inner if f" AND {given[2]} = ANY(%(ids)s::bigint[])" not in one] == []


@pytest.mark.parametrize("name", sorted(SPREAD_QUERIES))
def test_rows_that_are_placed_by_a_part_of_a_key_are_asked_for_by_these_parts(name: str) -> None:
    """A list that is joined is sent to every machine: only a plain array of values says where the rows can be."""
    sql = SPREAD_QUERIES[name]
    crossed = re.findall(r"CROSS JOIN (\w+) (\w)\b", sql)
    assert len(crossed) == sql.count("CROSS JOIN")
    for table, alias in crossed:
        place = PLACES[table]
        joined = re.search(rf"\b{alias}\.{place} = k\.(\w)\b", sql) if place else None
        assert joined is None or f" AND {place} = ANY(%(keys_{joined[1]})s::" in sql


def test_an_outer_join_of_an_invariant_begins_with_rows_that_are_placed() -> None:
    """Behind a table that is everywhere Citus fetches the whole of the other one, or refuses."""
    for name, sql in SPREAD_INVARIANTS.items():
        first = re.match(r"SELECT [^(]*? FROM (\w+) \w+\s+LEFT JOIN", sql)
        assert first is None or PLACES[first[1]] != EVERYWHERE, name


def test_what_an_invariant_joins_lies_together_or_is_a_subquery_of_its_own() -> None:
    """A table that lies apart is fetched before the join only as a subquery: else the join is refused."""
    for name, sql in SPREAD_INVARIANTS.items():
        joined = re.findall(
            r"(?:FROM|JOIN) (\w+)(?: ([a-z]\w*))?", re.sub(r"\(\s*SELECT.*?\) \w+ ON", "", sql, flags=re.S)
        )
        homes = {TOGETHER.get(table, table) for table, alias in joined if alias and PLACES[table] != EVERYWHERE}
        assert len(homes) <= 1, name


def test_only_the_tallies_have_an_invariant_of_their_own() -> None:
    other = {name for name in INVARIANTS if SPREAD_INVARIANTS[name] != INVARIANTS[name]}
    assert {name.split()[0] for name in other} == {"I27"}
