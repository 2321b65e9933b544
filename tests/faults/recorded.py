"""The product's own SQLite storage on a connection whose disk keeps a diary: same pragmas, statements and batches.

It stands on apsw where the product stands on sqlite3; nothing of the product's SQL is repeated here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import apsw

from faults.disk import NAME
from hexiao.storage import sqlite

CHECKPOINT_PAGES = 80
"""Instead of SQLite's 1,000: many checkpoints in a short run, and small files to try out."""


class Connection:
    """As much of a sqlite3 connection as the storage uses."""

    def __init__(self, path: Path) -> None:
        self._db = apsw.Connection(str(path), vfs=NAME)
        # A VFS in Python has no shared memory, so the WAL's index lives in this connection.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")

    def execute(self, sql: str, parameters: Any = ()) -> Rows:
        with _as_sqlite3():
            return Rows(self._db.execute(sql, parameters))

    def executemany(self, sql: str, values: list[tuple[Any, ...]]) -> SimpleNamespace:
        before = self._db.total_changes()
        with _as_sqlite3():
            self._db.executemany(sql, values)
        return SimpleNamespace(rowcount=self._db.total_changes() - before)

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def close(self) -> None:
        self._db.close()


class Rows:
    """As much of a cursor: a statement may fail with its last row, too."""

    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def __iter__(self) -> Iterator[Any]:
        with _as_sqlite3():
            yield from self._cursor

    def fetchall(self) -> list[Any]:
        with _as_sqlite3():
            return self._cursor.fetchall()

    def fetchone(self) -> Any:
        with _as_sqlite3():
            return self._cursor.fetchone()


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.Error as failed:
        kind = sqlite3.IntegrityError if isinstance(failed, apsw.ConstraintError) else sqlite3.OperationalError
        told = kind(f"{type(failed).__name__}: {failed}")
        told.sqlite_errorname = f"SQLITE_{type(failed).__name__.removesuffix('Error').upper()}"
        raise told from failed


def _connect(path: Any, **options: Any) -> Any:
    return sqlite3.connect(path, **options) if options.get("uri") else Connection(path)


@contextmanager
def recording() -> Iterator[None]:
    """Inside, SqliteStorage opens its databases through the disk's diary."""
    diary = SimpleNamespace(**{**vars(sqlite3), "connect": _connect, "Connection": Connection})
    with patch.object(sqlite, "sqlite3", diary):
        yield
