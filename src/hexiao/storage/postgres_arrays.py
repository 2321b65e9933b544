"""Rows for PostgreSQL as one array for each column: much cheaper to take apart there than rows of JSON.

Literals of numbers are made of what msgspec writes as JSON, for all columns together: brackets alone are different.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import msgspec

_json = msgspec.json.Encoder().encode

TEXTS = {
    "actor", "bill_number", "code", "entry", "number", "reason", "request_id", "scene",
}  # fmt: skip
LISTS = {"lines", "returned"}
"""Of numbers, kept as text."""
BYTES = {"answer", "fingerprint"}
"""These columns are not numbers."""
INTEGERS = {
    "captured_uses", "channel", "d_captured_uses", "d_held_uses", "held_uses", "kind", "part", "read_seq", "reversals",
    "scheme_version", "seq", "state", "uses_max",
}  # fmt: skip
"""The other numbers are bigint. Where types and order are those of the table, an insert takes the rows as they come."""


class Columns:
    """What the rows of one part of a statement consist of. Its parameters are named `prefix_column`."""

    def __init__(self, prefix: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._parameters = [f"{prefix}_{name}" for name in names]
        places = range(len(names))
        self._texts = [place for place in places if names[place] in TEXTS]
        self._lists = [place for place in places if names[place] in LISTS]
        self._bytes = [place for place in places if names[place] in BYTES]
        self._numbers = [place for place in places if names[place] not in TEXTS | LISTS | BYTES]
        self._number_parameters = [self._parameters[place] for place in self._numbers]

    def sql(self, order: Sequence[str] = ()) -> str:
        """SELECT of the rows."""
        return f"SELECT {', '.join(f'{self._cell(self.names.index(name))} {name}' for name in order or self.names)}"

    def sent(self, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
        """The parameters for at least one row."""
        columns = list(zip(*rows, strict=True))
        named = self._parameters
        sent: dict[str, Any] = {}
        if self._numbers:
            literals = numbers([columns[place] for place in self._numbers])
            sent = dict(zip(self._number_parameters, literals, strict=True))
        for place in self._texts:
            sent[named[place]] = texts(columns[place])
        for place in self._lists:
            sent[named[place]] = lists(columns[place])
        for place in self._bytes:
            sent |= _joined(named[place], columns[place])
        return sent

    def _cell(self, place: int) -> str:
        name = self._parameters[place]
        if place in self._bytes:
            places = f"unnest(:{name}_from::integer[]), unnest(:{name}_for::integer[])"
            return f"substr(:{name}::bytea, {places})"
        kind = "text" if place not in self._numbers else "integer" if self.names[place] in INTEGERS else "bigint"
        return f"unnest(:{name}::{kind}[])"


def array(values: Sequence[Any]) -> str:
    """Of numbers and None, or of texts."""
    return texts(values) if values and isinstance(values[0], str) else f"{{{_json(values).decode()[1:-1]}}}"


def texts(values: Sequence[str]) -> str:
    inner = '","'.join(values)
    if "\\" in inner or inner.count('"') != 2 * len(values) - 2:
        inner = '","'.join([value.replace("\\", "\\\\").replace('"', '\\"') for value in values])
    return f'{{"{inner}"}}'


def numbers(columns: Sequence[Sequence[int | None]]) -> list[str]:
    """An array of each."""
    return [f"{{{column}}}" for column in _json(columns).decode()[2:-2].split("],[")]


def lists(values: Sequence[list[int]]) -> str:
    """An array of texts, each a list of numbers as JSON."""
    inner = _json(values).decode()[2:-2].replace("],[", ']","[')
    return f'{{"[{inner}]"}}'


def _joined(name: str, values: Sequence[bytes]) -> dict[str, Any]:
    """One value, and the place and the length of each in it: PostgreSQL reads bytes that are part of a text slowly."""
    lengths = list(map(len, values))
    return {
        name: b"".join(values),
        f"{name}_from": array(list(accumulate(lengths[:-1], initial=1))),
        f"{name}_for": array(lengths),
    }
