"""What the tables hold, read by plain SQL of our own: no query of the program under test is believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import psycopg

from hexiao.config import Settings

KEYS = {
    "merchant": "id",
    "shop": "id",
    "cashier": "id",
    "member": "id",
    "item": "id",
    "credential": "id",
    "scheme": "id",
    "scheme_version": "scheme_id, version",
    "scheme_count": "scheme_id, slot",
    "receipt_count": "scheme_id, member_id",
    "coupon_code": "merchant_id, code",
    "coupon": "id",
    "redemption": "coupon_id, id",
    "journal": "coupon_id, seq",
    "block": "lane, height",
    "refusal": "id",
    "bill": "merchant_id, shop_id, number",
    "request": "id",
    "node": "name",
    "past": "name",
    "tallied": "shop_id",
    "tally": "shop_id, facet, value, until_at",
}
"""Every table of ours, with what orders its rows."""

Rows = dict[str, list[dict[str, Any]]]


def tables(settings: Settings, names: Iterable[str] = KEYS) -> Rows:
    """table → its rows in order, each as column → value."""
    return {name: rows(settings, f"SELECT * FROM {name} ORDER BY {KEYS[name]}") for name in names}


def rows(settings: Settings, sql: str) -> list[dict[str, Any]]:
    if settings.on_postgres:
        with psycopg.connect(settings.database) as db:
            return _named(db.execute(sql.encode()))
    with closing(sqlite3.connect(settings.sqlite_path)) as db:
        return _named(db.execute(sql))


def table_names(settings: Settings) -> set[str]:
    """Every table that is there, but for the migration tool's."""
    if settings.on_postgres:
        listed = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    else:
        listed = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return {row["name"] for row in rows(settings, listed) if "yoyo" not in row["name"] and "sqlite" not in row["name"]}


def _named(cursor: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
