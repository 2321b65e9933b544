"""Cashiers (收银员): create or replace, get, list."""

from __future__ import annotations

import msgspec

from hexiao.domain.errors import Code
from hexiao.domain.party import Cashier
from hexiao.engine.commands import Put, Saved
from hexiao.storage.base import Cursor
from hexiao.storage.snapshot import Names
from hexiao.web.operation import Call, Empty, operation
from hexiao.web.paging import NextCursor, PageIn, page
from hexiao.web.wire import Id, IdText, Name, text_or_none, value_or_none


class CashierIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """With the `id` of a cashier that exists, that cashier is replaced. No bill is checked against `shop_id`."""

    id: Id | None = None
    name: Name
    shop_id: Id | None = None


class CashierOut(msgspec.Struct, kw_only=True):
    """收银员"""

    id: IdText
    name: str
    shop_id: IdText | None


class CashierListOut(msgspec.Struct, kw_only=True):
    """In the order of their ids."""

    cashiers: list[CashierOut]
    next_cursor: NextCursor


@operation(
    "POST", "/v1/cashiers", zh="新建或替换收银员", en="Create or replace a cashier",
    status=201, changes=True, codes=(Code.ID_TAKEN, Code.UNKNOWN_SHOP),
)  # fmt: skip
async def put(call: Call[CashierIn, Empty]) -> CashierOut:
    """Give an `id` to replace a cashier, or to keep an id of an older system."""
    cashier = Cashier(
        id=value_or_none(call.body.id) or 0,
        merchant_id=call.merchant_id,
        name=call.body.name,
        shop_id=value_or_none(call.body.shop_id),
    )
    cashier.id = (await call.ask(Put(record=cashier, **call.envelope), Saved)).id
    return _show(cashier)


@operation("GET", "/v1/cashiers/{cashier_id}", zh="查一位收银员", en="Get a cashier", missing=Code.UNKNOWN_CASHIER)
async def get(call: Call[Empty, Empty]) -> CashierOut:
    """One cashier by its id."""
    cashier_id = call.named_id()
    snapshot = await call.engine.read(lambda reader: reader.load(Names(cashiers={cashier_id})))
    cashier = snapshot.cashiers.get(cashier_id)
    if cashier is None or cashier.merchant_id != call.merchant_id:
        raise call.missing()
    return _show(cashier)


@operation("GET", "/v1/cashiers", zh="收银员列表", en="List cashiers")
async def list_(call: Call[Empty, PageIn]) -> CashierListOut:
    """In the order of their ids."""
    rows, next_cursor = await page(
        call,
        lambda reader, after, limit: reader.cashiers(call.merchant_id, after.id if after else 0, limit),
        lambda cashier: Cursor(0, cashier.id),
    )
    return CashierListOut(cashiers=[_show(cashier) for cashier in rows], next_cursor=next_cursor)


def _show(cashier: Cashier) -> CashierOut:
    return CashierOut(id=str(cashier.id), name=cashier.name, shop_id=text_or_none(cashier.shop_id))


OPERATIONS = (put, get, list_)
