"""One coupon on one bill: what it takes, every condition it asks for, and what is said when somebody else has it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.desk import (
    CASHIER,
    FOREIGN_SHOP,
    MEMBER,
    MERCHANT,
    NOBODY,
    OTHER_MEMBER,
    OTHER_MERCHANT,
    OTHER_SHOP,
    SHOP,
    Desk,
    a_bill,
    a_line,
    entries,
    failures,
    redeeming,
)
from hexiao.domain.bill import LINES_MAX, PRICE_MAX_FEN, QUANTITY_MAX, Scene
from hexiao.domain.errors import Code
from hexiao.domain.money import FEN_MAX
from hexiao.domain.party import Item
from hexiao.domain.redemption import Entry, Move, State
from hexiao.domain.scheme import Balance, DaysFromReceipt, Goods, GoodsOff, MoneyOff, RateOff, RateUses, Shops, Window
from hexiao.engine.commands import Put, Redeem, Take

# One coupon.


def test_a_redemption_takes_the_amount_writes_who_and_where_and_says_what_may_come_next(desk: Desk, clock: Any) -> None:
    code = desk.coupon(MoneyOff(1_000))
    bill = a_bill("B7", a_line(2_000), a_line(1_000), cashier_id=CASHIER, member_id=MEMBER, scene=Scene.ONLINE)
    seen = desk.redeem(code, bill)
    redemption = seen.redemption
    assert (redemption.state, redemption.captured_fen, redemption.lines) == (State.CAPTURED, 1_000, [667, 333])
    assert (redemption.bill_number, redemption.shop_id, redemption.cashier_id) == ("B7", SHOP, CASHIER)
    assert (redemption.member_id, redemption.scene) == (MEMBER, Scene.ONLINE)
    assert redemption.created_at == redemption.captured_at == redemption.settled_at == clock.now
    assert (seen.code, seen.coupon_left_fen, seen.coupon_left_uses) == (code, 0, 0)
    assert seen.allowed == [Move.REVERSE]
    assert entries(desk, code) == [(Entry.CAPTURE, 0, 1_000)]


def test_a_hold_reserves_and_says_until_when(desk: Desk, clock: Any) -> None:
    code = desk.coupon(MoneyOff(1_000), hold_seconds=600)
    seen = desk.hold(code)
    assert (seen.redemption.state, seen.redemption.held_fen) == (State.HELD, 1_000)
    assert seen.redemption.held_until_at == clock.now + 600_000
    assert seen.redemption.settled_at is None
    assert seen.allowed == [Move.CAPTURE, Move.RELEASE]
    assert desk.balance(code) == (1_000, 0, 1, 0)


@pytest.mark.parametrize(
    ("benefit", "taken"),
    [
        (MoneyOff(1_000), 1_000),
        (RateOff(1_500), 450),
        (RateOff(1_500, cap_fen=200), 200),
        (GoodsOff(up_to_quantity=1), 3_000),
        (Balance(5_000), 3_000),
        (RateUses(3_333, 2), 999),
    ],
    ids=str,
)
def test_each_kind_takes_what_its_benefit_says(benefit: Any, taken: int, desk: Desk) -> None:
    goods = Goods("listed", ("milk",)) if isinstance(benefit, GoodsOff) else Goods()
    assert desk.redeem(desk.coupon(benefit, goods=goods)).redemption.captured_fen == taken


def test_a_balance_is_used_in_parts_until_it_is_gone(desk: Desk) -> None:
    code = desk.coupon(Balance(5_000))
    assert [desk.redeem(code).coupon_left_fen for _ in range(2)] == [2_000, 0]
    assert desk.balance(code) == (0, 5_000, 0, 2)
    assert desk.no(redeeming(code, a_bill("B3"))) is Code.COUPON_USED_UP


def test_a_number_of_uses_is_used_one_by_one(desk: Desk) -> None:
    code = desk.coupon(RateUses(1_000, 2))
    assert [desk.redeem(code).coupon_left_uses for _ in range(2)] == [1, 0]
    assert desk.no(redeeming(code, a_bill("B3"))) is Code.COUPON_USED_UP


@pytest.mark.parametrize(
    ("amount", "code"), [(1_001, Code.AMOUNT_TOO_LARGE), (0, Code.MALFORMED_REQUEST), (-1, Code.MALFORMED_REQUEST)]
)
def test_more_than_possible_or_nothing_at_all_cannot_be_asked_for(amount: int, code: Code, desk: Desk) -> None:
    coupon = desk.coupon(MoneyOff(1_000))
    assert desk.no(redeeming(Take(coupon, amount))) is code
    assert desk.balance(coupon) == (0, 0, 0, 0)


def test_less_than_possible_may_be_asked_for_and_is_split_over_the_lines(desk: Desk) -> None:
    code = desk.coupon(Balance(5_000))
    seen = desk.redeem(Take(code, 500), a_bill("B1", a_line(2_000), a_line(1_000)))
    assert (seen.redemption.captured_fen, seen.redemption.lines) == (500, [333, 167])
    assert seen.coupon_left_fen == 4_500


def test_an_amount_beyond_what_is_free_says_what_is_possible(desk: Desk) -> None:
    code = desk.coupon(Balance(2_000))
    desk.hold(Take(code, 1_500))
    refused = desk.refused(redeeming(Take(code, 600)))
    assert refused.code is Code.AMOUNT_TOO_LARGE
    assert (refused.facts["needed_fen"], refused.facts["actual_fen"]) == (500, 600)


@pytest.mark.parametrize(
    ("terms", "bill", "code"),
    [
        ({"shops": Shops("listed", (str(OTHER_SHOP),))}, {}, Code.WRONG_SHOP),
        ({"shops": Shops("all_but", (str(SHOP),))}, {}, Code.WRONG_SHOP),
        ({"scene": "online"}, {}, Code.WRONG_SCENE),
        ({"goods": Goods("listed", ("tea",))}, {}, Code.NO_MATCHING_GOODS),
        ({"minimum_spend_fen": 3_001}, {}, Code.BELOW_MINIMUM_SPEND),
        ({"windows": (Window((1, 2, 3, 4, 5)),)}, {}, Code.OUTSIDE_HOURS),
        ({"holder": "member"}, {}, Code.MEMBER_NEEDED),
        ({"holder": "member"}, {"member_id": OTHER_MEMBER}, Code.WRONG_MEMBER),
    ],
    ids=lambda value: value.value if isinstance(value, Code) else "",
)
def test_every_condition_is_asked_and_a_refusal_leaves_the_coupon_alone(
    terms: dict[str, Any], bill: dict[str, Any], code: Code, desk: Desk
) -> None:
    coupon = desk.coupon(member_id=MEMBER, **terms)
    refused = desk.refused(redeeming(coupon, a_bill(**bill)))
    assert refused.code is code
    assert [failures(one) for one in refused.assessments] == [[code]]
    assert desk.balance(coupon) == (0, 0, 0, 0)


def test_a_refusal_carries_all_that_is_wrong_first_things_first(desk: Desk) -> None:
    scheme = desk.scheme(scene="online", minimum_spend_fen=9_000, shops=Shops("listed", ("12",)))
    code = desk.issue(scheme)[0].code
    desk.pause(scheme)
    refused = desk.refused(redeeming(code))
    assert failures(refused.assessments[0]) == [
        Code.SCHEME_PAUSED,
        Code.WRONG_SHOP,
        Code.WRONG_SCENE,
        Code.BELOW_MINIMUM_SPEND,
    ]
    assert refused.code is Code.SCHEME_PAUSED


def test_a_member_bound_coupon_works_for_its_member_and_a_bearer_coupon_for_anybody(desk: Desk) -> None:
    bound = desk.coupon(member_id=MEMBER, holder="member")
    assert desk.redeem(bound, a_bill("B1", member_id=MEMBER)).redemption.member_id == MEMBER
    bearer = desk.coupon(member_id=MEMBER)
    assert desk.redeem(bearer, a_bill("B2", member_id=OTHER_MEMBER)).redemption.member_id == OTHER_MEMBER


@pytest.mark.parametrize(("after_ms", "code"), [(-1, None), (0, Code.COUPON_EXPIRED)])
def test_a_coupon_works_until_the_last_millisecond_of_its_last_day(
    after_ms: int, code: Code | None, desk: Desk, clock: Any
) -> None:
    coupon = desk.issue(desk.scheme(validity=DaysFromReceipt(1)))[0]
    clock.now = coupon.valid_until_at + after_ms
    outcome = desk.do(redeeming(coupon.code))
    assert getattr(outcome, "code", None) is code


def test_goods_without_a_category_get_that_of_the_known_goods(desk: Desk) -> None:
    desk.must(
        Put(merchant_id=MERCHANT, record=Item(id=0, merchant_id=MERCHANT, sku="soap", name="皂", category="care"))
    )
    code = desk.coupon(MoneyOff(100), goods=Goods("categories", ("care",)))
    line = a_line(500, sku="soap", category="")
    assert desk.redeem(code, a_bill("B1", line, a_line())).redemption.lines == [100, 0]


@pytest.mark.parametrize(
    ("bill", "code"),
    [
        ({"shop_id": NOBODY}, Code.UNKNOWN_SHOP),
        ({"shop_id": FOREIGN_SHOP}, Code.UNKNOWN_SHOP),
        ({"cashier_id": NOBODY}, Code.UNKNOWN_CASHIER),
        ({"member_id": NOBODY}, Code.UNKNOWN_MEMBER),
    ],
)
def test_a_bill_names_only_what_the_merchant_has(bill: dict[str, Any], code: Code, desk: Desk) -> None:
    assert desk.no(redeeming(desk.coupon(), a_bill(**bill))) is code


def test_a_bill_of_any_size_cannot_bring_the_count_of_a_scheme_beyond_63_bits(desk: Desk) -> None:
    scheme = desk.scheme(RateOff(10_000))
    codes = [coupon.code for coupon in desk.issue(scheme, 12)]
    lines = [a_line(PRICE_MAX_FEN, QUANTITY_MAX, sku=f"s{number}") for number in range(LINES_MAX)]
    for code in codes[:-1]:
        assert desk.no(redeeming(code, a_bill(code, *lines))) is Code.MALFORMED_REQUEST
    largest = a_line(PRICE_MAX_FEN, FEN_MAX // PRICE_MAX_FEN)
    assert desk.no(redeeming(codes[-1], a_bill("B1", largest, a_line(1)))) is Code.MALFORMED_REQUEST
    assert desk.redeem(codes[-1], a_bill("B1", largest)).redemption.captured_fen == FEN_MAX
    assert desk.read(lambda reader: reader.scheme_count(scheme.id)).captured_fen == FEN_MAX


def test_another_merchants_coupon_does_not_exist(desk: Desk) -> None:
    command = Redeem(
        merchant_id=OTHER_MERCHANT, mode="redeem", coupons=(Take(desk.coupon()),), bill=a_bill(shop_id=FOREIGN_SHOP)
    )
    assert desk.no(command) is Code.UNKNOWN_COUPON


# A coupon that somebody else has.


def test_held_elsewhere_names_the_bill_and_when_it_may_be_free(desk: Desk, clock: Any) -> None:
    code = desk.coupon()
    desk.hold(code, a_bill("B1"))
    refused = desk.refused(redeeming(code, a_bill("B2")))
    assert refused.code is Code.HELD_ELSEWHERE
    assert refused.facts["bill_number"] == "B1"
    assert refused.facts["held_until_at"] == clock.now + 900_000


def test_the_same_number_in_another_shop_is_another_bill(desk: Desk) -> None:
    code = desk.coupon()
    desk.hold(code, a_bill("B1"))
    assert desk.no(redeeming(code, a_bill("B1", shop_id=OTHER_SHOP))) is Code.HELD_ELSEWHERE


def test_used_up_names_when_where_and_on_which_bill(desk: Desk, clock: Any) -> None:
    code = desk.coupon(MoneyOff(1_000))
    taken = desk.redeem(code, a_bill("B1")).redemption
    facts = desk.refused(redeeming(code, a_bill("B2"))).facts
    assert facts["captured_at"] == clock.now and facts["captured_fen"] == 1_000
    assert (facts["shop"], facts["bill_number"], facts["redemption_id"]) == ("一店", "B1", str(taken.id))


def test_a_hold_past_its_deadline_frees_the_coupon_and_its_lapse_is_written_first(desk: Desk, clock: Any) -> None:
    code = desk.coupon(MoneyOff(1_000), hold_seconds=60)
    desk.hold(code, a_bill("B1"))
    clock.forward(60)
    desk.redeem(code, a_bill("B2"))
    assert entries(desk, code) == [
        (Entry.HOLD, 1_000, 0),
        (Entry.LAPSE, -1_000, 0),
        (Entry.CAPTURE, 0, 1_000),
    ]


def test_what_is_not_held_of_a_balance_may_be_used_on_another_bill(desk: Desk) -> None:
    code = desk.coupon(Balance(5_000))
    desk.hold(Take(code, 4_000), a_bill("B1", a_line(9_000)))
    assert desk.redeem(code, a_bill("B2")).redemption.captured_fen == 1_000
    assert desk.no(redeeming(code, a_bill("B3"))) is Code.HELD_ELSEWHERE
