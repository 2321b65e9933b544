"""What the tests of the PostgreSQL storage share: databases on a real server, and processes that work on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import postgres_server
from engine.process import Process, processes
from hexiao.config import Settings
from postgres_server import Databases, PostgresServer


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    with postgres_server.databases() as databases:
        yield databases


@pytest.fixture
def server(databases: Databases) -> PostgresServer:
    """Ours, so its settings may be changed."""
    if databases.server is None:
        pytest.skip("changes settings of the whole server")
    return databases.server


@pytest.fixture
def on_postgres(databases: Databases) -> Settings:
    """A migrated database without any rows."""
    return Settings(database=databases.emptied(), master_key="11" * 32)


@pytest.fixture
def meet(on_postgres: Settings, clock: Any) -> Iterator[Callable[[], Process]]:
    """meet() → one more process on the same PostgreSQL database; the first one makes the parties."""
    yield from processes(on_postgres, clock)
