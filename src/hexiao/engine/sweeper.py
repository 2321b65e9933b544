"""Tidies up what time has ended: holds past their deadline, answers remembered long enough; and counts the past ahead.

Does nothing that is not also right when it is left out: holds lapse when they are met, lists are exact. One thing that
fails keeps the others from nothing.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial

from hexiao.domain.errors import Unavailable
from hexiao.engine.clock_watch import ClockWatch
from hexiao.engine.command_queue import CommandQueue
from hexiao.engine.commands import Lapse, Nothing
from hexiao.engine.read_pool import ReadPool
from hexiao.logs import Log
from hexiao.storage.base import DueHold, GuardMissed, Storage, StorageDown, StorageError

Clock = Callable[[], int]

SWEEP_MAX = 500
LEFT_ALONE_MS = 3_600_000
"""A hold that cannot lapse, for its row went bad, is told as an error; not again at every sweep."""
REMEMBERED_MS = (30 * 24 + 1) * 3_600_000
"""Thirty days, and an hour for clocks that differ: whoever comes later with the same request id asks anew."""
FORGET_MAX, PORTIONS_MAX = 1_000, 4
"""Answers at a time, and times in a row: so nobody waits long, and the sweeper keeps up with 69 million a day."""
TALLY_EVERY_MS = 600_000
TALLY_PAUSE_SECONDS = 0.02
"""Between two little pieces of tallying, so that it takes nobody's place."""
WAIT_SECONDS = 0.5

log = Log("hexiao.engine")


class Sweeper:
    """Asks the committer for changes and the pools for what is read. `start` it for a thread of its own."""

    def __init__(
        self,
        clock: Clock,
        watch: ClockWatch,
        committer: CommandQueue,
        keyed: ReadPool,
        lists: ReadPool,
        open_storage: Callable[[], Storage],
    ) -> None:
        self._clock = clock
        self._watch = watch
        self._committer = committer
        self._keyed = keyed
        self._lists = lists
        self._open_storage = open_storage
        self._left_alone: dict[int, int] = {}
        self._told: dict[str, str] = {}
        self._tally_storage: Storage | None = None
        self._tallying: Iterator[bool] | None = None
        self._tallied_at = -TALLY_EVERY_MS
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, every_seconds: float) -> None:
        self._thread = threading.Thread(
            target=self._sweep_for_ever, args=(every_seconds,), name="hexiao-sweeper", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Let go of the database; before those who are asked here are closed."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._tally_storage is not None:
            self._tally_storage.close()

    def tidy_up(self, seconds: float) -> None:
        """What is done each time: all that time has ended, and some counting ahead for so long. Raises nothing."""
        tally = partial(self._tally_now_and_then, seconds)
        for what, work in (("sweep", self.sweep), ("forget", self._forget_when_sure), ("tally", tally)):
            try:
                work()
                self._told.pop(what, None)
            except Unavailable as down:  # so it would be with the rest, and who was asked has told of it
                log.debug("sweep_put_off", what=what, reason=str(down))
                break
            except Exception as failed:
                if self._told.get(what) != str(failed):
                    self._told[what] = str(failed)
                    log.error("sweep_failed", what=what, exc_info=failed)

    def sweep(self) -> int:
        """Write down the lapse of every hold past its deadline; how many. Ends where nothing moves any more.

        Raises Unavailable.
        """
        swept = 0
        while due := self._due():
            waiting = [
                self._committer.put(Lapse(merchant_id=hold.merchant_id, redemption_id=hold.id, actor="sweeper"), None)
                for hold in due
            ]
            lapsed = 0
            for hold, one in zip(due, waiting, strict=True):
                assert isinstance(one.future, Future)
                if isinstance(one.future.result().outcome, Nothing):
                    lapsed += 1
                else:
                    self._left_alone[hold.id] = self._clock() + LEFT_ALONE_MS
            swept += lapsed
            if len(due) < SWEEP_MAX or not lapsed:
                break
        return swept

    def _due(self) -> list[DueHold]:
        now = self._clock()
        self._left_alone = {id: until for id, until in self._left_alone.items() if now < until}
        most = SWEEP_MAX + len(self._left_alone)
        due = self._keyed.submit(lambda reader: reader.due_holds(now, most)).result()
        return [hold for hold in due if hold.id not in self._left_alone]

    def forget(self) -> int:
        """Remove answers that were remembered long enough, a bounded number; how many. Raises Unavailable."""
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

    def _forget_when_sure(self) -> None:
        """Who forgets too early lets a retry redeem once more."""
        if not self._watch.doubted():
            self.forget()

    def _forget_portion(self, storage: Storage) -> int:
        return storage.forget(self._clock() - REMEMBERED_MS, FORGET_MAX)

    def tally(self, seconds: float = math.inf) -> bool:
        """Count the past ahead for the lists, for so long; whether there is more. One thread at a time.

        Raises StorageDown, StorageError.
        """
        if self._tally_storage is None:
            self._tally_storage = self._open_storage()
        tallying, self._tallying = self._tallying or self._tally_storage.tally(self._clock()), None
        deadline = time.monotonic() + seconds
        for worked in tallying:
            if self._stopping.wait(TALLY_PAUSE_SECONDS if worked else WAIT_SECONDS) or time.monotonic() > deadline:
                self._tallying = tallying
                return True
        return False

    def _tally_now_and_then(self, seconds: float) -> None:
        """A round that took too long is gone on with after the next sweep; one that failed is begun anew."""
        now = self._clock()
        if self._tallying is None:
            if abs(now - self._tallied_at) < TALLY_EVERY_MS:
                return
            self._tallied_at = now
        try:
            self.tally(seconds)
        except (StorageDown, StorageError) as down:
            log.warning("tally_put_off", reason=str(down))

    def _sweep_for_ever(self, every_seconds: float) -> None:
        while not self._stopping.wait(every_seconds):
            self.tidy_up(every_seconds)
