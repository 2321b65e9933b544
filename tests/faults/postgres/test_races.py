"""The races of the other module, once more: two servers on one PostgreSQL database, in smaller numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from faults.burst import Burst
from faults.postgres.shop import PostgresShop
from faults.server import serving
from faults.shop import SINGLE
from faults.test_races import (
    Ports,
    every_till,
    test_32_retries_of_one_request_are_one_redemption_and_one_answer,
    test_a_balance_used_in_parts_by_32_tills_is_never_overspent,
    test_of_32_moves_on_one_redemption_exactly_one_has_an_effect,
    test_of_32_tills_that_want_one_coupon_exactly_one_gets_it,
    winners,
)

__all__ = [
    "test_32_retries_of_one_request_are_one_redemption_and_one_answer",
    "test_a_balance_used_in_parts_by_32_tills_is_never_overspent",
    "test_of_32_moves_on_one_redemption_exactly_one_has_an_effect",
    "test_of_32_tills_that_want_one_coupon_exactly_one_gets_it",
]

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture(scope="module")
def ports(shop: PostgresShop) -> Iterator[Ports]:
    with serving(shop.database, shop.path.parent, 2) as ports:
        yield ports


def test_without_the_guards_the_same_race_is_lost_within_ten_rounds(
    a_shop: Callable[[], PostgresShop], burst: Burst
) -> None:
    """The control: a test that cannot fail proves nothing."""
    demand_a_lost_race(a_shop(), burst, "faults.postgres.unguarded")


def demand_a_lost_race(shop: PostgresShop, burst: Burst, program: str) -> None:
    """On two servers without guards somebody redeems a coupon that another has redeemed."""
    with serving(shop.database, shop.path.parent, 2, program=program) as ports:
        for code in shop.issue(SINGLE, 10):
            (answers,) = burst.run([every_till(ports, code, "unguarded")])
            if len(winners(answers)) > 1:
                break
    assert len(winners(answers)) > 1, "nobody redeemed twice: the race has no power"
    assert len(shop.redemptions(code)) == len(winners(answers))
    assert any(row.startswith("I4 ") for row in shop.broken()), "the invariants overlooked a double redemption"
