"""Migrations by yoyo: numbered SQL files, each in one transaction. Says plainly when schema and program differ."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from importlib.resources import as_file, files

from hexiao.storage.base import StorageError


def apply_migrations(yoyo_url: str, engine: str) -> list[str]:
    """Apply what is missing; the ids of what was applied. `engine` names the folder of SQL files."""
    # Not above: a server that starts only looks whether the schema is right.
    from yoyo import get_backend, read_migrations

    with warnings.catch_warnings(), as_file(files("hexiao.storage") / "migrations" / engine) as folder:
        warnings.simplefilter("ignore", DeprecationWarning)  # yoyo still uses sqlite3's default date adapters
        known = read_migrations(str(folder))
        backend = get_backend(yoyo_url)
        try:
            with backend.lock(timeout=30):
                pending = backend.to_apply(known)
                backend.apply_migrations(pending)
                return [migration.id for migration in pending]
        finally:
            backend.connection.close()


APPLIED = "SELECT migration_id FROM _yoyo_migration"


def check_schema(applied: Iterable[str], engine: str, database: str) -> None:
    """Raises StorageError, with what to do, when the database is not at exactly this program's schema."""
    done = set(applied)
    folder = files("hexiao.storage") / "migrations" / engine
    known = sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql"))
    missing = [name for name in known if name not in done]
    if missing:
        raise StorageError(f"{database} is older than this program; run: hexiao migrate (missing {', '.join(missing)})")
    unknown = sorted(done - set(known))
    if unknown:
        raise StorageError(f"{database} is newer than this program; upgrade hexiao (it knows {', '.join(unknown)})")
