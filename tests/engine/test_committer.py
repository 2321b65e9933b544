"""The engine: many threads and loops ask at once, each is answered with its own, and what it does by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.desk import MERCHANT, Desk, a_bill, issuing, put_all, redeeming
from hexiao.config import Settings
from hexiao.domain.errors import Code, Unavailable
from hexiao.domain.party import Credential
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Balance
from hexiao.engine.commands import Answer, Failed, LookUp, Put, Redeemed, Take
from hexiao.engine.committer import Engine
from hexiao.storage.base import StorageDown
from hexiao.wiring import open_engine

PATIENCE_SECONDS = 5
ASKED = LookUp(merchant_id=MERCHANT, code="any")


@pytest.fixture
def engine_alone(settings: Settings, clock: Any) -> Iterator[Engine]:
    engine = open_engine(settings, clock=clock)
    yield engine
    engine.close()


def test_an_engine_that_was_closed_refuses_changes_and_looks_at_once(engine_alone: Engine) -> None:
    engine_alone.close()
    for command in (redeeming("nobody's"), ASKED):
        with pytest.raises(Unavailable) as closed:
            engine_alone.call(command)
        assert closed.value.code is Code.BUSY


def test_an_engine_that_was_closed_refuses_reads_at_once(engine_alone: Engine) -> None:
    engine_alone.close()
    ways: list[Callable[[], object]] = [
        lambda: engine_alone.read_now(lambda reader: reader.merchant(MERCHANT)),
        lambda: asyncio.run(engine_alone.read(lambda reader: reader.merchant(MERCHANT))),
    ]
    for read in ways:
        with pytest.raises(Unavailable) as closed:
            read()
        assert closed.value.code is Code.BUSY


def test_many_coroutines_are_answered_each_with_its_own(engine: Engine, desk: Desk) -> None:
    codes = [desk.coupon() for _ in range(60)]

    async def ask_all() -> list[Answer]:
        return await asyncio.gather(*(engine.ask(redeeming(code, a_bill(code))) for code in codes))

    answers = asyncio.run(ask_all())
    assert [answer.outcome.redemptions[0].code for answer in answers] == codes  # type: ignore[union-attr]


def test_many_threads_and_two_loops_fight_for_one_coupon_and_one_wins(engine: Engine, desk: Desk) -> None:
    for _ in range(5):
        code = desk.coupon()

        async def ask(first: int, code: str = code) -> list[Answer]:
            return await asyncio.gather(
                *(engine.ask(redeeming(code, a_bill(f"B{code}{first + n}"))) for n in range(20))
            )

        with ThreadPoolExecutor(18) as pool:
            threads = [pool.submit(engine.call, redeeming(code, a_bill(f"T{code}{n}"))) for n in range(16)]
            loops = [pool.submit(asyncio.run, ask(first)) for first in (0, 100)]
            answers = [one.result() for one in threads] + [answer for one in loops for answer in one.result()]
        won = [answer for answer in answers if isinstance(answer.outcome, Redeemed)]
        lost = {answer.outcome.code for answer in answers if isinstance(answer.outcome, Failed)}
        assert len(answers) == 56 and len(won) == 1 and lost == {Code.COUPON_USED_UP}


def test_many_threads_share_a_balance_and_never_more(engine: Engine, desk: Desk, rng: Any) -> None:
    code = desk.coupon(Balance(10_000))
    amounts = [rng.randint(1, 3_000) for _ in range(40)]
    with ThreadPoolExecutor(16) as pool:
        asked = [redeeming(Take(code, fen), a_bill(f"B{n}")) for n, fen in enumerate(amounts)]
        answers = list(pool.map(engine.call, asked))
    taken = sum(fen for fen, answer in zip(amounts, answers, strict=True) if isinstance(answer.outcome, Redeemed))
    assert desk.balance(code)[1] == taken <= 10_000
    left = 10_000 - taken
    refused = [fen for fen, answer in zip(amounts, answers, strict=True) if isinstance(answer.outcome, Failed)]
    assert all(fen > left for fen in refused)


def test_a_caller_who_went_away_changes_nothing_for_the_others_and_may_ask_again(engine: Engine, desk: Desk) -> None:
    code, other = desk.coupon(), desk.coupon()
    asked = redeeming(code, a_bill("B1"), "r1")

    async def leave() -> Answer:
        leaving = asyncio.create_task(engine.ask(asked))
        staying = asyncio.create_task(engine.ask(redeeming(other, a_bill("B2"))))
        await asyncio.sleep(0)
        leaving.cancel()
        answer = await staying
        with pytest.raises(asyncio.CancelledError):
            await leaving
        return answer

    assert isinstance(asyncio.run(leave()).outcome, Redeemed)
    again = engine.call(asked)
    assert isinstance(again.outcome, Redeemed) and again.replayed


def test_looks_do_not_wait_for_changes(engine_alone: Engine, settings: Settings) -> None:
    engine = engine_alone
    desk = Desk(engine.call, engine.read_now)
    for command in put_all():
        desk.must(command)
    code = desk.coupon()
    greedy = sqlite3.connect(settings.sqlite_path, isolation_level=None, check_same_thread=False)
    greedy.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        change = pool.submit(engine.call, redeeming(code))
        assert desk.look_up(code).coupon.free_fen == 1_000
        assert not change.done()
        greedy.execute("ROLLBACK")
        assert isinstance(change.result(PATIENCE_SECONDS).outcome, Redeemed)
    greedy.close()


# Reading, credentials.


def test_a_read_that_fails_is_unavailable(engine: Engine) -> None:
    def fail(reader: Any) -> None:
        raise StorageDown("gone")

    ways: list[Callable[[], object]] = [lambda: engine.read_now(fail), lambda: asyncio.run(engine.read(fail))]
    for read in ways:
        with pytest.raises(Unavailable) as down:
            read()
        assert down.value.code is Code.STORAGE_UNAVAILABLE


def a_key(**changes: Any) -> Credential:
    details: dict[str, Any] = {"id": 7, "merchant_id": MERCHANT, "door": "api", "public_id": "k", "name": "n"}
    return Credential(**(details | changes))


def ask_for(engine: Engine, public_id: str = "k") -> Credential | None:
    return asyncio.run(engine.credential("api", public_id))


def test_a_credential_is_found_once_it_is_there_and_gone_soon_after_it_was_revoked(engine: Engine, clock: Any) -> None:
    assert ask_for(engine) is None
    engine.call(Put(merchant_id=MERCHANT, record=a_key()))
    found = ask_for(engine)
    assert found is not None and found.name == "n"
    engine.call(Put(merchant_id=MERCHANT, record=a_key(revoked_at=clock.now)))
    clock.forward(3.001)
    assert ask_for(engine) is None


def test_a_credential_of_one_door_opens_no_other(engine: Engine) -> None:
    engine.call(Put(merchant_id=MERCHANT, record=a_key(door="zvcms")))
    assert ask_for(engine) is None


def test_who_may_come_in_and_for_whom_is_read_once_in_a_while(
    engine: Engine, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call at a vendor's door asks for all three."""
    engine.call(Put(merchant_id=MERCHANT, record=a_key()))
    read, reads = engine.read, []

    async def counted(query: Any) -> Any:
        reads.append(query)
        return await read(query)

    async def ask_all() -> None:
        assert [one.public_id for one in await engine.credentials(MERCHANT, "api")] == ["k"]
        assert await engine.merchant(MERCHANT) is not None
        assert await engine.credential("api", "k") is not None

    monkeypatch.setattr(engine, "read", counted)
    for seconds_later, read_by_then in ((0, 3), (1, 3), (3, 6), (0, 6)):
        clock.forward(seconds_later)
        asyncio.run(ask_all())
        assert len(reads) == read_by_then


def test_two_engines_on_one_file_are_two_nodes_that_see_each_other(
    engine: Engine, desk: Desk, settings: Settings, clock: Any
) -> None:
    second = open_engine(settings, clock=clock)
    try:
        code = desk.coupon()
        other = Desk(second.call, second.read_now)
        held = other.hold(code, a_bill("B1"))
        assert desk.no(redeeming(code, a_bill("B2"))) is Code.HELD_ELSEWHERE
        assert desk.capture(held.redemption.id).redemption.state is State.CAPTURED
        ids = [desk.issue(desk.scheme())[0].id, other.must(issuing(desk.scheme())).coupons[0].id]
        assert len({one >> 12 & 1023 for one in ids}) == 2
    finally:
        second.close()
