"""Two processes that want the same thing at once: for each guard of a save, the pair of commands that it parts.

Each race prepares its ground at one desk and gives (theirs, mine): theirs is faster, mine was decided without it.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.desk import MEMBER, MERCHANT, Desk, a_bill, holding, issuing, redeeming, terms
from hexiao.domain.scheme import Balance, MoneyOff
from hexiao.engine.commands import (
    AnyCommand,
    Capture,
    CreateScheme,
    Import,
    Imported,
    Release,
    Reverse,
    ReviseScheme,
    Take,
    Void,
)

Race = Callable[[Desk], tuple[AnyCommand, AnyCommand]]


def one_coupon(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    code = desk.coupon()
    return redeeming(code, a_bill("B1")), redeeming(code, a_bill("B2"))


def a_new_bill(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    first, second = desk.coupon(shareable=False), desk.coupon(shareable=False)
    return redeeming(first, a_bill("B1")), redeeming(second, a_bill("B1"))


def a_known_bill(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    desk.release(desk.hold(desk.coupon(shareable=False), a_bill("B1")).redemption.id)
    return a_new_bill(desk)


def a_request_id(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme()
    return issuing(scheme, request_id="r1"), issuing(scheme, request_id="r1")


def the_stock(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme(total=3)
    desk.issue(scheme)
    return issuing(scheme, 1), issuing(scheme, 2)


def the_member_limit(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme(per_member=3)
    desk.issue(scheme, member_id=MEMBER)
    return issuing(scheme, 1, MEMBER), issuing(scheme, 2, MEMBER)


def the_budget(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=2_500)
    first, second, third = desk.issue(scheme, 3)
    desk.redeem(first.code, a_bill("B0"))
    return redeeming(second.code, a_bill("B1")), holding(third.code, a_bill("B2"))


def a_revision(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme()
    revise = ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, name="二版")
    return revise, ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, name="另一版")


def a_scheme_number(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    one, other = (
        CreateScheme(merchant_id=MERCHANT, number="N1", name=name, terms=terms(), benefit=MoneyOff(1_000))
        for name in ("一", "二")
    )
    return one, other


def a_code(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    scheme = desk.scheme()
    bring = Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported("OLD1"), Imported("OLD2")))
    return bring, Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=(Imported("OLD2"), Imported("OLD3")))


def a_hold_of_several(desk: Desk) -> int:
    """A hold beside another one of the same balance, so that the coupon's own checks see nothing wrong."""
    code = desk.coupon(Balance(5_000), shareable=True)
    desk.hold(_part(code), a_bill("B1"))
    return desk.hold(_part(code), a_bill("B2")).redemption.id


def capture_and_release(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    hold = a_hold_of_several(desk)
    return Capture(merchant_id=MERCHANT, redemption_id=hold), Release(merchant_id=MERCHANT, redemption_id=hold)


def release_and_capture(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    capture, release = capture_and_release(desk)
    return release, capture


def capture_twice(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    hold = a_hold_of_several(desk)
    capture = Capture(merchant_id=MERCHANT, redemption_id=hold)
    return capture, capture


def reverse_twice(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    taken = desk.redeem(desk.coupon(Balance(5_000))).redemption.id
    return (
        Reverse(merchant_id=MERCHANT, redemption_id=taken, amount_fen=2_000),
        Reverse(merchant_id=MERCHANT, redemption_id=taken, amount_fen=2_500),
    )


def void_and_redeem(desk: Desk) -> tuple[AnyCommand, AnyCommand]:
    code = desk.coupon()
    return Void(merchant_id=MERCHANT, code=code), redeeming(code)


def _part(code: str) -> list[Take]:
    return [Take(code, 1_000)]


RACES: dict[str, Race] = {
    race.__name__: race
    for race in (
        one_coupon,
        a_new_bill,
        a_known_bill,
        a_request_id,
        the_stock,
        the_member_limit,
        the_budget,
        a_revision,
        a_scheme_number,
        a_code,
        capture_and_release,
        release_and_capture,
        capture_twice,
        reverse_twice,
        void_and_redeem,
    )
}
