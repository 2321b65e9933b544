"""A hexiao that answers before COMMIT, for one purpose: to show that the kill test would notice.

Run as `python -m faults.hasty serve … --workers 1`. Never imported by a test.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hexiao.storage import saving, sqlite
from hexiao.storage.base import GuardMissed
from hexiao.storage.snapshot import Changes

COMMIT_EVERY_SECONDS = 0.25


class HastyStorage(sqlite.SqliteStorage):
    """Keeps one transaction open over many batches; sees its own changes, so nobody notices until it dies."""

    _committed_at = 0.0

    def save(self, changes: Changes, now: int, node: int) -> None:
        with self._translating():
            self._save(changes, now, node)

    def _save(self, changes: Changes, now: int, node: int) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
            self._committed_at = time.monotonic()
        self._db.execute("SAVEPOINT batch")
        try:
            saving.write(self, changes, now, node)
        except (sqlite3.IntegrityError, GuardMissed) as clash:
            self._db.execute("ROLLBACK TO batch")
            raise GuardMissed(str(clash)) from clash
        finally:
            self._db.execute("RELEASE batch")
        if time.monotonic() - self._committed_at > COMMIT_EVERY_SECONDS:
            self._db.execute("COMMIT")

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        if self._db.in_transaction:
            yield
        else:
            with super()._one_state():
                yield


def acknowledge_early() -> None:
    assert "_one_state" in vars(sqlite.SqliteStorage), "reads are made otherwise now; follow them"
    sqlite.SqliteStorage = HastyStorage  # type: ignore[misc]  # what sqlite.open_storage opens


acknowledge_early()  # at import, so that worker processes have it too, however they are started

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
