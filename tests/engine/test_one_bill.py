"""A bill that comes back, several coupons on one bill, what a budget allows, and what a look shows of all that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.desk import (
    CASHIER,
    MEMBER,
    MERCHANT,
    OTHER_SHOP,
    Desk,
    a_bill,
    a_line,
    entries,
    failures,
    holding,
    redeeming,
)
from engine.process import Process
from hexiao.domain.errors import Code
from hexiao.domain.redemption import Entry, State
from hexiao.domain.scheme import Balance, MoneyOff, RateOff, Shops
from hexiao.engine.commands import Capture, RedeemEach, Take
from hexiao.storage.postgres_durability import CLOCKS_APART_MAX_MS

# The same bill again.


def test_a_bill_that_comes_back_gets_its_own_hold_with_its_own_deadline(desk: Desk, clock: Any) -> None:
    code = desk.coupon()
    first = desk.hold(code, a_bill("B1"))
    clock.forward(300)
    again = desk.hold(code, a_bill("B1"))
    assert again == first
    assert len(entries(desk, code)) == 1


def test_a_changed_basket_lets_the_old_hold_go_and_holds_anew(desk: Desk, clock: Any) -> None:
    code = desk.coupon(RateOff(1_000), hold_seconds=600)
    first = desk.hold(code, a_bill("B1", a_line(3_000)))
    clock.forward(300)
    again = desk.hold(code, a_bill("B1", a_line(5_000)))
    assert again.redemption.id != first.redemption.id
    assert (again.redemption.held_fen, again.redemption.held_until_at) == (500, clock.now + 600_000)
    assert entries(desk, code) == [(Entry.HOLD, 300, 0), (Entry.RELEASE, -300, 0), (Entry.HOLD, 500, 0)]
    assert desk.no(Capture(merchant_id=MERCHANT, redemption_id=first.redemption.id)) is Code.ALREADY_RELEASED


def test_redeeming_on_the_bill_of_a_hold_captures_that_hold(desk: Desk) -> None:
    code = desk.coupon()
    held = desk.hold(code, a_bill("B1"))
    taken = desk.redeem(code, a_bill("B1"))
    assert (taken.redemption.id, taken.redemption.state) == (held.redemption.id, State.CAPTURED)
    assert entries(desk, code) == [(Entry.HOLD, 1_000, 0), (Entry.CAPTURE, -1_000, 1_000)]


def test_redeeming_on_the_bill_of_a_hold_with_a_changed_basket_takes_the_new_amount(desk: Desk) -> None:
    code = desk.coupon(RateOff(1_000))
    desk.hold(code, a_bill("B1", a_line(3_000)))
    assert desk.redeem(code, a_bill("B1", a_line(5_000))).redemption.captured_fen == 500
    assert desk.balance(code) == (0, 500, 0, 1)


def test_a_bill_that_comes_back_and_is_refused_keeps_its_hold(desk: Desk) -> None:
    code = desk.coupon(minimum_spend_fen=2_000)
    held = desk.hold(code, a_bill("B1", a_line(3_000)))
    assert desk.no(redeeming(code, a_bill("B1", a_line(1_000)))) is Code.BELOW_MINIMUM_SPEND
    assert desk.capture(held.redemption.id).redemption.captured_fen == 1_000


def test_a_hold_that_lapsed_is_not_taken_up_again(desk: Desk, clock: Any) -> None:
    code = desk.coupon(hold_seconds=60)
    first = desk.hold(code, a_bill("B1"))
    clock.forward(60)
    again = desk.hold(code, a_bill("B1"))
    assert again.redemption.id != first.redemption.id
    assert [entry for entry, _, _ in entries(desk, code)] == [Entry.HOLD, Entry.LAPSE, Entry.HOLD]


def test_a_coupon_that_was_redeemed_on_a_bill_is_refused_there_a_second_time(desk: Desk) -> None:
    code = desk.coupon(Balance(5_000))
    first = desk.redeem(Take(code, 100), a_bill("B1"))
    refused = desk.refused(redeeming(Take(code, 100), a_bill("B1")))
    assert refused.code is Code.ALREADY_ON_BILL
    assert refused.facts["redemption_id"] == str(first.redemption.id)
    desk.reverse(first.redemption.id)
    assert desk.redeem(Take(code, 100), a_bill("B1")).redemption.captured_fen == 100


# Several coupons on one bill.


def test_several_coupons_are_taken_together_each_on_what_the_ones_before_leave(desk: Desk) -> None:
    codes = [desk.coupon(MoneyOff(2_000), shareable=True), desk.coupon(RateOff(5_000), shareable=True)]
    assert [one.redemption.captured_fen for one in desk.redeem_all(codes)] == [2_000, 500]
    turned = [desk.coupon(RateOff(5_000), shareable=True), desk.coupon(MoneyOff(2_000), shareable=True)]
    assert [one.redemption.captured_fen for one in desk.redeem_all(turned)] == [1_500, 1_500]


def test_a_bill_is_never_discounted_below_nothing(desk: Desk) -> None:
    codes = [desk.coupon(MoneyOff(2_000), shareable=True) for _ in range(3)]
    refused = desk.refused(redeeming(codes))
    assert [failures(one) for one in refused.assessments] == [[], [], [Code.NOTHING_TO_DISCOUNT]]
    assert [one.amount_fen for one in refused.assessments] == [2_000, 1_000, 0]


def test_all_or_none_and_every_verdict_of_every_coupon(desk: Desk) -> None:
    good = desk.coupon(shareable=True)
    bad, worse = desk.coupon(shareable=True, scene="online"), desk.coupon(shareable=True, minimum_spend_fen=9_000)
    held = desk.hold(good, a_bill("B1"))
    refused = desk.refused(redeeming([good, bad, worse], a_bill("B1")))
    assert [failures(one) for one in refused.assessments] == [[], [Code.WRONG_SCENE], [Code.BELOW_MINIMUM_SPEND]]
    assert (refused.code, refused.facts["coupon"]) == (Code.WRONG_SCENE, bad)
    assert [desk.balance(code)[1] for code in (good, bad, worse)] == [0, 0, 0]
    assert desk.look_up(good).last_use == held.redemption


def test_one_coupon_cannot_be_named_twice(desk: Desk) -> None:
    code = desk.coupon()
    assert desk.no(redeeming([code, code])) is Code.DUPLICATE_COUPON


def test_one_unknown_coupon_among_known_ones_takes_none(desk: Desk) -> None:
    code = desk.coupon(shareable=True)
    assert desk.no(redeeming([code, "nobody's"])) is Code.UNKNOWN_COUPON
    assert desk.balance(code) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("first", "second", "together"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_only_coupons_that_may_be_shared_meet_on_one_bill(
    first: bool, second: bool, together: bool, desk: Desk
) -> None:
    for request_by_request in (False, True):
        one, other = desk.coupon(MoneyOff(100), shareable=first), desk.coupon(MoneyOff(100), shareable=second)
        bill = desk.new_bill()
        if request_by_request:
            desk.hold(one, bill)
            outcome = desk.do(holding(other, bill))
        else:
            outcome = desk.do(holding([one, other], bill))
        assert getattr(outcome, "code", None) is (None if together else Code.NOT_COMBINABLE)


def test_a_bill_that_was_freed_takes_another_coupon(desk: Desk, clock: Any) -> None:
    bill = a_bill("B1")
    desk.release(desk.hold(desk.coupon(), bill).redemption.id)
    desk.reverse(desk.redeem(desk.coupon(), bill).redemption.id)
    desk.hold(desk.coupon(hold_seconds=60), bill)
    clock.forward(60)
    assert desk.redeem(desk.coupon(), bill).redemption.state is State.CAPTURED


def test_what_was_freed_by_time_stays_free_for_a_process_whose_clock_is_behind(
    process: Callable[[], Process], clock: Any
) -> None:
    """Clocks may be apart by as much as a server is started with."""
    ahead, behind = process(), process()
    behind.clock = lambda: clock.now - CLOCKS_APART_MAX_MS
    first, second = ahead.desk.issue(ahead.desk.scheme(MoneyOff(3_000), hold_seconds=60), 2)
    held = ahead.desk.hold(first.code, a_bill("B1", a_line(3_000)))
    clock.forward(60)
    assert ahead.desk.redeem(second.code, a_bill("B1", a_line(3_000))).redemption.captured_fen == 3_000
    late = Capture(merchant_id=MERCHANT, redemption_id=held.redemption.id)
    assert behind.desk.no(late) is Code.HOLD_LAPSED
    assert entries(ahead.desk, first.code) == [(Entry.HOLD, 3_000, 0), (Entry.LAPSE, -3_000, 0)]


def test_what_an_earlier_request_took_off_the_bill_counts(desk: Desk) -> None:
    bill = a_bill("B1", a_line(2_000), a_line(1_000))
    desk.redeem(desk.coupon(MoneyOff(1_500), shareable=True), bill)
    seen = desk.assess(desk.coupon(RateOff(10_000), shareable=True), bill)
    assert seen.assessments[0].lines == [1_000, 500]
    taken = desk.redeem(desk.coupon(MoneyOff(9_000), shareable=True), bill)
    assert taken.redemption.lines == [1_000, 500]
    assert desk.no(redeeming(desk.coupon(shareable=True), bill)) is Code.NOTHING_TO_DISCOUNT


def test_what_was_reversed_can_be_discounted_again(desk: Desk) -> None:
    bill = a_bill("B1", a_line(3_000))
    first = desk.redeem(desk.coupon(MoneyOff(3_000), shareable=True), bill)
    desk.reverse(first.redemption.id, 700)
    assert desk.redeem(desk.coupon(MoneyOff(3_000), shareable=True), bill).redemption.captured_fen == 700


def test_a_discount_on_a_line_that_is_gone_still_counts_against_the_bill(desk: Desk) -> None:
    desk.hold(desk.coupon(MoneyOff(1_000), shareable=True), a_bill("B1", a_line(100), a_line(1_900)))
    shorter = a_bill("B1", a_line(1_200))
    assert desk.redeem(desk.coupon(MoneyOff(9_000), shareable=True), shorter).redemption.captured_fen == 200


@pytest.mark.parametrize(("issued_as", "revised_to"), [(False, True), (True, False)])
def test_a_bill_keeps_the_terms_that_its_coupons_were_issued_under(
    issued_as: bool, revised_to: bool, desk: Desk
) -> None:
    scheme = desk.scheme(MoneyOff(100), shareable=issued_as)
    desk.redeem(desk.issue(scheme)[0].code, a_bill("B1"))
    desk.revise(scheme, shareable=revised_to)
    outcome = desk.do(redeeming(desk.coupon(MoneyOff(100), shareable=True), a_bill("B1")))
    assert getattr(outcome, "code", None) is (None if issued_as else Code.NOT_COMBINABLE)


# Budgets.


def test_a_budget_is_spent_to_the_last_fen_and_not_one_more(desk: Desk) -> None:
    scheme = desk.scheme(Balance(5_000), budget_fen=2_500)
    codes = [coupon.code for coupon in desk.issue(scheme, 3)]
    desk.redeem(Take(codes[0], 1_500))
    refused = desk.refused(redeeming(Take(codes[1], 1_001)))
    assert refused.code is Code.BUDGET_EXHAUSTED
    assert (refused.facts["needed_fen"], refused.facts["actual_fen"]) == (1_000, 1_001)
    desk.hold(Take(codes[1], 1_000))
    assert desk.no(redeeming(Take(codes[2], 1))) is Code.BUDGET_EXHAUSTED


def test_a_budget_covers_several_coupons_of_one_request_together(desk: Desk) -> None:
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=1_999, shareable=True)
    codes = [coupon.code for coupon in desk.issue(scheme, 2)]
    refused = desk.refused(redeeming(codes))
    assert [failures(one) for one in refused.assessments] == [[], [Code.BUDGET_EXHAUSTED]]
    desk.revise(scheme, budget_fen=2_000)
    assert [one.redemption.captured_fen for one in desk.redeem_all(codes)] == [1_000, 1_000]


@pytest.mark.parametrize("give_back", ["release", "reverse", "lapse", "part of a capture"])
def test_what_goes_back_goes_back_to_the_budget(give_back: str, desk: Desk, clock: Any) -> None:
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=1_000, hold_seconds=60)
    first, second = (coupon.code for coupon in desk.issue(scheme, 2))
    if give_back == "reverse":
        desk.reverse(desk.redeem(first).redemption.id)
    else:
        held = desk.hold(first).redemption.id
        if give_back == "release":
            desk.release(held)
        elif give_back == "lapse":
            clock.forward(60)
            desk.lapse(held)
        else:
            desk.capture(held, 400)
    left = 600 if give_back == "part of a capture" else 1_000
    assert desk.redeem(Take(second, left)).redemption.captured_fen == left
    assert desk.no(redeeming(desk.issue(scheme)[0].code)) is Code.BUDGET_EXHAUSTED


def test_a_bill_that_comes_back_is_not_refused_for_the_budget_that_its_own_hold_takes(desk: Desk) -> None:
    scheme = desk.scheme(RateOff(10_000), budget_fen=3_000)
    code = desk.issue(scheme)[0].code
    desk.hold(code, a_bill("B1", a_line(3_000)))
    assert desk.redeem(code, a_bill("B1", a_line(2_900))).redemption.captured_fen == 2_900


@pytest.mark.parametrize("others", [499, 500, 1_200])
def test_a_budget_gets_back_a_hold_that_is_over_however_many_were_over_before_it(
    others: int, alone: Process, clock: Any
) -> None:
    desk, crowd = alone.desk, alone.desk.scheme(hold_seconds=60)
    bills = [holding(coupon.code, a_bill(coupon.code)) for coupon in desk.issue(crowd, others)]
    desk.must(RedeemEach(merchant_id=MERCHANT, items=tuple(bills)))
    clock.forward(1)
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=1_000, hold_seconds=60)
    first, second = (coupon.code for coupon in desk.issue(scheme, 2))
    desk.hold(first)
    clock.forward(60)
    assert desk.assess(second).assessments[0].ok
    assert desk.redeem(second).redemption.captured_fen == 1_000
    assert desk.read(lambda reader: reader.due_holds(clock.now, 10)) == []


# Looking.


def test_assessing_tells_what_redeeming_would_do(desk: Desk) -> None:
    codes = [desk.coupon(MoneyOff(2_000), shareable=True), desk.coupon(RateOff(5_000), shareable=True)]
    bill = a_bill("B1", a_line(2_000), a_line(1_000))
    seen = desk.assess(codes, bill)
    taken = desk.redeem_all(codes, bill)
    assert [one.lines for one in seen.assessments] == [one.redemption.lines for one in taken]
    refused = desk.refused(redeeming(codes, a_bill("B2")))
    assert desk.assess(codes, a_bill("B2")).assessments == refused.assessments


def test_assessing_and_redeeming_agree_about_a_budget_with_holds_that_are_over(desk: Desk, clock: Any) -> None:
    scheme = desk.scheme(MoneyOff(1_000), budget_fen=1_000, hold_seconds=60)
    first, second = (coupon.code for coupon in desk.issue(scheme, 2))
    desk.hold(first)
    clock.forward(60)
    seen = desk.assess(second).assessments[0]
    elsewhere = desk.scheme(MoneyOff(1_000), shops=Shops("listed", (str(OTHER_SHOP),)))
    refused = desk.refused(redeeming([second, desk.issue(elsewhere)[0].code]))
    assert Code.BUDGET_EXHAUSTED not in failures(refused.assessments[0])
    assert desk.redeem(second).redemption.captured_fen == 1_000
    assert seen.ok


def test_a_look_at_a_coupon_shows_its_scheme_holder_and_latest_use(desk: Desk) -> None:
    code = desk.coupon(Balance(5_000), member_id=MEMBER)
    assert desk.look_up(code).last_use is None
    taken = desk.redeem(Take(code, 100), a_bill("B1", cashier_id=CASHIER))
    seen = desk.look_up(code)
    assert (seen.coupon.captured_fen, seen.scheme.benefit) == (100, Balance(5_000))
    assert seen.member is not None and seen.member.id == MEMBER
    assert seen.last_use == taken.redemption and seen.last_cashier_name == "收银员01"


def test_a_look_shows_a_lapsed_hold_as_gone_before_anybody_wrote_it_down(desk: Desk, clock: Any) -> None:
    code = desk.coupon(hold_seconds=60)
    desk.hold(code)
    clock.forward(60)
    assert desk.look_up(code).coupon.held_fen == 0
    assert desk.assess(code).assessments[0].ok


def test_the_latest_use_is_the_one_captured_last(desk: Desk, clock: Any) -> None:
    code = desk.coupon(Balance(5_000))
    held = desk.hold(Take(code, 100), a_bill("B1")).redemption.id
    clock.forward(1)
    desk.redeem(Take(code, 200), a_bill("B2"))
    clock.forward(1)
    desk.capture(held)
    latest = desk.look_up(code).last_use
    assert latest is not None and latest.bill_number == "B1"
