"""What the tests of moving share: a large database and a small one, and databases to move them to."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from hexiao.config import Settings
from postgres_server import Databases
from storage.moving.books import REDEMPTIONS, fill


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A SQLite database with REDEMPTIONS redemptions and every kind of journal entry. Not to be changed."""
    settings = Settings(database=f"sqlite:///{tmp_path_factory.mktemp('books') / 'books.db'}")
    fill(settings, REDEMPTIONS)
    return settings


@pytest.fixture
def some_books(tmp_path: Path) -> Settings:
    """A small database of the test's own."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'some.db'}")
    fill(settings, 200)
    return settings


@pytest.fixture
def fresh(tmp_path: Path, server: Databases) -> Callable[[str], Settings]:
    """fresh("sqlite" | "postgres") → a database without any table."""
    numbers = count(1)

    def make(engine: str) -> Settings:
        if engine == "postgres":
            return Settings(database=server.empty())
        return Settings(database=f"sqlite:///{tmp_path / f'fresh{next(numbers)}.db'}")

    return make
