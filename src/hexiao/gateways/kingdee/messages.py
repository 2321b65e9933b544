"""The wire of this door: every answer as a struct with the vendor's own field names, and how the domain renders to it.

Money, ids and enums are strings, absent values are null, times are wall-clock times in the merchant's zone.
Imports no engine and no storage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.coupon import left_fen
from hexiao.domain.errors import local_time
from hexiao.domain.money import format_yuan_short
from hexiao.domain.redemption import ListedRedemption, State, lapsed, live_fen
from hexiao.gateways.kingdee.account import AccountSet

SUCCESS: Final = "success"
SUCCESS_CN: Final = "成功"
AUTHORISED_CODE: Final = 200
AUTHORISATION_VALID: Final = 1


class GatewayError(msgspec.Struct):
    """HTTP 519: the gateway itself says no."""

    errcode: int
    description: str
    description_cn: str


class TokenError(msgspec.Struct):
    """HTTP 401: the app-token is not good."""

    description: str
    errcode: int


class Row(msgspec.Struct, kw_only=True):
    """One use of one coupon (优惠券核销)."""

    bill_no: str
    cashier_id: str | None
    cashier_name: str | None
    coupons_id: str
    coupons_no: str
    create_time: str
    member_card_id: str | None
    member_card_no: str | None
    member_id: str | None
    member_mobile: str | None
    member_name: str | None
    record_bill_id: str
    record_usable_amt: str | None
    record_write_off_amt: str
    schema_no: str
    schema_type: str
    store_id: str
    store_name: str | None
    store_no: str | None
    write_off_amt: str
    write_off_stat: str
    write_off_time: str | None


class Page(msgspec.Struct, kw_only=True):
    count: int
    current_page_size: int
    page: int
    page_size: int
    rows: list[Row]
    total_page: int


class TokenData(msgspec.Struct, kw_only=True):
    uid: int
    app_token: str = msgspec.field(name="app-token")
    access_token: str
    expires: int


class Authorisation(msgspec.Struct, kw_only=True, rename="camel"):
    """One account set that the application may use, with its current secret."""

    account_id: str
    account_name: str
    agreement_company_name: str
    app_key: str
    app_secret: str
    client_id: str
    domain: str
    group_name: str | None
    outer_instance_id: str
    service_id: str | None
    status: int


class Envelope(msgspec.Struct, kw_only=True):
    """HTTP 200: `errcode` 0 and `data`, or a business error without."""

    data: Page | TokenData | None
    description: str
    errcode: int


class AuthorisationEnvelope(msgspec.Struct, kw_only=True):
    """Both envelopes that clients of push_app_authorize look for, in one."""

    code: int
    data: list[Authorisation] | None
    description: str
    errcode: int
    msg: str


STATS: Final[dict[State, str]] = {
    State.HELD: "1",
    State.CAPTURED: "2",
    State.RELEASED: "3",
    State.LAPSED: "3",
    State.REVERSED: "3",
}
"""`write_off_stat`: 1 预核销中, 2 已核销, 3 已取消."""


def row(r: ListedRedemption, *, zone: ZoneInfo, now: int, encipher: Callable[[str], str] | None) -> Row:
    """The member is the one on the bill, or else the holder. Without `encipher` the mobile number is plain."""
    over = lapsed(r.state, r.held_until_at, now)
    left = left_fen(r.face_fen, r.uses_max, r.coupon_captured_fen, r.coupon_captured_uses)
    # What of the 领用记录 is gone: a single-use coupon that was used is gone whole, however little it gave.
    gone = r.coupon_captured_fen if r.face_fen is None or left is None else r.face_fen - left
    mobile = r.member_mobile or None
    created = local_time(r.created_at, zone)
    return Row(
        bill_no=r.bill_number,
        cashier_id=_id(r.cashier_id),
        cashier_name=r.cashier_name,
        coupons_id=str(r.coupon_id),
        coupons_no=r.code,
        create_time=created,
        member_card_id=r.member_card_id or None,
        member_card_no=r.member_card_number or None,
        member_id=None if r.member_name is None else _id(r.member_id),
        member_mobile=mobile if encipher is None or mobile is None else encipher(mobile),
        member_name=r.member_name,
        record_bill_id=str(r.record_id),
        record_usable_amt=None if left is None else format_yuan_short(left),
        record_write_off_amt=format_yuan_short(gone),
        schema_no=r.scheme_number,
        schema_type=str(int(r.kind)),
        store_id=str(r.shop_id),
        store_name=r.shop_name,
        store_no=r.shop_number,
        write_off_amt=format_yuan_short(0 if over else live_fen(r.state, r.held_fen, r.captured_fen, r.reversed_fen)),
        write_off_stat=STATS[State.LAPSED if over else r.state],
        write_off_time=created if r.captured_at == r.created_at else _time(r.captured_at, zone),
    )


def page(rows: Sequence[Row], count: int, number: int, size: int) -> Page:
    return Page(
        count=count,
        current_page_size=len(rows),
        page=number,
        page_size=size,
        rows=list(rows),
        total_page=-(-count // size),
    )


def token_data(uid: int, app_token: str, expires_at: int) -> TokenData:
    """`access_token` belongs to an older interface that is not here; it opens nothing, but clients expect the field."""
    return TokenData(
        uid=uid,
        app_token=app_token,
        access_token=sha256(app_token.encode()).hexdigest()[:32],
        expires=expires_at,
    )


def authorisation(app_key: str, account: AccountSet) -> Authorisation:
    return Authorisation(
        account_id=account.account_id,
        account_name=account.account_name,
        agreement_company_name=account.account_name,
        app_key=app_key,
        app_secret=account.app_secret,
        client_id=account.client_id,
        domain=account.domain,
        group_name=None,
        outer_instance_id=account.outer_instance_id,
        service_id=None,
        status=AUTHORISATION_VALID,
    )


def _time(at: int | None, zone: ZoneInfo) -> str | None:
    return None if at is None else local_time(at, zone)


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)
