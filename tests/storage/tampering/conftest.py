"""What the tests of tampering share: a database without rows, and one with a lane of blocks."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.desk import CASHIER, Desk, a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.scheme import Balance
from postgres_server import Databases


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, server: Databases, tmp_path: Path, migrated: bytes) -> Settings:
    """A migrated database without rows."""
    if request.param == "postgres":
        return Settings(database=server.emptied(), master_key="11" * 32)
    path = tmp_path / "hexiao.db"
    path.write_bytes(migrated)
    return Settings(database=f"sqlite:///{path}", master_key="11" * 32)


@pytest.fixture
def books(empty: Settings, clock: Any) -> Settings:
    """A lane of blocks with one, two and three entries, with and without redemption, cashier and reason."""
    with closing(Process(empty, clock)) as process:
        process.furnish()
        trade(process.desk)
    return empty


def trade(desk: Desk) -> None:
    scheme = desk.scheme(Balance(5_000))
    first, second, third = (coupon.code for coupon in desk.issue(scheme, 3))
    desk.must(redeeming(first, a_bill("B1", cashier_id=CASHIER), "r1"))
    desk.reverse(desk.redeem(second, a_bill("B2")).redemption.id, 400)
    desk.release(desk.hold(third, a_bill("B3")).redemption.id)
    desk.must(redeeming(first, a_bill("B4"), "r4"))
