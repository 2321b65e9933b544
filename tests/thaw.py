"""Takes away what makes the database refuse changes of journal rows and blocks, for tests that plant some."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg

FROZEN = ("journal", "block")


def thaw(db: sqlite3.Connection | psycopg.Connection[Any]) -> None:
    if isinstance(db, psycopg.Connection):
        for table in FROZEN:
            db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    else:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")


def freeze(db: psycopg.Connection[Any]) -> None:
    for table in FROZEN:
        db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
