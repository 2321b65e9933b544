"""restore as typed: what it leaves behind, what it refuses, and how it says it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hexiao.cli import moving

from .conftest import Type, type_command
from .database_files import BREAK, change, path_of, rows


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

    def test_leaves_the_log_of_a_database_that_was_moved_away_without_it(
        self, file: Path, demo: Path, tmp_path: Path
    ) -> None:
        killed_with_a_log(demo)
        demo.rename(tmp_path / "old.db")
        assert type_command("restore", str(file), database=demo).code == 4
        (tmp_path / "old.db").rename(demo)
        assert rows(demo, "SELECT DISTINCT name FROM shop") == [("刚改名",)]

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

    def test_that_is_interrupted_in_its_check_has_brought_everything_back_and_says_so(
        self, file: Path, new: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(moving, "_broken", interrupted)
            typed = type_command("restore", str(file), "--database", new)
        assert typed.code == 130
        assert "hexiao verify" in typed.err
        assert type_command("verify", "--no-sweep", "--database", new).code == 0

    @pytest.mark.parametrize("more", [[], ["--json"]])
    def test_refuses_a_text_that_is_none_and_says_what_to_do(self, more: list[str], file: Path, new: str) -> None:
        change(file, "UPDATE shop SET name = CAST(x'ff41' AS text)")
        typed = type_command("restore", str(file), "--database", new, *more)
        assert typed.code == 4
        assert "another backup" in typed.err

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
        if said == "older":  # not on the database of the settings, which a bare `hexiao migrate` would bring up
            assert f"hexiao migrate --database sqlite:///{file}" in typed.err
        assert not path_of(new).exists()


def killed_with_a_log(database: Path) -> None:
    """What was committed last stands only beside the file, as after a power cut."""
    script = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("UPDATE shop SET name = '刚改名'")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script, database], check=True)
