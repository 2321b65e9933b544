"""A migration that is cut off: whatever moment it was, the next one ends what it began."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from hexiao.config import Settings
from hexiao.storage.base import StorageError
from hexiao.wiring import migrate, open_storage
from postgres_server import Databases
from storage.migrations import MIGRATION_KILLED


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, server: Databases) -> Settings:
    return Settings(database=server.empty() if request.param == "postgres" else f"sqlite:///{tmp_path / 'new.db'}")


@pytest.mark.parametrize("at", ["mark_one", "log_migration"])
@pytest.mark.parametrize("migration", ["0001.initial", "0003.tallies"])
def test_a_migration_that_was_killed_before_it_was_marked_is_applied_again(
    migration: str, at: str, empty: Settings
) -> None:
    killed = subprocess.run([sys.executable, "-c", MIGRATION_KILLED, empty.database, migration, at], check=False)
    assert killed.returncode == -9
    assert migration in migrated(empty)
    with closing(open_storage(empty)) as storage:
        assert list(storage.broken(0)) == []


@pytest.mark.parametrize("blocks", [0, 8, 40, 150])
def test_a_full_disk_is_told_as_such_and_nothing_is_left_half_done(blocks: int, tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'new.db'}")
    command = f"ulimit -f {blocks}; exec {sys.executable} -m hexiao migrate --database {settings.database}"
    full = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert full.returncode == 4, full.stderr
    assert "disk" in full.stderr
    assert "Traceback" not in full.stderr
    assert migrate(settings)[-1] == "0011.live-uses-of-a-bill"


def migrated(settings: Settings) -> list[str]:
    """The server may need a moment to see that the killed process is gone."""
    for _ in range(20):
        try:
            return migrate(settings)
        except StorageError as waits:
            if "already exists" in str(waits) or "no such" in str(waits):
                raise
            time.sleep(0.1)
    return migrate(settings)
