"""When a coupon is valid: from its first millisecond to its last, in the zone of its merchant."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conftest import BERLIN, DAY, HOUR, PROPERTY, SHANGHAI, at, utc
from hexiao.domain.scheme import DaysFromNextDay, DaysFromReceipt, FixedDates, Validity, validity_window


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
