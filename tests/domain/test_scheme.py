"""Schemes: when, where and on what a coupon works, and which settings are refused from the start."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.conftest import BERLIN, DAY, HOUR, PROPERTY, SHANGHAI, a_scheme, at, terms, utc
from hexiao.domain.scheme import (
    KIND_OF,
    Balance,
    Benefit,
    DaysFromNextDay,
    DaysFromReceipt,
    FixedDates,
    Goods,
    GoodsOff,
    Kind,
    MoneyOff,
    RateOff,
    RateUses,
    Shops,
    Terms,
    Validity,
    Window,
    face_of,
    validity_window,
)

ONE_OF_EACH: dict[Kind, Benefit] = {
    Kind.MONEY_OFF: MoneyOff(1_000),
    Kind.RATE_OFF: RateOff(1_500),
    Kind.GOODS_OFF: GoodsOff(up_to_fen=800),
    Kind.BALANCE: Balance(5_000),
    Kind.RATE_USES: RateUses(2_000, 3),
}
LISTED = Goods("listed", ("milk",))


# The five kinds.


def test_the_table_of_kinds_is_total_and_none_is_there_twice() -> None:
    assert set(KIND_OF) == set(get_args(Benefit))
    assert sorted(KIND_OF.values()) == sorted(Kind) == [1, 2, 3, 4, 5]
    assert {kind: KIND_OF[type(benefit)] for kind, benefit in ONE_OF_EACH.items()} == {kind: kind for kind in Kind}


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_a_scheme_is_of_the_kind_of_its_benefit(kind: Kind) -> None:
    assert a_scheme(ONE_OF_EACH[kind]).kind is kind


@pytest.mark.parametrize(
    ("benefit", "face_fen", "uses_max"),
    [
        (MoneyOff(1_000), 1_000, 1),
        (RateOff(1_500), None, 1),
        (RateOff(1_500, cap_fen=300), None, 1),
        (GoodsOff(up_to_fen=800), 800, 1),
        (GoodsOff(up_to_quantity=2), None, 1),
        (GoodsOff(up_to_fen=800, up_to_quantity=2), 800, 1),
        (Balance(5_000), 5_000, None),
        (RateUses(2_000, 3), None, 3),
    ],
    ids=repr,
)
def test_a_new_coupon_has_the_face_and_the_uses_of_its_benefit(
    benefit: Benefit, face_fen: int | None, uses_max: int | None
) -> None:
    assert face_of(benefit) == (face_fen, uses_max)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_a_benefit_is_read_back_as_it_was_written(kind: Kind) -> None:
    written = msgspec.json.encode(ONE_OF_EACH[kind])
    assert json.loads(written)["kind"] == kind.name.lower()
    assert msgspec.json.decode(written, type=Benefit) == ONE_OF_EACH[kind]


@pytest.mark.parametrize(
    "written",
    [
        {"kind": "money_off"},
        {"kind": "money_off", "amount_fen": "1000"},
        {"kind": "money_off", "amount_fen": 10.5},
        {"kind": "money_off", "amount_fen": True},
        {"kind": "money_off", "amount_fen": 1_000, "cap_fen": 5},
        {"kind": "gift", "amount_fen": 1_000},
        {"amount_fen": 1_000},
        {"kind": "rate_uses", "off_bp": 1_000},
    ],
    ids=str,
)
def test_a_benefit_of_another_shape_is_not_read(written: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(written, Benefit)


@pytest.mark.parametrize(
    ("changes", "limited"),
    [({}, False), ({"per_member": 3}, False), ({"total": 1}, True), ({"budget_fen": 1}, True)],
    ids=str,
)
def test_only_a_total_or_a_budget_makes_the_count_of_a_scheme_decide(changes: dict[str, int], limited: bool) -> None:
    assert terms(**changes).limited is limited


def test_terms_limit_nothing_that_they_do_not_name_and_hold_for_a_quarter_of_an_hour() -> None:
    plain = Terms(validity=DaysFromReceipt(1))
    assert (plain.minimum_spend_fen, plain.total, plain.per_member, plain.budget_fen) == (0, 0, 0, 0)
    assert (plain.goods.mode, plain.shops.mode, plain.scene, plain.holder) == ("all", "all", "both", "bearer")
    assert (plain.hold_seconds, plain.reverse_within_seconds, plain.windows, plain.shareable) == (900, None, (), False)


@pytest.mark.parametrize(
    "validity",
    [FixedDates(date(2026, 1, 1), date(2026, 12, 31)), DaysFromReceipt(30), DaysFromNextDay(1)],
    ids=lambda validity: type(validity).__name__,
)
def test_terms_are_read_back_as_they_were_written(validity: Validity) -> None:
    written = terms(validity=validity, windows=(Window((6, 7), "22:00", "02:00"),), goods=LISTED)
    assert msgspec.json.decode(msgspec.json.encode(written), type=Terms) == written


def test_an_unknown_term_is_not_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"validity": {"type": "from_receipt", "days": 1}, "minimum_spent_fen": 1}, Terms)


# Hours.

WEDNESDAY, SATURDAY, SUNDAY, MONDAY = "2026-11-18", "2026-11-21", "2026-11-22", "2026-11-23"
NIGHT = Window((6,), "22:00", "02:00")


@pytest.mark.parametrize(
    ("window", "local", "holds"),
    [
        pytest.param(Window(), f"{WEDNESDAY} 00:00", True, id="always: from midnight"),
        pytest.param(Window(), f"{WEDNESDAY} 23:59:59.999", True, id="always: to the last millisecond"),
        pytest.param(Window(since="09:00", until="17:00"), f"{WEDNESDAY} 08:59:59.999", False, id="before it opens"),
        pytest.param(Window(since="09:00", until="17:00"), f"{WEDNESDAY} 09:00", True, id="as it opens"),
        pytest.param(Window(since="09:00", until="17:00"), f"{WEDNESDAY} 16:59:59.999", True, id="just before its end"),
        pytest.param(Window(since="09:00", until="17:00"), f"{WEDNESDAY} 17:00", False, id="its end is exclusive"),
        pytest.param(Window(since="20:00"), f"{WEDNESDAY} 23:59:59", True, id="24:00 is the end of the day"),
        pytest.param(Window(since="20:00"), f"{WEDNESDAY} 00:00", False, id="24:00 is not the start of the day"),
        pytest.param(Window((1, 2)), f"{WEDNESDAY} 12:00", False, id="another weekday"),
        pytest.param(Window((3,)), f"{WEDNESDAY} 12:00", True, id="this weekday"),
        pytest.param(Window((7,)), f"{SUNDAY} 12:00", True, id="7 is Sunday"),
        pytest.param(Window((1,)), f"{MONDAY} 00:00", True, id="1 is Monday"),
        pytest.param(NIGHT, f"{SATURDAY} 21:59", False, id="night: before it"),
        pytest.param(NIGHT, f"{SATURDAY} 22:00", True, id="night: as it begins"),
        pytest.param(NIGHT, f"{SATURDAY} 23:59:59", True, id="night: before midnight"),
        pytest.param(NIGHT, f"{SUNDAY} 00:00", True, id="night: goes on after midnight"),
        pytest.param(NIGHT, f"{SUNDAY} 01:59:59", True, id="night: just before its end"),
        pytest.param(NIGHT, f"{SUNDAY} 02:00", False, id="night: its end is exclusive"),
        pytest.param(NIGHT, f"{SUNDAY} 22:00", False, id="night: not the next evening"),
        pytest.param(NIGHT, f"{SATURDAY} 01:00", False, id="night: not the morning before"),
        pytest.param(Window((7,), "22:00", "02:00"), f"{MONDAY} 01:00", True, id="night: Sunday's runs into Monday"),
        pytest.param(Window((1,), "22:00", "02:00"), f"{MONDAY} 01:00", False, id="night: Monday's starts on Monday"),
        pytest.param(Window((3,), "22:00", "00:00"), f"{WEDNESDAY} 23:30", True, id="until 00:00 is until midnight"),
        pytest.param(Window((2,), "22:00", "00:00"), f"{WEDNESDAY} 00:00", False, id="until 00:00 ends at midnight"),
    ],
)
def test_a_window_is_open(window: Window, local: str, holds: bool) -> None:
    assert window.holds(datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)) is holds


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@PROPERTY
@given(
    st.sets(st.integers(1, 7), min_size=1),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.integers(0, 7 * 1440 - 1),
)
def test_a_window_is_open_exactly_for_its_length_from_each_of_its_days(
    weekdays: set[int], since: int, until: int, minute: int
) -> None:
    assume(since != until)
    length = (until - since) % 1440 or 1440
    window = Window(tuple(sorted(weekdays)), clock(since), clock(until))
    local = datetime(2026, 11, 16, tzinfo=SHANGHAI) + timedelta(minutes=minute)  # a Monday
    opened = [(day - 1) * 1440 + since for day in weekdays]
    assert window.holds(local) is any((minute - start) % (7 * 1440) < length for start in opened)


def test_a_window_follows_the_clock_on_the_wall_through_summer_time() -> None:
    breakfast = Window(since="08:00", until="10:00")
    for day in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)):
        eight = datetime(day.year, day.month, day.day, 8, tzinfo=BERLIN)
        assert breakfast.holds(eight)
        assert not breakfast.holds(eight.replace(hour=7, minute=59))
    doubled_hour = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC).astimezone(BERLIN) for hour in (0, 1)]
    assert [f"{local:%H:%M}" for local in doubled_hour] == ["02:30", "02:30"]
    assert all(Window(since="02:00", until="03:00").holds(local) for local in doubled_hour)


def test_a_window_names_its_days_and_hours() -> None:
    assert NIGHT.sentence() == ("周六 22:00–02:00", "Sat 22:00–02:00")
    assert Window().sentence() == ("每天 00:00–24:00", "daily 00:00–24:00")
    assert Window((1,) * 7).sentence() == ("周一 00:00–24:00", "Mon 00:00–24:00")


@pytest.mark.parametrize("text", ["00:00", "09:30", "19:05", "23:59", "24:00"])
def test_a_clock_time_is_read(text: str) -> None:
    assert msgspec.convert({"until": text}, Window).until == text


@pytest.mark.parametrize("text", ["", "9:00", "09:60", "24:01", "25:00", "09:00:00", "0900", " 09:00", "-1:00", "noon"])
def test_what_is_not_a_clock_time_is_not_read(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"until": text}, Window)


@pytest.mark.parametrize("text", ["09:00\n", "24:00\n", "0９:00", "1٣:00", "23:5९"], ids=ascii)
def test_a_clock_time_is_five_ascii_characters(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"until": text}, Window)


# Goods and shops.


@pytest.mark.parametrize(
    ("goods", "sku", "category", "covered"),
    [
        (Goods(), "milk", "dairy", True),
        (Goods(), "", "", True),
        (Goods("categories", ("dairy", "fruit")), "milk", "dairy", True),
        (Goods("categories", ("dairy",)), "dairy", "bakery", False),
        (Goods("categories", ("dairy",)), "milk", "", False),
        (Goods("listed", ("milk", "tea")), "tea", "", True),
        (Goods("listed", ("milk",)), "milkshake", "milk", False),
        (Goods("listed", ("milk",)), "MILK", "", False),
        (Goods("all_but", ("wine",)), "milk", "wine", True),
        (Goods("all_but", ("wine",)), "wine", "", False),
    ],
    ids=repr,
)
def test_goods_are_covered_by_category_or_by_sku(goods: Goods, sku: str, category: str, covered: bool) -> None:
    assert goods.covers(sku, category) is covered


@PROPERTY
@given(st.lists(st.text(max_size=3), max_size=4), st.text(max_size=3), st.text(max_size=3))
def test_all_but_covers_exactly_what_listed_does_not(values: list[str], sku: str, category: str) -> None:
    listed, all_but = Goods("listed", tuple(values)), Goods("all_but", tuple(values))
    assert listed.covers(sku, category) is not all_but.covers(sku, category)


@pytest.mark.parametrize(
    ("shops", "shop_id", "allowed"),
    [
        (Shops(), 1, True),
        (Shops("listed", ("1", "3")), 3, True),
        (Shops("listed", ("1", "3")), 13, False),
        (Shops("all_but", ("1",)), 1, False),
        (Shops("all_but", ("1",)), 11, True),
        (Shops("listed", ("1333333333333333333",)), 1333333333333333333, True),
        (Shops("listed", ("1333333333333333333",)), 1333333333333333334, False),
    ],
    ids=repr,
)
def test_a_shop_is_allowed_by_its_whole_id(shops: Shops, shop_id: int, allowed: bool) -> None:
    assert shops.allows(shop_id) is allowed


# Validity.


@pytest.mark.parametrize(
    ("validity", "received", "first", "last"),
    [
        pytest.param(DaysFromNextDay(20), 1572481817, 1572537600, 1574265599, id="the vendor's printed sample"),
        pytest.param(DaysFromReceipt(30), 1589047560, 1589040000, 1591631999, id="30 days from the day of receipt"),
        pytest.param(DaysFromNextDay(1), 1572481817, 1572537600, 1572623999, id="the whole next day"),
        pytest.param(DaysFromReceipt(3), 1577807999, 1577721600, 1577980799, id="received just before the new year"),
    ],
)
def test_the_vendors_windows_come_out_to_the_second(validity: Validity, received: int, first: int, last: int) -> None:
    """Unix seconds; the vendor names the last second, we the instant after it."""
    assert validity_window(validity, received * 1000, SHANGHAI) == (first * 1000, (last + 1) * 1000)


DAY_29_FEB = FixedDates(date(2028, 2, 29), date(2028, 2, 29))


@pytest.mark.parametrize(
    ("validity", "received", "zone", "since", "until"),
    [
        pytest.param(
            FixedDates(date(2026, 11, 1), date(2026, 11, 30)), "2025-01-01 00:00", SHANGHAI,
            "2026-10-31 16:00", "2026-11-30 16:00", id="fixed dates, whenever it was received",
        ),
        pytest.param(
            FixedDates(date(2026, 12, 31), date(2027, 1, 1)), "2026-12-31 12:00", SHANGHAI,
            "2026-12-30 16:00", "2027-01-01 16:00", id="fixed dates across the year's end",
        ),
        pytest.param(
            DAY_29_FEB, "2028-02-01 00:00", SHANGHAI, "2028-02-28 16:00", "2028-02-29 16:00", id="the leap day alone"
        ),
        pytest.param(
            DaysFromReceipt(1), "2028-02-28 23:59:59.999", SHANGHAI,
            "2028-02-27 16:00", "2028-02-28 16:00", id="a day received just before the leap day",
        ),
        pytest.param(
            DaysFromNextDay(1), "2028-02-28 23:59:59.999", SHANGHAI,
            "2028-02-28 16:00", "2028-02-29 16:00", id="the next day is the leap day",
        ),
        pytest.param(
            DaysFromNextDay(1), "2027-02-28 12:00", SHANGHAI,
            "2027-02-28 16:00", "2027-03-01 16:00", id="the next day in a common year",
        ),
        pytest.param(
            DaysFromReceipt(366), "2028-01-01 00:00", SHANGHAI,
            "2027-12-31 16:00", "2028-12-31 16:00", id="366 days are the whole leap year",
        ),
        pytest.param(
            DaysFromNextDay(1), "2026-12-31 23:59:59.999", SHANGHAI,
            "2026-12-31 16:00", "2027-01-01 16:00", id="the next day is the new year",
        ),
        pytest.param(
            DaysFromReceipt(1), "2027-01-01 00:00", SHANGHAI,
            "2026-12-31 16:00", "2027-01-01 16:00", id="received as the year began",
        ),
        pytest.param(
            FixedDates(date(2026, 3, 29), date(2026, 3, 29)), "2026-01-01 00:00", BERLIN,
            "2026-03-28 23:00", "2026-03-29 22:00", id="Berlin: the day of 23 hours",
        ),
        pytest.param(
            FixedDates(date(2026, 10, 25), date(2026, 10, 25)), "2026-01-01 00:00", BERLIN,
            "2026-10-24 22:00", "2026-10-25 23:00", id="Berlin: the day of 25 hours",
        ),
        pytest.param(
            DaysFromReceipt(2), "2026-03-28 23:30", BERLIN,
            "2026-03-27 23:00", "2026-03-29 22:00", id="Berlin: two days over the spring change",
        ),
        pytest.param(
            DaysFromNextDay(2), "2026-10-24 00:30", BERLIN,
            "2026-10-24 22:00", "2026-10-26 23:00", id="Berlin: two days over the autumn change",
        ),
        pytest.param(
            DaysFromReceipt(1), "2026-10-25 02:30", BERLIN,
            "2026-10-24 22:00", "2026-10-25 23:00", id="Berlin: received in the doubled hour",
        ),
    ],
)  # fmt: skip
def test_a_coupon_is_valid(validity: Validity, received: str, zone: ZoneInfo, since: str, until: str) -> None:
    assert validity_window(validity, at(received, zone), zone) == (utc(since), utc(until))


def test_the_same_instant_is_another_day_elsewhere() -> None:
    received_at = utc("2026-11-18 16:30")  # past midnight in Shanghai, still the evening before in Berlin
    assert validity_window(DaysFromReceipt(1), received_at, SHANGHAI)[0] == utc("2026-11-18 16:00")
    assert validity_window(DaysFromReceipt(1), received_at, BERLIN)[0] == utc("2026-11-17 23:00")


zones = st.sampled_from(
    [SHANGHAI, BERLIN, *map(ZoneInfo, ("UTC", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Asia/Kathmandu"))]
)
instants = st.integers(utc("2000-01-01 00:00"), utc("2037-01-01 00:00"))


def local_day(instant: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(instant / 1000, zone).date()


@PROPERTY
@given(instants, st.integers(1, 800), zones)
def test_n_days_are_n_days_of_the_calendar_to_the_millisecond(received_at: int, days: int, zone: ZoneInfo) -> None:
    received = local_day(received_at, zone)
    for validity, first in ((DaysFromReceipt(days), received), (DaysFromNextDay(days), received + timedelta(days=1))):
        since, until = validity_window(validity, received_at, zone)
        last = first + timedelta(days=days - 1)
        assert local_day(since, zone) == first and local_day(since - 1, zone) == first - timedelta(days=1)
        assert local_day(until - 1, zone) == last and local_day(until, zone) == last + timedelta(days=1)
        assert abs(until - since - days * DAY) <= HOUR
    assert validity_window(DaysFromReceipt(days), received_at, zone)[0] <= received_at
    assert validity_window(DaysFromNextDay(days), received_at, zone)[0] > received_at


@PROPERTY
@given(instants, st.integers(1, 800), zones)
def test_all_three_types_agree_about_the_same_days(received_at: int, days: int, zone: ZoneInfo) -> None:
    first = local_day(received_at, zone)
    fixed = FixedDates(first, first + timedelta(days=days - 1))
    assert validity_window(fixed, 0, zone) == validity_window(DaysFromReceipt(days), received_at, zone)
    assert validity_window(DaysFromNextDay(days), received_at - DAY, SHANGHAI) == validity_window(
        DaysFromReceipt(days), received_at, SHANGHAI
    )
