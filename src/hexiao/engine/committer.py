"""The engine as its callers see it: two queues with a thread each, the committer for changes, the reader for look-ups.

Beside them two small pools, for what is found by a key and for lists, and the sweeper, which tidies up what time has
ended. Holds no rule.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from hexiao.domain.chain import Chain
from hexiao.domain.errors import Unavailable
from hexiao.domain.party import Credential, Merchant
from hexiao.engine import batch
from hexiao.engine.clock_watch import ClockWatch
from hexiao.engine.command_queue import CommandQueue
from hexiao.engine.commands import Answer, AnyCommand, Assess, Lapse, LookUp, Nothing
from hexiao.engine.mint import Mint
from hexiao.engine.outage import Outage
from hexiao.engine.read_pool import ReadPool
from hexiao.engine.remembering import Remembering
from hexiao.logs import Log
from hexiao.storage.base import GuardMissed, Reader, Storage, StorageDown, StorageError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Clock = Callable[[], int]

READ_THREADS, READS_MAX = 1, 10_000
LIST_THREADS, LISTS_MAX = 2, 1_000
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


class Engine:
    """Commands in, answers out. `ask` for coroutines, `call` for threads; both raise only Unavailable."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        randbelow: Callable[[int], int],
        *,
        sweep_seconds: float = 5.0,
        passed: Clock | None = None,
    ) -> None:
        """`passed` tells how time goes by, whatever the clock is set to; without it the clock is never doubted."""
        self.clock = clock
        self._storage = storage
        node = storage.take_node()
        self._reader_storage = storage.open_again()
        mint, chain = Mint(node, randbelow), Chain(node)
        reader_mint = Mint(mint.node, randbelow)  # its ids are never saved
        changes, looks = Outage("committer"), Outage("reader")
        self._committer = CommandQueue(
            "committer", lambda commands: batch.commit(storage, commands, clock, mint, chain, changes)
        )
        self._reader = CommandQueue(
            "reader", lambda commands: batch.look(self._reader_storage, commands, clock, reader_mint, looks)
        )
        self._keyed = ReadPool("read", READ_THREADS, READS_MAX, storage.open_again)
        self._lists = ReadPool("lists", LIST_THREADS, LISTS_MAX, storage.open_again)
        self._credential: Remembering[tuple[str, str], Credential] = Remembering(clock)
        self._credentials: Remembering[tuple[int, str], list[Credential]] = Remembering(clock)
        self._merchant: Remembering[int, Merchant] = Remembering(clock)
        self._tally_storage: Storage | None = None
        self._tallying: Iterator[bool] | None = None
        self._tallied_at = -TALLY_EVERY_MS
        self._watch = ClockWatch(clock, passed or clock)
        self._stopping = threading.Event()
        self._sweeper = threading.Thread(
            target=self._sweep_for_ever, args=(sweep_seconds,), name="hexiao-sweeper", daemon=True
        )
        if sweep_seconds > 0:
            self._sweeper.start()

    async def ask(self, command: AnyCommand) -> Answer:
        loop = asyncio.get_running_loop()
        future = self._queue_for(command).put(command, loop).future
        assert isinstance(future, asyncio.Future)
        return await future

    def call(self, command: AnyCommand) -> Answer:
        future = self._queue_for(command).put(command, None).future
        assert isinstance(future, Future)
        return future.result()

    async def read(self, query: Callable[[Reader], T]) -> T:
        """What is found by a key, and quickly. Raises Unavailable when the database does not answer."""
        return await self._keyed.read(query)

    async def read_list(self, query: Callable[[Reader], T]) -> T:
        """What may take its time. Raises Unavailable when the database does not answer, or too many are waiting."""
        return await self._lists.read(query)

    def read_now(self, query: Callable[[Reader], T]) -> T:
        """`read` for threads."""
        return self._keyed.submit(query).result()

    async def credential(self, door: str, public_id: str) -> Credential | None:
        """The caller known by this id at this door, unless revoked; remembered for a few seconds."""
        if "\0" in public_id:  # nobody's: no database keeps such a text
            return None
        found = await self._remembered(
            self._credential, (door, public_id), lambda reader: reader.credential(door, public_id)
        )
        return None if found is None or found.revoked_at is not None else found

    async def credentials(self, merchant_id: int, door: str) -> list[Credential]:
        """All of the merchant for this door, remembered for a few seconds."""
        found = await self._remembered(
            self._credentials, (merchant_id, door), lambda reader: reader.credentials(merchant_id, door)
        )
        return found or []

    async def merchant(self, merchant_id: int) -> Merchant | None:
        """Remembered for a few seconds."""
        return await self._remembered(self._merchant, merchant_id, lambda reader: reader.merchant(merchant_id))

    async def _remembered(
        self, remembering: Remembering[K, T], key: K, query: Callable[[Reader], T | None]
    ) -> T | None:
        known, found = remembering.get(key)
        if not known:
            found = await self.read(query)
            remembering.put(key, found)
        return found

    def tidy_up(self, seconds: float) -> None:
        """What the sweeper does each time: all that time has ended, and some counting ahead for so long."""
        self.sweep()
        if not self._watch.doubted():  # who forgets too early lets a retry redeem once more
            self.forget()
        self._tally_now_and_then(seconds)

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
                portion = self._lists.submit(self._forget_portion).result()
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
        if self._tally_storage is None:
            self._tally_storage = self._storage.open_again()
        tallying, self._tallying = self._tallying or self._tally_storage.tally(self.clock()), None
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
        self._keyed.close()
        self._lists.close()
        for storage in (self._tally_storage, self._reader_storage, self._storage):
            if storage is not None:
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

    def _queue_for(self, command: AnyCommand) -> CommandQueue:
        return self._reader if isinstance(command, (Assess, LookUp)) else self._committer

    def _sweep_for_ever(self, every_seconds: float) -> None:
        while not self._stopping.wait(every_seconds):
            try:
                self.tidy_up(every_seconds)
            except Unavailable as down:
                log.debug("sweep_put_off", reason=str(down))
            except Exception as unexpected:
                log.error("sweep_failed", exc_info=unexpected)
