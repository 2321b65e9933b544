"""A hexiao on SQLite whose file takes no changes while a file named `read-only` lies beside it.

The superuser may write to anything, so permissions would show nothing here. Run as `python -m faults.switched serve …`.
"""

from __future__ import annotations

from hexiao.storage import sqlite
from hexiao.storage.snapshot import Changes

SWITCH = "read-only"


class SwitchedStorage(sqlite.SqliteStorage):
    def save(self, changes: Changes, now: int, node: int) -> None:
        self._look_at_switch()
        super().save(changes, now, node)

    def writable(self) -> bool:
        self._look_at_switch()
        return super().writable()

    def _look_at_switch(self) -> None:
        self._db.execute(f"PRAGMA query_only = {int(self.path.with_name(SWITCH).exists())}")


if __name__ in ("__main__", "__mp_main__"):  # the server, or a worker of it; a test may import the switch's name
    assert {"save", "writable"} <= set(vars(sqlite.SqliteStorage)), "it is asked otherwise now; follow it"
    sqlite.SqliteStorage = SwitchedStorage  # type: ignore[misc]

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
