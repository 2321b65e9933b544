"""backup, restore and copy as typed, from PostgreSQL and to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_server import Databases, databases

from .conftest import Typed, type_command
from .database_files import IMPOSSIBLE, change, files, path_of, rows


@pytest.fixture(scope="module")
def server() -> Iterator[Databases]:
    with databases() as fresh:
        yield fresh


def hashes(typed: Typed) -> dict[str, str]:
    return {one["table"]: one["target"]["sha256"] for one in typed.json["tables"]}


class TestOnPostgres:
    def test_books_that_cannot_even_be_checked_come_back(self, file: Path, server: Databases, tmp_path: Path) -> None:
        change(file, IMPOSSIBLE[0])
        there = server.empty()
        back = type_command("restore", str(file), "--database", there, "--json")
        assert (back.code, back.json["whole"]) == (1, True), back.err
        broken = [one["invariant"] for one in back.json["broken"]]
        assert [name.split()[0] for name in broken] == ["I22", "I35"]
        checked = type_command("verify", "--no-sweep", "--json", "--database", there)
        assert checked.code == 1, checked.err
        assert checked.json["broken"] == back.json["broken"]
        kept = type_command("backup", str(tmp_path / "again.db"), "--database", there, "--json")
        assert (kept.code, [one["invariant"] for one in kept.json["broken"]]) == (1, broken), kept.err

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
