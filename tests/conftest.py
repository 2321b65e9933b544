"""Fixtures that all tests share: a real engine on a fresh SQLite file, a clock to set, a real server on loopback.

After every test that used an engine, the invariants are queried; a row is a failure of that test.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from hexiao.config import Settings
from hexiao.domain.party import Merchant
from hexiao.engine.commands import Put
from hexiao.engine.committer import Engine
from hexiao.vault import Vault
from hexiao.wiring import migrate, open_engine

# No deadline for any property: a busy machine is not a bug.
hypothesis_settings.register_profile("hexiao", deadline=None)
hypothesis_settings.load_profile("hexiao")

NOON = 1_763_784_000_000  # 2025-11-22 12:00:00 in Shanghai


class Clock:
    """UTC ms that stand still until told otherwise."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture(scope="session")
def seed() -> int:
    """Random tests take their seed from SEED=, and print it."""
    value = int(os.environ.get("SEED", "0")) or secrets.randbelow(2**31)
    print(f"SEED={value}")
    return value


@pytest.fixture
def rng(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an empty, migrated database: copying them is faster than migrating for each test."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    migrate(Settings(database=f"sqlite:///{path}"))
    return path.read_bytes()


@pytest.fixture
def settings(tmp_path: Path, migrated: bytes) -> Settings:
    path = tmp_path / "hexiao.db"
    path.write_bytes(migrated)
    return Settings(database=f"sqlite:///{path}", master_key="11" * 32)


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes.fromhex("11" * 32))


@pytest.fixture
def engine(settings: Settings, clock: Clock) -> Iterator[Engine]:
    engine = open_engine(settings, clock=clock)
    engine.call(Put(merchant_id=1, record=Merchant(id=1, name="测试商户")))
    yield engine
    broken = engine.read_now(lambda reader: list(reader.broken(clock.now)))
    engine.close()
    # A hold past its deadline that nobody met yet is no fault without a sweeper.
    assert [row for row in broken if not row.invariant.startswith("I14")] == []


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """serve(asgi_app) → base URL: Granian on a free loopback port, in a thread with a loop of its own."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    stops: list[Callable[[], None]] = []

    def start(app: Any) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
        loop = asyncio.new_event_loop()

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(server.serve())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def stop() -> None:
            loop.call_soon_threadsafe(server.stop)
            thread.join(10)
            loop.close()

        stops.append(stop)
        wait_for_port(port)
        return f"http://127.0.0.1:{port}"

    yield start
    for stop in stops:
        stop()


def wait_for_port(port: int, seconds: float = 10.0) -> None:
    for _ in range(int(seconds * 50)):
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.02)
    raise AssertionError(f"nothing listens on port {port}")
