"""The hours at which a coupon works: days of the week, and clock times that may pass midnight."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.conftest import BERLIN, PROPERTY, SHANGHAI
from hexiao.domain.scheme import Window

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
