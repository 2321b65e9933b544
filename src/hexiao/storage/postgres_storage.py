"""PostgreSQL 15 to 18 through psycopg 3. A batch is one guarded statement, so it is one transaction by itself.

Refuses to start on a server that may lose what it acknowledged. One object is one connection, for one thread. What is
different where the tables lie on several machines stands in spread_storage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.pq import TransactionStatus

from hexiao.storage import loading, postgres_glance, rows, saving, saving_at_once, tallying
from hexiao.storage.base import ConnectionLost, Damaged, GuardMissed, LaneTaken, StorageDown, StorageError
from hexiao.storage.postgres_arrays import array
from hexiao.storage.postgres_connection import named_rows, spelled_out, told, warnings_of
from hexiao.storage.postgres_durability import connect_durably, demand_durability
from hexiao.storage.postgres_queries import INVARIANTS, QUERIES, numbered, psycopg_style
from hexiao.storage.postgres_row_writer import RowWriter
from hexiao.storage.reading import Reading
from hexiao.storage.snapshot import Changes, Names, Snapshot

ONE_STATE = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BLOCK_KEY = "block_pkey"
"""Stands in the message when a lane is taken. Citus passes the message on, but not the name of the table."""
PLANS = (
    # A plan made while a table was small must not stay a scan when it has grown.
    "SET enable_seqscan = off",
    # A list is read in the order of its index: a bitmap would fetch and sort every row for the first hundred.
    "SET enable_bitmapscan = off",
    # The plans are index probes whatever the values are, and making one takes longer than most of them.
    "SET plan_cache_mode = force_generic_plan",
    # Where a plan has no other way than a scan, its price is set so high that it would be compiled each time: 90 ms.
    "SET jit = off",
)
WAITS: tuple[LiteralString, ...] = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",  # whoever reads what is exported may be slow
    "SET LOCAL transaction_timeout = 0",
)
TRANSACTIONS_TIMED = 170_000
"""Since this version the last of them is there."""
AT_WORK = """
    SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
    AND a.datname = current_database()
"""


class PostgresStorage(Reading):
    """Implements storage.base.Storage on one connection, which is made anew when it was lost."""

    _queries = QUERIES
    _invariants = INVARIANTS
    _settings: tuple[LiteralString, ...] = PLANS
    _begin = ONE_STATE

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept = loading.Kept()
        self._schemes_found = {}
        self._one_wave = True
        """How the last load went: the next one will be alike."""
        try:
            self._db = connect_durably(url, *self._settings)
        except psycopg.Error as failed:
            raise StorageError(f"cannot use the PostgreSQL database: {told(failed, url)}") from None

    # Changes.

    def save(self, changes: Changes, now: int, node: int) -> None:
        if changes.schemes or changes.records:  # seldom, and small
            return self._save_row_by_row(changes, now, node, tallied=True)
        sql, parameters = saving_at_once.statement(changes, now, node)
        with self._committing():
            try:
                psycopg.RawCursor(self._db).execute(sql, parameters)
            except psycopg.errors.DivisionByZero:
                raise GuardMissed("a row was not as it was read") from None

    def _save_row_by_row(self, changes: Changes, now: int, node: int, *, tallied: bool) -> None:
        """A transaction of statements of one row each, in one round trip."""
        with self._committing(), self._db.pipeline() as pipeline, self._db.transaction():
            writer = RowWriter(self._db)
            saving.write(writer, changes, now, node, tallied=tallied)
            pipeline.sync()
            writer.demand_all()

    def confirm(self) -> None:
        """A COMMIT of our own waits for the standby like any other, and all that was written before goes with it."""
        with self._committing():
            self._db.execute(self._queries["confirm"])

    def forget(self, before: int, limit: int) -> int:
        with self._translating():
            return self._db.execute(self._queries["forget"], {"before": before, "limit": limit}).rowcount

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> int:
        with self._db.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), rows)
            return cursor.rowcount

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._translating(), self._db.transaction():
            yield

    def tally(self, now: int) -> Iterator[bool]:
        steps = tallying.tally(self, now)
        while True:
            with self._translating():  # its reads, too, may lose the connection
                worked = next(steps, None)
            if worked is None:
                return
            yield worked

    def at_work(self) -> Collection[str]:
        """Every transaction of this database holds a lock on its own name, which anybody may see."""
        with self._translating():
            return {name for (name,) in self._db.execute(AT_WORK)}

    def take_node(self) -> int:
        return self._take("take_node")

    def take_lane(self) -> int:
        return self._take("take_lane")

    def _take(self, name: str) -> int:
        with self._translating():
            [(number,)] = self._db.execute(self._queries[name]).fetchall()
            return int(number)

    def writable(self) -> bool:
        """A standby is not, and neither is a database that was set so."""
        with self._translating():
            demand_durability(self._db)
            [(read_only,)] = self._db.execute("SHOW transaction_read_only").fetchall()
        return bool(read_only == "off")

    def open_again(self) -> PostgresStorage:
        return type(self)(self._url)

    def close(self) -> None:
        self._db.close()

    # What Reading stands on.

    def load(self, names: Names) -> Snapshot:
        """All waves see one committed state: a redemption must not be older than the coupon that guards it."""
        with self._translating():
            waves = 0

            def ask(asked: Sequence[loading.Asked]) -> Sequence[Iterable[rows.Row]]:
                nonlocal waves
                waves += 1
                return self._ask(asked)

            try:
                if self._one_wave:
                    seen = loading.glance(self._ask_alone, names, self._kept)
                    if seen is not None:
                        return seen
                snapshot = loading.load(ask, names, self._kept)
                self._one_wave = waves == 1
                return snapshot
            finally:
                if self._db.info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
                    self._db.execute("COMMIT")

    def query(self, name: str, **parameters: Any) -> Iterable[rows.Row]:
        return self._db.execute(self._queries[name], self._sent(parameters)).fetchall()

    def _ask_alone(self, asked: Sequence[loading.Asked]) -> Sequence[Iterable[rows.Row]]:
        """A wave in one round trip, and one committed state."""
        names = tuple(name for name, _ in asked)
        if not postgres_glance.WIDTHS.keys() >= set(names):
            return self._ask_one_by_one(asked)
        text = postgres_glance.statement(names, tuple(self._queries[name] for name in names))
        together = {
            postgres_glance.parameter(name, parameter): value
            for name, parameters in asked
            for parameter, value in self._sent(parameters).items()
        }
        [found] = self._db.execute(text, together).fetchall()
        return postgres_glance.rows(names, found)

    def _ask_one_by_one(self, asked: Sequence[loading.Asked]) -> Sequence[Iterable[rows.Row]]:
        with self._db.pipeline():
            self._db.execute(self._begin)
            cursors = [self._db.execute(self._queries[name], self._sent(parameters)) for name, parameters in asked]
            self._db.execute("COMMIT")
        return [cursor.fetchall() for cursor in cursors]

    def _ask(self, asked: Sequence[loading.Asked]) -> Sequence[Iterable[rows.Row]]:
        """One round trip for a whole wave; the first one opens the transaction that `load` closes."""
        with self._db.pipeline():
            if self._db.info.transaction_status is TransactionStatus.IDLE:
                self._db.execute(self._begin)
            cursors = [self._db.execute(self._queries[name], self._sent(parameters)) for name, parameters in asked]
        return [cursor.fetchall() for cursor in cursors]

    def _sent(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Sets and lists travel as array literals, which is much cheaper than the driver's arrays; keys, too, one for
        each of their columns."""
        sent = {
            name: value if isinstance(value, (int, str)) else array(list(value))
            for name, value in parameters.items()
            if name != "keys"
        }
        if "keys" in parameters:
            columns = list(zip(*parameters["keys"], strict=True)) or [(), (), ()]
            sent |= {f"keys_{letter}": array(column) for letter, column in zip("abc", columns, strict=False)}
        return sent

    def _run(self, sql: str, parameters: Mapping[str, Any]) -> Iterable[rows.Row]:
        text, names = numbered(sql)
        sent = [parameters[name] for name in names]
        return psycopg.RawCursor(self._db).execute(text, sent, binary=True).fetchall()

    def _run_named(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        with self._db.transaction():
            self._read_whole_tables()
            yield from named_rows(self._db, sql, parameters)

    def _stream(self, sql: str, parameters: Mapping[str, Any], block: int) -> Iterator[list[tuple[Any, ...]]]:
        self._read_whole_tables()
        # All rows will be read, so the plan that is first with the last row is the best.
        self._db.execute("SET LOCAL cursor_tuple_fraction = 1")
        with self._db.cursor(name="exported") as cursor:
            cursor.execute(spelled_out(self._db, psycopg_style(sql), parameters))
            while found := cursor.fetchmany(block):
                yield found

    def _read_whole_tables(self) -> None:
        """In this transaction: by scans, and for as long as it takes, however long our user is let do anything else."""
        self._db.execute("SET LOCAL enable_seqscan = on")
        for setting in WAITS if self._db.info.server_version >= TRANSACTIONS_TIMED else WAITS[:-1]:
            self._db.execute(setting)

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        with self._translating(), self._db.transaction():
            self._db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    def _translating(self) -> AbstractContextManager[None]:
        return self._as_ours()

    @contextmanager
    def _committing(self) -> Iterator[None]:
        """Whoever cancels a COMMIT that waits for the standby ends the wait alone: it succeeds, with a mere warning."""
        with self._as_ours(), warnings_of(self._db) as warnings:
            yield
            if warnings:
                raise ConnectionLost(f"PostgreSQL: committed, perhaps not on the standby: {warnings[0]}")

    @contextmanager
    def _as_ours(self) -> Iterator[None]:
        """Conflicts between transactions are missed guards; everything that may pass is StorageDown."""
        if self._db.closed:
            self._reconnect()
        try:
            yield
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected) as conflict:
            raise GuardMissed(str(conflict)) from conflict
        except psycopg.errors.IntegrityError as clash:
            kind = LaneTaken if BLOCK_KEY in (clash.diag.message_primary or "") else GuardMissed
            raise kind(str(clash)) from clash
        except psycopg.Error as failed:
            if self._db.closed:
                raise ConnectionLost(f"PostgreSQL: {failed}") from failed
            if isinstance(failed, (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)):
                raise StorageDown(f"PostgreSQL: {failed}") from failed
            if isinstance(failed, (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted)):
                raise Damaged(f"PostgreSQL: {failed}; keep its files as they are, and go on with a backup") from failed
            raise

    def _reconnect(self) -> None:
        try:
            self._db = connect_durably(self._url, *self._settings)
            self._kept, self._schemes_found = loading.Kept(), {}  # perhaps another server, which lost the last edition
        except (psycopg.Error, StorageError) as failed:
            raise ConnectionLost(f"PostgreSQL: {told(failed, self._url)}") from None
