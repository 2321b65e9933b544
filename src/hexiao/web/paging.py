"""Keyset paging: an opaque cursor says after which row a list goes on, so nothing is skipped or shown twice.

The cursor holds no secret. It bears a mark of the list and the filters that it was made under: a cursor of another
list, or of other filters, would give a page that makes no sense, and is refused like one that we did not make.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import blake2b
from operator import attrgetter
from typing import Annotated, Any, TypeVar

import msgspec

from hexiao.storage.base import Cursor, Reader
from hexiao.web.operation import Call, Empty
from hexiao.web.parsing import malformed
from hexiao.web.wire import ID_MAX

Row = TypeVar("Row")
Query = TypeVar("Query", bound="PageIn")

_Bounded = Annotated[int, msgspec.Meta(ge=0, le=ID_MAX)]
_decoder = msgspec.json.Decoder(tuple[_Bounded, _Bounded, str])
MARK_BYTES = 4

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
    limit, cursor, mark = call.query.limit, call.query.cursor, mark_of(call.operation.path, _filters(call))
    after = None if cursor is None else decode_cursor(cursor, mark)
    rows = await call.engine.read_list(lambda reader: fetch(reader, after, limit + 1))
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(place(rows[limit - 1]), mark)


def _filters(call: Call[Any, Any]) -> dict[str, object]:
    """Whose list it is and what was asked of it, but for the page. Only what was sent: a filter that comes with an
    upgrade leaves the cursors of before good."""
    sent = {name: value for name, value in msgspec.structs.asdict(call.query).items() if value is not None}
    asked = {name: value for name, value in sent.items() if name not in PageIn.__struct_fields__}
    return {"merchant_id": call.merchant_id, **asked}


def mark_of(name: str, filters: object) -> str:
    """A short digest of a list's name and its filters."""
    content = msgspec.json.encode((name, filters), enc_hook=attrgetter("value"))  # of an Id and an Instant
    return blake2b(content, digest_size=MARK_BYTES).hexdigest()


def encode_cursor(cursor: Cursor, mark: str) -> str:
    return urlsafe_b64encode(msgspec.json.encode((cursor.at, cursor.id, mark))).decode().rstrip("=")


def decode_cursor(text: str, mark: str) -> Cursor:
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        at, row_id, of_list = _decoder.decode(raw)
    except (ValueError, binascii.Error):
        raise malformed("bad_cursor") from None
    if of_list != mark:
        raise malformed("other_cursor")
    return Cursor(at, row_id)
