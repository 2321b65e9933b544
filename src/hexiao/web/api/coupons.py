"""Coupons (优惠券): issue one or many, import, get, list, void."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hexiao.domain import coupon as domain
from hexiao.domain.coupon import TYPED_MAX, Coupon, normalise_code
from hexiao.domain.errors import Code
from hexiao.engine.commands import BATCH_ITEMS_MAX, CouponView, Found, Import, Imported, Issue, Issued, LookUp, Void
from hexiao.storage.base import CouponFilter, Cursor
from hexiao.web.operation import Call, Declined, Empty, operation
from hexiao.web.paging import NextCursor, PageIn, page
from hexiao.web.parsing import malformed
from hexiao.web.render import show_coupon, show_coupon_view
from hexiao.web.views import CHANNELS, CouponDetail, CouponOut
from hexiao.web.wire import Channel, Fen, Id, Instant, Text, TypedCode, value_or_none

ISSUING = (
    Code.UNKNOWN_SCHEME, Code.UNKNOWN_MEMBER, Code.SCHEME_PAUSED, Code.SCHEME_ENDED, Code.STOCK_EXHAUSTED,
    Code.MEMBER_NEEDED, Code.MEMBER_LIMIT_REACHED,
)  # fmt: skip


class CouponIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One coupon of the scheme's latest version."""

    scheme_id: Id
    member_id: Id | None = None
    channel: Channel = "claim"


class CouponBatchIn(CouponIn, kw_only=True, forbid_unknown_fields=True):
    """Many coupons at once, all or none."""

    quantity: Annotated[int, msgspec.Meta(ge=1, le=BATCH_ITEMS_MAX)]


class ImportedIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A coupon made elsewhere: its code, and what is to be kept of its old life."""

    code: TypedCode
    member_id: Id | None = None
    channel: Channel = "claim"
    received_at: Annotated[
        Instant | None,
        msgspec.Meta(description="领用时间，默认现在，不晚于现在 · when it was received; now when left out or later"),
    ] = None
    face_fen: Annotated[Fen | None, msgspec.Meta(description="剩余面值 · what is left on it, when less than new")] = (
        None
    )
    id: Id | None = None
    record_id: Id | None = None


class CouponImportIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All or none; the first coupon that cannot be taken over is named."""

    scheme_id: Id
    coupons: Annotated[tuple[ImportedIn, ...], msgspec.Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class CouponsOut(msgspec.Struct, kw_only=True):
    """The new coupons, in order."""

    coupons: list[CouponOut]


class CouponsQuery(PageIn, kw_only=True, forbid_unknown_fields=True):
    """Both filters narrow the list."""

    scheme_id: Id | None = None
    member_id: Id | None = None


class CouponListOut(msgspec.Struct, kw_only=True):
    """The highest id first: the newest, but for ids that were imported."""

    coupons: list[CouponOut]
    next_cursor: NextCursor


class VoidIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why, for the journal."""

    reason: Text = ""


@operation("POST", "/v1/coupons", zh="发放一张", en="Issue a coupon", status=201, changes=True, codes=ISSUING)
async def issue(call: Call[CouponIn, Empty]) -> CouponOut:
    """To a member, or to whoever bears its code when `member_id` is left out."""
    (coupon,) = (await call.ask(_issue(call, call.body, 1), Issued)).coupons
    return _new(coupon)


@operation("POST", "/v1/coupons/batch", zh="批量发放", en="Issue many coupons", status=201, changes=True, codes=ISSUING)
async def issue_many(call: Call[CouponBatchIn, Empty]) -> CouponsOut:
    """Up to 1,000 coupons, all or none."""
    outcome = await call.ask(_issue(call, call.body, call.body.quantity), Issued)
    return CouponsOut(coupons=[_new(coupon) for coupon in outcome.coupons])


@operation(
    "POST", "/v1/coupons/import", zh="导入券号", en="Import coupons made elsewhere",
    status=201, changes=True, codes=(*ISSUING, Code.DUPLICATE_COUPON, Code.CODE_TAKEN, Code.ID_TAKEN),
)  # fmt: skip
async def import_(call: Call[CouponImportIn, Empty]) -> CouponsOut:
    """Up to 1,000 codes, all or none. Codes are stored normalised: half-width, upper case, no spaces or hyphens."""
    imported = tuple(_imported(coupon, place) for place, coupon in enumerate(call.body.coupons))
    command = Import(scheme_id=call.body.scheme_id.value, coupons=imported, **call.envelope)
    return CouponsOut(coupons=[_new(coupon) for coupon in (await call.ask(command, Issued)).coupons])


@operation("GET", "/v1/coupons/{code}", zh="查一张券", en="Get a coupon by its code or id", missing=Code.UNKNOWN_COUPON)
async def get(call: Call[Empty, Empty]) -> CouponDetail:
    """The code is tried first, then the id. With its scheme, its holder and its latest use."""
    return show_coupon_view(await _find(call), call.engine.clock(), mobiles=call.sees_mobiles)


@operation("GET", "/v1/coupons", zh="券列表", en="List coupons")
async def list_(call: Call[Empty, CouponsQuery]) -> CouponListOut:
    """The highest id first. Not for tills: they see the coupon in front of them, never all the codes."""
    wanted = CouponFilter(
        merchant_id=call.merchant_id,
        scheme_id=value_or_none(call.query.scheme_id),
        member_id=value_or_none(call.query.member_id),
    )
    rows, next_cursor = await page(call, lambda reader, after, limit: reader.coupons(wanted, after, limit), _place)
    now = call.engine.clock()
    return CouponListOut(coupons=[show_coupon(coupon, now) for coupon in rows], next_cursor=next_cursor)


@operation(
    "POST", "/v1/coupons/{code}/void", zh="作废", en="Void a coupon by its code or id",
    changes=True, missing=Code.UNKNOWN_COUPON, codes=(Code.COUPON_VOIDED, Code.COUPON_IN_USE),
)  # fmt: skip
async def void(call: Call[VoidIn, Empty]) -> CouponDetail:
    """For good. What was captured stays captured; a hold must be released first."""
    code = (await _find(call)).coupon.code
    view = (await call.ask(Void(code=code, reason=call.body.reason, **call.envelope), Found)).coupon
    return show_coupon_view(view, view.coupon.changed_at, mobiles=call.sees_mobiles)


async def _find(call: Call[Empty, Empty] | Call[VoidIn, Empty]) -> CouponView:
    """Code first, then id."""
    if len(call.named) > TYPED_MAX:  # an address may be longer than any body's code
        raise call.missing()
    try:
        return await _look_up(call, normalise_code(call.named))
    except Declined as no:
        if no.failed.code is not Code.UNKNOWN_COUPON:
            raise
    coupon_id = call.named_id()
    coupon = await call.engine.read(lambda reader: reader.coupon_by_id(call.merchant_id, coupon_id))
    if coupon is None:
        raise call.missing()
    return await _look_up(call, coupon.code)


async def _look_up(call: Call[Empty, Empty] | Call[VoidIn, Empty], code: str) -> CouponView:
    command = LookUp(merchant_id=call.merchant_id, actor=call.caller.name, code=code)
    return (await call.ask(command, Found)).coupon


def _issue(call: Call[CouponIn, Empty] | Call[CouponBatchIn, Empty], body: CouponIn, quantity: int) -> Issue:
    return Issue(
        scheme_id=body.scheme_id.value,
        quantity=quantity,
        member_id=value_or_none(body.member_id),
        channel=domain.Channel(CHANNELS.index(body.channel)),
        **call.envelope,
    )


def _imported(coupon: ImportedIn, place: int) -> Imported:
    code = normalise_code(coupon.code)
    if not 0 < len(code) <= domain.CODE_MAX:
        raise malformed("wrong_code_length", most=domain.CODE_MAX, place=f"$.coupons[{place}].code")
    return Imported(
        code=code,
        member_id=value_or_none(coupon.member_id),
        id=value_or_none(coupon.id),
        record_id=value_or_none(coupon.record_id),
        received_at=value_or_none(coupon.received_at),
        face_fen=coupon.face_fen,
        channel=domain.Channel(CHANNELS.index(coupon.channel)),
    )


def _new(coupon: Coupon) -> CouponOut:
    """Shown as of its own making, so that a replay shows the same."""
    return show_coupon(coupon, coupon.changed_at)


def _place(coupon: Coupon) -> Cursor:
    return Cursor(coupon.issued_at, coupon.id)


OPERATIONS = (issue, issue_many, import_, get, list_, void)
