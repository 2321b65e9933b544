"""Times as typed: what a day and a second mean, and where the clock is changed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from hexiao.cli.redemptionfilter import filter_of


def bounds(created_from: str, created_to: str, zone: str) -> tuple[int, int]:
    found = filter_of(
        1, ZoneInfo(zone), 0,
        shop=None, bill=None, code=None, member=None, card=None, scheme=None, kind=None, state=None,
        created_from=created_from, created_to=created_to, changed_from=None, changed_to=None,
    )  # fmt: skip
    assert found.created_from_at is not None
    assert found.created_until_at is not None
    return found.created_from_at, found.created_until_at


def utc(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}Z").timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends"),
    [
        ("Asia/Shanghai", "2024-11-18", "2024-11-17T16:00:00", "2024-11-18T16:00:00"),
        ("Europe/Berlin", "2024-10-27", "2024-10-26T22:00:00", "2024-10-27T23:00:00"),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00", "2024-04-26T21:00:00"),
        ("Africa/Cairo", "2024-10-31", "2024-10-30T21:00:00", "2024-10-31T22:00:00"),
        ("America/Havana", "2024-11-03", "2024-11-03T04:00:00", "2024-11-04T05:00:00"),
    ],
    ids=["24 hours", "25 hours", "a midnight left out", "a last hour twice", "a first hour twice"],
)
def test_a_day_is_its_hours_however_many_they_are(zone: str, day: str, begins: str, ends: str) -> None:
    assert bounds(day, day, zone) == (utc(begins), utc(ends))


@pytest.mark.parametrize(
    ("start", "end", "begins", "ends"),
    [
        ("2024-10-27 02:00:00", "2024-10-27 02:59:59", "2024-10-27T00:00:00", "2024-10-27T02:00:00"),
        ("2024-03-31 02:30:00", "2024-03-31 02:30:00", "2024-03-31T00:30:00", "2024-03-31T01:30:01"),
        ("2024-10-27T02:00:00+01:00", "2024-10-27T02:59:59+01:00", "2024-10-27T01:00:00", "2024-10-27T02:00:00"),
    ],
    ids=["in an hour that comes twice", "in an hour that never comes", "with its offset"],
)
def test_a_time_leaves_nothing_out_that_it_may_mean(start: str, end: str, begins: str, ends: str) -> None:
    assert bounds(start, end, "Europe/Berlin") == (utc(begins), utc(ends))
