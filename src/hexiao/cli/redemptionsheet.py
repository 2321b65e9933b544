"""A redemption as a row of a sheet: ids as text, amounts in yuan, local time, and no text that is a formula."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from hexiao.cli.sheetfile import Row, harmless
from hexiao.domain.errors import local_time
from hexiao.domain.party import mask_mobile
from hexiao.domain.redemption import State, lapsed
from hexiao.web.views import KINDS, STATES

HEAD = (
    "核销单 id", "状态 state", "券号 code", "方案编号 scheme_number", "方案 scheme_name", "种类 kind",
    "单据 bill_number", "场景 scene", "门店 shop_id", "门店编号 shop_number", "门店名称 shop_name", "收银员 cashier_id",
    "收银员姓名 cashier_name", "会员 member_id", "会员姓名 member_name", "手机 mobile", "会员卡号 card_number",
    "预核销元 held_yuan", "已核销元 captured_yuan", "已撤销元 reversed_yuan", "净额元 net_yuan", "创建 created_at",
    "预核销截止 held_until_at", "核销 captured_at", "了结 settled_at", "更新 changed_at", "券 coupon_id",
)  # fmt: skip


def shown_as(
    zone: ZoneInfo, now: int, *, mobiles: bool, yuan: Callable[[int], str | float]
) -> Callable[[tuple[Any, ...]], Row]:
    """A row as storage.exporting.Exported names it → its cells, with amounts as `yuan` makes them of fen.

    Called a million times: so it makes no objects, and remembers the amounts and instants that come again and again.
    """
    amount = lru_cache(10_000)(yuan)

    @lru_cache(4096)
    def minute(number: int) -> str:
        return local_time(number * 60_000, zone)[:-2]

    @lru_cache(64)
    def when(at: int | None) -> str:
        if at is None:
            return ""
        number, ms = divmod(at, 60_000)
        return f"{minute(number)}{ms // 1000:02d}"

    def row_of(row: tuple[Any, ...]) -> Row:
        (
            id, state, held_until_at, code, scheme_number, scheme_name, kind, bill_number, scene, shop_id, shop_number,
            shop_name, cashier_id, cashier_name, member_id, member_name, mobile, card_number, held_fen, captured_fen,
            reversed_fen, created_at, captured_at, settled_at, changed_at, coupon_id,
        ) = row  # fmt: skip
        shown = State.LAPSED if lapsed(state, held_until_at, now) else state
        return (
            str(id), STATES[shown - 1], harmless(code), harmless(scheme_number), harmless(scheme_name),
            KINDS[kind - 1], harmless(bill_number), scene, str(shop_id), harmless(shop_number), harmless(shop_name),
            "" if cashier_id is None else str(cashier_id), harmless(cashier_name),
            "" if member_id is None else str(member_id), harmless(member_name),
            "" if not mobile else harmless(mobile if mobiles else mask_mobile(mobile)), harmless(card_number),
            amount(held_fen), amount(captured_fen), amount(reversed_fen), amount(captured_fen - reversed_fen),
            when(created_at), when(held_until_at), when(captured_at), when(settled_at), when(changed_at),
            str(coupon_id),
        )  # fmt: skip

    return row_of
