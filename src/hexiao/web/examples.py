"""One example of every request, and of the answers worth seeing. The tests hold them against the types.

The story is the same throughout: a coupon of 5.00 yuan on a bill of two lines at the first shop.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hexiao.domain.bill import Scene
from hexiao.domain.coupon import Face
from hexiao.domain.scheme import DaysFromReceipt, MoneyOff, Terms
from hexiao.web.api.assessments import AssessmentOut, AssessmentsOut
from hexiao.web.api.redemptions import BatchResultOut, BatchResultsOut, RedemptionsOut
from hexiao.web.problems import Problem
from hexiao.web.views import CouponDetail, CouponOut, MemberOut, RedemptionOut, SchemeOut, VerdictOut

CODE = "60482315597710248336"
SHOP, CASHIER, MEMBER = "1333333333", "1333222", "100001138"
SCHEME, COUPON, REDEMPTION = "774512360914944001", "774512401008689155", "774513022417633282"
NOON, LATER = "2025-11-22T04:00:00.000Z", "2025-11-22T04:15:00.000Z"

BILL: dict[str, Any] = {
    "number": "M0033202511220001",
    "shop_id": SHOP,
    "cashier_id": CASHIER,
    "scene": "shop",
    "lines": [
        {"sku": "6901", "name": "酸奶", "category": "dairy", "quantity": 2, "unit_price_fen": 1250},
        {"sku": "6902", "name": "面包", "category": "bakery", "quantity": 1, "unit_price_fen": 2500},
    ],
}
BENEFIT: dict[str, Any] = {"kind": "money_off", "amount_fen": 500}
TERMS: dict[str, Any] = {"validity": {"type": "from_receipt", "days": 30}, "minimum_spend_fen": 3000}

REQUESTS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/assessments"): {"code": CODE, "bill": BILL},
    ("POST", "/v1/redemptions"): {"mode": "redeem", "coupons": [{"code": CODE, "amount_fen": 500}], "bill": BILL},
    ("POST", "/v1/redemptions/batch"): {"items": [{"mode": "redeem", "coupons": [{"code": CODE}], "bill": BILL}]},
    ("POST", "/v1/redemptions/{redemption_id}/capture"): {"amount_fen": 300, "cashier_id": CASHIER},
    ("POST", "/v1/redemptions/{redemption_id}/release"): {"cashier_id": CASHIER},
    ("POST", "/v1/redemptions/{redemption_id}/reverse"): {"amount_fen": 200, "reason": "退货"},
    ("POST", "/v1/coupons"): {"scheme_id": SCHEME, "member_id": MEMBER},
    ("POST", "/v1/coupons/batch"): {"scheme_id": SCHEME, "quantity": 100},
    ("POST", "/v1/coupons/import"): {
        "scheme_id": SCHEME,
        "coupons": [{"code": "2019 1031 9661 7689 9187", "received_at": "2025-11-01T09:30:00+08:00"}],
    },
    ("POST", "/v1/coupons/{code}/void"): {"reason": "客户遗失"},
    ("POST", "/v1/schemes"): {"number": "YH2025001", "name": "满30减5", "benefit": BENEFIT, "terms": TERMS},
    ("POST", "/v1/schemes/{scheme}/versions"): {"terms": {**TERMS, "minimum_spend_fen": 5000}},
    ("POST", "/v1/schemes/{scheme}/pause"): {},
    ("POST", "/v1/schemes/{scheme}/resume"): {},
    ("POST", "/v1/members"): {"id": MEMBER, "name": "会员001", "mobile": "13222113311", "card_id": "88001"},
    ("POST", "/v1/shops"): {"id": SHOP, "number": "001", "name": "001门店"},
    ("POST", "/v1/cashiers"): {"id": CASHIER, "name": "收银员01", "shop_id": SHOP},
    ("POST", "/v1/goods"): {"sku": "6901", "name": "酸奶", "category": "dairy"},
}

_REDEMPTION = RedemptionOut(
    id=REDEMPTION, code=CODE, state="captured", amount_fen=500, lines=[250, 250], allowed=["reverse"],
    held_until_at=None, bill_number="M0033202511220001", shop_id=SHOP, cashier_id=CASHIER, member_id=None,
    scene=Scene.SHOP, kind="money_off", scheme_id=SCHEME, scheme_number="YH2025001", scheme_name="满30减5",
    coupon_id=COUPON, coupon_left_fen=0, coupon_left_uses=0, held_fen=500, captured_fen=500, reversed_fen=0,
    returned=[0, 0], created_at=NOON, captured_at=NOON, settled_at=NOON, changed_at=NOON,
)  # fmt: skip
_HELD = msgspec.structs.replace(
    _REDEMPTION, state="held", allowed=["capture", "release"], held_until_at=LATER, captured_fen=0,
    coupon_left_fen=500, coupon_left_uses=1, captured_at=None, settled_at=None,
)  # fmt: skip
_COUPON = CouponOut(
    id=COUPON, code=CODE, face=Face.USABLE, scheme_id=SCHEME, scheme_version=1, member_id=MEMBER, channel="claim",
    face_fen=500, left_fen=500, held_fen=0, captured_fen=0, uses_max=1, left_uses=1, held_uses=0, captured_uses=0,
    valid_from_at="2025-11-21T16:00:00.000Z", valid_until_at="2025-12-21T16:00:00.000Z", issued_at=NOON,
    voided_at=None, changed_at=NOON, record_id=COUPON,
)  # fmt: skip
_SCHEME = SchemeOut(
    id=SCHEME, number="YH2025001", version=1, latest=1, name="满30减5", description="", kind="money_off",
    benefit=MoneyOff(500), terms=Terms(validity=DaysFromReceipt(30), minimum_spend_fen=3000), paused=False,
    shown_in_list=True, shown_on_goods=False, created_at=NOON, updated_at=NOON,
)  # fmt: skip
_MEMBER = MemberOut(id=MEMBER, name="会员001", mobile="132****3311", card_id="88001", card_number="")
_REFUSED = VerdictOut(
    coupon=CODE, code="below_minimum_spend", ok=False, needed=3000, actual=2500,
    zh="适用商品满 30.00 元可用，现为 25.00 元，还差 5.00 元",
    en="Covered goods must reach 30.00 yuan; they are 25.00, 5.00 short",
)  # fmt: skip
PROBLEM = Problem(
    type="/docs#below_minimum_spend", title="Below minimum spend", status=409, code="below_minimum_spend",
    zh=_REFUSED.zh, en=_REFUSED.en, detail=_REFUSED.en,
    facts={"needed_fen": 3000, "actual_fen": 2500, "gap_fen": 500, "coupon": CODE},
    verdicts=[_REFUSED],
)  # fmt: skip

REPLIES: dict[tuple[str, str], msgspec.Struct] = {
    ("POST", "/v1/assessments"): AssessmentsOut(
        ok=True, amount_fen=500, allowed=["hold", "redeem"],
        assessments=[AssessmentOut(
            coupon=CouponDetail(**msgspec.structs.asdict(_COUPON), scheme=_SCHEME, member=_MEMBER, last_use=None),
            ok=True, amount_fen=500, lines=[250, 250],
            verdicts=[VerdictOut(coupon=CODE, code="coupon_voided", ok=True, needed=None, actual=None,
                                 zh="未作废", en="not voided")],
        )],
    ),
    ("POST", "/v1/redemptions"): RedemptionsOut(redemptions=[_REDEMPTION]),
    ("POST", "/v1/redemptions/batch"): BatchResultsOut(results=[
        BatchResultOut(status=201, redemptions=[_REDEMPTION]), BatchResultOut(status=409, problem=PROBLEM),
    ]),
    ("POST", "/v1/redemptions/{redemption_id}/capture"): msgspec.structs.replace(
        _REDEMPTION, amount_fen=300, lines=[150, 150], captured_fen=300, coupon_left_fen=0
    ),
    ("POST", "/v1/redemptions/{redemption_id}/release"): msgspec.structs.replace(
        _HELD, state="released", amount_fen=0, allowed=[], settled_at=NOON
    ),
    ("POST", "/v1/redemptions/{redemption_id}/reverse"): msgspec.structs.replace(
        _REDEMPTION, amount_fen=300, reversed_fen=200, returned=[100, 100]
    ),
    ("POST", "/v1/coupons"): _COUPON,
    ("POST", "/v1/schemes"): _SCHEME,
    ("POST", "/v1/members"): _MEMBER,
}  # fmt: skip
