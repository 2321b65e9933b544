"""backup as typed: what it leaves behind, what it refuses, and how it says it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Type, type_command
from .database_files import BREAK, IMPOSSIBLE, change, damage_an_index, files, rows

# Who is root may write everywhere, unless that is taken away.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


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

    @pytest.mark.parametrize("name", ["a?b.db", "?mode=memory", "a#b%20.db", "a\nb.db", "核销 备份.db"])
    def test_may_have_a_name_that_is_odd_in_a_url(self, name: str, hexiao: Type, tmp_path: Path, new: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        assert hexiao("backup", str(folder / name)).code == 0
        assert files(folder) == {name}
        assert type_command("verify", "--no-sweep", "--database", f"sqlite:///{folder / name}").code == 0
        assert type_command("restore", str(folder / name), "--database", new).code == 0

    def test_wants_a_folder_that_is_there(self, hexiao: Type, tmp_path: Path) -> None:
        assert hexiao("backup", str(tmp_path / "no" / "books.db")).code == 2

    def test_without_a_database_leaves_no_file(self, tmp_path: Path) -> None:
        typed = type_command("backup", str(tmp_path / "books.db"), "--json", database=tmp_path / "none.db")
        assert (typed.code, typed.json["code"]) == (4, "storage_unavailable")
        assert files(tmp_path) == set()

    def test_of_a_damaged_database_says_which_file_is_damaged(self, hexiao: Type, demo: Path, tmp_path: Path) -> None:
        damage_an_index(demo)
        typed = hexiao("backup", str(tmp_path / "books.db"))
        assert typed.code == 1
        assert f"{demo} is damaged" in typed.err
        assert not (tmp_path / "books.db").exists()

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
        [(late,)] = rows(demo, "SELECT count(*) FROM redemption WHERE state = 1")
        assert late == 1
        assert hexiao("backup", str(tmp_path / "books.db")).code == 0
        checked = type_command("verify", "--no-sweep", "--json", database=tmp_path / "books.db")
        assert (checked.code, checked.json["broken"]) == (0, [])

    @pytest.mark.parametrize(
        "killed_by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["kill -9", "Ctrl-C", "kill"]
    )
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
