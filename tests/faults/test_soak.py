"""However long it works, a server takes the same requests with the same memory, files and log, and as fast as before.

HEXIAO_FAULT_ROUNDS=500 makes it half an hour on each database; 100 or more also assert how fast, on a quiet machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.flood import Flood
from faults.server import Server, verify
from faults.shop import FaultShop
from faults.soak import SPAN_SECONDS, Sample, Soak, drift, grown

QUIET_ROUNDS = 100
DRIFT_MAX_QUIET = 0.2
SPANS_MIN = 6
SECONDS_A_ROUND = 3.6


@pytest.fixture
def flood() -> Iterator[Flood]:
    flood = Flood()
    yield flood
    flood.close()


@pytest.fixture
def seconds(rounds: int) -> float:
    return rounds * SECONDS_A_ROUND if rounds >= QUIET_ROUNDS else SPANS_MIN * SPAN_SECONDS


@contextmanager
def soaking(shop: FaultShop, flood: Flood, logs: Path, seed: int, *, program: str, workers: int = 1) -> Iterator[Soak]:
    print(f"SEED={seed}")
    server = Server(shop.database, logs, workers=workers, program=program)
    server.start()
    try:
        server.wait_until_ready()
        yield Soak(shop, server, flood, random.Random(f"{seed} soak"))
    finally:
        server.stop()


def spans(soak: Soak, seconds: float) -> list[Sample]:
    return [soak.span() for _ in range(int(seconds / SPAN_SECONDS))]


def stays_as_it_is(shop: FaultShop, samples: list[Sample], *, quiet: bool) -> None:
    assert grown(samples) == set()
    assert not quiet or drift(samples) <= DRIFT_MAX_QUIET
    verdict = verify(shop.database)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_nothing_grows_but_the_books(
    shop: FaultShop, flood: Flood, tmp_path: Path, seconds: float, rounds: int, seed: int
) -> None:
    with soaking(shop, flood, tmp_path, seed, program="faults.frugal") as soak:
        samples = spans(soak, seconds)
    stays_as_it_is(shop, samples, quiet=rounds >= QUIET_ROUNDS)


def test_a_server_that_forgets_to_let_go_is_found_out(shop: FaultShop, flood: Flood, tmp_path: Path, seed: int) -> None:
    """The control."""
    with soaking(shop, flood, tmp_path, seed, program="faults.leaky") as soak:
        samples = spans(soak, SPANS_MIN * SPAN_SECONDS)
    assert grown(samples) == {"memory", "files", "log"}
