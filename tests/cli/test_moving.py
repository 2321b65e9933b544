"""backup, restore and copy as typed: what they leave behind, what they refuse, and how they say it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from postgres_server import Databases, databases

from .conftest import Type, Typed, type_command

BREAK = "UPDATE redemption SET captured_fen = 99 WHERE coupon_id = 100"
# Who is root may write everywhere, unless that is taken away.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
ANY_REDEMPTION = "WHERE id = (SELECT max(id) FROM redemption)"
IMPOSSIBLE = [
    f"UPDATE redemption SET returned = 'no JSON' {ANY_REDEMPTION}",
    "UPDATE coupon SET captured_fen = -9223372036854775807 - 1 WHERE id = (SELECT max(id) FROM coupon)",
    "UPDATE coupon SET scheme_id = CAST(x'ff41' AS text) WHERE id = (SELECT max(id) FROM coupon)",
]
NOWHERE = "postgresql://till:secret@127.0.0.1:1/books"


@pytest.fixture(scope="module")
def server() -> Iterator[Databases]:
    with databases() as fresh:
        yield fresh


@pytest.fixture
def file(hexiao: Type, tmp_path: Path) -> Path:
    """A backup of the demo."""
    file = tmp_path / "books.db"
    assert hexiao("backup", str(file)).code == 0
    return file


@pytest.fixture
def new(tmp_path: Path) -> str:
    """The URL of a database that is not there yet."""
    return f"sqlite:///{tmp_path / 'new' / 'hexiao.db'}"


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def rows(database: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute(sql).fetchall()


def change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        for sql in statements:
            db.execute(sql)


def files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def hashes(typed: Typed) -> dict[str, str]:
    return {one["table"]: one["target"]["sha256"] for one in typed.json["tables"]}


class TestBackup:
    def test_makes_one_file_that_stands_by_itself(self, hexiao: Type, demo: Path, tmp_path: Path) -> None:
        folder = tmp_path / "kept"
        folder.mkdir()
        typed = hexiao("backup", str(folder / "books.db"), "--json")
        assert typed.code == 0, typed.err
        assert files(folder) == {"books.db"}
        assert (folder / "books.db").stat().st_mode & 0o077 == 0
        assert typed.json["bytes"] == (folder / "books.db").stat().st_size
        assert typed.json["broken"] == []
        assert [(typed.json["rows"]["redemption"],)] == rows(demo, "SELECT count(*) FROM redemption")
        assert rows(folder / "books.db", "PRAGMA journal_mode") == [("delete",)]

    def test_is_a_database_that_every_command_reads(self, file: Path) -> None:
        assert type_command("verify", "--no-sweep", "--json", database=file).json == {"ok": True, "broken": []}

    def test_is_not_changed_by_a_check_of_it(self, file: Path) -> None:
        before = file.read_bytes()
        assert type_command("verify", "--no-sweep", "--chain", database=file).code == 0
        assert file.read_bytes() == before

    def test_is_checked_and_restored_where_nothing_can_be_written(self, file: Path, tmp_path: Path, new: str) -> None:
        vault = tmp_path / "vault"
        vault.mkdir()
        file.rename(vault / "books.db")
        (vault / "books.db").chmod(0o444)
        vault.chmod(0o555)
        commands = (
            ("verify", "--no-sweep", "--chain", "--database", f"sqlite:///{vault / 'books.db'}"),
            ("restore", str(vault / "books.db"), "--database", new),
        )
        try:
            for command in commands:
                done = subprocess.run([*WITHOUT_RIGHTS, sys.executable, "-m", "hexiao", *command], capture_output=True)
                assert done.returncode == 0, done.stderr.decode()
        finally:
            vault.chmod(0o755)

    def test_holds_what_still_stands_in_the_log_of_the_database(self, demo: Path, tmp_path: Path) -> None:
        with closing(sqlite3.connect(demo)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            db.execute("UPDATE shop SET name = '刚改名'")
            db.commit()
            assert type_command("backup", str(tmp_path / "b.db"), database=demo).code == 0
        assert rows(tmp_path / "b.db", "SELECT DISTINCT name FROM shop") == [("刚改名",)]

    def test_does_not_touch_a_file_that_is_there(self, hexiao: Type, tmp_path: Path) -> None:
        letter = tmp_path / "letter.txt"
        letter.write_text("Dear Sir")
        assert hexiao("backup", str(letter)).code == 1
        assert letter.read_text() == "Dear Sir"

    def test_may_have_a_name_that_is_no_text(self, hexiao: Type, tmp_path: Path, new: str) -> None:
        file = Path(os.fsdecode(bytes(tmp_path) + b"/\xff.db"))
        assert [hexiao("backup", str(file), "--json").code for _ in range(2)] == [0, 1]
        assert hexiao("backup", str(file)).code == 1
        typed = type_command("restore", str(file), "--database", new, "--json")
        assert (typed.code, typed.json["source"]) == (0, str(file))

    def test_wants_a_folder_that_is_there(self, hexiao: Type, tmp_path: Path) -> None:
        assert hexiao("backup", str(tmp_path / "no" / "books.db")).code == 2

    def test_without_a_database_leaves_no_file(self, tmp_path: Path) -> None:
        typed = type_command("backup", str(tmp_path / "books.db"), "--json", database=tmp_path / "none.db")
        assert (typed.code, typed.json["code"]) == (4, "storage_unavailable")
        assert files(tmp_path) == set()

    def test_keeps_broken_books_too_but_says_so(self, hexiao: Type, demo: Path, tmp_path: Path) -> None:
        change(demo, BREAK)
        typed = hexiao("backup", str(tmp_path / "books.db"), "--json")
        assert typed.code == 1
        assert {"coupon_id": 100} in [one["row"] for one in typed.json["broken"]]
        assert (tmp_path / "books.db").exists()

    @pytest.mark.parametrize("sql", IMPOSSIBLE)
    def test_keeps_books_that_cannot_even_be_checked(self, sql: str, hexiao: Type, demo: Path, tmp_path: Path) -> None:
        change(demo, "PRAGMA ignore_check_constraints = ON", "DROP TRIGGER journal_no_update", sql)
        checked = hexiao("verify", "--no-sweep", "--json")
        assert (checked.code, checked.json["ok"]) == (1, False)
        typed = hexiao("backup", str(tmp_path / "books.db"), "--json")
        assert (typed.code, typed.json["broken"]) == (1, checked.json["broken"]), typed.err

    @pytest.mark.parametrize("at", ["'no time'", "CAST(x'ff' AS text)", "9223372036854775807", "-9223372036854775807"])
    def test_keeps_books_whose_end_is_no_time(self, at: str, hexiao: Type, demo: Path, tmp_path: Path) -> None:
        change(demo, "DROP TRIGGER journal_no_update", f"UPDATE journal SET at = {at}")
        for more in ([], ["--json"]):
            file = tmp_path / f"books{len(more)}.db"
            typed = hexiao("backup", str(file), *more)
            assert typed.code == 1, typed.err
            assert file.exists()
        assert typed.json["last_entry_at"] is None

    def test_is_not_disturbed_by_holds_that_lapsed_while_no_server_ran(
        self, hexiao: Type, demo: Path, tmp_path: Path
    ) -> None:
        line = ("--bill", "H1", "--shop", "284", "--line", "12345687:2:45.90")
        assert hexiao("redeem", "DEMOMONEY2", *line, "--hold").code == 0
        long_ago = "created_at = created_at - 120000, held_until_at = created_at - 110000"
        change(demo, f"UPDATE redemption SET {long_ago} WHERE state = 1")
        assert hexiao("verify", "--no-sweep").code == 1
        assert hexiao("backup", str(tmp_path / "books.db")).code == 0

    @pytest.mark.parametrize("killed_by", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
    def test_that_is_interrupted_leaves_no_file_of_its_name(
        self, killed_by: signal.Signals, demo: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "books.db"
        interrupted = """
import os, sys
signal = int(sys.argv.pop())
from hexiao.storage import sqlite_side
from hexiao.cli import moving, show
from hexiao.cli.app import app

class Bar:
    task_ids = [0]
    def update(self, task, completed=0, total=0, **_):
        if total and 0 < completed < total:
            os.kill(os.getpid(), signal)
    def __enter__(self): return self
    def __exit__(self, *_): pass

sqlite_side.PAGES_AT_ONCE = 50
show.progress = lambda *_: Bar()
app()
"""
        command = [sys.executable, "-c", interrupted, "backup", str(file), str(int(killed_by))]
        environment = {**os.environ, "HEXIAO_DATABASE": f"sqlite:///{demo}"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode not in (0, 2), ended.stderr
        assert not file.exists()
        left = [name for name in files(tmp_path) if name.endswith(".partial")]
        assert len(left) == (killed_by is signal.SIGKILL)
        assert type_command("backup", str(file), database=demo).code == 0

    def test_on_a_full_disk_leaves_nothing(self, demo: Path, tmp_path: Path) -> None:
        folder = tmp_path / "small"
        folder.mkdir()
        command = f"ulimit -f 500; exec {sys.executable} -m hexiao backup {folder / 'books.db'} --json"
        environment = {**os.environ, "HEXIAO_DATABASE": f"sqlite:///{demo}"}
        ended = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 4
        assert "disk" in ended.stdout
        assert "Traceback" not in ended.stderr
        assert files(folder) == set()


class TestRestore:
    def test_fills_a_missing_database(self, file: Path, new: str) -> None:
        typed = type_command("restore", str(file), "--database", new, "--json")
        assert (typed.code, typed.json["whole"], typed.json["broken"]) == (0, True, [])
        assert typed.json["last_entry_at"]
        assert type_command("verify", "--no-sweep", "--database", new).code == 0

    def test_fills_a_migrated_one(self, file: Path, new: str) -> None:
        assert type_command("migrate", "--database", new).code == 0
        assert type_command("restore", str(file), "--database", new).code == 0

    def test_skips_numbers_of_processes_so_that_no_id_comes_again(self, file: Path, new: str) -> None:
        type_command("restore", str(file), "--database", new)
        [(before,)], [(after,)] = (
            rows(one, "SELECT last FROM node WHERE name = 'start'") for one in (file, path_of(new))
        )
        assert after == before + 512

    def test_refuses_a_database_that_holds_something(self, file: Path, hexiao: Type, demo: Path) -> None:
        before = demo.read_bytes()
        assert hexiao("restore", str(file)).code == 1
        assert demo.read_bytes() == before

    def test_brings_broken_books_back_but_says_so(self, file: Path, new: str) -> None:
        change(file, BREAK)
        typed = type_command("restore", str(file), "--database", new, "--json")
        assert (typed.code, typed.json["whole"]) == (1, True)
        assert typed.json["broken"]
        assert type_command("verify", "--no-sweep", "--database", new).code == 1

    def test_refuses_a_damaged_file(self, file: Path, new: str) -> None:
        with file.open("r+b") as pages:
            pages.seek(40 * 4096)
            pages.write(b"\xff" * 20_000)
        typed = type_command("restore", str(file), "--database", new)
        assert typed.code in (1, 4)
        assert "damaged" in typed.err
        assert not path_of(new).exists()

    @pytest.mark.parametrize("content", [b"", b"Dear Sir, this is no database at all.\n" * 200])
    def test_refuses_a_file_that_is_no_database(self, content: bytes, tmp_path: Path, new: str) -> None:
        letter = tmp_path / "letter.db"
        letter.write_bytes(content)
        typed = type_command("restore", str(letter), "--database", new)
        assert typed.code == 4
        assert "Traceback" not in typed.err
        assert not path_of(new).exists()

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path, new: str) -> None:
        assert type_command("restore", str(tmp_path / "none.db"), "--database", new).code == 2

    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            ("DELETE FROM _yoyo_migration WHERE migration_id = '0001.initial'", "older"),
            ("INSERT INTO _yoyo_migration VALUES ('x', '9999.later', '2030-01-01')", "newer"),
        ],
    )
    def test_refuses_another_schema_and_says_what_to_do(self, sql: str, said: str, file: Path, new: str) -> None:
        change(file, sql)
        typed = type_command("restore", str(file), "--database", new)
        assert typed.code == 4
        assert said in typed.err
        assert not path_of(new).exists()


class TestCopy:
    def test_compares_counts_sums_and_hashes(self, demo: Path, new: str) -> None:
        typed = type_command("copy", "--from", f"sqlite:///{demo}", "--to", new, "--json")
        assert (typed.code, typed.json["whole"], typed.json["resumed"]) == (0, True, False)
        assert all(one["source"] == one["target"] for one in typed.json["tables"])
        [coupons] = [one["source"] for one in typed.json["tables"] if one["table"] == "coupon"]
        [expected] = rows(demo, "SELECT count(*), sum(face_fen), sum(held_fen), sum(captured_fen) FROM coupon")
        assert (coupons["rows"], *coupons["sums"].values()) == expected
        assert type_command("verify", "--no-sweep", "--database", new).code == 0

    def test_refuses_a_target_that_holds_something(self, demo: Path, new: str) -> None:
        assert type_command("copy", "--from", f"sqlite:///{demo}", "--to", new).code == 0
        assert type_command("copy", "--from", f"sqlite:///{demo}", "--to", new).code == 1

    def test_refuses_one_database_as_both(self, demo: Path) -> None:
        assert type_command("copy", "--from", f"sqlite:///{demo}", "--to", f"sqlite:///{demo}").code == 1

    def test_a_url_that_cannot_be_read_is_wrong_usage(self, demo: Path, new: str) -> None:
        for wrong in (("--from", "mysql://root:secret@host/db", "--to", new), ("--from", new, "--to", "oracle:x")):
            typed = type_command("copy", *wrong)
            assert typed.code == 2
            assert "secret" not in typed.err

    @pytest.mark.parametrize(
        "url",
        [
            NOWHERE,
            "postgresql://till:secret@[::1/books",
            "postgresql://till:secret@x:y/z",
            "postgresql://till:%ZZsecret@127.0.0.1:1/books",
            "postgresql://till:a@secret@127.0.0.1:1/books",
            "postgresql://127.0.0.1:1/books?user=till&password=secret%ZZ",
        ],
    )
    def test_an_unreachable_server_is_told_without_the_password(self, url: str, demo: Path) -> None:
        for ends in (("--from", f"sqlite:///{demo}", "--to", url), ("--from", url, "--to", f"sqlite:///{demo}")):
            typed = type_command("copy", *ends)
            assert typed.code == 4
            assert "secret" not in typed.out + typed.err
            assert "Traceback" not in typed.err

    def test_an_interrupted_one_is_refused_by_every_command_until_it_is_done(self, demo: Path, new: str) -> None:
        source = f"sqlite:///{demo}"
        assert type_command("copy", "--from", source, "--to", new).code == 0
        unfinish(path_of(new), source)
        for command in ("verify", "verify --no-sweep", "serve", "migrate", "demo"):
            typed = type_command(*command.split(), "--database", new)
            assert typed.code == 4
            assert "an unfinished copy: run the same hexiao copy" in typed.err
            assert "newer" not in typed.err
        again = type_command("copy", "--from", source, "--to", new, "--json")
        assert (again.code, again.json["resumed"], again.json["whole"]) == (0, True, True)
        assert type_command("verify", "--no-sweep", "--database", new).code == 0

    def test_a_row_that_differs_is_named_and_ends_with_1(self, demo: Path, new: str) -> None:
        source = f"sqlite:///{demo}"
        assert type_command("copy", "--from", source, "--to", new).code == 0
        unfinish(path_of(new), source)
        change(path_of(new), "UPDATE redemption SET captured_fen = 1 WHERE coupon_id = 100")
        typed = type_command("copy", "--from", source, "--to", new)
        assert typed.code == 1
        assert "redemption" in typed.err
        assert "coupon_id=100" in typed.err
        assert type_command("verify", "--database", new).code == 4


def unfinish(target: Path, source: str) -> None:
    """As if the copy had been killed before its last rows and its comparison."""
    from hexiao.config import Settings
    from hexiao.storage.migrating import UNFINISHED
    from hexiao.wiring import open_side

    with closing(open_side(Settings(database=source))) as side:
        mark = side.fingerprint(side.tables())
    change(target, f"INSERT INTO _yoyo_migration VALUES ('{mark}', '{UNFINISHED}', '2025-11-22')")
    change(target, "DELETE FROM shop")
    change(target, "DELETE FROM scheme_version WHERE scheme_id = (SELECT max(scheme_id) FROM scheme_version)")


class TestOnPostgres:
    def test_books_that_cannot_even_be_checked_come_back(self, file: Path, server: Databases, tmp_path: Path) -> None:
        change(file, IMPOSSIBLE[0])
        there = server.empty()
        back = type_command("restore", str(file), "--database", there, "--json")
        assert (back.code, back.json["whole"], len(back.json["broken"])) == (1, True, 1), back.err
        checked = type_command("verify", "--no-sweep", "--json", "--database", there)
        assert checked.code == 1, checked.err
        assert checked.json["broken"] == back.json["broken"]
        kept = type_command("backup", str(tmp_path / "again.db"), "--database", there, "--json")
        assert (kept.code, len(kept.json["broken"])) == (1, 1), kept.err

    def test_books_come_back_from_it_as_they_went(
        self, demo: Path, server: Databases, tmp_path: Path, new: str
    ) -> None:
        there = server.empty()
        first = type_command("copy", "--from", f"sqlite:///{demo}", "--to", there, "--json")
        assert first.code == 0, first.err
        back = type_command("copy", "--from", there, "--to", new, "--json")
        assert back.code == 0, back.err
        assert hashes(first) == hashes(back)

    def test_a_backup_of_it_restores_into_either_engine(
        self, file: Path, server: Databases, tmp_path: Path, new: str
    ) -> None:
        there, second = server.empty(), tmp_path / "second.db"
        assert type_command("restore", str(file), "--database", there).code == 0
        typed = type_command("backup", str(second), "--database", there, "--json")
        assert (typed.code, typed.json["broken"]) == (0, []), typed.err
        assert [name for name in files(tmp_path) if "partial" in name or "second.db-" in name] == []
        assert rows(second, "PRAGMA journal_mode") == [("delete",)]
        for target in (new, server.empty()):
            assert type_command("restore", str(second), "--database", target).code == 0
        for table in ("redemption", "journal", "credential"):
            assert rows(second, f"SELECT * FROM {table}") == rows(path_of(new), f"SELECT * FROM {table}")

    def test_a_database_that_holds_something_is_refused(self, file: Path, server: Databases) -> None:
        there = server.empty()
        assert type_command("restore", str(file), "--database", there).code == 0
        assert type_command("restore", str(file), "--database", there).code == 1
        assert type_command("copy", "--from", there, "--to", there).code == 1
