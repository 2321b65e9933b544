"""A page of a table goes bad under PostgreSQL: whoever asks for a row on it is told so, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from engine.process import Process
from faults.damage import first_and_last, redeemed_together
from hexiao.config import Settings
from hexiao.storage.base import Damaged
from postgres_server import Databases, PostgresServer

HEADER = 24
"""Bytes at the beginning of a page that say where on it the rows are."""


def test_the_others_of_the_batch_are_redeemed(server: PostgresServer, databases: Databases, clock: Any) -> None:
    database = databases.migrated()
    process = Process(Settings(database=database), clock)
    bad, good = first_and_last(process)
    [(id,)] = server.execute(f"SELECT id FROM coupon WHERE code = '{bad}'", database.rpartition("/")[2])
    assert process.storage.coupon_by_id(1, id)
    spoil_the_first_page(server, database, "coupon")
    assert redeemed_together(process, bad, good) == ["internal_error", "redeemed"]
    with pytest.raises(Damaged, match="backup"):
        process.storage.coupon_by_id(1, id)
    process.close()


def spoil_the_first_page(server: PostgresServer, database: str, table: str) -> None:
    name = database.rpartition("/")[2]
    [(path,)] = server.execute(f"SELECT pg_relation_filepath('{table}')", name)
    server.execute("CHECKPOINT")  # or it would be mended from the log
    server.kill()
    with (server.data / path).open("r+b") as file:
        file.write(b"\xff" * HEADER)
    server.start()
