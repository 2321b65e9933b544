"""Shops (门店): create or replace, get, list."""

from __future__ import annotations

import msgspec

from hexiao.domain.errors import Code
from hexiao.domain.party import Shop
from hexiao.engine.commands import Put, Saved
from hexiao.storage.base import Cursor
from hexiao.web.operation import Call, Empty, operation
from hexiao.web.paging import NextCursor, PageIn, page
from hexiao.web.wire import Id, IdText, Name, Text, value_or_none


class ShopIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """With the `id` of a shop that exists, that shop is replaced."""

    id: Id | None = None
    number: Name
    name: Name
    address: Text = ""
    work_state: Text = ""


class ShopOut(msgspec.Struct, kw_only=True):
    """门店"""

    id: IdText
    number: str
    name: str
    address: str
    work_state: str


class ShopListOut(msgspec.Struct, kw_only=True):
    """In the order of their ids."""

    shops: list[ShopOut]
    next_cursor: NextCursor


@operation(
    "POST",
    "/v1/shops",
    zh="新建或替换门店",
    en="Create or replace a shop",
    status=201,
    changes=True,
    codes=(Code.ID_TAKEN,),
)
async def put(call: Call[ShopIn, Empty]) -> ShopOut:
    """Give an `id` to replace a shop, or to keep an id of an older system."""
    body = call.body
    shop = Shop(
        id=value_or_none(body.id) or 0,
        merchant_id=call.merchant_id,
        number=body.number,
        name=body.name,
        address=body.address,
        work_state=body.work_state,
    )
    shop.id = (await call.ask(Put(record=shop, **call.envelope), Saved)).id
    return _show(shop)


@operation("GET", "/v1/shops/{shop_id}", zh="查一家门店", en="Get a shop", missing=Code.UNKNOWN_SHOP)
async def get(call: Call[Empty, Empty]) -> ShopOut:
    """One shop by its id."""
    shop_id = call.named_id()
    shops = await call.engine.read(lambda reader: reader.shops_by_id(call.merchant_id, [shop_id]))
    if not shops:
        raise call.missing()
    return _show(shops[0])


@operation("GET", "/v1/shops", zh="门店列表", en="List shops")
async def list_(call: Call[Empty, PageIn]) -> ShopListOut:
    """In the order of their ids."""
    rows, next_cursor = await page(
        call,
        lambda reader, after, limit: reader.shops(call.merchant_id, after.id if after else 0, limit),
        lambda shop: Cursor(0, shop.id),
    )
    return ShopListOut(shops=[_show(shop) for shop in rows], next_cursor=next_cursor)


def _show(shop: Shop) -> ShopOut:
    return ShopOut(
        id=str(shop.id), number=shop.number, name=shop.name, address=shop.address, work_state=shop.work_state
    )


OPERATIONS = (put, get, list_)
