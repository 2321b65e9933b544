"""Spreads the tables of a PostgreSQL database over the machines of a Citus cluster, in place.

One table says where each of ours belongs; a table without a line is refused. Knows nothing of nodes: they are the
operator's to add.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from hexiao.storage.base import StorageError
from hexiao.storage.postgres_connection import MIGRATING, connect_for_long, is_spread, told
from hexiao.storage.side import NOT_OURS, REBUILT

EVERYWHERE = ""
"""A reference table: a copy on every machine, for what is small, seldom changed and often looked at."""

PLACES: dict[str, str] = {
    # Each row lies where its coupon lies: what one redemption changes of them is on one machine.
    "coupon": "id",
    "redemption": "coupon_id",
    "journal": "coupon_id",
    # What leads to a coupon, and what does not belong to one, has a key of its own.
    "coupon_code": "code",
    "request": "id",
    "refusal": "id",
    "bill": "number",
    "member": "id",
    "scheme_count": "scheme_id",
    "receipt_count": "scheme_id",
    "block": "lane",
    "tally": "shop_id",
    "tallied": "shop_id",
    # Master data.
    "merchant": EVERYWHERE,
    "shop": EVERYWHERE,
    "cashier": EVERYWHERE,
    "item": EVERYWHERE,
    "credential": EVERYWHERE,
    "scheme": EVERYWHERE,
    "scheme_version": EVERYWHERE,
    "node": EVERYWHERE,
    "past": EVERYWHERE,
}
"""Table → the column that says on which machine a row lies. Every key and unique index of the table must hold it."""

TOGETHER = {
    "redemption": "coupon",
    "journal": "coupon",
    "receipt_count": "scheme_count",
    "tallied": "tally",
}
"""Table → the table whose rows of the same value lie on the same machine."""

NEVER_CHANGED = ("journal", "block")
"""Citus takes no triggers, so here the right to change a row is taken away instead."""

_TABLES = """
    SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname <> ALL(%s)
"""
_TRIGGERS = """
    SELECT c.relname::text, t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND NOT t.tgisinternal ORDER BY 1, 2
"""
_UNIQUE = """
    SELECT c.relname::text, i.relname::text, pg_get_indexdef(x.indexrelid), array_agg(a.attname::text)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(x.indkey::int2[])
    WHERE n.nspname = current_schema() AND x.indisunique AND NOT x.indisprimary GROUP BY 1, 2, 3 ORDER BY 2
"""
_CHANGEABLE = """
    SELECT c.relname::text, c.relowner::regrole::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relname = ANY(%s) AND (c.relacl IS NULL OR EXISTS (
        SELECT 1 FROM aclexplode(c.relacl) a
        WHERE a.grantee IN (0, c.relowner) AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')))
    ORDER BY 1
"""
_SPREAD = "SELECT c.relname::text FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid"


def distribute(url: str) -> list[str]:
    """Spread what is not spread yet; the statements, as they were run. Each table is whole before and after each."""
    try:
        with connect_for_long(url, MIGRATING) as db:
            if not is_spread(db):
                raise StorageError(
                    "this PostgreSQL database has no Citus: run CREATE EXTENSION citus and add the nodes, or leave it"
                    " on one machine"
                )
            planned = plan(db)
            for statement in planned:
                db.execute(statement.encode())
            return planned
    except psycopg.Error as failed:
        raise StorageError(
            f"spreading the tables stopped: {told(failed, url)}; what was done stays done, run the same command again"
        ) from None


def plan(db: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    """The statements that are still to be run. Raises StorageError for a table that nobody gave a place."""
    there = {name for (name,) in db.execute(_TABLES, (list(NOT_OURS),))}
    if unknown := sorted(there - PLACES.keys()):
        raise StorageError(f"nobody said where the table {unknown[0]} belongs: upgrade hexiao")
    left = there - {name for (name,) in db.execute(_SPREAD)}
    triggers = [(table, trigger) for table, trigger in db.execute(_TRIGGERS) if table in left]
    return [
        *(f"DROP TRIGGER {trigger} ON {table}" for table, trigger in triggers),
        *(
            # No machine could know whether the value is there already, elsewhere. In one go: both or none.
            f"DROP INDEX {index}; {definition.replace('CREATE UNIQUE INDEX', 'CREATE INDEX', 1)}"
            for table, index, definition, columns in db.execute(_UNIQUE)
            if table in left and PLACES[table] not in (EVERYWHERE, *columns)
        ),
        *_places(name for name in PLACES if name in left),
        *(
            f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, {owner}"
            for table, owner in db.execute(_CHANGEABLE, (list(NEVER_CHANGED),))
        ),
    ]


def _places(tables: Iterable[str]) -> Iterable[str]:
    for name in tables:
        if name in REBUILT:  # lists are counted there: a tally would be asked by a join that Citus refuses
            yield f"TRUNCATE {name}"
        if PLACES[name] == EVERYWHERE:
            yield f"SELECT create_reference_table('{name}')"
        else:
            beside = TOGETHER.get(name, "none")
            yield f"SELECT create_distributed_table('{name}', '{PLACES[name]}', colocate_with => '{beside}')"
