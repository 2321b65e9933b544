"""A queue: what waits is taken together, nobody waits without end, and everybody is answered when it closes."""

from __future__ import annotations

import asyncio
import queue as queues
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.desk import MERCHANT
from hexiao.domain.errors import Code, Unavailable
from hexiao.engine import command_queue, turns
from hexiao.engine.command_queue import CommandQueue
from hexiao.engine.commands import Answer, AnyCommand, Issue, LookUp, Nothing

PATIENCE_SECONDS = 5
ASKED = LookUp(merchant_id=MERCHANT, code="any")


class Gate:
    """What a queue runs: stands still until opened, and remembers how many commands came together."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.busy = threading.Event()
        self.batches: list[int] = []

    def __call__(self, commands: Sequence[Any]) -> list[Any]:
        self.busy.set()
        assert self.open.wait(PATIENCE_SECONDS)
        self.batches.append(len(commands))
        return [Answer(Nothing()) for _ in commands]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def queue(gate: Gate) -> Iterator[CommandQueue]:
    queue = CommandQueue("test", gate)
    yield queue
    gate.open.set()
    queue.close()


def bulk(quantity: int) -> Issue:
    return Issue(merchant_id=MERCHANT, scheme_id=1, quantity=quantity)


def put(queue: CommandQueue, gate: Gate | None = None, asked: AnyCommand = ASKED) -> Future[Answer]:
    future = queue.put(asked, None).future
    assert isinstance(future, Future)
    if gate is not None:
        assert gate.busy.wait(PATIENCE_SECONDS)
    return future


def test_what_came_while_one_batch_ran_is_the_next_batch(queue: CommandQueue, gate: Gate) -> None:
    waiting = [put(queue, gate)] + [put(queue) for _ in range(20)]
    gate.open.set()
    assert [one.result(PATIENCE_SECONDS) for one in waiting] == [Answer(Nothing())] * 21
    assert gate.batches == [1, 20]


def test_to_an_idle_queue_one_alone_is_a_batch(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_queue.CommandQueue, "_gather", lambda queue, _: pytest.fail("nobody is waited for"))
    gate.open.set()
    for _ in range(3):
        assert put(queue).result(PATIENCE_SECONDS) == Answer(Nothing())
    assert gate.batches == [1, 1, 1]


def test_long_after_a_batch_of_several_nobody_is_waited_for(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_queue, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(command_queue.CommandQueue, "_gather", lambda queue, _: pytest.fail("nobody is waited for"))
    waiting = [put(queue, gate)] + [put(queue) for _ in range(2)]
    gate.open.set()
    assert [one.result(PATIENCE_SECONDS) for one in [*waiting, put(queue)]] == [Answer(Nothing())] * 4


def test_after_a_batch_of_several_as_many_are_taken_together_again(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSY_SECONDS", "FOLLOWING_SECONDS", "GATHERING_SECONDS_MAX"):
        monkeypatch.setattr(command_queue, name, PATIENCE_SECONDS)
    waiting = [put(queue, gate)] + [put(queue) for _ in range(3)]
    gate.open.set()
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    for _ in range(3):
        assert gate.batches == [1, 3]
        waiting.append(put(queue))
        threading.Event().wait(0.02)  # time enough for a queue that waits for nobody to go ahead
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    assert gate.batches == [1, 3, 3]


@pytest.mark.parametrize("bound", ["FOLLOWING_SECONDS", "GATHERING_SECONDS_MAX"])
def test_who_does_not_come_again_is_not_waited_for_without_end(
    bound: str, queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSY_SECONDS", "FOLLOWING_SECONDS", "GATHERING_SECONDS_MAX"):
        monkeypatch.setattr(command_queue, name, 0.0 if name == bound else 2.0 * PATIENCE_SECONDS)
    waiting = [put(queue, gate)] + [put(queue) for _ in range(3)]
    gate.open.set()
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    assert put(queue).result(PATIENCE_SECONDS) == Answer(Nothing())
    assert gate.batches == [1, 3, 1]


def test_a_batch_has_an_upper_bound(queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BATCH_MAX", 8)
    waiting = [put(queue, gate)] + [put(queue) for _ in range(20)]
    gate.open.set()
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    assert gate.batches == [1, 8, 8, 4]


def test_when_too_many_are_waiting_the_next_is_told_at_once(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_queue, "WAITING_MAX", 3)
    waiting = [put(queue, gate)] + [put(queue) for _ in range(3)]
    with pytest.raises(Unavailable) as refused:
        put(queue)
    assert refused.value.code is Code.BUSY
    gate.open.set()
    assert all(one.result(PATIENCE_SECONDS) for one in waiting)


def test_who_would_wait_too_long_behind_batches_like_the_last_one_is_told_at_once(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "BATCH_MAX", 4)
    monkeypatch.setattr(command_queue, "WAITING_SECONDS_MAX", 10.0)
    waiting = [put(queue, gate)]
    queue._last_seconds = 4.0
    waiting += [put(queue) for _ in range(12)]  # the next would find three full batches before it, 4 s each
    with pytest.raises(Unavailable) as refused:
        put(queue)
    assert refused.value.code is Code.BUSY
    gate.open.set()
    assert all(one.result(PATIENCE_SECONDS) for one in waiting)


def test_behind_a_batch_that_does_not_end_nobody_gets_in_line_any_more(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_queue, "WAITING_SECONDS_MAX", 0.05)
    stuck = put(queue, gate)
    threading.Event().wait(0.06)
    with pytest.raises(Unavailable) as refused:
        put(queue)
    assert refused.value.code is Code.BUSY
    gate.open.set()
    assert stuck.result(PATIENCE_SECONDS) == Answer(Nothing())


def test_a_queue_that_was_slow_is_tried_again_as_soon_as_nobody_waits(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_queue, "WAITING_SECONDS_MAX", 10.0)
    gate.open.set()
    put(queue).result(PATIENCE_SECONDS)
    while queue._began_at is not None:
        threading.Event().wait(0.001)
    queue._last_seconds = 60.0
    assert put(queue).result(PATIENCE_SECONDS) == Answer(Nothing())
    while queue._began_at is not None:
        threading.Event().wait(0.001)
    assert queue._last_seconds < 10.0


# Heavy commands.


def test_bulk_stands_in_batches_of_its_own_in_turn_with_the_others(queue: CommandQueue, gate: Gate) -> None:
    waiting = [put(queue, gate)]
    waiting += [put(queue, asked=bulk(600)) for _ in range(3)] + [put(queue) for _ in range(5)]
    gate.open.set()
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    assert gate.batches == [1, 1, 5, 1, 1]
    assert queue._heavy_weight == 0


def test_too_much_bulk_is_refused_and_a_till_is_not(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_queue, "HEAVY_WAITING_MAX", 1_500)
    waiting = [put(queue, gate), put(queue, asked=bulk(1_000)), put(queue, asked=bulk(1_000))]
    with pytest.raises(Unavailable) as refused:
        put(queue, asked=bulk(20))
    assert refused.value.code is Code.BUSY
    waiting.append(put(queue))
    gate.open.set()
    for one in waiting:
        one.result(PATIENCE_SECONDS)
    assert put(queue, asked=bulk(20)).result(PATIENCE_SECONDS) == Answer(Nothing())


def test_bulk_that_would_wait_too_long_is_told_so_and_a_till_behind_it_waits_for_one(
    queue: CommandQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [put(queue, gate)]
    queue._heavy_seconds, queue._last_seconds = 1.5, 0.1
    waiting += [put(queue, asked=bulk(1_000)) for _ in range(7)]  # the next would find more than ten seconds' worth
    with pytest.raises(Unavailable):
        put(queue, asked=bulk(1_000))
    monkeypatch.setattr(turns, "BATCH_MAX", 4)
    began = len(waiting)
    with pytest.raises(Unavailable):
        for _ in range(100):
            waiting.append(put(queue))
    assert len(waiting) - began == 1  # with seven on the queue before it: the second would find two batches before it
    gate.open.set()
    for one in waiting:
        one.result(PATIENCE_SECONDS)


# Closing.


def test_closing_answers_everybody_who_is_waiting_and_takes_nobody_new(queue: CommandQueue, gate: Gate) -> None:
    waiting = [put(queue, gate)] + [put(queue) for _ in range(300)]
    closing = threading.Thread(target=queue.close)
    closing.start()
    while not queue._closed:
        threading.Event().wait(0.001)
    with pytest.raises(Unavailable) as refused:
        put(queue)
    assert refused.value.code is Code.BUSY
    gate.open.set()
    closing.join(PATIENCE_SECONDS)
    assert not closing.is_alive(), "the server would never end"
    assert [one.result(0) for one in waiting] == [Answer(Nothing())] * 301


def test_a_command_that_comes_while_the_queue_closes_is_answered_or_refused(gate: Gate) -> None:
    gate.open.set()
    queue = CommandQueue("test", gate)

    class Closing(queues.SimpleQueue[Any]):
        """Somebody closes the queue just after somebody else asked how many are waiting."""

        def qsize(self) -> int:
            queue._queue = inner
            closing.start()
            closing.join(0.2)
            return 0

    closing = threading.Thread(target=queue.close)
    inner = queue._queue
    queue._queue = Closing()
    try:
        waiting = queue.put(ASKED, None)
    except Unavailable:
        return
    assert isinstance(waiting.future, Future)
    waiting.future.result(0.3)
    closing.join(PATIENCE_SECONDS)
    assert not closing.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_queue_outlives_an_exception_and_answers_who_waited_for_it() -> None:
    broken = [True]

    def run(commands: Sequence[Any]) -> list[Any]:
        if broken:
            broken.clear()
            raise BrokenPipeError("the log's reader is gone")
        return [Answer(Nothing()) for _ in commands]

    queue = CommandQueue("test", run)
    with capture_logs() as lines:
        assert isinstance(put(queue).exception(PATIENCE_SECONDS), Unavailable)
    assert [(line["event"], line["commands"]) for line in lines] == [("batch_failed", 1)]
    assert put(queue).result(PATIENCE_SECONDS) == Answer(Nothing())
    queue.close()


def test_a_loop_that_was_closed_meanwhile_does_not_stop_the_queue(queue: CommandQueue, gate: Gate) -> None:
    loop = asyncio.new_event_loop()
    queue.put(ASKED, loop)
    loop.close()
    staying = put(queue, gate)
    with capture_logs() as lines:
        gate.open.set()
        assert staying.result(PATIENCE_SECONDS) == Answer(Nothing())
    assert [(line["event"], line["commands"]) for line in lines] == [("callers_gone", 1)]
