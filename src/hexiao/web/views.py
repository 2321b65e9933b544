"""The form in which several nouns show a scheme, a coupon, a member, a redemption or a verdict. Types only.

Names by number: a Channel counts from 0, a Kind and a State from 1.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hexiao.domain.bill import Scene
from hexiao.domain.coupon import Face
from hexiao.domain.errors import Fact
from hexiao.domain.scheme import Benefit, Terms
from hexiao.web.wire import Channel, IdText, KindName, StateName, TimeText

CHANNELS: tuple[Channel, ...] = ("claim", "gift", "card")
KINDS: tuple[KindName, ...] = ("money_off", "rate_off", "goods_off", "balance", "rate_uses")
STATES: tuple[StateName, ...] = ("held", "captured", "released", "lapsed", "reversed")

MoveName = Literal["capture", "release", "reverse"]
LinesFen = Annotated[
    list[int], msgspec.Meta(description="每行优惠（分） · discount in fen, one number for each line of the bill")
]
FenOrNull = Annotated[
    int | None, msgspec.Meta(description="分；null = 不按金额限制 · fen; null = not limited by value")
]
UsesOrNull = Annotated[int | None, msgspec.Meta(description="次数；null = 不限 · null = not limited by uses")]


class VerdictOut(msgspec.Struct, kw_only=True):
    """资格判定 · one check on one coupon: what it needs, what it found, and a sentence for a person."""

    coupon: Annotated[str, msgspec.Meta(description="券号 · the coupon's code")]
    code: Annotated[
        str, msgspec.Meta(description="检查项；不通过时即错误码 · the check, and its error code when not ok")
    ]
    ok: bool
    needed: Fact
    actual: Fact
    zh: str
    en: str


class RedemptionOut(msgspec.Struct, kw_only=True):
    """核销单 · one use of one coupon on one bill."""

    id: IdText
    code: Annotated[str, msgspec.Meta(description="券号 · the coupon's code")]
    state: StateName
    amount_fen: Annotated[int, msgspec.Meta(description="本单现优惠 · what it takes off the bill now")]
    lines: LinesFen
    allowed: Annotated[list[MoveName], msgspec.Meta(description="可做的下一步 · the moves that may come next")]
    held_until_at: Annotated[TimeText | None, msgspec.Meta(description="预核销截止 · the deadline of the hold")]
    bill_number: str
    shop_id: IdText
    cashier_id: IdText | None
    member_id: IdText | None
    scene: Scene
    kind: KindName
    scheme_id: IdText
    scheme_number: str
    scheme_name: str
    coupon_id: IdText
    coupon_left_fen: FenOrNull
    coupon_left_uses: UsesOrNull
    held_fen: Annotated[int, msgspec.Meta(description="当初预核销 · what was held, or redeemed at once; it stays")]
    captured_fen: Annotated[int, msgspec.Meta(description="已核销，撤销不减 · what was captured; reversals leave it")]
    reversed_fen: Annotated[int, msgspec.Meta(description="已撤销 · what went back since the capture")]
    returned: Annotated[list[int], msgspec.Meta(description="每行已撤销（分） · given back, for each line, in fen")]
    created_at: Annotated[
        TimeText, msgspec.Meta(description="预核销或直接核销之时 · when it was held, or redeemed at once")
    ]
    captured_at: Annotated[TimeText | None, msgspec.Meta(description="核销之时 · when it was captured")]
    settled_at: Annotated[
        TimeText | None,
        msgspec.Meta(description="预核销结束之时 · when it was no longer held: captured, released or lapsed"),
    ]
    changed_at: Annotated[TimeText, msgspec.Meta(description="最近一次写入 · when a step of it was written down last")]


class RedemptionDetail(RedemptionOut, kw_only=True):
    """核销单及名称 · a redemption with the names that stand beside it in a list."""

    shop_number: str
    shop_name: str
    cashier_name: str
    member_name: str


class CouponOut(msgspec.Struct, kw_only=True):
    """优惠券 · one issued code with its balance."""

    id: IdText
    code: str
    face: Annotated[
        Face,
        msgspec.Meta(
            description="可用 usable · 未到期 pending · 已预核销 held · 已核销 used · 已过期 expired · 已作废 voided"
        ),
    ]
    scheme_id: IdText
    scheme_version: int
    member_id: IdText | None
    channel: Channel
    face_fen: FenOrNull
    left_fen: FenOrNull
    held_fen: Annotated[int, msgspec.Meta(description="预核销中 · what bills hold now")]
    captured_fen: Annotated[int, msgspec.Meta(description="已核销减已撤销 · what was captured, less what was reversed")]
    uses_max: UsesOrNull
    left_uses: UsesOrNull
    held_uses: Annotated[int, msgspec.Meta(description="预核销中的次数 · how many holds there are now")]
    captured_uses: Annotated[
        int,
        msgspec.Meta(description="已用次数，全额撤销归还 · uses that are captured; a reversal in full gives one back"),
    ]
    valid_from_at: Annotated[
        TimeText, msgspec.Meta(description="此刻起可用 · the first instant at which it can be used")
    ]
    valid_until_at: Annotated[
        TimeText, msgspec.Meta(description="此刻起失效 · the first instant at which it is expired")
    ]
    issued_at: Annotated[TimeText, msgspec.Meta(description="领用时间 · when it was received")]
    voided_at: Annotated[TimeText | None, msgspec.Meta(description="作废时间 · when it was voided")]
    changed_at: Annotated[TimeText, msgspec.Meta(description="最近一次写入 · when a step of it was written down last")]
    record_id: Annotated[
        IdText, msgspec.Meta(description="领用记录 · the id of the receipt, as the vendors' wires call it")
    ]


class MemberOut(msgspec.Struct, kw_only=True):
    """会员 · the mobile number is masked for everybody but admin."""

    id: IdText
    name: str
    mobile: str
    card_id: str
    card_number: str


class SchemeOut(msgspec.Struct, kw_only=True):
    """优惠券方案 · one version of a scheme."""

    id: IdText
    number: str
    version: int
    latest: Annotated[int, msgspec.Meta(description="最新版本 · the number of the latest version")]
    name: str
    description: str
    kind: KindName
    benefit: Benefit
    terms: Terms
    paused: bool
    shown_in_list: bool
    shown_on_goods: bool
    created_at: TimeText
    updated_at: TimeText


class UseOut(msgspec.Struct, kw_only=True):
    """最近一次使用 · the latest capture of a coupon, or the hold that keeps it now."""

    redemption_id: IdText
    state: StateName
    amount_fen: int
    bill_number: str
    shop_id: IdText
    cashier_id: IdText | None
    cashier_name: str
    held_until_at: TimeText | None
    captured_at: TimeText | None


class CouponDetail(CouponOut, kw_only=True):
    """优惠券、方案与持有人 · a coupon with its scheme (at the coupon's version), its holder and its latest use."""

    scheme: SchemeOut
    member: MemberOut | None
    last_use: UseOut | None
