"""Where the time of a batch goes: engine.batch.commit in this process on PostgreSQL, 64 distinct redemptions a batch.

Told apart: load, decide, save; waiting and own processor time; PostgreSQL's processor time; and a cProfile of it all.
"""

from __future__ import annotations

import cProfile
import pstats
import secrets
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks import seeding, shop
from benchmarks.calls import LINES
from benchmarks.form import read_form
from benchmarks.report import stdout
from benchmarks.session import Session
from hexiao.domain.bill import Bill, BillLine
from hexiao.domain.chain import Chain
from hexiao.engine import batch
from hexiao.engine.commands import Redeem, Redeemed, Take
from hexiao.engine.mint import Mint
from hexiao.storage.snapshot import Changes, Names, Snapshot
from hexiao.wiring import open_storage, system_clock

BATCH = 64
BATCHES = 100
SHOWN = 45


class Timed:
    """A storage that keeps the time of its load and save: [wall seconds, own processor seconds]."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self.load_took = [0.0, 0.0]
        self.save_took = [0.0, 0.0]

    def load(self, names: Names) -> Snapshot:
        wall, own = time.perf_counter(), time.thread_time()
        snapshot: Snapshot = self._storage.load(names)
        self.load_took[0] += time.perf_counter() - wall
        self.load_took[1] += time.thread_time() - own
        return snapshot

    def save(self, changes: Changes, now: int, node: int) -> None:
        wall, own = time.perf_counter(), time.thread_time()
        self._storage.save(changes, now, node)
        self.save_took[0] += time.perf_counter() - wall
        self.save_took[1] += time.thread_time() - own


def commands(first: int, count: int, coupons: int) -> list[Redeem]:
    made = []
    for place in range(first, first + count):
        lines = tuple(BillLine(shop.sku(place + index), 2, 1990, "商品") for index in range(LINES))
        bill = Bill(f"H{place}", shop.shop_id(place), lines, cashier_id=shop.cashier_id(place))
        take = Take(shop.code(shop.PLAIN, shop.shuffled(place, coupons)))
        made.append(
            Redeem(
                merchant_id=shop.MERCHANT_ID, request_id=f"7:h-{place}", actor="till", mode="redeem", coupons=(take,),
                bill=bill,
            )
        )  # fmt: skip
    return made


def main() -> None:
    form = read_form(__doc__ or "")
    coupons = min(form.coupons, 100_000)
    with Session(form) as session:
        name = "bench_hot_path"
        database = session.cluster.create(name)
        seeding.fill(database, coupons)
        session.cluster.settle(name)
        storage = open_storage(shop.settings(database))
        node = storage.take_node()
        mint, chain = Mint(node, secrets.randbelow), Chain(node)
        work = [commands(place * BATCH, BATCH, coupons) for place in range(2 * BATCHES + 20)]

        def commit(storage: Any, batches: Sequence[list[Redeem]]) -> None:
            for one in batches:
                for result in batch.commit(storage, one, system_clock, mint, chain):
                    assert not isinstance(result, Exception), result
                    assert isinstance(result.outcome, Redeemed), msgspec.json.encode(result.outcome)

        commit(storage, work[:20])
        timed = Timed(storage)
        server, wall, own = session.cluster.cpu_seconds(), time.perf_counter(), time.thread_time()
        commit(timed, work[20 : 20 + BATCHES])
        wall, own, server = (
            time.perf_counter() - wall, time.thread_time() - own, session.cluster.cpu_seconds() - server,
        )  # fmt: skip
        _tell(timed, wall, own, server)
        profile = cProfile.Profile()
        profile.enable()
        commit(storage, work[20 + BATCHES :])
        profile.disable()
        pstats.Stats(profile, stream=sys.stdout).strip_dirs().sort_stats("tottime").print_stats(SHOWN)
        storage.close()


def _tell(timed: Timed, wall: float, own: float, server: float) -> None:
    each = 1e6 / (BATCH * BATCHES)
    load, save = timed.load_took, timed.save_took
    decide = [wall - load[0] - save[0], own - load[1] - save[1]]
    table = Table(title=f"µs for each redemption, {BATCH} a batch", box=SIMPLE_HEAD, title_justify="left")
    for column in ("step", "wall", "own CPU", "waiting"):
        table.add_column(column, justify="left" if column == "step" else "right")
    for step, took in (("load", load), ("decide", decide), ("save", save), ("all", [wall, own])):
        table.add_row(step, *(f"{value * each:.1f}" for value in (took[0], took[1], took[0] - took[1])))
    out = stdout()
    out.print(table)
    out.print(
        f"PostgreSQL's CPU: {server * each:.1f} µs; {1 / (wall * each / 1e6):,.0f} redemptions a second, no HTTP\n"
    )


if __name__ == "__main__":
    main()
