"""PostgreSQL's disk fills up under load: it may panic and be started again, but nothing acknowledged is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

from faults.client import ask, ask_plainly
from faults.postgres.shift import Shifts
from faults.postgres.shop import PostgresShop
from faults.server import Server, serving, verify
from faults.shop import SINGLE, redeem
from faults.small_disk import SmallDisk, a_small_disk
from faults.test_disk_full import redeem_until_refused
from postgres_server import Databases, PostgresServer

DISK_KIB, LEFT_KIB, AFTERWARDS_KIB = 192 * 1024, 1024, 128 * 1024
COUPONS = 3_000
SERVED_MIN = 20
"""One after the other, so that is as many batches."""
SMALL = {"max_wal_size": "8MB", "min_wal_size": "2MB", "wal_recycle": "off", "shared_buffers": "16MB"}
"""Segments of one megabyte that are made anew each time: the WAL meets the full disk soon."""


def on(disk: SmallDisk) -> PostgresServer:
    return PostgresServer(SMALL, place=disk.folder, initdb=("--wal-segsize=1",))


def test_a_full_disk_under_postgresql_loses_nothing_and_is_over_when_there_is_room(tmp_path: Path, seed: int) -> None:
    print(f"SEED={seed}")
    with a_small_disk(DISK_KIB) as disk:
        server = on(disk)
        try:
            shop = PostgresShop(Databases(server.url("postgres")).migrated(), tmp_path)
            with serving(shop.database, tmp_path) as ports:
                shifts = Shifts(shop, ports, tmp_path, random.Random(f"{seed} full postgres"))
                codes = shop.issue(SINGLE, COUPONS)
                with shifts.at_work():
                    time.sleep(0.5)
                    disk.leave(LEFT_KIB)
                    _, refused = redeem_until_refused(codes, ports[0], shifts)
                    assert (refused.body["code"], refused.retry_after) == ("storage_unavailable", "1")
                    assert ask_plainly(ports[0], "GET", "/live").status == 200
                    time.sleep(0.5)
                    disk.leave(AFTERWARDS_KIB)
                    server.start()  # if it gave up altogether
                    outage = shifts.wait_until_served()
                    time.sleep(0.5)
                unknown, done = shifts.settle()
            verdict = verify(shop.database)
            panics = server.log().count("PANIC")
        finally:
            server.stop()
    acknowledged = len(shifts.book.acknowledged())
    print(
        f"{acknowledged} acknowledged, 0 lost; {unknown} refused or unknown, {done} of them done;"
        f" {panics} panics; served again after {outage:.2f} s"
    )
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert acknowledged > 50
    assert unknown > 0, "no till met the full disk"


def test_a_server_that_answers_before_commit_is_found_out_by_a_full_disk(tmp_path: Path) -> None:
    """The control: a test that cannot fail proves nothing."""
    with a_small_disk(DISK_KIB) as disk:
        server = on(disk)
        try:
            shop = PostgresShop(Databases(server.url("postgres")).migrated(), tmp_path)
            hexiao = Server(shop.database, tmp_path, program="faults.postgres.hasty")  # it logs its own failures
            codes = shop.issue(SINGLE, COUPONS)
            answered: list[str] = []
            try:
                hexiao.start()
                hexiao.wait_until_ready()
                disk.leave(LEFT_KIB)
                for code in codes:
                    if ask(redeem(hexiao.port, code, key=code, bill=code)).status != 201:
                        break
                    answered.append(code)
            finally:
                hexiao.stop()
            disk.leave(AFTERWARDS_KIB)
            server.start()
            missing = [code for code in answered if not shop.redemptions(code)]
            said = server.log()
        finally:
            server.stop()
    assert len(answered) > SERVED_MIN, "the server fails by itself: what is missing tells nothing of the disk"
    assert "No space left on device" in said, "the disk never became full"
    assert missing, "nothing was missed: the full disk has no power"
