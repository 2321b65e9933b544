"""A PostgreSQL database as one side of a move: COPY in, a server-side cursor in one read-only transaction out.

Makes no database, only reads one as it is or fills it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from hexiao.storage import side
from hexiao.storage.base import Broken, StorageError, breaking
from hexiao.storage.postgres_connection import connect_for_long, is_spread, named_rows, spelled_out, without_password
from hexiao.storage.postgres_durability import demand_own_session
from hexiao.storage.postgres_queries import INVARIANTS, SPREAD_INVARIANTS
from hexiao.storage.side import Side, Tell
from hexiao.storage.tables import Row, Table, Value

LINE_OF_COPY = re.compile(r"line (\d+)")
TABLES = """
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL),
        array_position(i.indkey::int2[], a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL(%s)
    ORDER BY c.relname::text COLLATE "C", a.attnum
"""
WHERE_TABLES_ARE = """
    SELECT current_schema(), n.nspname::text
    FROM (SELECT to_regclass('_yoyo_migration') AS found) r
    LEFT JOIN pg_class c ON c.oid = r.found LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
"""
PLACE = """
    SELECT pg_postmaster_start_time()::text, oid::bigint, current_schema()
    FROM pg_database WHERE datname = current_database()
"""


class PostgresSide(Side):
    engine = "postgres"
    text_order = ' COLLATE "C"'

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = "the PostgreSQL database"
        self._streams = count()
        with self._translating():
            # A move is one long transaction, and waits for the other side before it and in the middle of it.
            self._db = connect_for_long(url, "hexiao move")
            self._demand_own_session()
            info = self._db.info
            self.name = f"postgresql://{info.host}:{info.port}/{info.dbname}"
            [place] = self._db.execute(PLACE)
            self.place = ("postgres", *place)

    def _demand_own_session(self) -> None:
        try:
            demand_own_session(self._db, self._url)
        except BaseException:
            self._db.close()
            raise

    def tables(self) -> tuple[Table, ...]:
        columns: dict[str, list[tuple[str, str]]] = {}
        keys: dict[str, list[tuple[int, str]]] = {}
        with self._translating():
            left_out = [*side.NOT_OURS, *side.REBUILT]
            for name, column, kind, place in self._db.execute(TABLES, (left_out,)):
                columns.setdefault(name, []).append((column, kind))
                if place is not None:
                    keys.setdefault(name, []).append((place, column))
        return tuple([Table.of(n, columns[n], [c for _, c in sorted(keys.get(n, []))]) for n in columns])

    def run(self, sql: str, *parameters: Value) -> list[Row]:
        with self._translating():
            cursor = self._db.execute(sql.replace("?", "%s"), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def stream(self, sql: str, parameters: Sequence[Value], batch_rows: int) -> Iterator[list[Row]]:
        with self._translating(), self._db.cursor(f"stream_{next(self._streams)}") as cursor:
            if parameters:
                sql = spelled_out(self._db, sql.replace("?", "%s"), parameters)
            cursor.execute(sql, binary=True)
            while batch := cursor.fetchmany(batch_rows):
                yield batch

    def insert(self, table: Table, rows: list[Row]) -> None:
        sql = f"COPY {table.name} ({', '.join(table.names)}) FROM STDIN"
        with self.changing(), self._db.cursor() as cursor:
            sent = 0
            try:
                with cursor.copy(sql) as copy:
                    for row in rows:
                        sent += 1
                        copy.write_row(row)
            except (psycopg.DataError, psycopg.errors.NotNullViolation) as unfit:
                line = LINE_OF_COPY.search(unfit.diag.context or "")  # none for a row that was not even sent
                key = table.told(table.key_of(rows[(int(line[1]) if line else sent) - 1]))
                raise StorageError(
                    f"{self.name} cannot hold the row of {table.name} with {key}: {unfit.diag.message_primary or unfit}"
                ) from unfit

    @contextmanager
    def one_state(self) -> Iterator[None]:
        with self._translating(), self._db.transaction():
            self._db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._translating(), self._db.transaction():
            yield

    def has_schema(self) -> bool:
        [(here, ours)] = self.run(WHERE_TABLES_ARE)
        if here is None:
            raise StorageError(f"{self.name}: no schema of the search_path is there: make one, or name another")
        if ours is not None and ours != here:
            raise StorageError(
                f"{self.name}: the tables of hexiao are in the schema {ours!s}, but new ones would go into {here!s};"
                " name the right one in the URL: ?options=-csearch_path%3DNAME"
            )
        with self._translating():
            others = self._db.execute(TABLES, (list(side.NOT_OURS),)).fetchone()
        if others and not ours:
            raise StorageError(f"{self.name} holds tables of another program ({others[0]}): give an empty database")
        return bool(ours and others)

    def duplicate(self, file: Path, tell: Tell) -> bool:
        return False

    def damage(self) -> str:
        return ""

    def finish(self, skip_nodes: int) -> None:
        self.run("ANALYZE")  # the planner knows nothing yet of the rows that came in
        super().finish(skip_nodes)

    def invariants(self, now: int) -> Iterator[Broken]:
        for name, sql in (SPREAD_INVARIANTS if is_spread(self._db) else INVARIANTS).items():
            with self._translating():
                yield from breaking(name, named_rows(self._db, sql, {"now": now}))

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.UniqueViolation as clash:
            raise StorageError(
                f"{self.name}: a row was there before its copy ({clash.diag.message_primary}); if another command is at"
                " work on this target, or was interrupted a moment ago, let it end and run the same command again"
            ) from clash
        except psycopg.errors.DiskFull as full:
            raise StorageError(
                f"{self.name}: no room left on the server's disk; make room, then run the same command again"
            ) from full
        except psycopg.OperationalError as failed:
            raise StorageError(
                f"{self.name}: {self._plain(failed)}; see to the server and the URL, then run the same command again"
            ) from failed
        except psycopg.DataError as unfit:
            raise StorageError(f"{self.name} cannot hold a row of the source: {self._plain(unfit)}") from unfit
        except psycopg.Error as failed:
            raise StorageError(f"{self.name}: {self._plain(failed)}") from failed

    def _plain(self, failed: psycopg.Error) -> str:
        """On one line, and without a piece of the password."""
        return without_password(" ".join(str(failed).replace(self._url, "the URL").split()), self._url)
