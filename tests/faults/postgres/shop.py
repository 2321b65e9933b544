"""The shop of the fault tests on PostgreSQL: the same schemes and coupons, read by plain SQL there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from faults.shop import FaultShop


class Row(tuple[Any, ...]):
    """A row as sqlite3 gives it: values in order, and by name."""

    names: Sequence[str] = ()

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)


class PostgresShop(FaultShop):
    """On a migrated, empty database. `path` is only where logs are put beside."""

    def __init__(self, database: str, folder: Path) -> None:
        self.path = folder / "logs"
        self._open(database)

    def move_to(self, database: str) -> None:
        """The same database is somewhere else now."""
        self.database = database
        self._settings = type(self._settings)(database=database, master_key=self._settings.master_key)

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.database) as db:
            return db.cursor(row_factory=_as_sqlite).execute(sql.replace("?", "%s").encode(), parameters).fetchall()


def _as_sqlite(cursor: psycopg.Cursor[Any]) -> Any:
    class Named(Row):
        names = tuple(column.name for column in cursor.description or ())

    return Named
