"""Threads with a connection each, for queries that are no commands. Decides nothing, and changes nothing by itself.

The engine has a pool for what is found by a key, and another for lists: a list may take seconds, and who asks to come
in, or whether the server is ready, must not wait behind it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from hexiao.domain.errors import Code, Unavailable
from hexiao.engine.outage import Outage
from hexiao.storage.base import ConnectionLost, Damaged, Storage, StorageDown, StorageError

T = TypeVar("T")


class ReadPool:
    """Queries in, what they find out. Raises Unavailable, and whatever the query raises that is no outage.

    At the most so many run or wait; what nobody waits for any more is not begun.
    """

    def __init__(self, name: str, threads: int, waiting_max: int, open_storage: Callable[[], Storage]) -> None:
        self._open_storage = open_storage
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"hexiao-{name}")
        self._outage = Outage(name)
        self._places = threading.BoundedSemaphore(waiting_max)
        self._local = threading.local()
        self._opened: list[Storage] = []

    async def read(self, query: Callable[[Storage], T]) -> T:
        return await asyncio.wrap_future(self.submit(query))

    def submit(self, query: Callable[[Storage], T]) -> Future[T]:
        """Raises Unavailable(BUSY) at once when too many are waiting, or the pool is closed."""
        if not self._places.acquire(blocking=False):
            raise Unavailable(Code.BUSY)
        try:
            future = self._pool.submit(self._run, query)
        except RuntimeError:  # closed
            self._places.release()
            raise Unavailable(Code.BUSY) from None
        future.add_done_callback(lambda _: self._places.release())
        return future

    def close(self) -> None:
        self._pool.shutdown()
        for storage in self._opened:
            storage.close()

    def _run(self, query: Callable[[Storage], T]) -> T:
        try:
            storage = self._own_storage()
            try:
                found = query(storage)
            except ConnectionLost:  # a read may simply be asked again, on a new connection
                found = query(storage)
            self._outage.over()
            return found
        except Damaged:  # of one row; the database answers
            raise
        except (StorageDown, StorageError) as down:
            self._outage.down(down)
            raise Unavailable(Code.STORAGE_UNAVAILABLE) from down

    def _own_storage(self) -> Storage:
        """This thread's."""
        storage: Storage | None = getattr(self._local, "storage", None)
        if storage is None:
            storage = self._local.storage = self._open_storage()
            self._opened.append(storage)
        return storage
