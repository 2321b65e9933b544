"""A database as rows to be moved: its tables, its rows in order, its mark while a copy into it is unfinished.

The tables, their columns and keys are read from the database itself, so that no table can be forgotten. Names no
engine, knows no rule of the books.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from hexiao.storage.base import Broken, StorageError
from hexiao.storage.migrating import APPLIED, UNFINISHED, check_schema, demand_known
from hexiao.storage.readable import READ, unreadable
from hexiao.storage.tables import Kind, Row, Table, Value

SEEDED = ("node",)
"""Tables into which the migrations themselves write; the rows of the source take the place of theirs."""
NOT_OURS = ("_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock")
"""What the migration tool keeps for itself."""
REBUILT = ("past", "tallied", "tally")
"""Follows from the other tables and is made anew where it is missing; a server that idles writes it now and then."""
END_OF_TIME_MS = 253_402_300_800_000
"""The year 10000: no calendar of ours goes so far."""
OWED_TO_SWEEPER = "I14"
"""The invariant that a database breaks by mere waiting, while no server runs on it."""

_pack = msgspec.msgpack.Encoder().encode

Tell = Callable[[str, int, int], None]
"""tell(what, done, total), between two batches."""


class NotEmpty(StorageError):
    """The target has rows that this copy did not write."""


class OtherCopy(StorageError):
    """The target is the unfinished copy of something else."""


class Side(ABC):
    """One of the two databases, on a connection of its own. SQL is the same on both; the rest is the engine's."""

    name: str
    """As a person may see it: without user and password."""
    place: tuple[object, ...]
    """The same for two sides if and only if they are one database."""
    engine: str
    """The folder of its migrations."""
    text_order: str = ""
    """Added to a text column where rows are put in order: by bytes, on every engine."""

    @abstractmethod
    def tables(self) -> tuple[Table, ...]:
        """Ours, by name, without those of the migration tool."""

    @abstractmethod
    def run(self, sql: str, *parameters: Value) -> list[Row]:
        """Every row of the answer; `?` stands for a parameter."""

    @abstractmethod
    def stream(self, sql: str, parameters: Sequence[Value], batch_rows: int) -> Iterator[list[Row]]:
        """The rows in batches; only inside `one_state`."""

    @abstractmethod
    def insert(self, table: Table, rows: list[Row]) -> None:
        """All of the rows or, when it raises, none, in the engine's fastest way."""

    @abstractmethod
    def one_state(self) -> AbstractContextManager[None]:
        """Reads inside see one committed state, whatever is written meanwhile."""

    @abstractmethod
    def changing(self) -> AbstractContextManager[None]:
        """One transaction."""

    @abstractmethod
    def has_schema(self) -> bool:
        """False for a database without any table. Raises StorageError when the tables are somebody else's."""

    @abstractmethod
    def duplicate(self, file: Path, tell: Tell) -> bool:
        """The engine's own online backup into a new SQLite file; False when it has none."""

    @abstractmethod
    def damage(self) -> str:
        """What the engine's own check of its pages found; empty when nothing, or when it has no such check."""

    @abstractmethod
    def invariants(self, now: int) -> Iterable[Broken]:
        """The rows that SQL finds."""

    @abstractmethod
    def close(self) -> None: ...

    def as_found(self) -> AbstractContextManager[None]:
        """Reads inside give a text that is none as its bytes, on an engine that would keep one."""
        return nullcontext()

    # The same on every engine.

    def lacks_tables(self) -> bool:
        """Whether there is nothing yet: no table, or no row in those that a migration made before it was cut off.

        Raises StorageError when the tables are somebody else's.
        """
        if not self.has_schema():
            return True
        try:
            self.demand_schema(unfinished=True)
        except StorageError:
            return not self.unfinished() and not any(
                self.last_key(one) for one in self.tables() if one.name not in SEEDED
            )
        return False

    def demand_schema(self, *, unfinished: bool = False) -> None:
        """Raises StorageError unless this is exactly the program's schema; a target may be `unfinished`."""
        if not self.has_schema():
            raise StorageError(f"{self.name} is no database of hexiao, or an empty one: give the one with the books")
        applied = {str(name) for (name,) in self.run(APPLIED)}
        if UNFINISHED not in applied:
            return check_schema(applied, self.engine, self.name)
        if not unfinished:
            raise StorageError(f"{self.name} is itself an {UNFINISHED}, or give another database")
        try:
            check_schema(applied - {UNFINISHED}, self.engine, self.name)
        except StorageError as differs:  # migrate refuses what is unfinished
            raise StorageError(
                f"{self.name} is the unfinished copy of another version of hexiao: give an empty target"
            ) from differs

    def demand_migratable(self) -> None:
        """Raises StorageError for what migrations must leave alone: tables of another program, or of a newer one."""
        if self.has_schema():
            demand_known([str(name) for (name,) in self.run(APPLIED)], self.engine, self.name)

    def count(self, table: Table) -> int:
        [(count,)] = self.run(f"SELECT count(*) FROM {table.name}")
        assert isinstance(count, int)
        return count

    def rows(self, table: Table, after: Row | None = None) -> Iterator[list[Row]]:
        """By primary key, from the row after the one with this key on."""
        order = ", ".join(self._ordered_key(table))
        where = f" WHERE ({order}) > ({', '.join('?' * len(after))})" if after else ""
        sql = f"SELECT {', '.join(table.names)} FROM {table.name}{where} ORDER BY {order}"
        return self.stream(sql, after or (), table.batch_rows)

    def last_key(self, table: Table) -> Row | None:
        order = ", ".join(f"{column} DESC" for column in self._ordered_key(table))
        return next(iter(self.run(f"SELECT {', '.join(table.key)} FROM {table.name} ORDER BY {order} LIMIT 1")), None)

    def fingerprint(self, tables: Sequence[Table]) -> str:
        """Changes with whatever a program writes: each table's count and the greatest of each number in it.

        Of a table whose numbers tell nothing, as of members, who are put anew with another name, all rows.
        """
        digest = hashlib.sha256()
        with self.one_state():
            for one in tables:
                greatest = "".join(f", max({column})" for column in one.integers())
                digest.update(_pack((one.name, *self.run(f"SELECT count(*){greatest} FROM {one.name}"))))
                if not one.tells_of_changes:
                    for batch in self.rows(one):
                        digest.update(b"".join(map(_pack, batch)))
        return digest.hexdigest()

    def last_entry_at(self) -> int | None:
        """When the books end: the time of the newest journal entry, UTC ms; None also when one of them is no time."""
        with self.as_found():
            [(at,)] = self.run("SELECT max(at) FROM journal")
        return at if isinstance(at, int) and 0 <= at < END_OF_TIME_MS else None

    def broken(self, now: int, *, swept: bool = False) -> Iterator[Broken]:
        """The rows that break an invariant or cannot be read; those that only wait for a sweeper if one was here."""
        for one in self.invariants(now):
            if swept or one.invariant.split()[0] != OWED_TO_SWEEPER:
                yield one
        for table in self.tables():
            if table.name in READ:
                with self.one_state(), self.as_found():
                    for batch in self.rows(table):
                        yield from unreadable(table, batch)

    def unfinished(self) -> bool:
        return bool(self.run(f"{APPLIED} WHERE migration_id = ?", UNFINISHED))

    def begin(self, fingerprint: str) -> bool:
        """Mark this target as the unfinished copy of that source; True when it was so already and can be gone on with.

        Raises NotEmpty, OtherCopy.
        """
        with self.changing():
            for (marked,) in self.run("SELECT migration_hash FROM _yoyo_migration WHERE migration_id = ?", UNFINISHED):
                if marked != fingerprint:
                    raise OtherCopy(
                        f"{self.name} holds the unfinished copy of another source, or of this one as it was before"
                        " it changed: give an empty target"
                    )
                return True
            for one in self.tables():
                if one.name in SEEDED:
                    self.run(f"DELETE FROM {one.name}")
                elif count := self.count(one):
                    raise NotEmpty(f"{self.name} is not empty: {one.name} has {count} rows; give an empty target")
            self.run(
                "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)"
                " VALUES (?, ?, CURRENT_TIMESTAMP)",
                fingerprint, UNFINISHED,
            )  # fmt: skip
        return False

    def finish(self, skip_nodes: int) -> None:
        """Whole and compared: from now on it is a database like any other."""
        with self.changing():
            # Not when somebody who ran the same command was faster: skipped twice, the numbers are the old ones again.
            if self.run("DELETE FROM _yoyo_migration WHERE migration_id = ? RETURNING migration_id", UNFINISHED):
                self.run("UPDATE node SET last = last + ?", skip_nodes)

    def _ordered_key(self, table: Table) -> list[str]:
        kinds = dict(table.columns)
        return [f"{name}{self.text_order if kinds[name] is Kind.TEXT else ''}" for name in table.key]
