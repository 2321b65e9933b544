"""A frugal hexiao that forgets to let go, for one purpose: to show that the soak would notice.

It keeps what it loads, opens a file now and then, and reads on in a state of long ago, so that SQLite's log cannot be
written back. Run as `python -m faults.leaky serve …`. Never imported by a test.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from faults.frugal import FrugalStorage
from hexiao.storage import sqlite
from hexiao.storage.snapshot import Names, Snapshot

BYTES_KEPT, FILE_EVERY = 20_000, 50
KEPT: list[Any] = []


class LeakyStorage(FrugalStorage):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        reader.execute("BEGIN")
        KEPT.append((reader, reader.execute("SELECT count(*) FROM merchant").fetchall()))

    def load(self, names: Names) -> Snapshot:
        snapshot = super().load(names)
        KEPT.append((snapshot, bytes(BYTES_KEPT)))
        if len(KEPT) % FILE_EVERY == 0:
            KEPT.append(Path("/dev/null").open())  # noqa: SIM115 - never closed
        return snapshot


sqlite.SqliteStorage = LeakyStorage  # type: ignore[misc]  # at import, so that worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
