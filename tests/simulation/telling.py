"""What the engine answered, in the oracle's words: the two are compared as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from typing import Any

from hexiao.domain.assessment import Assessment
from hexiao.domain.coupon import Coupon
from hexiao.domain.errors import Code
from hexiao.engine.commands import (
    Assessed,
    Each,
    Failed,
    Found,
    Issued,
    Nothing,
    Outcome,
    Redeemed,
    RedemptionView,
    SchemeSaved,
)
from simulation.books import Books, Told


def told(outcome: Outcome) -> Told:
    match outcome:
        case Each(outcomes=outcomes):
            return {"each": [told(one) for one in outcomes]}
        case Failed(code=code, facts=facts, assessments=judged, redemption=use):
            verdicts = [failures(one) for one in judged]
            return {"no": code, "facts": facts, "verdicts": verdicts, "use": view(use) if use else None}
        case Redeemed(redemptions=views):
            return {"uses": [view(one) for one in views]}
        case Assessed(assessments=judged):
            return {"assessed": [(failures(one), one.lines) for one in judged]}
        case Issued(coupons=coupons):
            return {"coupons": [balance(coupon) for coupon in coupons]}
        case Found(coupon=found):
            return {"found": balance(found.coupon)}
        case SchemeSaved(scheme=scheme):
            return {"version": scheme.version, "paused": scheme.paused}
        case Nothing():
            return {"nothing": True}
    raise AssertionError(f"nobody asked for this: {outcome}")


def same(expected: Told, actual: Told) -> bool:
    """Equal, but for facts that the oracle does not name."""
    if "each" in expected and "each" in actual and len(expected["each"]) == len(actual["each"]):
        return all(same(one, other) for one, other in zip(expected["each"], actual["each"], strict=True))
    if "no" in expected and "no" in actual:
        facts = expected["facts"].items() <= actual["facts"].items()
        return facts and all(expected[name] == actual[name] for name in ("no", "verdicts", "use"))
    return expected == actual


def failures(judged: Assessment) -> list[Code]:
    """All the reasons, in order; each verdict must be there once, failed or not."""
    codes = [verdict.code for verdict in judged.verdicts]
    assert len(set(codes)) == len(codes) == 18
    return [verdict.code for verdict in judged.verdicts if not verdict.ok]


def balance(coupon: Coupon) -> Told:
    return {
        "code": coupon.code,
        "face": coupon.face_fen,
        "times": coupon.uses_max,
        "valid": (coupon.valid_from_at, coupon.valid_until_at),
        "member": coupon.member_id,
        "fen": (coupon.held_fen, coupon.captured_fen),
        "uses": (coupon.held_uses, coupon.captured_uses),
        "voided": coupon.voided_at is not None,
        "rows": coupon.seq,
    }


def view(seen: RedemptionView) -> Told:
    use = seen.redemption
    return {
        "id": use.id,
        "code": seen.code,
        "state": use.state,
        "next": [move.value for move in seen.allowed],
        "left": (seen.coupon_left_fen, seen.coupon_left_uses),
        "fen": (use.held_fen, use.captured_fen, use.reversed_fen),
        "lines": use.lines,
        "returned": use.returned,
    }


def made_up(outcome: Outcome, books: Books) -> Iterator[Any]:
    """The ids and codes in an answer that the oracle cannot know; then ids that nothing has."""
    return chain(_made_up(outcome, books), count(-1, -1))


def _made_up(outcome: Outcome, books: Books) -> Iterator[Any]:
    match outcome:
        case Each(outcomes=outcomes):
            for one in outcomes:
                yield from _made_up(one, books)
        case SchemeSaved(scheme=scheme):
            yield scheme.id
        case Issued(coupons=coupons):
            yield from (coupon.code for coupon in coupons)
        case Redeemed(redemptions=views):
            yield from (one.redemption.id for one in views if one.redemption.id not in books.uses)
