"""A table as a database tells of it: columns with their kinds, the primary key. Holds no row, names no engine."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from hexiao.storage.base import StorageError

BATCH_ROWS = 10_000
BATCH_ROWS_WITH_BYTES = 250
"""The remembered answer to a batch of a thousand redemptions is nearly a megabyte."""
TELL_OF_CHANGES = {"seq", "at", "changed_at", "updated_at"}
"""Columns that no program leaves as they were when it changes the row."""

Value = int | str | bytes | None
Row = tuple[Value, ...]


class Kind(StrEnum):
    INTEGER = "integer"
    TEXT = "text"
    BYTES = "bytes"


KINDS: dict[str, Kind] = {
    "bigint": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "smallint": Kind.INTEGER,
    "text": Kind.TEXT,
    "blob": Kind.BYTES,
    "bytea": Kind.BYTES,
}
"""The column types that both engines give back unchanged. A column of any other type is refused."""


class Table(msgspec.Struct, frozen=True):
    name: str
    columns: tuple[tuple[str, Kind], ...]
    key: tuple[str, ...]

    @classmethod
    def of(cls, name: str, columns: Sequence[tuple[str, str]], key: Sequence[str]) -> Table:
        """From what a database says of itself. Raises StorageError for what could not be moved without loss."""
        unknown = [f"{name}.{column} ({kind})" for column, kind in columns if kind.lower() not in KINDS]
        if unknown or not key:
            raise StorageError(f"cannot move {', '.join(unknown) or name}: no known type, or no primary key")
        return cls(name, tuple([(column, KINDS[kind.lower()]) for column, kind in columns]), tuple(key))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple([name for name, _ in self.columns])

    @property
    def batch_rows(self) -> int:
        """As many rows as are moved and compared at once, and committed together."""
        held = any(kind is Kind.BYTES for _, kind in self.columns)
        return min(BATCH_ROWS, BATCH_ROWS_WITH_BYTES) if held else BATCH_ROWS

    @property
    def tells_of_changes(self) -> bool:
        """Whether the numbers alone tell that a row was added or changed."""
        return not TELL_OF_CHANGES.isdisjoint(self.names)

    def key_of(self, row: Row) -> tuple[Value, ...]:
        return tuple([row[self.names.index(name)] for name in self.key])

    def told(self, key: tuple[Value, ...]) -> str:
        """A key as a person reads it."""
        return ", ".join(f"{name}={value!r}" for name, value in zip(self.key, key, strict=True))

    def integers(self) -> list[str]:
        return [name for name, kind in self.columns if kind is Kind.INTEGER]
