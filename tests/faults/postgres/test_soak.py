"""The same work for long on PostgreSQL, by two workers: memory and files stay as they are, and connections are few."""

from __future__ import annotations

from pathlib import Path

from faults.flood import Flood
from faults.postgres.shop import PostgresShop
from faults.test_soak import QUIET_ROUNDS, flood, seconds, soaking, spans, stays_as_it_is

__all__ = ["flood", "seconds"]

WORKERS, CONNECTIONS_OF_ONE = 2, 5
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hexiao' AND datname = current_database()"


def test_nothing_grows_but_the_books(
    shop: PostgresShop, flood: Flood, tmp_path: Path, seconds: float, rounds: int, seed: int
) -> None:
    with soaking(shop, flood, tmp_path, seed, program="hexiao", workers=WORKERS) as soak:
        samples = spans(soak, seconds)
        ((connections,),) = shop.rows(CONNECTIONS)
    assert connections <= WORKERS * CONNECTIONS_OF_ONE
    stays_as_it_is(shop, samples, quiet=rounds >= QUIET_ROUNDS)
