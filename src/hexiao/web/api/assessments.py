"""Assessments (资格判定): what coupons would do on a bill, with every verdict. Reads only."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hexiao.domain.errors import Code
from hexiao.engine.commands import Assess, Assessed
from hexiao.web.api.bills import BillIn, TakeIn, TakesIn, to_bill, to_takes
from hexiao.web.operation import Call, Empty, operation
from hexiao.web.parsing import malformed
from hexiao.web.render import show_coupon_view, show_verdicts
from hexiao.web.views import CouponDetail, LinesFen, VerdictOut
from hexiao.web.wire import TypedCode

Mode = Literal["hold", "redeem"]


class AssessmentsIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Give either `code`, for one coupon, or `coupons`."""

    code: TypedCode | None = None
    coupons: TakesIn | None = None
    bill: BillIn


class AssessmentOut(msgspec.Struct, kw_only=True):
    """资格判定 · one coupon on this bill, after the ones before it."""

    coupon: CouponDetail
    ok: bool
    amount_fen: int
    lines: LinesFen
    verdicts: list[VerdictOut]


class AssessmentsOut(msgspec.Struct, kw_only=True):
    """Every coupon must be ok for any of them to be used."""

    ok: bool
    amount_fen: Annotated[int, msgspec.Meta(description="本单合计优惠（分） · what all of them take off the bill")]
    allowed: Annotated[
        list[Mode], msgspec.Meta(description="可用的 mode · the modes that POST /v1/redemptions would take")
    ]
    assessments: list[AssessmentOut]


@operation(
    "POST", "/v1/assessments", zh="查券、判定资格", en="Look up coupons and judge them on a bill",
    codes=(Code.UNKNOWN_COUPON, Code.UNKNOWN_SHOP, Code.UNKNOWN_CASHIER, Code.UNKNOWN_MEMBER, Code.DUPLICATE_COUPON),
)  # fmt: skip
async def assess(call: Call[AssessmentsIn, Empty]) -> AssessmentsOut:
    """Changes nothing and needs no Idempotency-Key. A coupon that cannot be used is a 200 whose `ok` is false."""
    if (call.body.code is None) == (call.body.coupons is None):
        raise malformed("code_or_coupons")
    takes = call.body.coupons or (TakeIn(code=call.body.code or ""),)
    outcome = await call.ask(Assess(coupons=to_takes(takes), bill=to_bill(call.body.bill), **call.envelope), Assessed)
    zone, now = await call.zone(), call.engine.clock()
    ok = all(one.ok for one in outcome.assessments)
    return AssessmentsOut(
        ok=ok,
        amount_fen=sum(one.amount_fen for one in outcome.assessments) if ok else 0,
        allowed=["hold", "redeem"] if ok else [],
        assessments=[
            AssessmentOut(
                coupon=show_coupon_view(view, now, mobiles=call.sees_mobiles),
                ok=one.ok,
                amount_fen=one.amount_fen,
                lines=one.lines,
                verdicts=show_verdicts([one], zone),
            )
            for one, view in zip(outcome.assessments, outcome.coupons, strict=True)
        ],
    )


OPERATIONS = (assess,)
