"""What the fault tests share: how long they run, the shop, the servers on it, and the thirty-two clients.

HEXIAO_FAULT_ROUNDS makes every fault test longer: 20 (the default) is what CI runs, 500 is a night's work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.burst import Burst
from faults.shop import FaultShop

ROUNDS = int(os.environ.get("HEXIAO_FAULT_ROUNDS", "20"))
SECONDS_MAX = 300 * max(1, ROUNDS // 20)


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
def books_hold(shop: FaultShop) -> Iterator[None]:
    """After the test: the program's own invariants."""
    yield
    assert shop.broken() == []
