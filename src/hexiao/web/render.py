"""From rows and outcomes to what the API shows. Asks for no time: what depends on it is given the time.

So an answer that is replayed is rendered to the same bytes.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.assessment import Assessment
from hexiao.domain.checks import Verdict
from hexiao.domain.coupon import Coupon
from hexiao.domain.errors import Code, Fact
from hexiao.domain.party import Member, mask_mobile
from hexiao.domain.redemption import Move, State
from hexiao.domain.scheme import Scheme
from hexiao.engine.commands import CouponView, RedemptionView
from hexiao.storage.base import RedemptionRow
from hexiao.web.views import (
    CHANNELS,
    KINDS,
    STATES,
    CouponDetail,
    CouponOut,
    MemberOut,
    MoveName,
    RedemptionDetail,
    RedemptionOut,
    SchemeOut,
    UseOut,
    VerdictOut,
)
from hexiao.web.wire import iso, iso_or_none, text_or_none

MOVES: dict[Move, MoveName] = {Move.CAPTURE: "capture", Move.RELEASE: "release", Move.REVERSE: "reverse"}

TIMED = frozenset({Code.COUPON_VOIDED, Code.NOT_YET_VALID, Code.COUPON_EXPIRED, Code.HELD_ELSEWHERE})
"""The codes whose `needed` and `actual` are instants."""


def show_verdicts(assessments: list[Assessment], zone: ZoneInfo | None) -> list[VerdictOut]:
    """Every verdict of every coupon, in the order of the bill and of the checks."""
    return [show_verdict(one.code, verdict, zone) for one in assessments for verdict in one.verdicts]


def show_verdict(coupon: str, verdict: Verdict, zone: ZoneInfo | None) -> VerdictOut:
    zh, en = verdict.sentences(zone or ZoneInfo("Asia/Shanghai"))
    return VerdictOut(
        coupon=coupon,
        code=verdict.code.value,
        ok=verdict.ok,
        needed=show_fact(verdict.code, "needed", verdict.needed),
        actual=show_fact(verdict.code, "actual", verdict.actual),
        zh=zh,
        en=en,
    )


def show_fact(code: Code, name: str, fact: Fact) -> Fact:
    """Instants leave as ISO 8601, everything else as it is."""
    if not isinstance(fact, int):
        return fact
    is_instant = name.endswith("_at") or (name in ("needed", "actual") and code in TIMED)
    return iso(fact) if is_instant else fact


def show_redemption(view: RedemptionView) -> RedemptionOut:
    """A redemption as the engine answered it, whenever that was."""
    redemption = view.redemption
    return RedemptionOut(
        id=str(redemption.id),
        code=view.code,
        state=STATES[redemption.state - 1],
        amount_fen=redemption.live_fen,
        lines=redemption.lines,
        allowed=[MOVES[move] for move in view.allowed],
        held_until_at=iso_or_none(redemption.held_until_at),
        bill_number=redemption.bill_number,
        shop_id=str(redemption.shop_id),
        cashier_id=text_or_none(redemption.cashier_id),
        member_id=text_or_none(redemption.member_id),
        scene=redemption.scene,
        kind=KINDS[redemption.kind - 1],
        scheme_id=str(redemption.scheme_id),
        scheme_number=view.scheme_number,
        scheme_name=view.scheme_name,
        coupon_id=str(redemption.coupon_id),
        coupon_left_fen=view.coupon_left_fen,
        coupon_left_uses=view.coupon_left_uses,
        held_fen=redemption.held_fen,
        captured_fen=redemption.captured_fen,
        reversed_fen=redemption.reversed_fen,
        returned=redemption.returned,
        created_at=iso(redemption.created_at),
        captured_at=iso_or_none(redemption.captured_at),
        settled_at=iso_or_none(redemption.settled_at),
        changed_at=iso(redemption.changed_at),
    )


def show_row(row: RedemptionRow, now: int) -> RedemptionDetail:
    """A redemption as it stands now: a hold past its deadline is lapsed, whether or not that is written yet."""
    redemption, coupon = row.redemption, row.coupon
    if redemption.lapsed(now):
        redemption = msgspec.structs.replace(redemption, state=State.LAPSED, settled_at=redemption.held_until_at)
    view = RedemptionView(
        redemption=redemption,
        code=coupon.code,
        scheme_number=row.scheme.number,
        scheme_name=row.scheme.name,
        coupon_left_fen=coupon.left_fen,
        coupon_left_uses=_left_uses(coupon),
        allowed=redemption.allowed(now, row.scheme.terms.reverse_within_seconds),
    )
    return RedemptionDetail(
        **msgspec.structs.asdict(show_redemption(view)),
        shop_number=row.shop.number if row.shop else "",
        shop_name=row.shop.name if row.shop else "",
        cashier_name=row.cashier.name if row.cashier else "",
        member_name=row.member.name if row.member else "",
    )


def show_coupon(coupon: Coupon, now: int) -> CouponOut:
    """`now` decides its face; an answer that may be replayed hands in the moment of the coupon's own change."""
    return CouponOut(
        id=str(coupon.id),
        code=coupon.code,
        face=coupon.face(now),
        scheme_id=str(coupon.scheme_id),
        scheme_version=coupon.scheme_version,
        member_id=text_or_none(coupon.member_id),
        channel=CHANNELS[coupon.channel],
        face_fen=coupon.face_fen,
        left_fen=coupon.left_fen,
        held_fen=coupon.held_fen,
        captured_fen=coupon.captured_fen,
        uses_max=coupon.uses_max,
        left_uses=_left_uses(coupon),
        held_uses=coupon.held_uses,
        captured_uses=coupon.captured_uses,
        valid_from_at=iso(coupon.valid_from_at),
        valid_until_at=iso(coupon.valid_until_at),
        issued_at=iso(coupon.issued_at),
        voided_at=iso_or_none(coupon.voided_at),
        changed_at=iso(coupon.changed_at),
        record_id=str(coupon.record_id),
    )


def show_coupon_view(view: CouponView, now: int, *, mobiles: bool) -> CouponDetail:
    use = view.last_use
    return CouponDetail(
        **msgspec.structs.asdict(show_coupon(view.coupon, now)),
        scheme=show_scheme(view.scheme),
        member=None if view.member is None else show_member(view.member, mobiles=mobiles),
        last_use=None
        if use is None
        else UseOut(
            redemption_id=str(use.id),
            state=STATES[use.state - 1],
            amount_fen=use.live_fen,
            bill_number=use.bill_number,
            shop_id=str(use.shop_id),
            cashier_id=text_or_none(use.cashier_id),
            cashier_name=view.last_cashier_name,
            held_until_at=iso_or_none(use.held_until_at),
            captured_at=iso_or_none(use.captured_at),
        ),
    )


def show_scheme(scheme: Scheme) -> SchemeOut:
    return SchemeOut(
        id=str(scheme.id),
        number=scheme.number,
        version=scheme.version,
        latest=scheme.latest,
        name=scheme.name,
        description=scheme.description,
        kind=KINDS[scheme.kind - 1],
        benefit=scheme.benefit,
        terms=scheme.terms,
        paused=scheme.paused,
        shown_in_list=scheme.shown_in_list,
        shown_on_goods=scheme.shown_on_goods,
        created_at=iso(scheme.created_at),
        updated_at=iso(scheme.updated_at),
    )


def show_member(member: Member, *, mobiles: bool) -> MemberOut:
    return MemberOut(
        id=str(member.id),
        name=member.name,
        mobile=member.mobile if mobiles else mask_mobile(member.mobile),
        card_id=member.card_id,
        card_number=member.card_number,
    )


def _left_uses(coupon: Coupon) -> int | None:
    return None if coupon.uses_max is None else coupon.uses_max - coupon.captured_uses
