"""Rows that the program itself could not read: a value of no kind or state, a list that is no JSON, an unknown zone.

What SQL can compare is left to invariants.sql, and the journal to its chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.bill import Scene
from hexiao.domain.coupon import Channel
from hexiao.domain.party import Role
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Benefit, Kind, Terms
from hexiao.storage import tables
from hexiao.storage.base import Broken
from hexiao.storage.tables import Row, Table, Value

INVARIANT = "I35 every row can be read"

Read = Callable[[Any], object]

_fen: Read = msgspec.json.Decoder(list[int]).decode
READ: dict[str, dict[str, Read]] = {
    "merchant": {"time_zone": ZoneInfo},
    "shop": {},
    "cashier": {},
    "member": {},
    "item": {},
    "credential": {"role": Role},
    "scheme": {"kind": Kind},
    "scheme_version": {
        "terms": msgspec.json.Decoder(Terms).decode,
        "benefit": msgspec.json.Decoder(Benefit).decode,
    },
    "coupon": {"channel": Channel},
    "redemption": {"kind": Kind, "scene": Scene, "state": State, "lines": _fen, "returned": _fen},
}
"""What stands in a column, where that is more than a number, a text or bytes; each raises for what it is not."""

TYPES = {tables.Kind.INTEGER: int, tables.Kind.TEXT: str, tables.Kind.BYTES: bytes}
"""SQLite keeps anything in any column."""


def unreadable(table: Table, rows: list[Row]) -> Iterator[Broken]:
    """One for each value that cannot be read."""
    for place, (name, kind) in enumerate(table.columns):
        read = READ[table.name].get(name)
        reasons = {value: _odd(value, TYPES[kind], read) for value in {row[place] for row in rows}}
        for row in rows:
            if reason := reasons[row[place]]:
                yield Broken(INVARIANT, {"table": table.name, **_key(table, row), "column": name, "reason": reason})


def _odd(value: Value, kind: type, read: Read | None) -> str:
    """Why not; empty for what can be read. Where nothing may not stand, the database itself sees to it."""
    if value is None:
        return ""
    if not isinstance(value, kind):
        return f"{type(value).__name__} in place of {kind.__name__}"
    try:
        if read is not None:
            read(value)
    except Exception as odd:  # whatever a library has to say to what another hand wrote
        return f"{type(odd).__name__}: {odd}"
    return ""


def _key(table: Table, row: Row) -> dict[str, int | str | None]:
    found = zip(table.key, table.key_of(row), strict=True)
    return {name: repr(value) if isinstance(value, bytes) else value for name, value in found}
