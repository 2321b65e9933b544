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
KEPT: tuple[LiteralString, ...] = (
    "SET bytea_output = hex",  # as postgres_glance reads it
    "SET array_nulls = on",  # as postgres_arrays writes it
    "SET default_transaction_isolation = 'read committed'",  # the guards are enough; a row in use is waited for
    "SET client_min_messages = warning",  # or nobody hears of a COMMIT that did not wait for its standby
    # Whatever is written into the server's files later.
    "SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)",
)
"""Said to each new session, so that neither its user's nor its database's settings change what we rely on."""
PROMISES = ("fsync", "full_page_writes", "synchronous_commit")
_STATE = """
    SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint
"""


def connect_durably(url: str, *settings: LiteralString) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection, set so, to a server that keeps our promises; also after a failover, when another one took over.

    Raises StorageError, or psycopg.Error when there is no server.
    """
    db = connect(url)
    try:
        for setting in (*KEPT, *settings):
            db.execute(setting)
        demand_durability(db)
    except BaseException:
        db.close()
        raise
    return db


def demand_durability(db: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Raises StorageError when an acknowledged COMMIT could be lost, or when the clocks tell different times."""
    before = time.time_ns() // 1_000_000
    [(*values, there)] = db.execute(_STATE).fetchall()
    for setting, value in zip(PROMISES, values, strict=True):
        if value == "off":
            raise StorageError(f"PostgreSQL runs with {setting}={value}: acknowledged redemptions could be lost")
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
