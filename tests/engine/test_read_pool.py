"""Reading beside the queues: nobody who comes in waits behind a list, and nobody waits behind too many of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.desk import MERCHANT
from hexiao.domain.errors import Code, Unavailable
from hexiao.domain.party import Credential
from hexiao.engine.commands import Put
from hexiao.engine.committer import LIST_THREADS, Engine
from hexiao.engine.read_pool import ReadPool
from hexiao.storage.base import ConnectionLost, StorageDown

PATIENCE_SECONDS = 5.0
AT_ONCE_SECONDS = 0.3


@pytest.fixture(autouse=True)
def merchant(engine: Engine) -> None:
    key = Credential(id=7, merchant_id=MERCHANT, door="api", public_id="k", name="n")
    engine.call(Put(merchant_id=MERCHANT, record=key))


class Slow:
    """A query that takes as long as the test wants; counts how often it was begun."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.begun = 0

    def __call__(self, storage: Any) -> str:
        self.begun += 1
        assert self.end.wait(PATIENCE_SECONDS)
        return "read"


@contextmanager
def slow_lists(engine: Engine, count: int) -> Iterator[None]:
    """So many of them, each of which takes until the block ends."""
    slow = Slow()
    waiting = [engine._lists.submit(slow) for _ in range(count)]
    try:
        yield
    finally:
        slow.end.set()
    assert [one.result(PATIENCE_SECONDS) for one in waiting] == ["read"] * count


WAYS: dict[str, tuple[Callable[[Engine], Coroutine[Any, Any, Any]], bool]] = {
    "who comes in": (lambda engine: engine.credential("api", "k"), True),
    "for whom": (lambda engine: engine.merchant(MERCHANT), True),
    "whether it is ready": (lambda engine: engine.read(lambda reader: reader.writable()), True),
    "another list (the control)": (lambda engine: engine.read_list(lambda reader: reader.merchant(MERCHANT)), False),
}


@pytest.mark.parametrize(("ask", "answered"), WAYS.values(), ids=WAYS)
def test_lists_that_take_long_keep_nobody_out(
    engine: Engine, ask: Callable[[Engine], Coroutine[Any, Any, Any]], answered: bool
) -> None:
    async def within(seconds: float) -> Any:
        return await asyncio.wait_for(ask(engine), seconds)

    with slow_lists(engine, LIST_THREADS):
        if answered:
            assert asyncio.run(within(PATIENCE_SECONDS))
        else:
            with pytest.raises(TimeoutError):
                asyncio.run(within(AT_ONCE_SECONDS))


def test_who_would_wait_behind_too_many_lists_is_told_at_once(engine: Engine) -> None:
    several = 5
    pool = ReadPool("test", 1, several, engine._storage.open_again)
    slow = Slow()
    waiting = [pool.submit(slow) for _ in range(several)]
    with pytest.raises(Unavailable) as busy:
        pool.submit(slow)
    assert busy.value.code is Code.BUSY
    slow.end.set()
    assert [one.result(PATIENCE_SECONDS) for one in waiting] == ["read"] * several
    assert pool.submit(slow).result(PATIENCE_SECONDS) == "read"
    pool.close()
    with pytest.raises(Unavailable):
        pool.submit(slow)


def test_a_list_that_nobody_waits_for_any_more_is_not_read_and_takes_no_place(engine: Engine) -> None:
    pool = ReadPool("test", 1, 2, engine._storage.open_again)
    slow, left = Slow(), Slow()

    async def leave() -> None:
        leaving = asyncio.create_task(pool.read(left))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving

    first = pool.submit(slow)
    for _ in range(3):
        asyncio.run(leave())
    second = pool.submit(slow)
    slow.end.set()
    assert [one.result(PATIENCE_SECONDS) for one in (first, second)] == ["read"] * 2
    pool.close()
    assert left.begun == 0


def test_a_query_whose_line_broke_is_asked_once_more(engine: Engine) -> None:
    asked: list[int] = []

    def lost(times: int) -> Callable[[Any], str]:
        def query(storage: Any) -> str:
            asked.append(times)
            if asked.count(times) <= times:
                raise ConnectionLost("gone")
            return "read"

        return query

    assert engine._lists.submit(lost(1)).result(PATIENCE_SECONDS) == "read"
    with pytest.raises(Unavailable) as down:
        engine._lists.submit(lost(2)).result(PATIENCE_SECONDS)
    assert down.value.code is Code.STORAGE_UNAVAILABLE
    assert (asked.count(1), asked.count(2)) == (2, 2)


def test_a_storage_that_cannot_be_opened_is_an_outage_and_opened_when_it_is_over() -> None:
    class Fake:
        def close(self) -> None: ...

    away = [True]

    def open_storage() -> Any:
        if away:
            away.clear()
            raise StorageDown("gone")
        return Fake()

    pool = ReadPool("test", 1, 9, open_storage)
    with pytest.raises(Unavailable):
        pool.submit(lambda storage: 1).result(PATIENCE_SECONDS)
    assert pool.submit(lambda storage: 1).result(PATIENCE_SECONDS) == 1
    pool.close()
