"""The disk fills up under load: 503 for changes, answers for looks, nothing acknowledged is lost; room ends it."""

from __future__ import annotations

import random
import time
from pathlib import Path

from faults.client import Answer, Asked, Request, ask, ask_plainly
from faults.postgres.shift import Shifts
from faults.server import Server, serving
from faults.shop import SINGLE, FaultShop, redeem
from faults.small_disk import SmallDisk, a_small_disk

DISK_KIB = 16 * 1024
LEFT_KIB, AFTERWARDS_KIB = 256, 64 * 1024
COUPONS = 2_000


def redeem_until_refused(codes: list[str], port: int, shifts: Shifts) -> tuple[Request, Asked]:
    """The first redemption that the full disk does not take, and how it was refused."""
    for code in codes:
        request = redeem(port, code, key=f"full-{code}", bill=f"full-{code}")
        shifts.book.asked[request.key] = request
        refused = ask_plainly(port, "POST", request.path, request.body, key=request.key)
        if refused.status == 503:
            return request, refused
        assert refused.status == 201
        shifts.book.hear(request.key, Answer(refused.status, False, refused.body))
    raise AssertionError("the disk never became full")


def looks_go_on(port: int, request: Request) -> bool:
    """A coupon is found, and judged, and the server is alive."""
    code = request.body["coupons"][0]["code"]
    found = ask_plainly(port, "GET", f"/v1/coupons/{code}")
    wanted = {name: request.body[name] for name in ("coupons", "bill")}
    judged = ask_plainly(port, "POST", "/v1/assessments", wanted)
    return (found.status, judged.status, ask_plainly(port, "GET", "/live").status) == (200, 200, 200)


def fill_and_make_room(disk: SmallDisk, shop: FaultShop, port: int, shifts: Shifts) -> float:
    """While the tills work; how long after there was room somebody was served again."""
    codes = shop.issue(SINGLE, COUPONS)
    with shifts.at_work():
        time.sleep(0.5)
        disk.leave(LEFT_KIB)
        request, refused = redeem_until_refused(codes, port, shifts)
        assert (refused.body["code"], refused.retry_after) == ("storage_unavailable", "1")
        assert looks_go_on(port, request)
        time.sleep(0.5)
        disk.leave(AFTERWARDS_KIB)
        outage = shifts.wait_until_served()
        time.sleep(0.5)
    return outage


def test_a_full_disk_refuses_changes_answers_looks_and_is_over_as_soon_as_there_is_room(
    tmp_path: Path, migrated: bytes, seed: int, rounds: int
) -> None:
    print(f"SEED={seed}")
    with a_small_disk(DISK_KIB) as disk:
        shop = FaultShop(disk.folder / "hexiao.db", migrated)
        with serving(shop.database, tmp_path) as ports:
            shifts = Shifts(shop, ports, tmp_path, random.Random(f"{seed} full"))
            for _ in range(max(1, rounds // 20)):
                outage = fill_and_make_room(disk, shop, ports[0], shifts)
                unknown, done = shifts.settle()
                print(f"{unknown} refused or unknown, {done} of them done; served again after {outage:.2f} s")
                assert unknown > 0, "no till met the full disk"
        ((sound,),) = shop.rows("PRAGMA integrity_check")
        acknowledged = len(shifts.book.acknowledged())
    print(f"{acknowledged} acknowledged, 0 lost")
    assert sound == "ok"
    assert acknowledged > 50


def test_a_server_that_answers_before_commit_is_found_out_by_a_full_disk(tmp_path: Path, migrated: bytes) -> None:
    """The control: a test that cannot fail proves nothing."""
    with a_small_disk(DISK_KIB) as disk:
        shop = FaultShop(disk.folder / "hexiao.db", migrated)
        codes = shop.issue(SINGLE, 400)
        server = Server(shop.database, tmp_path, program="faults.hasty")  # not `serving`: it logs its own failures
        try:
            server.start()
            server.wait_until_ready()
            disk.leave(LEFT_KIB)
            answers = [ask(redeem(server.port, code, key=code, bill=code)) for code in codes]
        finally:
            server.stop()
        # Whoever stops such a server loses what it answered last; only what it answered before counts here.
        statuses = [answer.status for answer in answers]
        assert set(statuses) == {201, 503}, "the disk never became full, or the server fails by itself"
        missing = [code for code in codes[: statuses.index(503)] if not shop.redemptions(code)]
    assert missing, "nothing was missed: the full disk has no power"
