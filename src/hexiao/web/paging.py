"""Keyset paging: an opaque cursor says after which row a list goes on, so nothing is skipped or shown twice.

The cursor holds no secret and no filter; a cursor that we did not make is refused.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from hexiao.storage.base import Cursor, Reader
from hexiao.web.operation import Call, Empty
from hexiao.web.parsing import malformed
from hexiao.web.wire import ID_MAX

Row = TypeVar("Row")
Query = TypeVar("Query", bound="PageIn")

_Bounded = Annotated[int, msgspec.Meta(ge=0, le=ID_MAX)]
_decoder = msgspec.json.Decoder(tuple[_Bounded, _Bounded])

CursorText = Annotated[
    str | None,
    msgspec.Meta(description="上一页返回的 next_cursor · the `next_cursor` of the page before; leave it out to begin"),
]
NextCursor = Annotated[
    str | None,
    msgspec.Meta(description="下一页的游标，null 表示已到末页 · hand it back as `cursor`; null on the last page"),
]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200, description="每页行数 · rows of one page")]


class PageIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list."""

    cursor: CursorText = None
    limit: Limit = 50


async def page(
    call: Call[Empty, Query],
    fetch: Callable[[Reader, Cursor | None, int], list[Row]],
    place: Callable[[Row], Cursor],
) -> tuple[list[Row], str | None]:
    """The rows of the asked page and the cursor of the next one. Reads one row more to know whether there is one."""
    limit = call.query.limit
    after = None if call.query.cursor is None else decode_cursor(call.query.cursor)
    rows = await call.engine.read(lambda reader: fetch(reader, after, limit + 1))
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(place(rows[limit - 1]))


def encode_cursor(cursor: Cursor) -> str:
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode_cursor(text: str) -> Cursor:
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        at, row_id = _decoder.decode(raw)
    except (ValueError, binascii.Error):
        raise malformed("`cursor` is not one that a list returned") from None
    return Cursor(at, row_id)
