"""The yardstick: pgbench doing the least that anybody could call a redemption, one transaction each.

No HTTP, no rules, no journal, no remembered answer. `hot` also updates the one scheme row that everybody shares.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.postgres import Cluster, program
from benchmarks.result import Measure

CLIENTS = 32
THREADS = 2
DATABASE = "bench_yardstick"
FIRST_CODE = 7_000_000_000_000_000_000

TABLES = """
CREATE TABLE scheme (id integer PRIMARY KEY, used bigint NOT NULL, total bigint NOT NULL);
CREATE TABLE coupon (
    id bigint PRIMARY KEY, code text NOT NULL UNIQUE, status integer NOT NULL, balance integer NOT NULL,
    version integer NOT NULL
) WITH (fillfactor = 80);
CREATE TABLE redemption (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, coupon_id bigint NOT NULL, amount integer NOT NULL,
    idem text NOT NULL UNIQUE, shop text NOT NULL
);
INSERT INTO scheme VALUES (1, 0, 1000000000000);
"""
FILL = "INSERT INTO coupon SELECT i, (%s + i)::text, 0, 1000000, 0 FROM generate_series(1, %s) i"

DRAW = f"\\set code {FIRST_CODE} + random(1, :coupons)\n\\set key random(1, 9000000000000000000)\n"
REDEEM = """\
with u as (update coupon set balance = balance - 1, version = version + 1
           where code = :code and status = 0 and balance >= 1 returning id, balance)
insert into redemption (coupon_id, amount, idem, shop) select id, 1, :key, '283' from u returning id;
"""
# The fastest form there is: one statement, so that the shared row is locked for the shortest time.
REDEEM_HOT = """\
with s as (update scheme set used = used + 1 where id = 1 and used < total returning id),
     u as (update coupon set balance = balance - 1, version = version + 1
           where code = :code and status = 0 and balance >= 1 and exists (select 1 from s) returning id, balance)
insert into redemption (coupon_id, amount, idem, shop) select id, 1, :key, '283' from u returning id;
"""


class Yardstick:
    """Its own database on the cluster that is measured."""

    def __init__(self, cluster: Cluster, coupons: int) -> None:
        self._cluster = cluster
        self._coupons = coupons
        self._url = cluster.create(DATABASE)
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute(TABLES)
            db.execute(FILL, (FIRST_CODE, coupons))
        cluster.settle(DATABASE)

    def plain(self, seconds: float) -> Measure:
        return self._pgbench(REDEEM, seconds)

    def hot(self, seconds: float) -> Measure:
        return self._pgbench(REDEEM_HOT, seconds)

    def close(self) -> None:
        self._cluster.drop(DATABASE)

    def _pgbench(self, statement: str, seconds: float) -> Measure:
        whole_seconds = max(1, round(seconds))
        before, rows_before = self._cluster.cpu_seconds(), self._redemptions()
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "redeem.sql"
            script.write_text(DRAW + statement)
            address = urlsplit(self._url)
            told = subprocess.run(  # noqa: S603
                [
                    program("pgbench"), "-h", address.hostname or "", "-p", str(address.port or 5432),
                    "-U", address.username or "", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", str(THREADS),
                    "-T", str(whole_seconds), "-D", f"coupons={self._coupons}", "-f", script, DATABASE,
                ],
                capture_output=True, text=True, timeout=whole_seconds + 120, check=False,
            )  # fmt: skip
        if told.returncode:
            raise SystemExit(f"pgbench failed: {told.stderr[-2000:]}")
        done = int(_told(told.stdout, r"transactions actually processed: (\d+)"))
        if self._redemptions() - rows_before != done:
            raise SystemExit("the yardstick redeemed something else than it says")
        rate = _told(told.stdout, r"tps = ([\d.]+) \(without initial")
        cpu_us = (self._cluster.cpu_seconds() - before) / done * 1e6
        return Measure(
            count=done,
            seconds=done / rate,
            mean_ms=_told(told.stdout, r"latency average = ([\d.]+) ms"),
            cpu_us={"PostgreSQL": cpu_us} if before else {},
        )

    def _redemptions(self) -> int:
        return int(str(self._cluster.value("SELECT count(*) FROM redemption", DATABASE)))


def _told(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"pgbench says something unknown:\n{text}")
    return float(found.group(1))
