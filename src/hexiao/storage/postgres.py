"""How a PostgreSQL database is migrated and opened, and which storage fits it: on one machine, or spread over several.

Opens nothing that is not at this program's schema.
"""

from __future__ import annotations

import psycopg

from hexiao.storage.base import StorageError
from hexiao.storage.migrating import APPLIED, apply_migrations, check_schema
from hexiao.storage.postgres_connection import connect, is_spread, told
from hexiao.storage.postgres_durability import demand_own_session
from hexiao.storage.postgres_storage import PostgresStorage
from hexiao.storage.spread_storage import SpreadStorage


def migrate(url: str, *, break_lock: bool = False) -> list[str]:
    """Bring the database to this program's schema; the names of what was applied."""
    from hexiao.storage.postgres_migrating import MigratingBackend  # takes long, and no server needs it

    try:
        with connect(url) as db:
            demand_own_session(db, url)
        backend = MigratingBackend(url)
        backend.demand_unicode()
        backend.init_database()
        backend.demand_rights()
    except psycopg.Error as failed:
        raise StorageError(f"cannot migrate the PostgreSQL database: {told(failed, url)}") from None
    return apply_migrations(backend, "postgres", backend.migrates, break_lock=break_lock)


def open_storage(url: str) -> PostgresStorage:
    """The database at `url`. Raises StorageError when it cannot be used, or is not at this program's schema."""
    try:
        with connect(url) as db:
            demand_own_session(db, url)
            applied = [row[0] for row in db.execute(APPLIED)]
            spread = is_spread(db)
    except psycopg.errors.UndefinedTable as empty:
        raise StorageError("the PostgreSQL database is empty; run: hexiao migrate") from empty
    except psycopg.Error as failed:
        raise StorageError(f"cannot connect to PostgreSQL: {told(failed, url)}") from None
    check_schema(applied, "postgres", "the PostgreSQL database")
    return SpreadStorage(url) if spread else PostgresStorage(url)
