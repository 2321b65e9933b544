"""Which databases cannot be moved, or moved to, and in what words that is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hexiao.config import Settings
from hexiao.storage.base import StorageError
from hexiao.storage.moving import SamePlace
from hexiao.storage.side import NotEmpty
from hexiao.wiring import migrate, open_side
from postgres_server import Databases
from storage.moving.books import administer, breaks, fill, in_schema, moved, write


class TestWhatIsRefused:
    def test_a_target_with_rows(self, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        target = fresh("sqlite")
        fill(target, 1)
        before = target.sqlite_path.read_bytes()
        with pytest.raises(NotEmpty):
            moved(some_books, target)
        assert target.sqlite_path.read_bytes() == before

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_a_database_with_the_tables_of_another_program(
        self, engine: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh(engine)
        somebody_elses = "CREATE TABLE wages (id bigint PRIMARY KEY)"
        if engine == "sqlite":
            with closing(sqlite3.connect(target.sqlite_path)) as db:
                db.execute(somebody_elses)
        else:
            administer(target, somebody_elses)
        with pytest.raises(StorageError, match="another program"):
            moved(some_books, target)

    def test_a_schema_that_hides_the_tables_in_another(
        self, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        target = fresh("postgres")
        assert moved(some_books, target).whole
        administer(target, "CREATE SCHEMA hexiao")  # named as the user, so it comes before public
        for refused in (migrate, open_side):
            with pytest.raises(StorageError, match="are in the schema public, but new ones would go into hexiao"):
                refused(target)
        assert breaks(in_schema(target, "public")) == []
        assert migrate(in_schema(target, "public")) == []

    def test_a_search_path_that_leads_nowhere(self, fresh: Callable[[str], Settings]) -> None:
        with pytest.raises(StorageError, match="no schema of the search_path is there"):
            migrate(in_schema(fresh("postgres"), "nowhere"))

    def test_a_user_who_may_not_make_tables(self, server: Databases, fresh: Callable[[str], Settings]) -> None:
        target = fresh("postgres")
        administer(target, "CREATE ROLE visitor LOGIN", "REVOKE CREATE ON SCHEMA public FROM public")
        with pytest.raises(StorageError, match='GRANT CREATE ON SCHEMA "public" TO "visitor"'):
            migrate(Settings(database=target.database.replace("hexiao@", "visitor@")))

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_one_database_as_both(
        self, engine: str, some_books: Settings, fresh: Callable[[str], Settings], tmp_path: Path
    ) -> None:
        if engine == "sqlite":
            (tmp_path / "alias.db").symlink_to(some_books.sqlite_path)
            with pytest.raises(SamePlace):
                moved(some_books, Settings(database=f"sqlite:///{tmp_path / 'alias.db'}"))
            return
        target = fresh(engine)
        assert moved(some_books, target).whole
        alias = target.database.replace("127.0.0.1", "localhost") + "?application_name=alias"
        with pytest.raises(SamePlace):
            moved(target, Settings(database=alias))

    @pytest.mark.parametrize("sql", ["DROP TABLE bill", "ALTER TABLE bill ADD COLUMN x text"])
    def test_tables_that_another_hand_changed(
        self, sql: str, some_books: Settings, fresh: Callable[[str], Settings]
    ) -> None:
        with closing(sqlite3.connect(some_books.sqlite_path)) as db:
            db.execute(sql)
        with pytest.raises(StorageError, match=r"same tables \(bill\): another hand changed"):
            moved(some_books, fresh("sqlite"))

    @pytest.mark.parametrize("engine", ["sqlite", "postgres"])
    def test_a_source_without_tables(self, engine: str, fresh: Callable[[str], Settings]) -> None:
        source = fresh(engine)
        if engine == "sqlite":
            source.sqlite_path.touch()
        with pytest.raises(StorageError, match="no database of hexiao"):
            moved(source, fresh("sqlite"))

    @pytest.mark.parametrize(("sql", "said"), [("DELETE", "older"), ("INSERT", "newer")])
    def test_another_schema(self, sql: str, said: str, some_books: Settings, fresh: Callable[[str], Settings]) -> None:
        statements = {
            "DELETE": "DELETE FROM _yoyo_migration WHERE migration_id = '0001.initial'",
            "INSERT": "INSERT INTO _yoyo_migration VALUES ('x', '9999.later', '2030-01-01')",
        }
        write(some_books, statements[sql])
        with pytest.raises(StorageError, match=said):
            moved(some_books, fresh("sqlite"))
