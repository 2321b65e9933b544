"""The histories of the other module, once more on PostgreSQL; and with a line to the database that breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.histories.recorder import record
from faults.histories.test_histories import (
    COUPONS_IN_TROUBLE,
    judge,
    test_every_history_is_in_order_and_a_lie_in_it_is_found,
    test_without_the_guards_both_checkers_find_it_out,
)
from faults.histories.trouble import troubled
from faults.postgres.proxy import Proxy
from faults.postgres.shop import PostgresShop
from faults.postgres.test_lines import through
from faults.shop import BALANCE
from postgres_server import PostgresServer

__all__ = [
    "test_every_history_is_in_order_and_a_lie_in_it_is_found",
    "test_without_the_guards_both_checkers_find_it_out",
]

CUT_SHARE = 0.05


@pytest.fixture
def unguarded() -> str:
    return "faults.postgres.unguarded"


@pytest.mark.timeout(7_200)
def test_histories_stay_in_order_while_servers_are_killed_and_lines_break(
    server: PostgresServer, a_shop: Callable[[], PostgresShop], tmp_path: Path, seed: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} troubled histories")
    shop = a_shop()
    codes = shop.issue(BALANCE, COUPONS_IN_TROUBLE)
    proxy = Proxy(server.port, random.Random(f"{seed} proxy"), 0.0)
    try:
        with troubled(through(proxy, shop), tmp_path, rng) as trouble:
            proxy.cut_share = CUT_SHARE
            histories = record(shop, trouble.ports, codes, rng)
            proxy.cut_share = 0.0
    finally:
        proxy.close()
    print(f"{trouble.kills} servers killed, {dict(proxy.cuts)}")
    judge(histories)
    assert shop.broken() == []
    assert trouble.kills > 0
    assert sum(proxy.cuts.values()) > 0
    assert any(asked.told is None for one in histories for asked in one.operations), "no fault met a request"
