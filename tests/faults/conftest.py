"""What the fault tests share: how long they run, the shop, the servers on it, and the thirty-two clients.

HEXIAO_FAULT_ROUNDS makes every fault test longer: 20 (the default) is what CI runs, 500 is a night's work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.burst import Burst
from faults.server import Server
from faults.shop import FaultShop

ROUNDS = int(os.environ.get("HEXIAO_FAULT_ROUNDS", "20"))
SECONDS_MAX = 240 * max(1, ROUNDS // 20)

StartServer = Callable[..., Server]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS_MAX))


@pytest.fixture(scope="session")
def rounds() -> int:
    return ROUNDS


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, migrated: bytes) -> FaultShop:
    return FaultShop(tmp_path_factory.mktemp("faults") / "hexiao.db", migrated)


@pytest.fixture(scope="module")
def burst() -> Iterator[Burst]:
    burst = Burst()
    yield burst
    burst.close()


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """start_server(shop, workers=…, program=…) → a running server that is ready."""
    started: list[Server] = []

    def start(shop: FaultShop, **how: Any) -> Server:
        server = Server(shop.database, shop.path.parent, **how)
        started.append(server)
        server.start()
        server.wait_until_ready()
        return server

    yield start
    for server in started:
        server.stop()
