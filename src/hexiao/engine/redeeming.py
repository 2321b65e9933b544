"""From a bill and its coupons to holds and redemptions: judge every coupon in order, then take all of them or none.

The same judging serves the look-up (which saves nothing) and the decision.
"""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.assessment import Assessment, assess
from hexiao.domain.bill import Bill
from hexiao.domain.case import Case
from hexiao.domain.coupon import Coupon
from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.money import FEN_MAX
from hexiao.domain.redemption import Move, Redemption, State
from hexiao.domain.scheme import Scheme
from hexiao.engine.commands import (
    Assess,
    Assessed,
    Failed,
    Found,
    LookUp,
    Redeem,
    Redeemed,
    Take,
)
from hexiao.engine.ledger import Ledger
from hexiao.engine.mint import Mint
from hexiao.engine.views import BY_ID, captor_name, coupon_view, holds_of, last_capture, named, view
from hexiao.storage.snapshot import Snapshot


class Judged(NamedTuple):
    coupon: Coupon
    assessment: Assessment
    own_hold: Redemption | None


def redeem(snapshot: Snapshot, command: Redeem, now: int, mint: Mint) -> Redeemed | Failed:
    """Hold or take all the coupons of one bill, or refuse with every verdict of every coupon."""
    ledger = Ledger(snapshot, command, now)
    bill = known_bill(snapshot, command.merchant_id, command.bill)
    judged = judge(ledger, command.merchant_id, bill, command.coupons, tell=False)
    refused = next((one.assessment for one in judged if not one.assessment.ok), None)
    if refused is not None:
        judged = judge(ledger, command.merchant_id, bill, command.coupons)
        failure = refused.failure
        facts = {"needed": failure.needed, "actual": failure.actual, **failure.facts, "coupon": refused.code}
        return Failed(code=failure.code, facts=facts, assessments=[one.assessment for one in judged])
    taken = [_take(ledger, command, bill, one, mint) for one in judged]
    return Redeemed(redemptions=[view(snapshot, redemption, now) for redemption in taken])


def assess_only(snapshot: Snapshot, command: Assess, now: int) -> Assessed:
    """What `redeem` would say; the caller throws the snapshot away."""
    ledger = Ledger(snapshot, command, now)
    bill = known_bill(snapshot, command.merchant_id, command.bill)
    judged = judge(ledger, command.merchant_id, bill, command.coupons)
    return Assessed(
        assessments=[one.assessment for one in judged],
        coupons=[coupon_view(snapshot, one.coupon) for one in judged],
    )


def look_up(snapshot: Snapshot, command: LookUp, now: int) -> Found:
    coupon = find_coupon(snapshot, command.merchant_id, command.code)
    lapse_due(Ledger(snapshot, command, now), coupon)
    seen = coupon_view(snapshot, coupon)
    if command.spelled_out:
        seen.named = named(snapshot, seen.scheme)
        seen.captor_name = captor_name(snapshot, coupon)
    return Found(coupon=seen)


def known_bill(snapshot: Snapshot, merchant_id: int, bill: Bill) -> Bill:
    """The bill, after its shop, cashier and member were found; lines without a category get that of the known goods."""
    if bill.amount_fen > FEN_MAX:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="bill_too_large", most_fen=FEN_MAX)
    shop = snapshot.shops.get(bill.shop_id)
    if shop is None or shop.merchant_id != merchant_id:
        raise BadRequest(Code.UNKNOWN_SHOP, shop_id=str(bill.shop_id))
    known_cashier(snapshot, merchant_id, bill.cashier_id)
    if bill.member_id is not None:
        member = snapshot.members.get(bill.member_id)
        if member is None or member.merchant_id != merchant_id:
            raise BadRequest(Code.UNKNOWN_MEMBER, member_id=str(bill.member_id))
    if not snapshot.items:
        return bill
    lines = list(bill.lines)
    for index, line in enumerate(lines):
        item = None if line.category else snapshot.items.get((merchant_id, line.sku))
        if item is not None and item.category:
            lines[index] = msgspec.structs.replace(line, category=item.category)
    return msgspec.structs.replace(bill, lines=tuple(lines))


def known_cashier(snapshot: Snapshot, merchant_id: int, cashier_id: int | None) -> None:
    if cashier_id is not None:
        cashier = snapshot.cashiers.get(cashier_id)
        if cashier is None or cashier.merchant_id != merchant_id:
            raise BadRequest(Code.UNKNOWN_CASHIER, cashier_id=str(cashier_id))


def find_coupon(snapshot: Snapshot, merchant_id: int, code: str) -> Coupon:
    coupon = snapshot.coupon(merchant_id, code)
    if coupon is None:
        raise BadRequest(Code.UNKNOWN_COUPON, code=code)
    return coupon


def judge(ledger: Ledger, merchant_id: int, bill: Bill, takes: tuple[Take, ...], *, tell: bool = True) -> list[Judged]:
    """Assess each coupon on what the ones before it, and the redemptions already on the bill, leave to pay."""
    snapshot, now = ledger.snapshot, ledger.now
    zone = ZoneInfo(snapshot.merchants[merchant_id].time_zone)
    coupons: list[Coupon] = []
    for take in takes:
        coupon = find_coupon(snapshot, merchant_id, take.code)
        if coupon in coupons:
            raise BadRequest(Code.DUPLICATE_COUPON, code=take.code)
        coupons.append(coupon)
        lapse_due(ledger, coupon)

    asked_ids = {coupon.id for coupon in coupons}
    own, others = _on_bill(ledger, merchant_id, bill, asked_ids)
    payable = _left_to_pay(bill, others)
    companions = [snapshot.scheme_of(snapshot.coupons[r.coupon_id]) for r in others if r.coupon_id not in asked_ids]
    budgets: dict[int, int] = {}

    judged: list[Judged] = []
    for take, coupon in zip(takes, coupons, strict=True):
        scheme = snapshot.scheme_of(coupon)
        own_hold = own.get(coupon.id)
        budget = _budget_left(snapshot, scheme, own_hold, budgets)
        case = Case(
            coupon=coupon, scheme=scheme, bill=bill, zone=zone, now=now,
            shop_name=snapshot.shops[bill.shop_id].name, payable=payable, asked_fen=take.amount_fen,
            companions=companions + [snapshot.scheme_of(other) for other in coupons if other is not coupon],
            own_hold=own_hold, budget_left_fen=budget,
        )  # fmt: skip
        if coupon.id in snapshot.by_coupon:
            case.other_hold = next((r for r in holds_of(snapshot, coupon) if r is not own_hold), None)
            case.captured_here = next((r for r in others if r.coupon_id == coupon.id), None)
            case.last_capture = last_capture(snapshot, coupon)
            case.last_shop_name = _shop_name(snapshot, case.last_capture)
        assessment = assess(case, tell=tell)
        if assessment.ok:
            payable = [left - off for left, off in zip(payable, assessment.lines, strict=True)]
            if budget is not None:
                budgets[scheme.id] = budget - assessment.amount_fen
        judged.append(Judged(coupon, assessment, own_hold))
    return judged


def _on_bill(
    ledger: Ledger, merchant_id: int, bill: Bill, asked_ids: set[int]
) -> tuple[dict[int, Redemption], list[Redemption]]:
    """(holds of the asked coupons, by coupon; the other live redemptions) on this bill. Writes down what has lapsed.

    A hold of an asked coupon on this very bill is taken up again, so it does not count against the bill.
    """
    snapshot, now = ledger.snapshot, ledger.now
    found = snapshot.by_bill.get((merchant_id, bill.shop_id, bill.number))
    if not found:
        return {}, []
    found = sorted(found, key=BY_ID)
    for redemption in found:
        # Written down, or a process whose clock is behind would still capture what the bill has been paid without.
        if redemption.lapsed(now):
            ledger.let_go(snapshot.coupons[redemption.coupon_id], redemption, Move.LAPSE)
    here = [redemption for redemption in found if redemption.live]
    own = {r.coupon_id: r for r in here if r.coupon_id in asked_ids and r.state is State.HELD}
    return own, [r for r in here if own.get(r.coupon_id) is not r]


def lapse_due(ledger: Ledger, coupon: Coupon) -> None:
    """A hold past its deadline is free only after its lapse is written, in the same transaction."""
    for redemption in holds_of(ledger.snapshot, coupon):
        if redemption.lapsed(ledger.now):
            ledger.let_go(coupon, redemption, Move.LAPSE)


def _take(ledger: Ledger, command: Redeem, bill: Bill, judged: Judged, mint: Mint) -> Redemption:
    coupon, assessment, own = judged
    if own is not None:
        if own.lines == assessment.lines:
            if command.mode == "redeem":
                ledger.capture(coupon, own, own.held_fen, own.lines, bill.cashier_id)
            return own
        ledger.let_go(coupon, own, Move.RELEASE, bill.cashier_id)  # the basket changed: hold anew
    scheme = ledger.snapshot.scheme_of(coupon)
    held = command.mode == "hold"
    redemption = Redemption(
        id=mint.id(ledger.now),
        coupon_id=coupon.id,
        merchant_id=command.merchant_id,
        scheme_id=scheme.id,
        kind=scheme.kind,
        bill_number=bill.number,
        shop_id=bill.shop_id,
        cashier_id=bill.cashier_id,
        member_id=coupon.member_id if bill.member_id is None else bill.member_id,
        scene=bill.scene,
        state=State.HELD if held else State.CAPTURED,
        held_fen=assessment.amount_fen,
        lines=assessment.lines,
        returned=[0] * len(assessment.lines),
        held_until_at=ledger.now + scheme.terms.hold_seconds * 1000 if held else None,
        created_at=ledger.now,
        changed_at=ledger.now,
        request_id=command.request_id,
    )
    if held:
        ledger.hold(coupon, redemption)
    else:
        ledger.redeem(coupon, redemption)
    return redemption


def _left_to_pay(bill: Bill, others: list[Redemption]) -> list[int]:
    """What each line still costs after the live redemptions on this bill.

    When the basket changed since then, what no longer fits its line is taken from the other lines.
    """
    left = [line.amount_fen for line in bill.lines]
    if not others:
        return left
    excess = 0
    for redemption in others:
        taken = [off - back for off, back in zip(redemption.lines, redemption.returned, strict=True)]
        for index, off in enumerate(taken):
            fits = min(off, left[index]) if index < len(left) else 0
            if fits:
                left[index] -= fits
            excess += off - fits
    for index in range(len(left)):
        fits = min(excess, left[index])
        left[index] -= fits
        excess -= fits
    return left


def _budget_left(
    snapshot: Snapshot, scheme: Scheme, own_hold: Redemption | None, budgets: dict[int, int]
) -> int | None:
    budget = snapshot.latest[scheme.id].terms.budget_fen
    if not budget:
        return None
    spent = snapshot.count(scheme.id)
    left = budgets.get(scheme.id, budget - spent.held_fen - spent.captured_fen)
    return left + (own_hold.held_fen if own_hold else 0)


def _shop_name(snapshot: Snapshot, redemption: Redemption | None) -> str:
    shop = snapshot.shops.get(redemption.shop_id) if redemption else None
    return shop.name if shop else ""
