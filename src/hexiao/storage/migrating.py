"""Migrations by yoyo: numbered SQL files, each in one transaction. Says plainly when schema and program differ."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.resources import as_file, files
from typing import Any

from hexiao.storage.base import StorageError
from hexiao.storage.sqlite_advice import advice

LOCK_SECONDS_MAX = 30
LOCK = "yoyo_lock"
"""A row in it says which process migrates; it stays when that process is killed."""


def apply_migrations(
    backend: Any, engine: str, migrates: Callable[[int], bool], *, break_lock: bool = False
) -> list[str]:
    """Apply what is missing; the ids of what was applied. `engine` names the folder of SQL files.

    `migrates` tells whether the process with this id may still be at it. Closes the backend's connection.
    """
    # Not above: a server that starts only looks whether the schema is right.
    from yoyo import read_migrations
    from yoyo.exceptions import LockTimeout

    with warnings.catch_warnings(), as_file(files("hexiao.storage") / "migrations" / engine) as folder:
        # yoyo still uses sqlite3's default date adapters, and warns of what else it does when a connection is lost
        warnings.simplefilter("ignore")
        known = read_migrations(str(folder))
        try:
            _demand_lock(backend)
            for (pid,) in backend.execute(f"SELECT pid FROM {LOCK}").fetchall():
                if break_lock or not migrates(pid):
                    with backend.transaction():
                        backend.execute(f"DELETE FROM {LOCK} WHERE pid = :pid", {"pid": pid})
            with backend.lock(timeout=LOCK_SECONDS_MAX):
                pending = backend.to_apply(known)
                for migration in pending:
                    _apply(backend, migration)
                return [migration.id for migration in pending]
        except LockTimeout as locked:
            raise StorageError(
                "another process is migrating this database, or its machine died while it was; when you are sure that"
                " none is, run: hexiao migrate --break-lock"
            ) from locked
        except (backend.DatabaseError, AssertionError) as failed:  # the tool asserts that it could end a transaction
            first = _first(failed, backend.DatabaseError)
            reason = str(first).partition("\n")[0] or "nothing could be written; make room on the disk"
            cure = advice(first) or "; run hexiao migrate again"
            raise StorageError(f"the migration failed, and was undone: {reason}{cure}") from failed
        finally:
            backend.connection.close()


def _demand_lock(backend: Any) -> None:
    """The tool makes its lock by itself, but keeps silent when it cannot. Raises what kept it from that."""
    with suppress(backend.DatabaseError):
        backend.execute(f"SELECT 1 FROM {LOCK}")
        return
    backend.execute(backend.format_sql(backend.create_lock_table_sql))


def _first(failed: BaseException, kind: type[BaseException]) -> BaseException:
    """What went wrong before it could not be undone either: on a full disk SQLite has undone it by itself."""
    while isinstance(failed.__context__, kind):
        failed = failed.__context__
    return failed


def _apply(backend: Any, migration: Any) -> None:
    """With its mark in one transaction: what is applied and not marked would be applied again, and fail for ever."""
    with backend.transaction():
        migration.process_steps(backend, "apply")
        backend.mark_one(migration, log=False)
        backend.log_migration(migration, "apply")


def runs(pid: int) -> bool:
    """Whether another process on this machine has this id."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's, but it runs
        return True
    return True


APPLIED = "SELECT migration_id FROM _yoyo_migration"
UNFINISHED = "unfinished copy: run the same hexiao copy or restore again"
"""Stands among the migrations of an unfinished target; a program that does not know it refuses the database."""


def check_schema(applied: Iterable[str], engine: str, database: str) -> None:
    """Raises StorageError, with what to do, when the database is not at exactly this program's schema."""
    done = set(applied)
    demand_known(done, engine, database)
    missing = [name for name in _known(engine) if name not in done]
    if missing:
        which = f"sqlite:///{database}" if engine == "sqlite" else "URL"  # it need not be that of the settings
        raise StorageError(
            f"{database} is older than this program; run: hexiao migrate --database {which}"
            f" (missing {', '.join(missing)})"
        )


def demand_known(applied: Iterable[str], engine: str, database: str) -> None:
    """Raises StorageError when the database has what this program has no migration for, so that it must not be used."""
    unknown = sorted(set(applied) - set(_known(engine)))
    if UNFINISHED in unknown:
        raise StorageError(f"{database} is an {UNFINISHED}, or give another database")
    if unknown:
        raise StorageError(f"{database} is newer than this program; upgrade hexiao (it knows {', '.join(unknown)})")


def _known(engine: str) -> list[str]:
    folder = files("hexiao.storage") / "migrations" / engine
    return sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql"))
