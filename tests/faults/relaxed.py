"""A hexiao on SQLite that does not sync at COMMIT, for one purpose: to show that the test of the syncs would notice.

Run as `python -m faults.relaxed serve …`. Never imported by a test.
"""

from __future__ import annotations

from hexiao.storage import sqlite


class RelaxedStorage(sqlite.SqliteStorage):
    def _demand_durability(self) -> None:
        super()._demand_durability()
        self._db.execute("PRAGMA synchronous = NORMAL")


assert "_demand_durability" in vars(sqlite.SqliteStorage), "it is demanded otherwise now; follow it"
sqlite.SqliteStorage = RelaxedStorage  # type: ignore[misc]  # at import, so that worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
