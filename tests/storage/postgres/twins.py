"""A process on SQLite and its twin on PostgreSQL: the same clock, node and random numbers, so the same bytes.

Whatever is asked of one is asked of the other, and what they answer is compared as it would go over a wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.desk import Desk
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Unavailable
from hexiao.engine import batch
from hexiao.engine.commands import Answer, AnyCommand, Lapse
from hexiao.storage.base import Reader
from storage.postgres.tables import tables

T = TypeVar("T")
SWEEP_MAX = 500
BY_BATCH = (("journal", "height"), ("bill", "seq"))
"""Columns that count batches: besides the blocks, all that shows which lapses of a sweep stood together in one."""


class Twins:
    """`call`, `commit` and `read` answer what both answered; anything else is a failure of the test."""

    def __init__(self, pair: tuple[Settings, Settings], clock: Callable[[], int], seed: int = 1) -> None:
        self._clock = clock
        self._pair = [Process(settings, clock, seed) for settings in pair]
        self.desk = Desk(self.call, self.read)
        self.sweeper = self  # where an engine has one

    def furnish(self) -> None:
        for process in self._pair:
            process.furnish()

    def commit(self, *commands: AnyCommand) -> list[batch.Result]:
        return self._both(lambda process: process.commit(*commands), commands)

    def call(self, command: AnyCommand) -> Answer:
        return self._both(lambda process: process.call(command), command)

    def read(self, query: Callable[[Reader], T]) -> T:
        return self._both(lambda process: query(process.storage), "a read")

    read_now = read

    def sweep(self) -> int:
        """What the engine's sweeper does."""
        now = self._clock()
        due = self.read(lambda reader: reader.due_holds(now, SWEEP_MAX))
        for hold in due:
            self.call(Lapse(merchant_id=hold.merchant_id, redemption_id=hold.id, actor="sweeper"))
        return len(due)

    def close(self) -> None:
        for process in self._pair:
            process.storage.close()

    def _both(self, ask: Callable[[Process], T], what: object) -> T:
        first, second = (ask(process) for process in self._pair)
        assert as_bytes(first) == as_bytes(second), f"{what}\nSQLite     {first}\nPostgreSQL {second}"
        return first


@contextmanager
def twins_on(pair: tuple[Settings, Settings], clock: Callable[[], int], seed: int = 1) -> Iterator[Twins]:
    """Furnished; when they part, their tables are compared row by row."""
    twins = Twins(pair, clock, seed)
    try:
        twins.furnish()
        yield twins
    finally:
        twins.close()
    assert_same_tables(pair)


def assert_same_tables(pair: tuple[Settings, Settings], *, same_batches: bool = True) -> None:
    """Without `same_batches`, what stood together in a batch may differ: a queue decides that by the moment."""
    first, second = (tables(settings) for settings in pair)
    if not same_batches:
        for side in (first, second):
            del side["block"]
            for table, column in BY_BATCH:
                for row in side[table]:
                    del row[column]
    nowhere: dict[str, Any] = {}
    for table in first:
        for one, other in zip_longest(first[table], second[table], fillvalue=nowhere):
            apart = [column for column in one | other if one.get(column) != other.get(column)]
            assert not apart, f"{table}: {', '.join(apart)}\n{one}\n{other}"


def as_bytes(answer: Any) -> bytes:
    """A number that only looks like one, as Decimal(3) does, is other bytes than 3."""
    return msgspec.json.encode(answer, enc_hook=_unavailable)


def _unavailable(thing: Any) -> Any:
    if isinstance(thing, Unavailable):
        return {"unavailable": thing.code.value}
    raise NotImplementedError(type(thing))


def a_pair(folder: Path, migrated_file: bytes, postgres_url: str) -> tuple[Settings, Settings]:
    """The settings of a fresh SQLite file and of a fresh PostgreSQL database."""
    file = folder / "twin.db"
    file.write_bytes(migrated_file)
    return Settings(database=f"sqlite:///{file}"), Settings(database=postgres_url)
