"""How a coupon and a redemption stand at this moment of a batch, as the callers see them. Changes nothing."""

from __future__ import annotations

from copy import copy
from operator import attrgetter

from hexiao.domain.coupon import Coupon
from hexiao.domain.redemption import Redemption, State
from hexiao.domain.scheme import Scheme
from hexiao.engine.commands import CouponView, Named, RedemptionView
from hexiao.storage.snapshot import Snapshot

BY_ID, BY_END = attrgetter("id"), attrgetter("held_until_at", "id")


def view(snapshot: Snapshot, redemption: Redemption, now: int) -> RedemptionView:
    """A copy of how it stands now; later commands of the batch change the original."""
    coupon = snapshot.coupons[redemption.coupon_id]
    scheme = snapshot.scheme_of(coupon)
    return RedemptionView(
        redemption=copy(redemption),
        code=coupon.code,
        scheme_number=scheme.number,
        scheme_name=scheme.name,
        coupon_left_fen=coupon.left_fen,
        coupon_left_uses=None if coupon.uses_max is None else coupon.uses_max - coupon.captured_uses,
        allowed=redemption.allowed(now, scheme.terms.reverse_within_seconds),
    )


def coupon_view(snapshot: Snapshot, coupon: Coupon) -> CouponView:
    last = last_capture(snapshot, coupon) or next(iter(holds_of(snapshot, coupon)), None)
    cashier = snapshot.cashiers.get(last.cashier_id) if last and last.cashier_id is not None else None
    return CouponView(
        coupon=copy(coupon),
        scheme=snapshot.scheme_of(coupon),
        member=snapshot.members.get(coupon.member_id) if coupon.member_id is not None else None,
        last_use=copy(last) if last else None,
        last_cashier_name=cashier.name if cashier else "",
    )


def named(snapshot: Snapshot, scheme: Scheme) -> Named:
    """What a scheme names by id alone: its shops and goods, and what it has given out."""
    shops = [snapshot.shops.get(int(id)) for id in scheme.terms.shops.ids]
    items = [snapshot.items.get((scheme.merchant_id, sku)) for sku in scheme.terms.goods.skus]
    count = snapshot.count(scheme.id)
    return Named(
        time_zone=snapshot.merchants[scheme.merchant_id].time_zone,
        shops=[shop for shop in shops if shop is not None and shop.merchant_id == scheme.merchant_id],
        items=[item for item in items if item is not None],
        issued=count.issued,
        captured_uses=count.captured_uses,
    )


def captor_name(snapshot: Snapshot, coupon: Coupon) -> str:
    """Of the latest capture; empty without one, and when nobody was named."""
    last = last_capture(snapshot, coupon)
    captor = None if last is None else snapshot.captors.get(last.id)
    cashier = None if captor is None else snapshot.cashiers.get(captor)
    return "" if cashier is None else cashier.name


def last_capture(snapshot: Snapshot, coupon: Coupon) -> Redemption | None:
    captured = [r for r in snapshot.by_coupon.get(coupon.id, ()) if r.state is State.CAPTURED]
    return max(captured, key=lambda r: (r.captured_at or 0, r.id), default=None)  # as the query has it


def holds_of(snapshot: Snapshot, coupon: Coupon) -> list[Redemption]:
    """In order of their ends, as far as they were loaded: all that are over, and whichever ends next."""
    uses = snapshot.by_coupon.get(coupon.id)
    return sorted([r for r in uses if r.state is State.HELD], key=BY_END) if uses else []
