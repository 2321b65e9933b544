"""The migration tool on a PostgreSQL connection of ours. Imported to migrate only: a server starts without it."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table

from hexiao.storage.base import StorageError
from hexiao.storage.migrating import LOCK
from hexiao.storage.postgres_connection import MIGRATING, connect_for_long


class MigratingBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """The migration tool on a connection of ours: it understands every URL that a server understands."""

    def __init__(self, url: str) -> None:
        super().__init__(DatabaseURI("postgresql+psycopg", None, None, None, None, url, {}), default_migration_table)

    def connect(self, dburi: DatabaseURI) -> psycopg.Connection[tuple[Any, ...]]:
        return connect_for_long(dburi.database, f"{MIGRATING} {os.getpid()}")

    def copy(self) -> MigratingBackend:
        return MigratingBackend(self.uri.database)

    def demand_unicode(self) -> None:
        """Raises StorageError for a new database that could not hold every name. One that is in use stays in use."""
        sql = "SELECT to_regclass(:lock) IS NOT NULL, current_setting('server_encoding')"
        in_use, encoding = self.execute(sql, {"lock": LOCK}).fetchone()
        if not (in_use or encoding == "UTF8"):
            self.connection.close()
            raise StorageError(
                f"the PostgreSQL database is in {encoding}, which cannot hold every name; make one in UTF-8:"
                " createdb --encoding UTF8 --template template0 NAME"
            )

    def demand_rights(self) -> None:
        """Raises StorageError; the tool itself goes on without its own tables, and fails at the first of them."""
        sql = (
            "SELECT to_regclass(:lock) IS NOT NULL OR has_schema_privilege(current_schema(), 'CREATE'),"
            " current_user::text, current_schema()::text"
        )
        may, user, schema = self.execute(sql, {"lock": LOCK}).fetchone()
        if not may:
            self.connection.close()
            raise StorageError(
                f"the user {user} may not make tables in the schema {schema} of the PostgreSQL database; as its owner:"
                f' GRANT CREATE ON SCHEMA "{schema}" TO "{user}"'
            )

    def migrates(self, pid: int) -> bool:
        """Whether the process with this id still works on this database, on whichever machine it runs."""
        sql = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND application_name = :name"
        )
        return bool(self.execute(sql, {"name": f"{MIGRATING} {pid}"}).fetchone()[0])
