"""What the fault tests on PostgreSQL share: a server of their own, and a shop that stands in for the other one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.conftest import ROUNDS
from faults.postgres.shop import PostgresShop
from postgres_server import Databases, PostgresServer

pytest.register_assert_rewrite("faults.postgres.shift")


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Killed and started again by the tests, but always running between them."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def databases(server: PostgresServer) -> Databases:
    return Databases(server.url("postgres"), server)


@pytest.fixture
def a_shop(databases: Databases, tmp_path: Path) -> Callable[[], PostgresShop]:
    """a_shop() → a fresh one."""
    return lambda: PostgresShop(databases.migrated(), tmp_path)


@pytest.fixture(scope="module")
def shop(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> PostgresShop:
    return PostgresShop(databases.migrated(), tmp_path_factory.mktemp("faults"))


@pytest.fixture
def coupons(rounds: int) -> int:
    """A quarter of what SQLite gets: CI does both."""
    return max(1, rounds * 5 // 4)


@pytest.fixture(scope="session")
def kills() -> int:
    return max(1, ROUNDS // 4)


@pytest.fixture(scope="session")
def seconds() -> float:
    """How long the tests last that disturb all the time."""
    return 8.0 * max(1.0, ROUNDS / 20)
