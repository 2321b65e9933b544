"""What a PostgreSQL server must promise before anything is written to it: what it commits stays, its clock is ours, and
a connection to it is a session of ours alone.

Looks at the server's own settings; knows nothing of tables.
"""

from __future__ import annotations

import time
from typing import Any, LiteralString

import psycopg

from hexiao.storage.base import StorageError
from hexiao.storage.postgres_connection import connect

CLOCKS_APART_MAX_MS = 2_000
SESSIONS_LOOKED_AT = 5
SESSION = "SELECT pg_backend_pid()"


def connect_durably(url: str, *settings: LiteralString) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection, set so, to a server that keeps our promises; also after a failover, when another one took over.

    Raises StorageError, or psycopg.Error when there is no server.
    """
    db = connect(url)
    try:
        db.execute("SET bytea_output = hex")  # as postgres_glance reads it
        _demand_durability(db)
        for setting in settings:
            db.execute(setting)
    except BaseException:
        db.close()
        raise
    return db


def _demand_durability(db: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Raises StorageError when an acknowledged COMMIT could be lost, or when the clocks tell different times."""
    for setting, bad in (("fsync", ("off",)), ("full_page_writes", ("off",)), ("synchronous_commit", ("off",))):
        [(value,)] = db.execute(f"SHOW {setting}")
        if value in bad:
            raise StorageError(f"PostgreSQL runs with {setting}={value}: acknowledged redemptions could be lost")
    before = time.time_ns() // 1_000_000
    [(there,)] = db.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    apart = max(before - there, there - time.time_ns() // 1_000_000)  # however long the answer took
    if apart > CLOCKS_APART_MAX_MS:
        raise StorageError(f"this machine's clock and PostgreSQL's are {apart / 1000:.1f} s apart: set the clocks")


def demand_own_session(db: psycopg.Connection[tuple[Any, ...]], url: str) -> None:
    """Raises StorageError behind a pooler that lends sessions for one transaction: a statement that somebody else
    prepared would be carried out with our values, and what one client sets would hold for others."""
    if _session(db) == db.info.backend_pid:  # no pooler: the server itself told its process when it let us in
        return
    with connect(url) as other:
        mine = _session(db)
        for _ in range(SESSIONS_LOOKED_AT):  # whoever is lent what is free gets what the other gave back
            if _session(other) == mine or _session(db) != mine:
                raise StorageError(
                    "a pooler stands before PostgreSQL and lends each session for one transaction; let it lend them for"
                    " as long as a connection lasts (pgbouncer: pool_mode = session), or name PostgreSQL itself"
                )


def _session(db: psycopg.Connection[tuple[Any, ...]]) -> int:
    [(pid,)] = db.execute(SESSION, prepare=False).fetchall()
    return int(pid)
