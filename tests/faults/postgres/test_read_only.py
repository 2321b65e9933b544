"""The same on PostgreSQL, set read-only as a failover or an administrator does it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.postgres.shop import PostgresShop
from faults.server import serving
from faults.test_read_only import Set, test_a_database_that_takes_no_changes_is_looked_at_all_the_same
from postgres_server import PostgresServer

__all__ = ["test_a_database_that_takes_no_changes_is_looked_at_all_the_same"]

pytestmark = pytest.mark.usefixtures("books_hold")


@pytest.fixture
def port(shop: PostgresShop) -> Iterator[int]:
    with serving(shop.database, shop.path.parent) as (port,):
        yield port


@pytest.fixture
def read_only(server: PostgresServer, shop: PostgresShop) -> Iterator[Set]:
    name = shop.database.rpartition("/")[2]

    def set_read_only(on: bool) -> None:
        value = "SET default_transaction_read_only = on" if on else "RESET default_transaction_read_only"
        server.execute(f"ALTER DATABASE {name} {value}")
        server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    yield set_read_only
    set_read_only(False)
