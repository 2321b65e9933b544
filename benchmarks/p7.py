"""P7: issue coupons from one scheme through the engine, against COPY of the very same rows into the same tables."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import psycopg

from benchmarks import shop
from benchmarks.audit import audit
from benchmarks.form import ROOT
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, finding, in_turn, ratio
from benchmarks.session import Session, run_one

TABLES = {"coupon_code": "coupon_id", "coupon": "id", "journal": "coupon_id"}
"""What an issue writes for each coupon, and where its id stands."""
GROWTH_MAX_MIB = 64.0


class Issuer:
    """The issuing process."""

    def __init__(self, database: str, scheme_id: int) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.issuing", database, str(scheme_id)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def issue(self, quantity: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{quantity}\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline()
        if not told:
            raise SystemExit("the issuing process ended before its time")
        report: dict[str, Any] = json.loads(told)
        return report

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


def run(session: Session) -> Result:
    form, cluster = session.form, session.cluster
    quantity = form.coupons // form.pairs
    issued_into, copied_into = cluster.create("bench_p7_issued"), cluster.create("bench_p7_copied")
    sample, _ = shop.open_shop(issued_into)
    shop.open_shop(copied_into)
    issuer = Issuer(issued_into, sample.coupon.scheme_id)
    last_id = _last_id(issued_into)
    new_rows: dict[str, list[bytes]] = {}

    def issue(_: float) -> Measure:
        nonlocal last_id
        before = cluster.cpu_seconds()
        report = issuer.issue(quantity)
        cpu_us = {"hexiao": report["cpu_seconds"], "PostgreSQL": cluster.cpu_seconds() - before}
        with psycopg.connect(issued_into) as db:
            for table, id in TABLES.items():
                with db.cursor().copy(f"COPY (SELECT * FROM {table} WHERE {id} > {last_id}) TO STDOUT") as rows:  # noqa: S608
                    new_rows[table] = [bytes(block) for block in rows]
        last_id = _last_id(issued_into)
        return Measure(
            count=quantity,
            seconds=report["seconds"],
            cpu_us={who: seconds / quantity * 1e6 for who, seconds in cpu_us.items() if seconds},
            memory_mib=report["memory_mib"],
        )

    def copy(_: float) -> Measure:
        before, started = cluster.cpu_seconds(), time.perf_counter()
        with psycopg.connect(copied_into) as db, db.cursor() as cursor:
            for table, blocks in new_rows.items():
                with cursor.copy(f"COPY {table} FROM STDIN") as rows:
                    rows.write(b"".join(blocks))
        seconds = time.perf_counter() - started
        new_rows.clear()
        return Measure(
            count=quantity, seconds=seconds, cpu_us={"PostgreSQL": (cluster.cpu_seconds() - before) / quantity * 1e6}
        )

    try:
        measured = in_turn("P7", [Leg("issue", issue, False), Leg("COPY", copy, False)], form.pairs, form.seconds)
        issuer.close()
        counts = {url: _count(url) for url in (issued_into, copied_into)}
        if len(set(counts.values())) != 1:
            raise SystemExit(f"not the same rows were written: {counts}")
        audit(issued_into, 0)
    finally:
        issuer.close()
        for database in ("bench_p7_issued", "bench_p7_copied"):
            cluster.drop(database)
    memory = [one.memory_mib or 0.0 for one in measured["issue"]]
    growth = [memory[-1] - memory[0]]
    return session.result(
        "p7", "Issuing coupons",
        f"Issue commands of 1,000 through the engine, {quantity:,} coupons a round ÷ COPY of the same rows",
        [
            ratio(measured, "issue", "COPY", 0.3),
            finding("growth of memory after round 1", growth, GROWTH_MAX_MIB, unit="MiB", at_most=True),
        ],
        measured,
    )  # fmt: skip


def _last_id(url: str) -> int:
    with psycopg.connect(url) as db:
        [(id,)] = db.execute("SELECT max(id) FROM coupon").fetchall()
        return int(id)


def _count(url: str) -> tuple[int, ...]:
    with psycopg.connect(url) as db:
        row = db.execute(
            "SELECT (SELECT count(*) FROM coupon_code), (SELECT count(*) FROM coupon), (SELECT count(*) FROM journal)"
        ).fetchone()
        assert row is not None
        return tuple(row)


if __name__ == "__main__":
    run_one(__doc__ or "", run)
