"""P4: P1 on SQLite, against one transaction for each redemption by the sqlite3 module in one loop, without HTTP."""

from __future__ import annotations

import secrets
import sqlite3
import time
from pathlib import Path

from benchmarks import load
from benchmarks.p1 import CLIENTS, MOST_A_SECOND
from benchmarks.pgbench import FIRST_CODE
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import CORES, Session, run_one

TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE coupon (
    id integer PRIMARY KEY, code text NOT NULL UNIQUE, status integer NOT NULL, balance integer NOT NULL,
    version integer NOT NULL
);
CREATE TABLE redemption (
    id integer PRIMARY KEY, coupon_id integer NOT NULL, amount integer NOT NULL, idem text NOT NULL UNIQUE,
    shop text NOT NULL
);
"""
USE = (
    "UPDATE coupon SET balance = balance - 1, version = version + 1"
    " WHERE code = ? AND status = 0 AND balance >= 1 RETURNING id"
)
NOTE = "INSERT INTO redemption (coupon_id, amount, idem, shop) VALUES (?, 1, ?, '283')"


class Loop:
    """The yardstick on SQLite: the same minimum, as durable."""

    def __init__(self, path: Path, coupons: int) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(TABLES)
        self._db.execute("PRAGMA synchronous = FULL")
        self._coupons = coupons
        self._db.execute("BEGIN")
        values = ((i, str(FIRST_CODE + i), 0, 1_000_000, 0) for i in range(coupons))
        self._db.executemany("INSERT INTO coupon VALUES (?, ?, ?, ?, ?)", values)
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def run(self, seconds: float) -> Measure:
        execute, below = self._db.execute, secrets.randbelow
        count = 0
        cpu, started = time.process_time(), time.perf_counter()
        deadline = started + seconds
        while time.perf_counter() < deadline:
            execute("BEGIN IMMEDIATE")
            [(id,)] = execute(USE, (str(FIRST_CODE + below(self._coupons)),)).fetchall()
            execute(NOTE, (id, str(below(1 << 62))))
            execute("COMMIT")
            count += 1
        took = time.perf_counter() - started
        cpu_us = {"loop": (time.process_time() - cpu) / count * 1e6}
        return Measure(count=count, seconds=took, mean_ms=took / count * 1000, cpu_us=cpu_us)

    def close(self) -> None:
        self._db.close()


def run(session: Session) -> Result:
    form = session.form
    loop = Loop(session.folder / "loop.db", form.coupons)
    with (
        session.on_sqlite("p4", form.coupons, workers=CORES) as (several, _),
        session.on_sqlite("p4_one", form.coupons) as (one, _),
    ):
        legs = [Leg("sqlite3 loop", loop.run)]
        for clients, processes in ((several, ""), (one, ", one process")):
            coupons = load.plain(form.coupons)
            legs += [
                Leg(
                    f"{count} clients{processes}",
                    lambda seconds, clients=clients, coupons=coupons, count=count: clients.redeem(  # type: ignore[misc]
                        "redeem", coupons, count, seconds, MOST_A_SECOND
                    ),
                )
                for count in CLIENTS
            ]
        measured = in_turn("P4", legs, form.pairs, form.seconds)
        loop.close()
        findings = [ratio(measured, f"{count} clients", "sqlite3 loop", 1.0) for count in CLIENTS]
        findings += [ratio(measured, f"{count} clients, one process", "sqlite3 loop") for count in CLIENTS]
        return session.result(
            "p4", "Redemptions on SQLite",
            "P1 on SQLite ÷ one minimal transaction for each by the sqlite3 module in a loop, both synchronous=FULL",
            findings, measured, [f"hexiao serve --workers {CORES} --own-cores, and the same with one process."],
        )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
