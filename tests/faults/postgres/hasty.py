"""A hexiao on PostgreSQL that answers before COMMIT: to show that the kill tests would notice.

Run as `python -m faults.postgres.hasty serve … --workers 1`. Never imported by a test.
"""

from __future__ import annotations

import time

from psycopg.pq import TransactionStatus

from hexiao.storage import loading, postgres
from hexiao.storage.base import GuardMissed
from hexiao.storage.postgres_storage import PostgresStorage
from hexiao.storage.snapshot import Changes, Names, Snapshot

COMMIT_EVERY_SECONDS = 0.5


class HastyStorage(PostgresStorage):
    """Keeps one transaction open over many batches; sees its own changes, so nobody notices until somebody dies."""

    _committed_at = 0.0

    def load(self, names: Names) -> Snapshot:
        """Inside the open transaction, which an honest load would end."""
        if self._db.info.transaction_status == TransactionStatus.IDLE:
            return super().load(names)
        with self._translating():
            return loading.load(self._ask, names, self._kept)

    def save(self, changes: Changes, now: int, node: int) -> None:
        if self._db.info.transaction_status == TransactionStatus.IDLE:
            self._db.execute("BEGIN")
            self._committed_at = time.monotonic()
        self._db.execute("SAVEPOINT batch")
        try:
            super().save(changes, now, node)
        except GuardMissed:
            self._db.execute("ROLLBACK TO batch")
            raise
        if time.monotonic() - self._committed_at > COMMIT_EVERY_SECONDS:
            self._db.execute("COMMIT")


postgres.PostgresStorage = HastyStorage  # type: ignore[attr-defined]  # at import, so that worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
