"""A hexiao whose disk is slow and whose batches are small, so that a few hundred redemptions a second are too many.

Run as `python -m faults.slow serve …`. A test may import its figures, never run it in its own process.
"""

from __future__ import annotations

import time

SAVE_SECONDS = 0.04
BATCH_MAX = 16
WAITING_SECONDS_MAX = 0.5


def slow_down(waiting_seconds_max: float) -> None:
    from hexiao.engine import command_queue, turns
    from hexiao.storage import sqlite
    from hexiao.storage.snapshot import Changes

    class SlowStorage(sqlite.SqliteStorage):
        def save(self, changes: Changes, now: int, node: int) -> None:
            time.sleep(SAVE_SECONDS)
            super().save(changes, now, node)

    assert "WAITING_SECONDS_MAX" in vars(command_queue) and "BATCH_MAX" in vars(turns), (
        "the bounds have other names now"
    )
    sqlite.SqliteStorage = SlowStorage  # type: ignore[misc]
    turns.BATCH_MAX = BATCH_MAX
    command_queue.WAITING_SECONDS_MAX = waiting_seconds_max
