"""A queue of commands and the thread that empties it: everything that is waiting, up to a bound, is one batch.

Who comes to an idle queue is taken at once. Under load it waits as long as others follow on each other's heels; who
would have to wait too long is told so: better a quick "try again" than an answer that nobody waits for any more. Heavy
commands stand in batches of their own, in turn with the others: a till waits for one of them, not for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from hexiao.domain.errors import Code, Unavailable
from hexiao.engine import batch, turns
from hexiao.engine.commands import Answer, AnyCommand
from hexiao.engine.turns import Turns, is_heavy
from hexiao.logs import Log

BUSY_SECONDS = 0.05
"""Who comes later than that after a batch of several comes to an idle queue."""
FOLLOWING_SECONDS = 0.002
GATHERING_SECONDS_MAX = 0.01
"""After a batch of several, the next one is taken when as many are there again, when nobody came for this long, or at
the latest after about that long."""
HEAVY_SECONDS_MAX = 10.0
"""How long a heavy command may wait: nobody stands at a till for it."""
HEAVY_WAITING_MAX = 100_000
"""Redemptions or coupons: each is a kilobyte or two."""
WAITING_MAX = 10_000
WAITING_SECONDS_MAX = 2.0
"""How long a newcomer may wait behind full batches, if each takes as long as the last one, or behind a stuck one."""

log = Log("hexiao.engine")


class Waiting:
    """A command with its caller: an event loop's future, or a thread's."""

    __slots__ = ("command", "future", "loop", "weight")

    def __init__(self, command: AnyCommand, loop: asyncio.AbstractEventLoop | None) -> None:
        self.command = command
        self.weight = command.weight
        self.loop = loop
        self.future: asyncio.Future[Answer] | Future[Answer] = loop.create_future() if loop else Future()


class CommandQueue:
    """One queue and the thread that empties it, batch by batch."""

    def __init__(self, name: str, run: Callable[[Sequence[AnyCommand]], list[batch.Result]]) -> None:
        self._run = run
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"hexiao-{name}", daemon=True)
        self._turns: Turns[Waiting] = Turns()  # off the queue, and not yet in a batch
        self._heavy_weight = 0  # of all that wait
        self._closed = False
        self._ended = False
        self._closing = threading.Lock()  # so that nobody gets in line behind the end
        self._began_at: float | None = None  # when the batch that runs now began
        self._last_seconds = 0.0
        self._heavy_seconds = 0.0
        self._awaited = 0  # so many in line are enough for a batch
        self._enough = threading.Event()
        self._thread.start()

    def put(self, command: AnyCommand, loop: asyncio.AbstractEventLoop | None) -> Waiting:
        """Raises Unavailable(BUSY) at once when too many are waiting, or for too long, or the queue is closing."""
        waiting = Waiting(command, loop)
        with self._closing:
            before = self._queue.qsize()
            if self._closed or before >= WAITING_MAX or self._too_long(before, waiting.weight):
                raise Unavailable(Code.BUSY)
            self._queue.put(waiting)
            if is_heavy(waiting.weight):
                self._heavy_weight += waiting.weight
            if before + 1 == self._awaited:
                self._enough.set()
            return waiting

    def _too_long(self, before: int, weight: int) -> bool:
        """Whether a newcomer behind so many others waits too long: for full batches, or for one that does not end."""
        began_at = self._began_at  # read once: the thread goes on meanwhile
        if began_at is not None and time.monotonic() - began_at > WAITING_SECONDS_MAX:
            return True
        if is_heavy(weight):
            seconds = self._heavy_weight / turns.HEAVY_TOGETHER_MAX * (self._heavy_seconds + self._last_seconds)
            return self._heavy_weight >= HEAVY_WAITING_MAX or seconds > HEAVY_SECONDS_MAX
        seconds = self._last_seconds + self._heavy_seconds * bool(self._heavy_weight)
        return before // turns.BATCH_MAX * seconds > WAITING_SECONDS_MAX

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        with self._closing:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _results(self, taken: Sequence[Waiting]) -> Sequence[batch.Result]:
        """The thread outlives everything: without it, nobody would ever be answered again."""
        began_at = self._began_at = time.monotonic()
        try:
            return self._run([waiting.command for waiting in taken])
        except Exception:
            with contextlib.suppress(Exception):  # perhaps it was the log that failed
                log.exception("batch_failed", commands=len(taken))
            return [Unavailable(Code.STORAGE_UNAVAILABLE) for _ in taken]
        finally:
            seconds = time.monotonic() - began_at
            if is_heavy(taken[0].weight):
                self._heavy_seconds = seconds
                with self._closing:
                    self._heavy_weight -= sum(waiting.weight for waiting in taken)
            else:
                self._last_seconds = seconds
            self._began_at = None

    def _gather(self, answered: int) -> None:
        """Callers who were answered together come again together: let them, or each batch is a handful of them."""
        self._awaited = min(answered, turns.BATCH_MAX) - 1  # the first one is off the queue
        self._enough.clear()  # after that, or who completes an earlier number would end the wait
        ends_at = time.monotonic() + GATHERING_SECONDS_MAX
        before, waiting = -1, self._queue.qsize()
        while before < waiting < self._awaited and time.monotonic() < ends_at:
            # Woken once, not looking again and again: each look takes the interpreter from the event loop.
            if self._enough.wait(FOLLOWING_SECONDS):
                return
            before, waiting = waiting, self._queue.qsize()

    def _work(self) -> None:
        answered, answered_at = 0, 0.0
        while self._turns or self._await_one(answered, answered_at):
            self._let_in()
            taken = self._turns.take()
            _deliver(taken, self._results(taken))
            answered, answered_at = len(taken), time.monotonic()

    def _await_one(self, answered: int, answered_at: float) -> bool:
        """Until somebody is there, and those who follow; False at the end."""
        first = None if self._ended else self._queue.get()
        if first is None:
            return False
        if answered > 1 and time.monotonic() - answered_at < BUSY_SECONDS:
            self._gather(answered)
        self._turns.add(first)
        return True

    def _let_in(self) -> None:
        """Everybody who is waiting, until a batch is together."""
        while not (self._turns.full or self._ended):
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return
            if following is None:
                self._ended = True
            else:
                self._turns.add(following)


def _deliver(taken: Sequence[Waiting], results: Sequence[batch.Result]) -> None:
    """One wake-up of each event loop for the whole batch."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[Waiting, batch.Result]]] = {}
    for waiting, result in zip(taken, results, strict=True):
        by_loop.setdefault(waiting.loop, []).append((waiting, result))
    for loop, pairs in by_loop.items():
        if loop is None:
            _resolve(pairs)
        else:
            try:
                loop.call_soon_threadsafe(_resolve, pairs)
            except RuntimeError:  # the loop was closed while we worked: nobody is waiting any more
                log.warning("callers_gone", commands=len(pairs))


def _resolve(pairs: list[tuple[Waiting, batch.Result]]) -> None:
    for waiting, result in pairs:
        if waiting.future.done():  # the caller went away; what was saved stays saved, and remembered
            continue
        if isinstance(result, Unavailable):
            waiting.future.set_exception(result)
        else:
            waiting.future.set_result(result)
