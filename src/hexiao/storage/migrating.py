"""Migrations by yoyo: numbered SQL files, each in one transaction. Says plainly when schema and program differ."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.resources import as_file, files
from pathlib import Path

from yoyo import get_backend, read_migrations

from hexiao.storage.base import StorageError


def apply_migrations(path: Path) -> list[str]:
    """Apply what is missing to the SQLite file at `path`; the ids of what was applied."""
    with as_file(files("hexiao.storage") / "migrations" / "sqlite") as folder:
        known = read_migrations(str(folder))
        backend = get_backend(f"sqlite:///{path.resolve()}")
        try:
            with backend.lock(timeout=30):
                pending = backend.to_apply(known)
                backend.apply_migrations(pending)
                return [migration.id for migration in pending]
        finally:
            backend.connection.close()


def check_schema(path: Path) -> None:
    """Raises StorageError, with what to do, when the file is not at exactly this program's schema."""
    known = sorted(
        name.removesuffix(".sql")
        for name in (entry.name for entry in (files("hexiao.storage") / "migrations" / "sqlite").iterdir())
        if name.endswith(".sql")
    )
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            applied = {row[0] for row in db.execute("SELECT migration_id FROM _yoyo_migration")}
    except sqlite3.DatabaseError as unreadable:
        raise StorageError(
            f"{path} is not a database of hexiao ({unreadable}); make one with: hexiao migrate"
        ) from unreadable
    missing = [name for name in known if name not in applied]
    if missing:
        raise StorageError(f"{path} is older than this program; run: hexiao migrate (missing {', '.join(missing)})")
    unknown = sorted(applied - set(known))
    if unknown:
        raise StorageError(f"{path} is newer than this program; upgrade hexiao (the file knows {', '.join(unknown)})")
