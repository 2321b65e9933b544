"""A hexiao on SQLite that keeps few pages in memory, so that whatever grows in it is not the cache that fills.

Run as `python -m faults.frugal serve …`. Never imported by a test.
"""

from __future__ import annotations

from hexiao.storage import sqlite

CACHE_KIB = 2_048


class FrugalStorage(sqlite.SqliteStorage):
    def _demand_durability(self) -> None:
        super()._demand_durability()
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


assert "_demand_durability" in vars(sqlite.SqliteStorage), "connections are set up otherwise now; follow them"
sqlite.SqliteStorage = FrugalStorage  # type: ignore[misc]  # at import, so that worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
