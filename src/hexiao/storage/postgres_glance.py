"""A wave of a load as one statement: every query is a column with its rows as JSON.

One statement sees one committed state, so it needs no transaction around it, and it costs driver and server once what
several cost each time. Knows only queries that answer with few and short rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from hexiao.storage.rows import Row
from hexiao.storage.texts import COLUMNS

WIDTHS: dict[str, int] = {
    "edition": 1,
    "requests": 3,
    "coupons_by_code": len(COLUMNS["coupon"]),
    "coupons_by_id": len(COLUMNS["coupon"]),
    "redemptions_by_id": len(COLUMNS["redemption"]),
    "bills": 4,
    "scheme_counts": 5,
}
"""Query → how many columns it answers with."""

_decode = msgspec.json.Decoder(list[list[Any]]).decode


@cache  # as many texts as there are kinds of waves
def statement(names: tuple[str, ...], texts: tuple[str, ...]) -> str:
    """SQL of one row with a text for each query. Its parameters are those of the queries, named by `parameter`."""
    return f"SELECT {', '.join(map(_column, names, texts))}"


def parameter(query: str, name: str) -> str:
    return f"{query}_{name}"


def rows(names: Collection[str], found: Sequence[str | None]) -> list[list[Row]]:
    """The rows of each query, as the query alone would have given them."""
    return [_READ.get(name, _decode)(text) if text else [] for name, text in zip(names, found, strict=True)]


def _column(name: str, text: str) -> str:
    own = text.replace("%(", f"%({parameter(name, '')}")
    cells = [f"c{place}" for place in range(WIDTHS[name])]
    return f"(SELECT json_agg(json_build_array({', '.join(cells)})) FROM ({own}) {name}({', '.join(cells)}))::text"


def _requests(text: str) -> list[Row]:
    """JSON has no bytes; PostgreSQL writes them as \\x and hexadecimal digits."""
    return [(id, *(bytes.fromhex(shown[2:]) for shown in bytes_shown)) for id, *bytes_shown in _decode(text)]


_READ: Mapping[str, Any] = {"requests": _requests}
