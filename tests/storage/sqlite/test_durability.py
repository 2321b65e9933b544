"""What a file must be to be used, and what happens when it takes nothing: no half, no loss, and a second try works."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.desk import MERCHANT, a_bill, issuing, redeeming
from engine.process import Process
from hexiao.config import Settings
from hexiao.domain.errors import Code, Unavailable
from hexiao.engine.commands import Answer, AnyCommand, LookUp
from hexiao.storage import migrating, sqlite
from hexiao.storage.base import StorageDown, StorageError
from hexiao.storage.sqlite import SqliteStorage
from hexiao.storage.sqlite_place import NETWORK_FILE_SYSTEMS, refuse_network_file_system
from hexiao.wiring import migrate, open_storage
from storage.sqlite.conftest import dump


def settings_for(path: Path) -> Settings:
    return Settings(database=f"sqlite:///{path}")


# Durability.


def test_every_connection_writes_ahead_and_syncs_at_every_commit(alone: Process) -> None:
    again = alone.storage.open_again()
    alone.desk.coupon()  # what a save sets for itself it sets back
    for storage in (alone.storage, again):
        db: sqlite3.Connection = storage._db  # type: ignore[attr-defined]
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert db.execute("PRAGMA busy_timeout").fetchone()[0] >= 5_000
    again.close()


def test_the_log_grows_while_somebody_reads_for_long_and_shrinks_afterwards(
    settings: Settings, clock: Any, bare: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOG_KEPT_BYTES", 4_096)
    alone = Process(settings, clock)
    alone.furnish()
    scheme = alone.desk.scheme()
    log = settings.sqlite_path.with_name(settings.sqlite_path.name + "-wal")
    bare.execute("BEGIN")
    bare.execute("SELECT count(*) FROM shop").fetchall()
    while log.stat().st_size < 1_000 * 4_096 * 2:  # twice what SQLite writes back at once
        alone.desk.issue(scheme, 1_000)
    bare.execute("COMMIT")
    alone.desk.issue(scheme)  # written back with this one, begun anew with the next
    alone.desk.issue(scheme)
    assert log.stat().st_size < 1_000 * 4_096 / 4
    alone.storage.close()


def test_a_database_that_cannot_write_ahead_is_refused() -> None:
    with pytest.raises(StorageError):
        SqliteStorage(Path(":memory:"))


def test_a_file_that_was_set_to_something_weaker_is_set_right(alone: Process, bare: sqlite3.Connection) -> None:
    alone.storage.close()
    assert bare.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    bare.close()
    storage: Any = SqliteStorage(alone.storage.path)  # type: ignore[attr-defined]
    assert storage._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    storage.close()


# Where the file lies.


@pytest.fixture
def mounted(tmp_path: Path) -> Callable[..., Path]:
    """mounted(("/srv", "nfs4"), …) → a list of mounts, as the system gives it."""

    def write(*mounts: tuple[str, str]) -> Path:
        path = tmp_path / "mounts"
        path.write_text("".join(f"device {place} {kind} rw,relatime 0 0\n" for place, kind in (("/", "ext4"), *mounts)))
        return path

    return write


@pytest.mark.parametrize("kind", NETWORK_FILE_SYSTEMS)
def test_a_network_file_system_is_refused(kind: str, mounted: Any) -> None:
    with pytest.raises(StorageError):
        refuse_network_file_system(Path("/srv/data/hexiao.db"), mounted(("/srv", kind)))


def test_the_innermost_mount_decides(mounted: Any) -> None:
    refuse_network_file_system(Path("/srv/local/hexiao.db"), mounted(("/srv", "nfs4"), ("/srv/local", "xfs")))
    refuse_network_file_system(Path("/srvdata/hexiao.db"), mounted(("/srv", "nfs4")))
    with pytest.raises(StorageError):
        refuse_network_file_system(Path("/srv/x/hexiao.db"), mounted(("/srv", "ext4"), ("/srv/x", "cifs")))


def test_a_system_without_a_list_of_mounts_is_taken_as_it_is(tmp_path: Path) -> None:
    refuse_network_file_system(Path("/srv/hexiao.db"), tmp_path / "none")


def test_a_mount_with_a_space_in_its_name_is_seen(mounted: Any) -> None:
    with pytest.raises(StorageError):
        refuse_network_file_system(Path("/srv/my data/hexiao.db"), mounted(("/srv/my\\040data", "nfs4")))


def test_the_later_of_two_mounts_on_one_place_decides(mounted: Any) -> None:
    with pytest.raises(StorageError):
        refuse_network_file_system(Path("/srv/hexiao.db"), mounted(("/srv", "ext4"), ("/srv", "nfs4")))


@pytest.mark.parametrize(
    "kind", ["fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.rclone", "fuse.s3fs", "lustre"]
)
def test_network_file_systems_are_known_by_the_names_the_system_gives_them(kind: str, mounted: Any) -> None:
    with pytest.raises(StorageError):
        refuse_network_file_system(Path("/srv/hexiao.db"), mounted(("/srv", kind)))


# What the file holds.


def test_a_file_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        open_storage(settings_for(tmp_path / "none.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 4_096, b"\0" * 8_192],
    ids=["empty", "text", "garbage behind the right beginning", "zeros"],
)
def test_a_file_that_is_no_database_of_ours_is_refused_and_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hexiao.db"
    path.write_bytes(content)
    with pytest.raises(StorageError):
        open_storage(settings_for(path))
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE recipe (name text)")
    other.close()
    with pytest.raises(StorageError):
        open_storage(settings_for(tmp_path / "other.db"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        open_storage(settings_for(tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM _yoyo_migration",
        "UPDATE _yoyo_migration SET migration_id = '9999.future'",
        "INSERT INTO _yoyo_migration SELECT 'h', '9999.future', applied_at_utc FROM _yoyo_migration LIMIT 1",
    ],
    ids=["older", "of another line", "newer"],
)
def test_a_schema_that_is_not_this_programs_is_refused(
    change: str, settings: Settings, bare: sqlite3.Connection
) -> None:
    open_storage(settings).close()
    assert bare.execute(change).rowcount > 0
    with pytest.raises(StorageError):
        open_storage(settings)


def test_a_migration_that_was_killed_locks_nobody_out_and_one_that_runs_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_SECONDS_MAX", 0.2)
    settings = settings_for(tmp_path / "hexiao.db")
    migrate(settings)
    lock = "INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, '2026-01-01 00:00:00', ?)"
    with closing(sqlite3.connect(settings.sqlite_path, isolation_level=None)) as bare:
        dead = subprocess.Popen(["true"])
        dead.wait()
        bare.execute(lock, (dead.pid,))
        assert migrate(settings) == []
        bare.execute(lock, (os.getppid(),))
        with pytest.raises(StorageError, match="--break-lock"):
            migrate(settings)
        assert migrate(settings, break_lock=True) == []


def test_migrating_makes_the_file_and_its_folder_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "new" / "folder" / "hexiao.db")
    assert migrate(settings) != []
    with sqlite3.connect(settings.sqlite_path) as connection:
        before = dump(connection)
        assert migrate(settings) == []
        assert dump(connection) == before
    connection.close()
    open_storage(settings).close()


@pytest.mark.parametrize("folder", ["with space", "中文", "a&b", "ü'"])
def test_a_folder_may_have_any_ordinary_name(folder: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / folder / "hexiao.db")
    migrate(settings)
    assert settings.sqlite_path.is_file()
    open_storage(settings).close()


@pytest.mark.parametrize("folder", ["a#b", "50%25", "a%20b"])
def test_a_folder_may_have_a_name_that_means_something_in_a_url(folder: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / folder / "hexiao.db")
    migrate(settings)
    assert settings.sqlite_path.is_file()
    open_storage(settings).close()


# When it takes nothing.


@pytest.fixture
def full(alone: Process) -> Callable[[bool], None]:
    """full(True): not one page more fits on the disk."""
    db: sqlite3.Connection = alone.storage._db  # type: ignore[attr-defined]

    def fill(on: bool) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages if on else 2**30}")

    return fill


@pytest.fixture
def read_only(alone: Process) -> Callable[[bool], None]:
    def forbid(on: bool) -> None:
        alone.storage._db.execute(f"PRAGMA query_only = {int(on)}")  # type: ignore[attr-defined]

    return forbid


@pytest.mark.parametrize("trouble", ["full", "read_only"])
def test_a_disk_that_takes_nothing_is_unavailable_loses_nothing_and_recovers(
    trouble: str, alone: Process, bare: sqlite3.Connection, clock: Any, request: pytest.FixtureRequest
) -> None:
    set_trouble: Callable[[bool], None] = request.getfixturevalue(trouble)
    scheme, code = alone.desk.scheme(), alone.desk.coupon()
    kept = [alone.desk.issue(scheme, 3) for _ in range(3)]
    set_trouble(True)
    before = dump(bare)
    asked: list[AnyCommand] = [issuing(scheme, 400, request_id="big"), redeeming(code, request_id="small")]
    for _ in range(2):
        results = alone.commit(*asked)
        assert [one.code for one in results if isinstance(one, Unavailable)] == [Code.STORAGE_UNAVAILABLE] * 2
    assert dump(bare) == before
    assert isinstance(alone.look(LookUp(merchant_id=MERCHANT, code=code))[0], Answer)  # looking goes on
    set_trouble(False)
    results = alone.commit(*asked)
    assert [isinstance(one, Answer) and one.replayed for one in results] == [False, False]
    assert alone.storage.scheme_count(scheme.id).issued == 409
    assert all(alone.desk.stored(coupon.code) == coupon for coupons in kept for coupon in coupons)
    assert alone.desk.broken(clock.now) == []
    assert bare.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_fills_up_under_load_keeps_exactly_what_was_acknowledged(
    alone: Process, full: Callable[[bool], None], clock: Any
) -> None:
    scheme = alone.desk.scheme()
    db: sqlite3.Connection = alone.storage._db  # type: ignore[attr-defined]
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0] + 20}")
    results = [alone.commit(issuing(scheme, 5, request_id=f"r{n}"))[0] for n in range(60)]
    taken = [one for one in results if isinstance(one, Answer)]
    assert 0 < len(taken) < 60
    assert alone.storage.scheme_count(scheme.id).issued == 5 * len(taken)
    assert alone.desk.broken(clock.now) == []


def test_a_save_that_breaks_at_any_statement_leaves_nothing(
    alone: Process, bare: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holds with everything at once: requests, coupons, redemptions, journal, bills, counts."""
    desk = alone.desk
    scheme = desk.scheme(total=100, per_member=50, budget_fen=10**6)
    codes = [coupon.code for coupon in desk.issue(scheme, 3, 31)]
    held = desk.hold(codes[0]).redemption.id
    from hexiao.engine.commands import Capture

    asked: list[AnyCommand] = [
        issuing(scheme, 2, 31, "r1"),
        redeeming(codes[1], a_bill("B1"), "r2"),
        redeeming("nobody's", a_bill("B1"), "r3"),
        Capture(merchant_id=MERCHANT, redemption_id=held, request_id="r4"),
    ]
    before = dump(bare)
    honest = alone.storage.many  # type: ignore[attr-defined]
    statements = 0

    def breaking_at(last: int) -> Callable[[str, Any], int]:
        def many(sql: str, values: Any) -> int:
            nonlocal statements
            statements += 1
            if statements == last:
                raise sqlite3.OperationalError("disk I/O error")
            return int(honest(sql, values))

        return many

    for last in range(1, 100):
        statements = 0
        monkeypatch.setattr(alone.storage, "many", breaking_at(last))
        results = alone.commit(*asked)
        if statements < last:
            break
        assert all(isinstance(one, Unavailable) for one in results)
        assert dump(bare) == before
    assert last > 8  # there were many statements to break
    assert all(isinstance(one, Answer) for one in results)


def test_operational_errors_of_reads_are_storage_down(alone: Process) -> None:
    alone.storage._db.execute("DROP TABLE shop")  # type: ignore[attr-defined]
    with pytest.raises(StorageDown):
        alone.storage.shops(MERCHANT, 0, 10)


# Nodes.


def test_every_process_takes_a_node_of_its_own(process: Callable[[], Process]) -> None:
    nodes = [process().mint.node for _ in range(5)]
    assert nodes == list(range(nodes[0], nodes[0] + 5))


def test_processes_that_start_at_the_same_moment_take_different_nodes(settings: Settings) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def take(_: int) -> int:
        storage = open_storage(settings)
        try:
            return storage.take_node()
        finally:
            storage.close()

    with ThreadPoolExecutor(8) as pool:
        nodes = list(pool.map(take, range(24)))
    assert len(set(nodes)) == 24
