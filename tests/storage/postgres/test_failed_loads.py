"""A statement of a load that fails leaves nothing behind: the next load begins anew, on the same connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from engine.desk import MERCHANT, a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Unavailable
from hexiao.engine.commands import Release


@pytest.fixture
def warm(meet: Callable[[], Process]) -> tuple[Process, list[str]]:
    """A process whose loads take one round trip, and coupons that nobody has used."""
    process = meet()
    codes = [coupon.code for coupon in process.desk.issue(process.desk.scheme(), 5)]
    process.desk.redeem(codes.pop())
    process.desk.redeem(codes.pop())
    storage: Any = process.storage
    assert storage._one_wave
    return process, codes


def test_after_a_statement_that_took_too_long_all_goes_on(
    warm: tuple[Process, list[str]], on_postgres: Settings
) -> None:
    process, codes = warm
    storage: Any = process.storage
    storage._db.execute("SET statement_timeout = '200ms'")
    with psycopg.connect(on_postgres.database) as other:
        other.execute("LOCK TABLE coupon IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable):
            process.desk.do(redeeming(codes[0], a_bill("B1")))
    assert process.desk.redeem(codes[0], a_bill("B1")).coupon_left_uses == 0
    assert process.desk.redeem(codes[1], a_bill("B2")).coupon_left_uses == 0


def test_after_a_value_that_the_database_cannot_take_all_goes_on(warm: tuple[Process, list[str]]) -> None:
    process, codes = warm
    process.desk.do(Release(merchant_id=MERCHANT, redemption_id=2**63))
    assert process.desk.redeem(codes[0], a_bill("B1")).coupon_left_uses == 0
