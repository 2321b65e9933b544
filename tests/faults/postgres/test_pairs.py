"""The moves of the other module that do not get on with each other, once more: two servers on one PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from faults.burst import Burst
from faults.postgres.shop import PostgresShop
from faults.server import serving
from faults.test_pairs import (
    lost_races,
    test_32_retries_of_one_capture_are_one_capture_and_one_answer,
    test_a_hold_that_ends_while_everybody_wants_it_is_captured_or_lapses_once,
    test_a_hold_that_is_captured_and_reversed_at_once_ends_as_the_answers_say,
    test_of_32_tills_that_issue_of_a_scheme_as_many_succeed_as_it_has,
)
from faults.test_races import Ports

__all__ = [
    "test_32_retries_of_one_capture_are_one_capture_and_one_answer",
    "test_a_hold_that_ends_while_everybody_wants_it_is_captured_or_lapses_once",
    "test_a_hold_that_is_captured_and_reversed_at_once_ends_as_the_answers_say",
    "test_of_32_tills_that_issue_of_a_scheme_as_many_succeed_as_it_has",
]

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture(scope="module")
def ports(shop: PostgresShop) -> Iterator[Ports]:
    with serving(shop.database, shop.path.parent, 2) as ports:
        yield ports


def test_without_the_guards_these_races_are_lost_within_ten_rounds(
    a_shop: Callable[[], PostgresShop], burst: Burst
) -> None:
    """The control: a test that cannot fail proves nothing."""
    shop = a_shop()
    with serving(shop.database, shop.path.parent, 2, program="faults.postgres.unguarded") as ports:
        assert lost_races(shop, burst, ports) == {"moves", "total"}, "nobody got too much: the races have no power"
    assert shop.broken() != [], "the invariants overlooked it"
