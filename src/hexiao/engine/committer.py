"""The engine as its callers see it: two queues with a thread each, the committer for changes, the reader for look-ups.

Each thread takes everything that is waiting, up to a bound, as one batch. No waiting for a batch to fill. Who would
have to wait too long is told so at once: better a quick "try again" than an answer that nobody waits for any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from hexiao.domain.chain import Chain
from hexiao.domain.errors import Code, Unavailable
from hexiao.domain.party import Credential
from hexiao.engine import batch
from hexiao.engine.commands import Answer, AnyCommand, Assess, Lapse, LookUp, Nothing
from hexiao.engine.credentials import CredentialCache
from hexiao.engine.mint import Mint
from hexiao.engine.outage import Outage
from hexiao.logs import Log
from hexiao.storage.base import ConnectionLost, GuardMissed, Reader, Storage, StorageDown, StorageError

T = TypeVar("T")
Clock = Callable[[], int]

BATCH_MAX = 256
WAITING_MAX = 10_000
WAITING_SECONDS_MAX = 2.0
"""How long a newcomer may wait behind full batches, if each takes as long as the last one, or behind a stuck one."""
READ_THREADS = 2
SWEEP_MAX = 500
REMEMBERED_MS = (30 * 24 + 1) * 3_600_000
"""Thirty days, and an hour for clocks that differ: whoever comes later with the same request id asks anew."""
FORGET_MAX, PORTIONS_MAX = 1_000, 4
"""Answers at a time, and times in a row: so nobody waits long, and the sweeper keeps up with 69 million a day."""
TALLY_EVERY_MS = 600_000
TALLY_PAUSE_SECONDS = 0.02
"""Between two little pieces of tallying, so that it takes nobody's place."""
WAIT_SECONDS = 0.5

log = Log("hexiao.engine")


class _Waiting:
    """A command with its caller: an event loop's future, or a thread's."""

    __slots__ = ("command", "future", "loop")

    def __init__(self, command: AnyCommand, loop: asyncio.AbstractEventLoop | None) -> None:
        self.command = command
        self.loop = loop
        self.future: asyncio.Future[Answer] | Future[Answer] = loop.create_future() if loop else Future()


class Lane:
    """One queue and the thread that empties it, batch by batch."""

    def __init__(self, name: str, run: Callable[[Sequence[AnyCommand]], list[batch.Result]]) -> None:
        self._run = run
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"hexiao-{name}", daemon=True)
        self._closed = False
        self._closing = threading.Lock()  # so that nobody gets in line behind the end
        self._began_at: float | None = None  # when the batch that runs now began
        self._last_seconds = 0.0
        self._thread.start()

    def put(self, command: AnyCommand, loop: asyncio.AbstractEventLoop | None) -> _Waiting:
        """Raises Unavailable(BUSY) at once when too many are waiting, or for too long, or the lane is closing."""
        with self._closing:
            before = self._queue.qsize()
            if self._closed or before >= WAITING_MAX or self._too_long(before):
                raise Unavailable(Code.BUSY)
            waiting = _Waiting(command, loop)
            self._queue.put(waiting)
            return waiting

    def _too_long(self, before: int) -> bool:
        """Whether a newcomer behind so many others waits too long: for full batches, or for one that does not end."""
        began_at = self._began_at  # read once: the thread goes on meanwhile
        stuck = began_at is not None and time.monotonic() - began_at > WAITING_SECONDS_MAX
        return stuck or before // BATCH_MAX * self._last_seconds > WAITING_SECONDS_MAX

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        with self._closing:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _results(self, taken: Sequence[_Waiting]) -> Sequence[batch.Result]:
        """The thread outlives everything: without it, nobody would ever be answered again."""
        began_at = self._began_at = time.monotonic()
        try:
            return self._run([waiting.command for waiting in taken])
        except Exception:
            with contextlib.suppress(Exception):  # perhaps it was the log that failed
                log.exception("batch_failed", commands=len(taken))
            return [Unavailable(Code.STORAGE_UNAVAILABLE) for _ in taken]
        finally:
            self._last_seconds = time.monotonic() - began_at
            self._began_at = None

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            taken = [first]
            stop = False
            while len(taken) < BATCH_MAX:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    stop = True
                    break
                taken.append(following)
            _deliver(taken, self._results(taken))
            if stop:
                return


def _deliver(taken: Sequence[_Waiting], results: Sequence[batch.Result]) -> None:
    """One wake-up of each event loop for the whole batch."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[_Waiting, batch.Result]]] = {}
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


def _resolve(pairs: list[tuple[_Waiting, batch.Result]]) -> None:
    for waiting, result in pairs:
        if waiting.future.done():  # the caller went away; what was saved stays saved, and remembered
            continue
        if isinstance(result, Unavailable):
            waiting.future.set_exception(result)
        else:
            waiting.future.set_result(result)


class Engine:
    """Commands in, answers out. `ask` for coroutines, `call` for threads; both raise only Unavailable."""

    def __init__(
        self, storage: Storage, clock: Clock, randbelow: Callable[[int], int], *, sweep_seconds: float = 5.0
    ) -> None:
        self.clock = clock
        self._storage = storage
        self._reader_storage = storage.open_again()
        node = storage.take_node()
        mint, chain = Mint(node, randbelow), Chain(node)
        reader_mint = Mint(mint.node, randbelow)  # its ids are never saved
        changes, looks, self._lists = Outage("committer"), Outage("reader"), Outage("lists")
        self._committer = Lane(
            "committer", lambda commands: batch.commit(storage, commands, clock, mint, chain, changes)
        )
        self._reader = Lane(
            "reader", lambda commands: batch.look(self._reader_storage, commands, clock, reader_mint, looks)
        )
        self._pool = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="hexiao-read")
        self._local = threading.local()
        self._opened: list[Storage] = []
        self._credentials = CredentialCache(clock)
        self._tallying: Iterator[bool] | None = None
        self._tallied_at = -TALLY_EVERY_MS
        self._stopping = threading.Event()
        self._sweeper = threading.Thread(
            target=self._sweep_for_ever, args=(sweep_seconds,), name="hexiao-sweeper", daemon=True
        )
        if sweep_seconds > 0:
            self._sweeper.start()

    async def ask(self, command: AnyCommand) -> Answer:
        loop = asyncio.get_running_loop()
        future = self._lane(command).put(command, loop).future
        assert isinstance(future, asyncio.Future)
        return await future

    def call(self, command: AnyCommand) -> Answer:
        future = self._lane(command).put(command, None).future
        assert isinstance(future, Future)
        return future.result()

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run a read query in the small thread pool. Raises Unavailable when the database does not answer."""
        if self._stopping.is_set():
            raise Unavailable(Code.BUSY)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, query)

    def read_now(self, query: Callable[[Reader], T]) -> T:
        if self._stopping.is_set():
            raise Unavailable(Code.BUSY)
        return self._pool.submit(self._read, query).result()

    async def credential(self, door: str, public_id: str) -> Credential | None:
        """The caller known by this id at this door, unless revoked; remembered for a few seconds."""
        if "\0" in public_id:  # nobody's: no database keeps such a text
            return None
        known, credential = self._credentials.get(door, public_id)
        if not known:
            credential = await self.read(lambda reader: reader.credential(door, public_id))
            self._credentials.put(door, public_id, credential)
        return None if credential is None or credential.revoked_at is not None else credential

    def sweep(self) -> int:
        """Write down the lapse of every hold past its deadline; how many. Ends where nothing moves any more."""
        swept = 0
        while due := self.read_now(lambda reader: reader.due_holds(self.clock(), SWEEP_MAX)):
            waiting = [
                self._committer.put(Lapse(merchant_id=hold.merchant_id, redemption_id=hold.id, actor="sweeper"), None)
                for hold in due
            ]
            lapsed = 0
            for one in waiting:
                assert isinstance(one.future, Future)
                lapsed += isinstance(one.future.result().outcome, Nothing)
            swept += lapsed
            if len(due) < SWEEP_MAX or not lapsed:
                break
        return swept

    def forget(self) -> int:
        """Remove answers that were remembered long enough, a bounded number; how many."""
        forgotten = 0
        for _ in range(PORTIONS_MAX):
            try:
                portion = self._pool.submit(self._read, self._forget_portion).result()
            except GuardMissed:  # another process removes the very same
                break
            forgotten += portion
            if portion < FORGET_MAX or self._stopping.is_set():
                break
        return forgotten

    def _forget_portion(self, storage: Storage) -> int:
        return storage.forget(self.clock() - REMEMBERED_MS, FORGET_MAX)

    def tally(self, seconds: float = math.inf) -> bool:
        """Count the past ahead for the lists, for so long; whether there is more. One thread at a time."""
        tallying, self._tallying = self._tallying or self._own_storage().tally(self.clock()), None
        deadline = time.monotonic() + seconds
        for worked in tallying:
            if self._stopping.wait(TALLY_PAUSE_SECONDS if worked else WAIT_SECONDS) or time.monotonic() > deadline:
                self._tallying = tallying
                return True
        return False

    def close(self) -> None:
        """Answer everybody who is waiting, then let go of the database."""
        self._stopping.set()
        if self._sweeper.is_alive():
            self._sweeper.join()
        self._committer.close()
        self._reader.close()
        self._pool.shutdown()
        for storage in (*self._opened, self._reader_storage, self._storage):
            storage.close()

    def _tally_now_and_then(self, seconds: float) -> None:
        """A round that took too long is gone on with after the next sweep; one that failed is begun anew."""
        now = self.clock()
        if self._tallying is None:
            if abs(now - self._tallied_at) < TALLY_EVERY_MS:
                return
            self._tallied_at = now
        try:
            self.tally(seconds)
        except (StorageDown, StorageError) as down:
            log.warning("tally_put_off", reason=str(down))

    def _own_storage(self) -> Storage:
        """This thread's."""
        storage: Storage | None = getattr(self._local, "storage", None)
        if storage is None:
            storage = self._local.storage = self._storage.open_again()
            self._opened.append(storage)
        return storage

    def _lane(self, command: AnyCommand) -> Lane:
        return self._reader if isinstance(command, (Assess, LookUp)) else self._committer

    def _read(self, query: Callable[[Storage], T]) -> T:
        try:
            storage = self._own_storage()
            try:
                found = query(storage)
            except ConnectionLost:  # a read may simply be asked again, on a new connection
                found = query(storage)
            self._lists.over()
            return found
        except (StorageDown, StorageError) as down:
            self._lists.down(down)
            raise Unavailable(Code.STORAGE_UNAVAILABLE) from down

    def _sweep_for_ever(self, every_seconds: float) -> None:
        while not self._stopping.wait(every_seconds):
            try:
                self.sweep()
                self.forget()
                self._tally_now_and_then(every_seconds)
            except Unavailable as down:
                log.debug("sweep_put_off", reason=str(down))
            except Exception as unexpected:
                log.error("sweep_failed", exc_info=unexpected)
