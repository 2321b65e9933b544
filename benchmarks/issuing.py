"""Issues coupons through the engine in a process of its own, so that its memory can be looked at. Run by p7.py."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks import cpu, shop
from hexiao.engine.commands import BATCH_ITEMS_MAX, Issue, Issued
from hexiao.engine.committer import Engine
from hexiao.wiring import open_engine

UNDER_WAY = 2
"""Transactions' worth of work in the queue: one is saved, one waits."""


async def issue(engine: Engine, scheme_id: int, quantity: int) -> None:
    waiting = iter(range(0, quantity, BATCH_ITEMS_MAX))

    async def work() -> None:
        for start in waiting:
            size = min(BATCH_ITEMS_MAX, quantity - start)
            command = Issue(merchant_id=shop.MERCHANT_ID, scheme_id=scheme_id, quantity=size)
            outcome = (await engine.ask(command)).outcome
            assert isinstance(outcome, Issued), outcome

    await asyncio.gather(*(work() for _ in range(UNDER_WAY)))


def main() -> None:
    """Each line on stdin is a quantity; each answer a line of JSON."""
    database, scheme_id = sys.argv[1], int(sys.argv[2])
    engine = open_engine(shop.settings(database))
    for line in sys.stdin:
        busy, started = time.process_time(), time.perf_counter()
        asyncio.run(issue(engine, scheme_id, int(line)))
        report = {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - busy,
            "memory_mib": cpu.memory_mib(),
        }
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
    engine.close()


if __name__ == "__main__":
    main()
