"""The queries as PostgreSQL takes them: holes filled, parameters named as psycopg has them.

A probe stays a probe: an index is asked for each key, whatever a plan that was made early thinks of the table.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from hexiao.storage.texts import Macro, read_queries

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


def _keys(name: str, types: tuple[str, ...]) -> str:
    columns = ", ".join(
        f"unnest(:{name}_{letter}::{kind}[]) {letter}" for letter, kind in zip("abc", types, strict=False)
    )
    return f"(SELECT {columns})"


def _keys_of_json(name: str, types: tuple[str, ...]) -> str:
    columns = ", ".join(f"(k ->> {i})::{kind} {'abc'[i]}" for i, kind in enumerate(types))
    return f"(SELECT {columns} FROM json_array_elements(:{name}::json) k)"


MACROS: dict[str, Macro] = {
    # An array, not a sub-select: so the plan is an index probe for each value, whatever the statistics say. And the
    # machines of a spread database are asked that have its rows, no others.
    "in": lambda name, types: f"= ANY(:{name}::{types[0] if types else 'bigint'}[])",
    # A sub-select that cannot be flattened: so its index is probed for each key, also by a plan that was made when the
    # table was empty and whose author therefore thought of reading it whole.
    "probe": lambda alias, types: "LATERAL (SELECT * FROM ",
    "end": lambda alias, types: f" OFFSET 0) {alias}",
    "ids": lambda bracket, types: {"begin": "= ANY(ARRAY(", "end": "))"}[bracket],
    "again": lambda column, types: "",
    "keys": _keys,
    "sum": lambda column, types: (
        f"(SELECT coalesce(sum(value::bigint), 0) FROM json_array_elements_text({column}::json))"
    ),
}


@cache
def psycopg_style(sql: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", sql)


@lru_cache(1024)
def numbered(sql: str) -> tuple[str, list[str]]:
    """(SQL, the names of its parameters in order), for a raw cursor: the driver reads a long text with names anew
    each time."""
    names = list(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names


QUERIES = {name: psycopg_style(sql) for name, sql in read_queries("queries.sql", MACROS).items()}
TALLYING = ("tallied", "tally_edges", "untallied", "so_far")
SPREAD_QUERIES = {
    name: psycopg_style(sql)
    for name, sql in read_queries(
        "queries.sql",
        {
            **MACROS,
            "keys": _keys_of_json,
            "probe": lambda alias, types: "",
            "end": lambda alias, types: "",
            "ids": lambda bracket, types: {"begin": "IN (", "end": ")"}[bracket],
            # A statement goes to all machines that any table in it is on, whatever the others are joined by.
            "again": lambda column, types: f" AND {column} = ANY(:{types[0]}::{[*types, 'bigint'][1]}[])",
        },
    ).items()
    if name not in TALLYING
}
# Citus refuses a bounded subquery for each coupon: there all are read, and the first and the latest found afterwards.
for _bounded, _all in (("first_holds", "holds_of_coupons"), ("latest_captures", "captures_of_coupons")):
    SPREAD_QUERIES[_bounded] = SPREAD_QUERIES[_all].replace("%(ids)s", "%(keys_a)s")
INVARIANTS = {name: psycopg_style(sql) for name, sql in read_queries("invariants.sql", MACROS).items()}
# Citus refuses a subquery that asks other machines for each row of a tally. Where tables are spread there is no tally.
SPREAD_INVARIANTS = {
    name: "SELECT shop_id, facet, value, until_at FROM tally" if name.startswith("I27 ") else sql
    for name, sql in INVARIANTS.items()
}
