"""P8: export redemptions to CSV and to XLSX from PostgreSQL, against COPY of the same rows through the csv module."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import redeemed, seeding, shop
from benchmarks.form import ROOT
from benchmarks.result import Finding, Measure, Result
from benchmarks.rounds import Leg, finding, in_turn, ratio
from benchmarks.session import Session, run_one

GOAL = 0.5
MEMORY_MAX_MIB = 200.0
SECONDS_MAX = 1800
COPY = "COPY and csv"
FORMS = ("csv", "xlsx")


def run(session: Session) -> Result:
    form, cluster = session.form, session.cluster
    name = "bench_p8"
    database = cluster.create(name)
    try:
        seeding.fill(database, form.coupons)
        redeemed.fill(database, form.coupons)
        cluster.settle(name)
        export = [sys.executable, "-m", "hexiao", "redemptions", "export"]
        copy = [sys.executable, "-m", "benchmarks.copying", database]
        one_shop = [*export, "--shop", str(shop.shop_id(0))]
        every, some = form.coupons, form.coupons // shop.SHOPS
        legs = [
            Leg(COPY, lambda _: _written(session, copy, "yardstick.csv", database, every), False),
            Leg("csv", lambda _: _written(session, export, "export.csv", database, every), False),
            Leg("xlsx", lambda _: _written(session, one_shop, "export.xlsx", database, some), False),
        ]
        measured = in_turn("P8", legs, form.pairs, form.seconds)
    finally:
        cluster.drop(name)
    findings: list[Finding] = [ratio(measured, one, COPY, GOAL) for one in FORMS]
    for one in FORMS:
        memory = [measure.memory_mib or 0.0 for measure in measured[one]]
        findings.append(finding(f"{one}: most memory", memory, MEMORY_MAX_MIB, unit="MiB", at_most=True))
    return session.result(
        "p8", "Exporting redemptions",
        f"hexiao redemptions export of {form.coupons:,} rows ÷ COPY of the same rows, read and written by csv",
        findings, measured,
        [
            "From the start of each process to its end; memory is the most that it held.",
            f"XLSX is of one shop, which has one in {shop.SHOPS} of the rows.",
        ],
    )  # fmt: skip


def _written(session: Session, command: list[str], name: str, database: str, quantity: int) -> Measure:
    """One process that writes one file; it must have a line for each redemption."""
    file = session.folder / name
    environment = {**os.environ, "HEXIAO_DATABASE": database}
    before, started = session.cluster.cpu_seconds(), time.perf_counter()
    process = subprocess.Popen([*command, str(file)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[2:4])} ended with {process.returncode}")
    if file.suffix == ".csv" and abs(_lines(file) - quantity) > 1:
        raise SystemExit(f"{name} has {_lines(file):,} lines for {quantity:,} redemptions")
    file.unlink()
    cpu = {"process": usage.ru_utime + usage.ru_stime, "PostgreSQL": session.cluster.cpu_seconds() - before}
    return Measure(
        count=quantity, seconds=seconds, memory_mib=usage.ru_maxrss / 1024,
        cpu_us={who: 1e6 * took / quantity for who, took in cpu.items() if took},
    )  # fmt: skip


def _lines(file: Path) -> int:
    with file.open("rb") as written:
        return sum(block.count(b"\n") for block in iter(lambda: written.read(1 << 20), b""))


if __name__ == "__main__":
    run_one(__doc__ or "", run)
