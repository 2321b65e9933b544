"""The odd clocks of the other module, once more, with servers that meet on PostgreSQL.

That a server does not start whose clock and PostgreSQL's are too far apart is shown where starting is tested.
"""

from __future__ import annotations

import pytest

from faults.test_clocks import (
    meet,
    pair,
    right,
    test_a_hold_that_lapsed_does_not_come_back_when_the_clock_goes_back,
    test_a_retry_after_the_clock_went_back_gets_the_answer_of_before,
    test_a_server_an_hour_ahead_lets_a_hold_lapse_early_and_the_coupon_is_used_once,
    test_a_server_an_hour_behind_keeps_a_hold_longer_but_gives_it_to_nobody_twice,
    test_days_of_odd_clocks_leave_rising_ids_and_journals_that_never_go_back,
    test_without_the_rule_that_time_only_goes_on_the_same_day_is_found_out,
)
from hexiao.config import Settings
from postgres_server import Databases

__all__ = [
    "meet",
    "pair",
    "right",
    "test_a_hold_that_lapsed_does_not_come_back_when_the_clock_goes_back",
    "test_a_retry_after_the_clock_went_back_gets_the_answer_of_before",
    "test_a_server_an_hour_ahead_lets_a_hold_lapse_early_and_the_coupon_is_used_once",
    "test_a_server_an_hour_behind_keeps_a_hold_longer_but_gives_it_to_nobody_twice",
    "test_days_of_odd_clocks_leave_rising_ids_and_journals_that_never_go_back",
    "test_without_the_rule_that_time_only_goes_on_the_same_day_is_found_out",
]


@pytest.fixture
def place(databases: Databases) -> Settings:
    return Settings(database=databases.emptied(), master_key="11" * 32)
