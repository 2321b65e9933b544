"""Moving all rows from one database to another, of whichever engine, and proving that they arrived.

Goes on where it was interrupted. Only a target that was compared row by row and found the same loses its mark; what
differs is named, never mended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from hexiao.storage.base import StorageError
from hexiao.storage.side import Side, Tell
from hexiao.storage.tables import Row, Table

NODES_SKIPPED = 512
"""After a restore: more process numbers than were taken since the backup, so that not even a clock that went back
makes an id again that somebody saw before. Half of the numbers that an id has room for."""

_pack = msgspec.msgpack.Encoder().encode


class SamePlace(StorageError):
    """Source and target are one database."""


class WholeAlready(StorageError):
    """Another run of the same command, or its server, has the target by now."""


class Sums(msgspec.Struct, frozen=True):
    """What is compared of a table. The hash is SHA-256 over each row as MessagePack, in order of the primary key."""

    rows: int
    sums: dict[str, int]
    sha256: str


class Compared(msgspec.Struct, frozen=True):
    table: str
    source: Sums
    target: Sums
    first_difference: str = ""
    """The key of the first row that is not the same on both sides."""

    @property
    def equal(self) -> bool:
        return self.source == self.target


class Moved(msgspec.Struct, frozen=True):
    resumed: bool
    source_changed: bool
    tables: list[Compared]

    @property
    def whole(self) -> bool:
        return not self.source_changed and all(one.equal for one in self.tables)


def move(source: Side, target: Side, tell: Tell, *, skip_nodes: int = 0, live: bool = False) -> Moved:
    """Copy what the source holds at this moment, or go on with a copy of it that was interrupted, and compare.

    The source may change meanwhile only when it is `live`; the copy is then of the moment at which it began.
    Unless the outcome is `whole`, the target keeps its mark.
    Raises StorageError, NotEmpty, OtherCopy, SamePlace, WholeAlready.
    """
    if source.place == target.place:
        raise SamePlace(f"source and target are the same database, {source.name}")
    tables = source.tables()
    if differing := set(tables) ^ set(target.tables()):  # though both are at this program's schema
        names = ", ".join(sorted({one.name for one in differing}))
        raise StorageError(
            f"{source.name} and {target.name} do not have the same tables ({names}): another hand changed one of them;"
            " take another backup, or another target"
        )
    before = source.fingerprint(tables)
    resumed = target.begin(before)
    with source.one_state():
        _fill(source, target, tables, tell)
        with target.one_state():
            compared = _compare(source, target, tables, tell)
    moved = Moved(resumed, not live and source.fingerprint(tables) != before, compared)
    if moved.whole:
        target.finish(skip_nodes)
    elif not target.unfinished():
        raise WholeAlready(f"{target.name} was finished by another run meanwhile: hexiao verify checks it")
    return moved


def _fill(source: Side, target: Side, tables: Sequence[Table], tell: Tell) -> None:
    """Rows arrive in order of their key, a batch at a time, so what is there already is all up to its last key."""
    total, done = sum(map(source.count, tables)), 0
    for one in tables:
        last = target.last_key(one)
        if last is not None:
            done += target.count(one)
        tell(one.name, done, total)
        for batch in source.rows(one, last):
            target.insert(one, batch)
            done += len(batch)
            tell(one.name, done, total)


def _compare(source: Side, target: Side, tables: Sequence[Table], tell: Tell) -> list[Compared]:
    total, done = sum(map(source.count, tables)), 0
    compared = []
    for one in tables:
        ours, theirs, difference = _Tally(one), _Tally(one), ""
        batch: list[Row]
        other: list[Row]
        for batch, other in zip_longest(source.rows(one), target.rows(one), fillvalue=[]):
            ours.add(batch)
            theirs.add(other)
            if not difference and batch != other:
                difference = _first_difference(one, batch, other)
            done += len(batch)
            tell(f"= {one.name}", done, total)
        compared.append(Compared(one.name, ours.sums(), theirs.sums(), difference))
    return compared


class _Tally:
    """The sums of one table, while its rows go by."""

    def __init__(self, table: Table) -> None:
        self._money = [(name, table.names.index(name)) for name in table.names if name.endswith("_fen")]
        self._sums = {name: 0 for name, _ in self._money}
        self._rows = 0
        self._digest = hashlib.sha256()

    def add(self, rows: list[Row]) -> None:
        self._rows += len(rows)
        self._digest.update(b"".join(map(_pack, rows)))
        for name, place in self._money:
            self._sums[name] += sum([value for row in rows if isinstance(value := row[place], int)])

    def sums(self) -> Sums:
        return Sums(self._rows, self._sums, self._digest.hexdigest())


def _first_difference(table: Table, batch: list[Row], other: list[Row]) -> str:
    """The lower of the two keys where the sides part: a row that is missing, added or not the same."""
    for pair in zip_longest(batch, other):
        if pair[0] != pair[1]:
            keys: list[Any] = [table.key_of(row) for row in pair if row is not None]
            return table.told(min(keys))
    return ""
