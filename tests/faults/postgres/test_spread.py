"""The races once more, with two servers that ask and save row by row, as on a Citus cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from faults.burst import Burst
from faults.postgres.shop import PostgresShop
from faults.postgres.test_races import demand_a_lost_race
from faults.server import serving
from faults.test_races import (
    Ports,
    test_32_retries_of_one_request_are_one_redemption_and_one_answer,
    test_a_balance_used_in_parts_by_32_tills_is_never_overspent,
    test_of_32_moves_on_one_redemption_exactly_one_has_an_effect,
    test_of_32_tills_that_want_one_coupon_exactly_one_gets_it,
)

__all__ = [
    "test_32_retries_of_one_request_are_one_redemption_and_one_answer",
    "test_a_balance_used_in_parts_by_32_tills_is_never_overspent",
    "test_of_32_moves_on_one_redemption_exactly_one_has_an_effect",
    "test_of_32_tills_that_want_one_coupon_exactly_one_gets_it",
]

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture
def coupons(rounds: int) -> int:
    """Fewer still: the same races run on the usual way too."""
    return max(1, rounds // 2)


@pytest.fixture(scope="module")
def ports(shop: PostgresShop) -> Iterator[Ports]:
    with serving(shop.database, shop.path.parent, 2, program="faults.postgres.spread") as ports:
        yield ports


def test_without_the_guards_of_single_rows_the_same_race_is_lost_within_ten_rounds(
    a_shop: Callable[[], PostgresShop], burst: Burst
) -> None:
    """The control: a test that cannot fail proves nothing. It also shows that such a server saves row by row."""
    demand_a_lost_race(a_shop(), burst, "faults.postgres.unguarded_rows")
