"""Redemptions (核销单): hold, redeem, capture, release, reverse; one by one or in a batch; get and list."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hexiao.domain.coupon import normalise_code
from hexiao.domain.errors import Code
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Kind
from hexiao.engine.commands import (
    BATCH_ITEMS_MAX,
    Capture,
    Each,
    Failed,
    Redeem,
    RedeemEach,
    Redeemed,
    Release,
    Reverse,
    Single,
)
from hexiao.storage.base import Cursor, RedemptionFilter, RedemptionRow
from hexiao.web.api.bills import BillIn, TakesIn, to_bill, to_takes
from hexiao.web.operation import Call, Empty, operation
from hexiao.web.paging import NextCursor, PageIn, page
from hexiao.web.parsing import malformed
from hexiao.web.problems import Problem, show_problem
from hexiao.web.render import show_redemption, show_row
from hexiao.web.views import KINDS, STATES, RedemptionDetail, RedemptionOut
from hexiao.web.wire import (
    STATE_NAMES,
    Fen,
    FenOrNone,
    Id,
    Instant,
    KindName,
    Name,
    Text,
    TypedCode,
    value_or_none,
)

BATCH_COUPONS_MAX = 2_000
"""On all the bills of a batch: others wait for the one transaction in which they are judged."""
JUDGED = (
    Code.UNKNOWN_COUPON, Code.UNKNOWN_SHOP, Code.UNKNOWN_CASHIER, Code.UNKNOWN_MEMBER, Code.DUPLICATE_COUPON,
    Code.COUPON_VOIDED, Code.SCHEME_PAUSED, Code.NOT_YET_VALID, Code.COUPON_EXPIRED, Code.OUTSIDE_HOURS,
    Code.ALREADY_ON_BILL, Code.COUPON_USED_UP, Code.HELD_ELSEWHERE, Code.WRONG_SHOP, Code.WRONG_SCENE,
    Code.MEMBER_NEEDED, Code.WRONG_MEMBER, Code.NO_MATCHING_GOODS, Code.BELOW_MINIMUM_SPEND, Code.NOT_COMBINABLE,
    Code.NOTHING_TO_DISCOUNT, Code.AMOUNT_TOO_LARGE, Code.BUDGET_EXHAUSTED,
)  # fmt: skip
ENDED = (Code.ALREADY_RELEASED, Code.HOLD_LAPSED, Code.ALREADY_REVERSED, Code.UNKNOWN_CASHIER)


StateNames = Annotated[
    str,
    msgspec.Meta(
        pattern=STATE_NAMES,
        description="一个或多个状态，逗号分隔 · one state or several with commas: " + ", ".join(STATES),
    ),
]


class RedemptionsIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`hold` keeps the coupons for this bill (预核销), `redeem` takes them at once (直接核销); all of them or none."""

    mode: Literal["hold", "redeem"]
    coupons: TakesIn
    bill: BillIn


class RedemptionsOut(msgspec.Struct, kw_only=True):
    """One redemption for each coupon, in the order asked."""

    redemptions: list[RedemptionOut]


class RedemptionBatchIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Independent redemptions; each has its own outcome."""

    items: Annotated[tuple[RedemptionsIn, ...], msgspec.Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class BatchResultOut(msgspec.Struct, kw_only=True):
    """What the item alone would have been answered: its status, and either `redemptions` or `problem`."""

    status: int
    redemptions: list[RedemptionOut] | msgspec.UnsetType = msgspec.UNSET
    problem: Problem | msgspec.UnsetType = msgspec.UNSET


class BatchResultsOut(msgspec.Struct, kw_only=True):
    """One result for each item, in order."""

    results: list[BatchResultOut]


class CaptureIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Less than was held may be taken; the rest goes back to the coupon."""

    amount_fen: Fen | None = None
    cashier_id: Id | None = None


class ReleaseIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Give back a hold."""

    cashier_id: Id | None = None


class ReverseIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All that is left, or `amount_fen` of it, or exactly `lines`: one amount for each line of the bill."""

    amount_fen: Fen | None = None
    lines: Annotated[tuple[FenOrNone, ...], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    cashier_id: Id | None = None
    reason: Text = ""


class RedemptionsQuery(PageIn, kw_only=True, forbid_unknown_fields=True):
    """Every filter narrows the list; `_from` is inclusive, `_until` exclusive."""

    shop_id: Id | None = None
    bill_number: Name | None = None
    code: TypedCode | None = None
    member_id: Id | None = None
    member_card_id: Name | None = None
    scheme_number: Name | None = None
    kind: KindName | None = None
    state: StateNames | None = None
    created_from: Instant | None = None
    created_until: Instant | None = None
    changed_from: Instant | None = None
    changed_until: Instant | None = None


class RedemptionListOut(msgspec.Struct, kw_only=True):
    """Newest first."""

    redemptions: list[RedemptionDetail]
    next_cursor: NextCursor


@operation(
    "POST", "/v1/redemptions", zh="核销或预核销", en="Redeem coupons on a bill, or hold them",
    status=201, changes=True, codes=JUDGED,
)  # fmt: skip
async def redeem(call: Call[RedemptionsIn, Empty]) -> RedemptionsOut:
    """All the coupons or none. The same bill asking again gets its own hold back; a refusal carries every verdict."""
    outcome = await call.ask(_command(call, call.body), Redeemed)
    return RedemptionsOut(redemptions=[show_redemption(view) for view in outcome.redemptions])


@operation("POST", "/v1/redemptions/batch", zh="批量核销", en="Redeem on many bills, each on its own", changes=True)
async def redeem_each(call: Call[RedemptionBatchIn, Empty]) -> BatchResultsOut:
    """Up to 1,000 items with 2,000 coupons together, under one Idempotency-Key.

    Always 200 once the request is understood: look at each `status`.
    """
    coupons = sum(len(item.coupons) for item in call.body.items)
    if coupons > BATCH_COUPONS_MAX:
        raise malformed("too_many_coupons", coupons=coupons, most=BATCH_COUPONS_MAX, place="$.items")
    items = tuple(_command(call, item) for item in call.body.items)
    outcome = await call.ask(RedeemEach(items=items, **call.envelope), Each)
    zone = await call.zone()

    def result(one: Single) -> BatchResultOut:
        if isinstance(one, Failed):
            problem = show_problem(one, zone)
            return BatchResultOut(status=problem.status, problem=problem)
        assert isinstance(one, Redeemed)
        return BatchResultOut(status=redeem.status, redemptions=[show_redemption(view) for view in one.redemptions])

    return BatchResultsOut(results=[result(one) for one in outcome.outcomes])


@operation(
    "POST", "/v1/redemptions/{redemption_id}/capture", zh="确认核销", en="Capture a hold, whole or in part",
    changes=True, missing=Code.UNKNOWN_REDEMPTION, codes=(Code.CAPTURE_TOO_LARGE, Code.ALREADY_CAPTURED, *ENDED),
)  # fmt: skip
async def capture(call: Call[CaptureIn, Empty]) -> RedemptionOut:
    """Take what was held, or less of it; the rest goes back. Never more."""
    command = Capture(
        redemption_id=call.named_id(),
        amount_fen=call.body.amount_fen,
        cashier_id=value_or_none(call.body.cashier_id),
        **call.envelope,
    )
    return _one(await call.ask(command, Redeemed))


@operation(
    "POST", "/v1/redemptions/{redemption_id}/release", zh="取消预核销", en="Release a hold",
    changes=True, missing=Code.UNKNOWN_REDEMPTION, codes=(Code.ALREADY_CAPTURED, *ENDED),
)  # fmt: skip
async def release(call: Call[ReleaseIn, Empty]) -> RedemptionOut:
    """Give the whole hold back to the coupon."""
    cashier_id = value_or_none(call.body.cashier_id)
    return _one(
        await call.ask(Release(redemption_id=call.named_id(), cashier_id=cashier_id, **call.envelope), Redeemed)
    )


@operation(
    "POST", "/v1/redemptions/{redemption_id}/reverse", zh="撤销核销", en="Reverse a capture, whole or in part",
    changes=True, missing=Code.UNKNOWN_REDEMPTION,
    codes=(Code.REVERSE_TOO_LARGE, Code.REVERSE_TOO_LATE, Code.STILL_HELD, *ENDED),
)  # fmt: skip
async def reverse(call: Call[ReverseIn, Empty]) -> RedemptionOut:
    """Give back what was captured, by amount or line by line, within the scheme's time to reverse."""
    command = Reverse(
        redemption_id=call.named_id(),
        amount_fen=call.body.amount_fen,
        lines=call.body.lines,
        cashier_id=value_or_none(call.body.cashier_id),
        reason=call.body.reason,
        **call.envelope,
    )
    return _one(await call.ask(command, Redeemed))


@operation(
    "GET", "/v1/redemptions/{redemption_id}", zh="查一张核销单", en="Get a redemption",
    missing=Code.UNKNOWN_REDEMPTION,
)  # fmt: skip
async def get(call: Call[Empty, Empty]) -> RedemptionDetail:
    """As it stands now, with the moves that may come next."""
    redemption_id = call.named_id()
    row = await call.engine.read(lambda reader: reader.redemption(call.merchant_id, redemption_id))
    if row is None:
        raise call.missing()
    return show_row(row, call.engine.clock())


@operation("GET", "/v1/redemptions", zh="查询核销单", en="List redemptions")
async def list_(call: Call[Empty, RedemptionsQuery]) -> RedemptionListOut:
    """Newest first. Every filter narrows the list; `_from` is inclusive, `_until` exclusive."""
    now = call.engine.clock()
    wanted = _filter(call.merchant_id, call.query, now)
    rows, next_cursor = await page(call, lambda reader, after, limit: reader.redemptions(wanted, after, limit), _place)
    return RedemptionListOut(redemptions=[show_row(row, now) for row in rows], next_cursor=next_cursor)


def _command(call: Call[RedemptionsIn, Empty] | Call[RedemptionBatchIn, Empty], body: RedemptionsIn) -> Redeem:
    return Redeem(
        mode=body.mode,
        coupons=to_takes(body.coupons),
        bill=to_bill(body.bill),
        **call.envelope,
    )


def _one(outcome: Redeemed) -> RedemptionOut:
    (view,) = outcome.redemptions
    return show_redemption(view)


def _filter(merchant_id: int, query: RedemptionsQuery, now: int) -> RedemptionFilter:
    return RedemptionFilter(
        merchant_id=merchant_id,
        shop_id=value_or_none(query.shop_id),
        bill_number=query.bill_number,
        code=None if query.code is None else normalise_code(query.code),
        member_id=value_or_none(query.member_id),
        member_card_id=query.member_card_id,
        scheme_number=query.scheme_number,
        kind=None if query.kind is None else Kind(KINDS.index(query.kind) + 1),
        states=tuple(State[name.upper()] for name in query.state.split(",")) if query.state else (),
        now=now,
        created_from_at=value_or_none(query.created_from),
        created_until_at=value_or_none(query.created_until),
        changed_from_at=value_or_none(query.changed_from),
        changed_until_at=value_or_none(query.changed_until),
    )


def _place(row: RedemptionRow) -> Cursor:
    return Cursor(row.redemption.created_at, row.redemption.id)


OPERATIONS = (redeem, redeem_each, capture, release, reverse, get, list_)
