"""The least that PostgreSQL spends on the rows of a redemption, whoever writes them: COPY, and one UPDATE for all.

No guard, no look at what is there, no HTTP, no client that waits: what is left above it is what P1 and P2 can gain.
"""

from __future__ import annotations

import secrets

import psycopg
from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks import seeding, shop
from benchmarks.form import read_form
from benchmarks.hot_path import commands
from benchmarks.report import stdout
from benchmarks.session import CORES, Session
from hexiao.domain.chain import Chain
from hexiao.engine import batch
from hexiao.engine.commands import Answer, Redeemed
from hexiao.engine.mint import Mint
from hexiao.wiring import open_storage, system_clock

BATCH = 100
COUPONS = 200_000
NAME, AGAIN = "bench_floor", "bench_floor_again"
NEW = {
    "redemption": "redemption",
    "journal": "(SELECT * FROM journal WHERE entry = 'capture')",
    "bill": "bill",
    "request": "request",
}
"""table → the rows that redeeming made in it, in the order in which it made them."""
CHANGED = """
    SELECT id, captured_fen, captured_uses, seq, changed_at FROM coupon WHERE captured_uses > 0 ORDER BY id % 9973
"""

CHANGE = """
    UPDATE coupon c SET captured_fen = n.fen, captured_uses = n.uses, seq = n.seq, changed_at = n.at
    FROM unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::integer[], %s::bigint[]) n (id, fen, uses, seq, at)
    WHERE c.id = n.id
"""


def redeem_all(url: str) -> None:
    storage = open_storage(shop.settings(url))
    node = storage.take_node()
    mint, chain = Mint(node, secrets.randbelow), Chain(node)
    for first in range(0, COUPONS, BATCH):
        for result in batch.commit(storage, commands(first, BATCH, COUPONS), system_clock, mint, chain):
            assert isinstance(result, Answer) and isinstance(result.outcome, Redeemed), result
    storage.close()


def read(url: str) -> tuple[dict[str, bytes], list[list[int]]]:
    """The new rows of each table, and the columns of the coupons."""
    with psycopg.connect(url) as db:
        made = {}
        for table, rows in NEW.items():
            with db.cursor().copy(f"COPY {rows} TO STDOUT (FORMAT binary)".encode()) as out:
                made[table] = b"".join(bytes(piece) for piece in out)
        return made, [list(column) for column in zip(*db.execute(CHANGED.encode()).fetchall(), strict=True)]


def main() -> None:
    form = read_form(__doc__ or "")
    each: dict[str, float] = {}
    with Session(form) as session:
        cluster = session.cluster
        url, again = cluster.create(NAME), cluster.url(AGAIN)
        seeding.fill(url, COUPONS)
        cluster.settle(NAME)
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {AGAIN} TEMPLATE {NAME}".encode())
        redeem_all(url)
        made, columns = read(url)
        assert len(columns[0]) == COUPONS
        cluster.settle(AGAIN)
        with psycopg.connect(again, autocommit=True) as db:
            for table, rows in made.items():
                before = cluster.cpu_seconds()
                with db.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)".encode()) as into:
                    into.write(rows)
                each[f"COPY {table}"] = (cluster.cpu_seconds() - before) / COUPONS * 1e6
            before = cluster.cpu_seconds()
            db.execute(CHANGE, columns)
            each["UPDATE coupon"] = (cluster.cpu_seconds() - before) / COUPONS * 1e6
        cluster.drop(AGAIN)
        cluster.drop(NAME)
        with session.yardstick() as yardstick:
            rate = yardstick.plain(form.seconds).rate
    shown = Table("what", "µs of PostgreSQL", box=SIMPLE_HEAD)
    for what, us in each.items():
        shown.add_row(what, f"{us:.1f}")
    shown.add_row("together, for each redemption", f"{sum(each.values()):.1f}")
    out = stdout()
    out.print(shown)
    for times in (0.7, 1.0, 4.0):
        whole = CORES / times / rate * 1e6
        out.print(f"{times} × the yardstick ({rate:,.0f} a second) leaves {whole:.0f} µs of all cores for everything")


if __name__ == "__main__":
    main()
