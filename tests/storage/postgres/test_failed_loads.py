"""A statement of a load that fails leaves nothing behind: the next load begins anew, on the same connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from engine.desk import MERCHANT, a_bill, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Unavailable
from hexiao.engine.commands import Release
from hexiao.storage.base import ConnectionLost


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


@pytest.mark.parametrize("timeout", ["idle_in_transaction_session_timeout", "transaction_timeout"])
def test_a_timeout_that_ends_the_session_in_the_middle_of_a_load_is_a_lost_connection(
    warm: tuple[Process, list[str]], monkeypatch: pytest.MonkeyPatch, timeout: str
) -> None:
    """PostgreSQL gives it the code of a wrong state of a transaction, not that of a connection that ends."""
    process, codes = warm
    storage: Any = process.storage
    if not storage._db.execute("SELECT 1 FROM pg_settings WHERE name = %s", [timeout]).fetchall():
        pytest.skip("this PostgreSQL is too old for it")
    storage._one_wave, ask, slow = False, storage._ask, [True]

    def ask_slowly_once(asked: Any) -> Any:
        found = ask(asked)
        if slow:
            slow.clear()
            time.sleep(0.5)
        return found

    monkeypatch.setattr(storage, "_ask", ask_slowly_once)
    storage._db.execute(f"SET {timeout} = '200ms'")
    assert process.desk.redeem(codes[0], a_bill("B1")).coupon_left_uses == 0
    assert not slow


def test_after_a_value_that_the_database_cannot_take_all_goes_on(warm: tuple[Process, list[str]]) -> None:
    process, codes = warm
    process.desk.do(Release(merchant_id=MERCHANT, redemption_id=2**63))
    assert process.desk.redeem(codes[0], a_bill("B1")).coupon_left_uses == 0


def test_a_tally_whose_session_is_ended_while_it_reads_says_that_the_connection_is_lost(
    warm: tuple[Process, list[str]], on_postgres: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, _ = warm
    storage: Any = process.storage
    honest = storage.query

    def ended_before(name: str, **parameters: Any) -> Any:
        with psycopg.connect(on_postgres.database, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (storage._db.info.backend_pid,))
        return honest(name, **parameters)

    monkeypatch.setattr(storage, "query", ended_before)
    with pytest.raises(ConnectionLost):
        list(storage.tally(process.clock()))
    monkeypatch.undo()
    list(storage.tally(process.clock()))
