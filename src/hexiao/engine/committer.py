"""The engine as its callers see it: two queues with a thread each, the committer for changes, the reader for look-ups.

Beside them two small pools, for what is found by a key and for lists, and the sweeper, which tidies up what time has
ended. Holds no rule.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import TypeVar

from hexiao.domain.chain import Chain
from hexiao.domain.party import Credential, Merchant
from hexiao.engine import batch
from hexiao.engine.clock_watch import ClockWatch
from hexiao.engine.command_queue import CommandQueue
from hexiao.engine.commands import Answer, AnyCommand, Assess, LookUp
from hexiao.engine.mint import Mint
from hexiao.engine.outage import Outage
from hexiao.engine.read_pool import ReadPool
from hexiao.engine.remembering import Remembering
from hexiao.engine.sweeper import Sweeper
from hexiao.storage.base import Reader, Storage

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Clock = Callable[[], int]

READ_THREADS, READS_MAX = 1, 10_000
LIST_THREADS, LISTS_MAX = 2, 1_000


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
        watch = ClockWatch(clock, passed or clock)
        self.sweeper = Sweeper(clock, watch, self._committer, self._keyed, self._lists, storage.open_again)
        if sweep_seconds > 0:
            self.sweeper.start(sweep_seconds)

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

    def close(self) -> None:
        """Answer everybody who is waiting, then let go of the database."""
        self.sweeper.stop()
        self._committer.close()
        self._reader.close()
        self._keyed.close()
        self._lists.close()
        self._reader_storage.close()
        self._storage.close()

    def _queue_for(self, command: AnyCommand) -> CommandQueue:
        return self._reader if isinstance(command, (Assess, LookUp)) else self._committer
