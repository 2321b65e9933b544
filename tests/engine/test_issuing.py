"""Schemes and their coupons: exact limits, versions that never change, and codes from here and elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from engine.desk import (
    FOREIGN_SHOP,
    MEMBER,
    MERCHANT,
    NOBODY,
    OTHER_MEMBER,
    OTHER_MERCHANT,
    Desk,
    a_bill,
    holding,
    issuing,
    redeeming,
    terms,
)
from engine.process import Process
from hexiao.domain.coupon import Channel, check_digit
from hexiao.domain.errors import Code
from hexiao.domain.scheme import Balance, CodeFormat, DaysFromNextDay, DaysFromReceipt, FixedDates, MoneyOff, RateOff
from hexiao.engine.commands import CreateScheme, Import, Imported, Issue, PauseScheme, ReviseScheme, Void

DAY = 86_400_000


def importing(scheme: Any, *coupons: Imported) -> Import:
    return Import(merchant_id=MERCHANT, scheme_id=scheme.id, coupons=coupons)


# Schemes.


def test_a_scheme_number_is_given_once_for_each_merchant(desk: Desk) -> None:
    scheme = desk.scheme(number="A")
    again = CreateScheme(merchant_id=MERCHANT, number="A", name="n", terms=scheme.terms, benefit=scheme.benefit)
    assert desk.no(again) is Code.NUMBER_TAKEN
    assert desk.must(replace(again, merchant_id=OTHER_MERCHANT)).scheme.number == "A"


def test_a_scheme_may_bring_an_id_that_nobody_has(desk: Desk) -> None:
    mine = CreateScheme(merchant_id=MERCHANT, number="A", name="n", terms=terms(), benefit=MoneyOff(1), id=777)
    assert desk.must(mine).scheme.id == 777
    theirs = replace(mine, merchant_id=OTHER_MERCHANT)
    assert desk.no(theirs) is Code.ID_TAKEN


def test_a_new_version_is_for_new_coupons_and_old_coupons_keep_their_terms(desk: Desk) -> None:
    scheme = desk.scheme(MoneyOff(1_000))
    old = desk.issue(scheme)[0]
    revised = desk.revise(scheme, MoneyOff(2_000), minimum_spend_fen=9_000, validity=DaysFromReceipt(1))
    assert (revised.version, revised.latest) == (2, 2)
    new = desk.issue(scheme)[0]
    assert (new.scheme_version, new.face_fen) == (2, 2_000)
    assert (old.scheme_version, desk.stored(old.code).face_fen) == (1, 1_000)
    assert desk.redeem(old.code).redemption.captured_fen == 1_000
    assert desk.no(redeeming(new.code)) is Code.BELOW_MINIMUM_SPEND
    assert desk.look_up(old.code).scheme.terms == scheme.terms
    first = desk.read(lambda reader: reader.scheme(MERCHANT, scheme.id, 1))
    assert first is not None and first.benefit == MoneyOff(1_000)


def test_what_a_revision_does_not_name_stays(desk: Desk) -> None:
    scheme = desk.scheme(MoneyOff(1_000), minimum_spend_fen=5)
    renamed = desk.must(ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, name="新名")).scheme
    assert (renamed.name, renamed.terms, renamed.benefit) == ("新名", scheme.terms, scheme.benefit)


@pytest.mark.parametrize(
    "changes",
    [
        {"benefit": RateOff(1_000)},
        {"terms": terms(total=5)},
        {"terms": terms(budget_fen=5)},
        {"terms": terms(hold_seconds=0)},
        {"benefit": MoneyOff(0)},
    ],
)
def test_a_revision_cannot_change_the_kind_nor_begin_to_count_nor_be_unsound(changes: Any, desk: Desk) -> None:
    scheme = desk.scheme(MoneyOff(1_000))
    assert desk.no(ReviseScheme(merchant_id=MERCHANT, scheme_id=scheme.id, **changes)) is Code.BAD_SCHEME
    assert desk.issue(scheme)[0].scheme_version == 1


def test_a_paused_scheme_issues_nothing_and_works_nowhere_whatever_the_version(desk: Desk) -> None:
    scheme = desk.scheme()
    old = desk.issue(scheme)[0].code
    desk.revise(scheme)
    desk.pause(scheme)
    assert desk.no(issuing(scheme)) is Code.SCHEME_PAUSED
    assert desk.no(importing(scheme, Imported("X"))) is Code.SCHEME_PAUSED
    assert desk.no(redeeming(old)) is Code.SCHEME_PAUSED
    desk.pause(scheme, paused=False)
    assert desk.redeem(old).redemption.captured_fen == 1_000


@pytest.mark.parametrize(
    "command",
    [
        Issue(merchant_id=MERCHANT, scheme_id=NOBODY),
        Import(merchant_id=MERCHANT, scheme_id=NOBODY, coupons=(Imported("X"),)),
        ReviseScheme(merchant_id=MERCHANT, scheme_id=NOBODY),
        PauseScheme(merchant_id=MERCHANT, scheme_id=NOBODY, paused=True),
    ],
    ids=lambda command: type(command).__name__,
)
def test_an_unknown_scheme_is_unknown_and_so_is_another_merchants(command: Any, desk: Desk) -> None:
    assert desk.no(command) is Code.UNKNOWN_SCHEME
    mine = replace(command, scheme_id=desk.scheme().id)
    assert desk.no(replace(mine, merchant_id=OTHER_MERCHANT)) is Code.UNKNOWN_SCHEME
    assert desk.must(mine)


# Issuing.


def test_issued_coupons_are_whole_and_know_their_scheme(desk: Desk, clock: Any) -> None:
    scheme = desk.scheme(Balance(5_000))
    coupons = desk.issue(scheme, 3, MEMBER)
    assert len({coupon.id for coupon in coupons} | {coupon.code for coupon in coupons}) == 6
    for coupon in coupons:
        assert (coupon.face_fen, coupon.uses_max, coupon.member_id) == (5_000, None, MEMBER)
        assert (coupon.issued_at, coupon.seq, coupon.record_id) == (clock.now, 1, coupon.id)
        assert desk.stored(coupon.code) == coupon


@pytest.mark.parametrize(
    ("validity", "first", "last"),
    [
        (FixedDates(date(2025, 11, 20), date(2025, 11, 30)), "2025-11-20", "2025-12-01"),
        (DaysFromReceipt(1), "2025-11-22", "2025-11-23"),
        (DaysFromReceipt(30), "2025-11-22", "2025-12-22"),
        (DaysFromNextDay(2), "2025-11-23", "2025-11-25"),
    ],
    ids=str,
)
def test_validity_begins_and_ends_at_midnight_of_the_merchant(validity: Any, first: str, last: str, desk: Desk) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    coupon = desk.issue(desk.scheme(validity=validity))[0]
    midnights = [datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Asia/Shanghai")) for day in (first, last)]
    assert [coupon.valid_from_at, coupon.valid_until_at] == [round(day.timestamp() * 1000) for day in midnights]


def test_a_random_code_has_nineteen_digits_and_a_check_digit(desk: Desk) -> None:
    codes = [coupon.code for coupon in desk.issue(desk.scheme(), 50)]
    assert {len(code) for code in codes} == {20}
    assert all(code.isascii() and code.isdigit() and check_digit(code[:19]) == code[19] for code in codes)
    assert len({code[:6] for code in codes}) > 40  # no date, no counter in front


def test_a_dated_code_begins_with_the_day_in_the_merchants_zone(desk: Desk, clock: Any) -> None:
    scheme = desk.scheme(code_format=CodeFormat.DATED)
    clock.forward(12 * 3600)  # midnight in Shanghai, still yesterday in UTC
    codes = [coupon.code for coupon in desk.issue(scheme, 20)]
    assert {code[:8] for code in codes} == {"20251123"}
    assert {len(code) for code in codes} == {20} and len({code[8:] for code in codes}) == 20


def test_the_stock_is_issued_to_the_last_coupon_and_not_one_more(desk: Desk) -> None:
    scheme = desk.scheme(total=5)
    desk.issue(scheme, 3)
    refused = desk.refused(issuing(scheme, 3))
    assert refused.code is Code.STOCK_EXHAUSTED
    assert (refused.facts["needed"], refused.facts["actual"]) == (5, 2)
    desk.bring(scheme, Imported("X1"), Imported("X2"))
    assert desk.no(issuing(scheme)) is Code.STOCK_EXHAUSTED
    desk.revise(scheme, total=6)
    assert len(desk.issue(scheme)) == 1


def test_of_a_stock_that_was_lowered_below_what_is_issued_nothing_is_left(desk: Desk) -> None:
    scheme = desk.scheme(total=5)
    desk.issue(scheme, 3)
    desk.revise(scheme, total=2)
    refused = desk.refused(issuing(scheme))
    assert (refused.code, refused.facts["needed"], refused.facts["actual"]) == (Code.STOCK_EXHAUSTED, 2, 0)


def test_a_voided_coupon_does_not_come_back_to_the_stock(desk: Desk) -> None:
    scheme = desk.scheme(total=1)
    desk.void(desk.issue(scheme)[0].code)
    assert desk.no(issuing(scheme)) is Code.STOCK_EXHAUSTED


def test_each_member_receives_as_many_as_the_scheme_says(desk: Desk) -> None:
    scheme = desk.scheme(per_member=2)
    desk.issue(scheme, 2, MEMBER)
    refused = desk.refused(issuing(scheme, 1, MEMBER))
    assert (refused.code, refused.facts["needed"], refused.facts["actual"]) == (Code.MEMBER_LIMIT_REACHED, 2, 2)
    assert desk.no(issuing(scheme, 3, OTHER_MEMBER)) is Code.MEMBER_LIMIT_REACHED
    desk.issue(scheme, 1, OTHER_MEMBER)
    twice = (Imported("X1", OTHER_MEMBER), Imported("X2", OTHER_MEMBER))
    assert desk.no(importing(scheme, *twice)) is Code.MEMBER_LIMIT_REACHED
    assert desk.bring(scheme, twice[0])
    nobody = desk.refused(issuing(scheme))
    assert (nobody.code, nobody.facts) == (Code.MEMBER_NEEDED, {"per_member": 2})


def test_a_limit_for_members_that_came_later_counts_what_was_received_before(desk: Desk) -> None:
    scheme = desk.scheme()
    desk.issue(scheme, 2, MEMBER)
    desk.revise(scheme, per_member=2)
    assert desk.no(issuing(scheme, 1, MEMBER)) is Code.MEMBER_LIMIT_REACHED


@pytest.mark.parametrize(
    ("member_id", "code"), [(None, Code.MEMBER_NEEDED), (NOBODY, Code.UNKNOWN_MEMBER), (MEMBER, None)]
)
def test_a_coupon_for_members_needs_one_that_is_known(member_id: int | None, code: Code | None, desk: Desk) -> None:
    scheme = desk.scheme(holder="member")
    assert getattr(desk.do(issuing(scheme, 1, member_id)), "code", None) is code
    assert getattr(desk.do(importing(scheme, Imported("X", member_id))), "code", None) is code


@pytest.mark.parametrize(("after_ms", "code"), [(-1, None), (0, Code.SCHEME_ENDED)])
def test_fixed_dates_that_have_ended_issue_nothing(after_ms: int, code: Code | None, desk: Desk, clock: Any) -> None:
    scheme = desk.scheme(validity=FixedDates(date(2025, 11, 1), date(2025, 11, 30)))
    clock.now = desk.issue(scheme)[0].valid_until_at + after_ms
    assert getattr(desk.do(issuing(scheme)), "code", None) is code
    assert getattr(desk.do(importing(scheme, Imported("X"))), "code", None) is code


def test_fixed_dates_that_have_not_begun_issue_coupons_that_wait(desk: Desk) -> None:
    scheme = desk.scheme(validity=FixedDates(date(2025, 12, 1), date(2025, 12, 31)))
    assert desk.no(redeeming(desk.issue(scheme)[0].code)) is Code.NOT_YET_VALID


# Importing.


@pytest.mark.parametrize("face_fen", [1, 1_000])
def test_an_imported_coupon_is_worth_a_fen_at_the_least_and_as_much_as_the_scheme_gives_at_the_most(
    face_fen: int, desk: Desk
) -> None:
    [coupon] = desk.bring(desk.scheme(MoneyOff(1_000)), Imported("X1", face_fen=face_fen))
    assert desk.redeem(coupon.code).redemption.captured_fen == face_fen


def test_an_imported_coupon_keeps_its_code_ids_holder_and_day_of_receipt(desk: Desk, clock: Any) -> None:
    scheme = desk.scheme(MoneyOff(1_000), validity=DaysFromReceipt(30))
    received_at = clock.now - 10 * DAY
    item = Imported("20191031966176899187", MEMBER, 55, 66, received_at, 400, Channel.GIFT)
    [coupon] = desk.bring(scheme, item)
    assert (coupon.id, coupon.record_id, coupon.code, coupon.member_id) == (55, 66, item.code, MEMBER)
    assert (coupon.face_fen, coupon.channel, coupon.issued_at) == (400, Channel.GIFT, received_at)
    assert coupon.valid_until_at == desk.issue(scheme)[0].valid_until_at - 10 * DAY
    assert desk.redeem(item.code).redemption.captured_fen == 400


def test_a_coupon_is_never_received_in_the_future(desk: Desk, clock: Any) -> None:
    [coupon] = desk.bring(desk.scheme(), Imported("X", received_at=clock.now + DAY))
    assert coupon.issued_at == clock.now


@pytest.mark.parametrize(
    ("items", "code", "named"),
    [
        ((Imported("X1"), Imported("TAKEN")), Code.CODE_TAKEN, "TAKEN"),
        ((Imported("X1"), Imported("X1")), Code.DUPLICATE_COUPON, "X1"),
        ((Imported("X1"), Imported("X2", id=55)), Code.ID_TAKEN, "55"),
        ((Imported("X1", id=56), Imported("X2", id=56)), Code.ID_TAKEN, "56"),
        ((Imported("X1"), Imported("")), Code.MALFORMED_REQUEST, None),
        ((Imported("X1"), Imported("X" * 65)), Code.MALFORMED_REQUEST, None),
        ((Imported("X1"), Imported("X2", face_fen=1_001)), Code.MALFORMED_REQUEST, None),
        ((Imported("X1"), Imported("X2", face_fen=0)), Code.MALFORMED_REQUEST, None),
        ((Imported("X1"), Imported("X2", NOBODY)), Code.UNKNOWN_MEMBER, None),
    ],
)
def test_imports_come_in_all_or_none_and_the_first_bad_one_is_named(
    items: tuple[Imported, ...], code: Code, named: str | None, desk: Desk
) -> None:
    scheme = desk.scheme(MoneyOff(1_000), total=3)
    desk.bring(scheme, Imported("TAKEN", id=55))
    refused = desk.refused(importing(scheme, *items))
    assert refused.code is code
    assert named is None or named in (refused.facts.get("code"), refused.facts.get("id"))
    assert desk.read(lambda reader: reader.scheme_count(scheme.id)).issued == 1
    assert len(desk.bring(scheme, Imported("X1"), Imported("X2"))) == 2


def test_a_code_belongs_to_one_merchant_only(desk: Desk) -> None:
    desk.bring(desk.scheme(), Imported("SAME"))
    theirs = CreateScheme(merchant_id=OTHER_MERCHANT, number="A", name="n", terms=terms(), benefit=MoneyOff(5))
    scheme = desk.must(theirs).scheme
    desk.must(Import(merchant_id=OTHER_MERCHANT, scheme_id=scheme.id, coupons=(Imported("SAME"),)))
    assert desk.look_up("SAME").coupon.merchant_id == MERCHANT
    bill = a_bill(shop_id=FOREIGN_SHOP)
    taken = desk.must(replace(redeeming("SAME", bill), merchant_id=OTHER_MERCHANT)).redemptions[0]
    assert taken.redemption.captured_fen == 5


# Voiding.


def test_a_voided_coupon_works_no_more_and_is_voided_once(desk: Desk, clock: Any) -> None:
    code = desk.coupon(Balance(5_000))
    desk.redeem(code)
    desk.void(code)
    assert desk.stored(code).voided_at == clock.now
    assert desk.no(redeeming(code)) is Code.COUPON_VOIDED
    assert desk.no(Void(merchant_id=MERCHANT, code=code)) is Code.COUPON_VOIDED


def test_a_held_coupon_is_not_voided_until_the_hold_is_gone(desk: Desk, clock: Any) -> None:
    code = desk.coupon(hold_seconds=60)
    desk.must(holding(code))
    assert desk.no(Void(merchant_id=MERCHANT, code=code)) is Code.COUPON_IN_USE
    clock.forward(60)
    desk.void(code)
    assert desk.no(Void(merchant_id=MERCHANT, code="nobody's")) is Code.UNKNOWN_COUPON


def test_two_processes_making_the_same_number_make_one_scheme(process: Callable[[], Process]) -> None:
    one, other = process(), process()
    command = CreateScheme(merchant_id=MERCHANT, number="A", name="n", terms=terms(), benefit=MoneyOff(1))
    one.desk.must(command)
    assert other.desk.no(command) is Code.NUMBER_TAKEN
