"""Goods (商品): create or replace, get by sku, list. A bill's line without a category takes that of its sku here."""

from __future__ import annotations

import msgspec

from hexiao.domain.errors import Code
from hexiao.domain.party import Item
from hexiao.engine.commands import Put, Saved
from hexiao.storage.base import Cursor
from hexiao.web.operation import Call, Empty, operation
from hexiao.web.paging import NextCursor, PageIn, page
from hexiao.web.wire import Id, IdText, Name, Text, value_or_none


class GoodsIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One article. Without an `id`, the article that has this `sku` is replaced."""

    id: Id | None = None
    sku: Name
    name: Name
    category: Text = ""


class GoodsOut(msgspec.Struct, kw_only=True):
    """商品"""

    id: IdText
    sku: str
    name: str
    category: str


class GoodsListOut(msgspec.Struct, kw_only=True):
    """In the order of their ids."""

    goods: list[GoodsOut]
    next_cursor: NextCursor


@operation(
    "POST", "/v1/goods", zh="新建或替换商品", en="Create or replace an article",
    status=201, changes=True, codes=(Code.ID_TAKEN, Code.NUMBER_TAKEN),
)  # fmt: skip
async def put(call: Call[GoodsIn, Empty]) -> GoodsOut:
    """The sku is its own key: sending the same sku again replaces the article."""
    body = call.body
    item = Item(
        id=value_or_none(body.id) or 0,
        merchant_id=call.merchant_id,
        sku=body.sku,
        name=body.name,
        category=body.category,
    )
    item.id = (await call.ask(Put(record=item, **call.envelope), Saved)).id
    return _show(item)


@operation("GET", "/v1/goods/{sku}", zh="查一个商品", en="Get an article by its sku", missing=Code.UNKNOWN_GOODS)
async def get(call: Call[Empty, Empty]) -> GoodsOut:
    """One article by its sku."""
    items = await call.engine.read(lambda reader: reader.items_by_sku(call.merchant_id, [call.named]))
    if not items:
        raise call.missing()
    return _show(items[0])


@operation("GET", "/v1/goods", zh="商品列表", en="List articles")
async def list_(call: Call[Empty, PageIn]) -> GoodsListOut:
    """In the order of their ids."""
    rows, next_cursor = await page(
        call,
        lambda reader, after, limit: reader.items(call.merchant_id, after.id if after else 0, limit),
        lambda item: Cursor(0, item.id),
    )
    return GoodsListOut(goods=[_show(item) for item in rows], next_cursor=next_cursor)


def _show(item: Item) -> GoodsOut:
    return GoodsOut(id=str(item.id), sku=item.sku, name=item.name, category=item.category)


OPERATIONS = (put, get, list_)
