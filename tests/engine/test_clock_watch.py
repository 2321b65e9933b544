"""A clock that jumps ahead is doubted for a day; one that goes with the time, or goes back, never is."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from hexiao.engine.clock_watch import ClockWatch

HOUR, DAY, SWEEP = 3_600_000, 24 * 3_600_000, 5_000


class Hand:
    """A clock that somebody may set, and one that nobody can."""

    def __init__(self) -> None:
        self.time_of_day, self.passed = 1_800_000_000_000, 77
        self.watch = ClockWatch(lambda: self.time_of_day, lambda: self.passed)

    def wait(self, ms: int) -> None:
        self.time_of_day += ms
        self.passed += ms

    def put_on(self, ms: int) -> None:
        self.time_of_day += ms


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_a_clock_that_goes_with_the_time_is_believed(hand: Hand) -> None:
    for _ in range(100):
        hand.wait(31 * DAY)
        assert not hand.watch.doubted()


def test_a_jump_ahead_is_doubted_for_a_day(hand: Hand) -> None:
    hand.put_on(31 * DAY)
    assert hand.watch.doubted()
    hand.wait(DAY - 1)
    assert hand.watch.doubted()
    hand.wait(1)
    assert not hand.watch.doubted()


def test_a_jump_is_told_once_with_its_length(hand: Hand) -> None:
    with capture_logs() as lines:
        hand.put_on(3 * HOUR)
        for _ in range(3):
            hand.watch.doubted()
            hand.wait(SWEEP)
    assert [(line["event"], line["ahead_seconds"]) for line in lines] == [("clock_jumped", 3 * 3_600)]


def test_a_second_jump_is_doubted_for_a_day_of_its_own(hand: Hand) -> None:
    hand.put_on(2 * HOUR)
    assert hand.watch.doubted()
    hand.wait(DAY - 1)
    hand.put_on(2 * HOUR)
    assert hand.watch.doubted()
    hand.wait(DAY - 1)
    assert hand.watch.doubted()


def test_who_is_put_right_little_by_little_is_believed(hand: Hand) -> None:
    for _ in range(1_000):
        hand.wait(SWEEP)
        hand.put_on(500)
        assert not hand.watch.doubted()


def test_an_hour_more_or_less_is_believed(hand: Hand) -> None:
    hand.put_on(HOUR)
    assert not hand.watch.doubted()
    hand.put_on(-5 * HOUR)
    assert not hand.watch.doubted()


def test_a_clock_that_goes_back_does_no_harm_and_is_doubted_when_it_returns(hand: Hand) -> None:
    hand.put_on(-31 * DAY)
    assert not hand.watch.doubted()
    hand.put_on(31 * DAY)
    assert hand.watch.doubted()
