"""What a redemption leaves behind on PostgreSQL: bytes of tables and indexes, bytes and records of the log.

Every coupon of 20,000 is redeemed once, in random order, 64 a batch; sizes before and after, divided by their number.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

import psycopg
from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks import seeding, shop
from benchmarks.form import read_form
from benchmarks.hot_path import BATCH, commands
from benchmarks.report import stdout
from benchmarks.session import Session
from hexiao.domain.chain import Chain
from hexiao.engine import batch
from hexiao.engine.commands import Answer, Redeemed
from hexiao.engine.mint import Mint
from hexiao.wiring import open_storage, system_clock

COUPONS = 20_000 // BATCH * BATCH
SIZES = """
    SELECT c.relname::text, pg_table_size(c.oid)::bigint, pg_indexes_size(c.oid)::bigint
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY 1
"""
LOG = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn, wal_records, wal_fpi FROM pg_stat_wal"


class State(NamedTuple):
    sizes: dict[str, tuple[int, int]]
    log: tuple[int, ...]


def look(url: str) -> State:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SELECT pg_stat_force_next_flush()")
        sizes = {name: (table, indexes) for name, table, indexes in db.execute(SIZES)}
        [log] = db.execute(LOG)
        return State(sizes, tuple(map(int, log)))


def main() -> None:
    form = read_form(__doc__ or "")
    with Session(form) as session:
        name = "bench_footprint"
        url = session.cluster.create(name)
        seeding.fill(url, COUPONS)
        session.cluster.settle(name)
        storage = open_storage(shop.settings(url))
        node = storage.take_node()
        mint, chain = Mint(node, secrets.randbelow), Chain(node)
        before = look(url)
        for first in range(0, COUPONS, BATCH):
            for result in batch.commit(storage, commands(first, BATCH, COUPONS), system_clock, mint, chain):
                assert isinstance(result, Answer) and isinstance(result.outcome, Redeemed), result
        storage.close()
        after = look(url)
    table = Table(title="bytes for each redemption", box=SIMPLE_HEAD, title_justify="left")
    for column in ("table", "before", "of it indexes", "more", "of it indexes"):
        table.add_column(column, justify="left" if column == "table" else "right")
    for name, (rows, indexes) in after.sizes.items():
        rows_before, indexes_before = before.sizes[name]
        figures = (rows_before + indexes_before, indexes_before, rows + indexes, indexes)
        each = [figure / COUPONS for figure in figures]
        if max(each) >= 5:
            table.add_row(
                name, f"{each[0]:.0f}", f"{each[1]:.0f}", f"{each[2] - each[0]:.0f}", f"{each[3] - each[1]:.0f}"
            )
    written, records, images = (
        (later - earlier) / COUPONS for earlier, later in zip(before.log, after.log, strict=True)
    )
    out = stdout()
    out.print(table)
    out.print(f"log: {written:,.0f} bytes, {records:.1f} records, {images:.2f} page images for each redemption\n")


if __name__ == "__main__":
    main()
