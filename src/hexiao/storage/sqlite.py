"""SQLite: WAL and synchronous=FULL, nothing weaker. Loads outside the write transaction, so the guards do the work.

One object is one connection, for one thread at a time.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from hexiao.storage import loading, rows, saving, tallying
from hexiao.storage.base import Damaged, GuardMissed, LaneTaken, StorageDown, StorageError, Unanswerable
from hexiao.storage.migrating import APPLIED, apply_migrations, check_schema, runs
from hexiao.storage.reading import Reading
from hexiao.storage.snapshot import Changes
from hexiao.storage.sqlite_advice import ERRORS, advice, damaged
from hexiao.storage.sqlite_place import refuse_network_file_system
from hexiao.storage.texts import Macro, read_queries

_json = msgspec.json.Encoder().encode

WAIT_FOR_LOCK_MS = 10_000
LOOK_AGAIN_SECONDS = (0.0002, 0.01)
"""At first, and at the most, whether the process that writes has ended."""

LOG_KEPT_BYTES = 64 * 1024 * 1024
"""The log grows while somebody reads one state for long, as a backup does; what is more is given back afterwards."""

# SQLite is not strict about types, so the macros leave them out.
MACROS: dict[str, Macro] = {
    "in": lambda name, types: f"IN (SELECT value FROM json_each(:{name}))",
    "probe": lambda alias, types: "",
    "end": lambda alias, types: "",
    "ids": lambda bracket, types: {"begin": "IN (", "end": ")"}[bracket],
    "again": lambda column, types: "",
    "keys": lambda name, types: (
        "(SELECT json_extract(value, '$[0]') a, json_extract(value, '$[1]') b, json_extract(value, '$[2]') c"
        f" FROM json_each(:{name}))"
    ),
    "sum": lambda column, types: f"(SELECT coalesce(sum(value), 0) FROM json_each({column}))",
}
QUERIES = read_queries("queries.sql", MACROS)
INVARIANTS = read_queries("invariants.sql", MACROS)


class SqliteStorage(Reading):
    """Implements storage.base.Storage on one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._invariants = INVARIANTS
        self._kept = loading.Kept()
        self._schemes_found = {}
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
            with closed_unless_ready(self._db):
                self._db.execute(f"PRAGMA busy_timeout = {WAIT_FOR_LOCK_MS}")
                self._demand_durability()
            self._file = _file_at(path)
        except ERRORS as failed:
            raise StorageError(f"cannot open the SQLite database {path}: {failed}{advice(failed)}") from failed

    def _demand_durability(self) -> None:
        """An answer may leave after COMMIT only if COMMIT outlives a power cut."""
        refuse_network_file_system(self.path)
        journal_mode = self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        self._db.execute("PRAGMA synchronous = FULL")
        synchronous = self._db.execute("PRAGMA synchronous").fetchone()[0]
        if journal_mode != "wal" or synchronous < 2:
            raise StorageError(
                f"{self.path}: journal_mode is {journal_mode} and synchronous {synchronous};"
                " hexiao needs wal and FULL, so that no acknowledged redemption is lost at a power cut"
            )
        self._db.execute(f"PRAGMA journal_size_limit = {LOG_KEPT_BYTES}")
        self._db.execute("PRAGMA cache_size = -65536")
        self._db.execute("PRAGMA temp_store = MEMORY")

    # Changes.

    def save(self, changes: Changes, now: int, node: int) -> None:
        with self.changing():
            saving.write(self, changes, now, node)

    @contextmanager
    def changing(self) -> Iterator[None]:
        with _as_ours():
            self._begin()
            try:
                yield
                self._demand_its_file()
                self._db.execute("COMMIT")
            except sqlite3.IntegrityError as clash:
                self._undo()
                raise (LaneTaken if "block.lane" in str(clash) else GuardMissed)(str(clash)) from clash
            except BaseException:
                self._undo()
                raise

    def _begin(self) -> None:
        """As soon as no other process writes. SQLite itself looks again after 1, 2, 5, 10 … ms, which is too seldom."""
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            ends_at, pause = time.monotonic() + WAIT_FOR_LOCK_MS / 1000, LOOK_AGAIN_SECONDS[0]
            while True:
                try:
                    self._db.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as failed:
                    busy = getattr(failed, "sqlite_errorname", "").startswith("SQLITE_BUSY")
                    if not busy or time.monotonic() > ends_at:
                        raise
                time.sleep(pause)
                pause = min(pause * 1.25, LOOK_AGAIN_SECONDS[1])
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {WAIT_FOR_LOCK_MS}")

    def _demand_its_file(self) -> None:
        """SQLite writes on into a file that was removed or replaced, where nobody would find what was acknowledged."""
        if _file_at(self.path) != self._file:
            raise StorageDown(f"{self.path} was removed or replaced; start hexiao anew on the file that is meant")

    def tally(self, now: int) -> Iterator[bool]:
        return tallying.tally(self, now)

    def at_work(self) -> Collection[str]:
        """Nobody: there is one writer at a time, so who began to write before an announcement has ended by then."""
        return ()

    def many(self, sql: str, values: list[tuple[Any, ...]]) -> int:
        return self._db.executemany(sql, values).rowcount

    def perhaps(self, sql: str, values: list[tuple[Any, ...]]) -> None:
        self._db.executemany(sql, values)

    def _undo(self) -> None:
        if self._db.in_transaction:  # after a full disk SQLite has rolled back by itself
            self._db.execute("ROLLBACK")

    def confirm(self) -> None:
        """What can be read was synced before it could be."""

    def forget(self, before: int, limit: int) -> int:
        with _as_ours():
            return self._db.execute(QUERIES["forget"], {"before": before, "limit": limit}).rowcount

    def take_node(self) -> int:
        return self._take("take_node")

    def take_lane(self) -> int:
        return self._take("take_lane")

    def _take(self, name: str) -> int:
        with _as_ours():
            # Fetched whole: an open RETURNING cursor would keep the write transaction open.
            return int(self._db.execute(QUERIES[name]).fetchall()[0][0])

    def writable(self) -> bool:
        with _as_ours():
            [(query_only,)] = self._db.execute("PRAGMA query_only").fetchall()
        return not query_only and os.access(self.path, os.W_OK) and _file_at(self.path) == self._file

    def open_again(self) -> SqliteStorage:
        return SqliteStorage(self.path)

    def close(self) -> None:
        self._db.close()

    # What Reading stands on.

    def query(self, name: str, **parameters: Any) -> Iterable[rows.Row]:
        for key, value in parameters.items():
            if not isinstance(value, (int, str)):
                parameters[key] = _json(list(value)).decode()
        return self._db.execute(QUERIES[name], parameters)

    def _run(self, sql: str, parameters: Mapping[str, Any]) -> Iterable[rows.Row]:
        return self._db.execute(sql, parameters)

    def _run_named(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield from named_rows(self._db, sql, parameters)

    def _stream(self, sql: str, parameters: Mapping[str, Any], block: int) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._db.execute(sql, parameters)
        while found := cursor.fetchmany(block):
            yield found

    def _translating(self) -> AbstractContextManager[None]:
        return _as_ours()

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        """Every read inside sees the same committed state."""
        with _as_ours():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._undo()


def migrate(path: Path, *, break_lock: bool = False) -> list[str]:
    """Bring the file to this program's schema, making it when there is none; the names of what was applied."""
    from yoyo import get_backend  # takes long, and no server needs it

    path.parent.mkdir(parents=True, exist_ok=True)
    _demand_no_stray_log(path)
    with suppress(OSError):  # it is there, or cannot be: SQLite says so in a moment
        path.touch(mode=0o600, exist_ok=False)  # mobile numbers lie in it; SQLite gives its other files the same mode
    try:
        backend = get_backend(f"sqlite:///{quote(str(path.resolve()))}")
    except ERRORS as failed:
        raise StorageError(f"cannot make the SQLite database {path}: {failed}{advice(failed)}") from failed
    return apply_migrations(backend, "sqlite", runs, break_lock=break_lock)


def _demand_no_stray_log(path: Path) -> None:
    """SQLite clears away the log of a file that is not there, and with it what was committed last before a crash."""
    log = path.with_name(f"{path.name}-wal")
    if not path.exists() and log.exists() and log.stat().st_size:
        raise StorageError(
            f"{path} is missing, but its log {log} is there: the last redemptions of the database that was moved away"
            " may be in it; put both under one name, or give another name, or remove the log of what may be lost"
        )


def open_storage(path: Path) -> SqliteStorage:
    """The database at `path`. Raises StorageError when it is missing, or not at this program's schema."""
    if not path.exists():
        raise StorageError(f"there is no database at {path}; make it with: hexiao migrate --database sqlite:///{path}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            applied = [row[0] for row in db.execute(APPLIED)]
    except ERRORS as unreadable:
        if getattr(unreadable, "sqlite_errorname", "") == "SQLITE_ERROR":  # it can be read, and has no such table
            raise StorageError(
                f"{path} is not a database of hexiao ({unreadable}); make one with: hexiao migrate"
            ) from unreadable
        raise StorageError(f"{path} cannot be opened: {unreadable}{advice(unreadable)}") from unreadable
    check_schema(applied, "sqlite", str(path))
    return SqliteStorage(path)


def named_rows(db: sqlite3.Connection, sql: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows as column name → value. Raises Unanswerable."""
    try:
        cursor = db.execute(sql, parameters)
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(columns, row, strict=True))
    except sqlite3.OperationalError as failed:
        if getattr(failed, "sqlite_errorname", "SQLITE_ERROR") == "SQLITE_ERROR":  # neither the file nor a lock
            raise Unanswerable(str(failed)) from failed
        raise


@contextmanager
def closed_unless_ready(db: sqlite3.Connection) -> Iterator[None]:
    """Nobody gets the connection when this fails, so nobody else would close it."""
    try:
        yield
    except BaseException:
        db.close()
        raise


@contextmanager
def _as_ours() -> Iterator[None]:
    """A lock that never came, a full disk, a read-only file: the caller may try again with the same request id.

    Not for what is damaged: it would be so again, and hold up all who are asked for together with it.
    """
    try:
        yield
    except ERRORS as failed:
        if damaged(failed):
            raise Damaged(f"SQLite: {failed}{advice(failed)}") from failed
        if isinstance(failed, sqlite3.OperationalError):
            raise StorageDown(f"SQLite: {failed}") from failed
        raise


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
