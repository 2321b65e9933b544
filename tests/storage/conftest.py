"""What the tests of both engines share: a PostgreSQL for each module, and an empty database of either kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hexiao.config import Settings
from postgres_server import Databases, databases


@pytest.fixture(scope="module")
def server() -> Iterator[Databases]:
    with databases() as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", "postgres"])
def books(request: pytest.FixtureRequest) -> Settings:
    """Migrated, and without rows."""
    if request.param == "sqlite":
        settings: Settings = request.getfixturevalue("settings")
        return settings
    return Settings(database=request.getfixturevalue("server").emptied(), master_key="11" * 32)
