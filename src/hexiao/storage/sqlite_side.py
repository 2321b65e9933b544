"""A SQLite file as one side of a move: executemany in, one read transaction out, the backup API for a copy of the file.

Makes no file: a missing one is refused. Never copies a live database as a file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from hexiao.storage import side
from hexiao.storage.base import Broken, StorageError, breaking
from hexiao.storage.side import Side, Tell
from hexiao.storage.sqlite import INVARIANTS, WAIT_FOR_LOCK_MS, closed_unless_ready, named_rows
from hexiao.storage.sqlite_advice import ERRORS, advice
from hexiao.storage.tables import Row, Table, Value

PAGES_AT_ONCE = 1_024


class SqliteSide(Side):
    """With `written`, a target; else the file is opened for reading only."""

    engine = "sqlite"

    def __init__(self, path: Path, *, written: bool = False) -> None:
        self.name = str(path)
        self.path = path.resolve()
        self._written = written
        if not path.exists():
            raise StorageError(f"there is no database at {path}: give the path of one that is there")
        self.place = ("sqlite", path.stat().st_dev, path.stat().st_ino)
        with self._translating():
            self._db = _open(self.path, "rw" if written else "ro")
            with closed_unless_ready(self._db):
                self._db.execute(f"PRAGMA busy_timeout = {WAIT_FOR_LOCK_MS}")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA cache_size = -65536")

    def tables(self) -> tuple[Table, ...]:
        return tuple([self._table(name) for name in self._table_names() if name not in side.REBUILT])

    def _table_names(self) -> list[str]:
        found = self.run(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
        )
        return [str(name) for (name,) in found if name not in side.NOT_OURS]

    def _table(self, name: str) -> Table:
        columns = self.run("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", name)
        key = sorted((pk, column) for column, _, pk in columns if isinstance(pk, int) and pk)
        return Table.of(name, [(str(column), str(kind)) for column, kind, _ in columns], [str(c) for _, c in key])

    def run(self, sql: str, *parameters: Value) -> list[Row]:
        with self._translating():
            return self._db.execute(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: Sequence[Value], batch_rows: int) -> Iterator[list[Row]]:
        with self._translating(), closing(self._db.execute(sql, parameters)) as cursor:
            while batch := cursor.fetchmany(batch_rows):
                yield batch

    def insert(self, table: Table, rows: list[Row]) -> None:
        columns, holes = ", ".join(table.names), ", ".join("?" * len(table.names))
        with self.changing():
            self._db.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({holes})", rows)

    @contextmanager
    def one_state(self) -> Iterator[None]:
        with self._translating():
            self._db.execute("BEGIN")
            try:
                self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the state is chosen here
                yield
            finally:
                self._undo()

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._translating():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        if self._db.in_transaction:  # after a full disk SQLite has rolled back by itself
            self._db.execute("ROLLBACK")

    def has_schema(self) -> bool:
        ours = bool(self.run("SELECT 1 FROM sqlite_master WHERE name = '_yoyo_migration'"))
        others = self._table_names()
        if others and not ours:
            raise StorageError(f"{self.name} holds tables of another program ({others[0]}): give another file")
        return ours and bool(others)

    def duplicate(self, file: Path, tell: Tell) -> bool:
        """Inside one read transaction: a writer neither waits nor makes the copy begin anew."""

        def told(_: int, remaining: int, total: int) -> None:
            tell("pages", total - remaining, total)

        with self.one_state(), _translated(f"the backup in {file.parent}"), closing(_open(file, "rwc")) as target:
            self._db.backup(target, pages=PAGES_AT_ONCE, progress=told)
            # One file that stands by itself; a server that is started on it goes back to WAL.
            target.execute("PRAGMA journal_mode = DELETE")
        return True

    def damage(self) -> str:
        found = [str(line) for (line,) in self.run("PRAGMA integrity_check(1)")]
        return "" if found == ["ok"] else " ".join("; ".join(found).split())

    def invariants(self, now: int) -> Iterator[Broken]:
        for name, sql in INVARIANTS.items():
            with self._translating():
                yield from breaking(name, named_rows(self._db, sql, {"now": now}))

    @contextmanager
    def as_found(self) -> Iterator[None]:
        self._db.text_factory = _text_or_bytes
        try:
            yield
        finally:
            self._db.text_factory = str

    def close(self) -> None:
        self._db.close()

    def _translating(self) -> AbstractContextManager[None]:
        return _translated(self.name)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except ERRORS as failed:
        raise StorageError(f"{name}: {failed}{advice(failed)}") from failed


def _text_or_bytes(found: bytes) -> str | bytes:
    try:
        return found.decode()
    except UnicodeDecodeError:
        return found


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(bytes(path))}?mode={mode}", uri=True, isolation_level=None)
