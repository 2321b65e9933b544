"""kill -9 under load, of hexiao and of PostgreSQL: what was acknowledged is there exactly once, and balances."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import pytest

from faults.book import Tables
from faults.client import is_ready
from faults.load import TILLS, Load
from faults.postgres.shift import Shifts, open_every_line
from faults.postgres.shop import PostgresShop
from faults.server import Server, serving, verify
from faults.test_kills import Ordeal
from postgres_server import Databases, PostgresServer

RECOVERY_SECONDS_MAX = 5.0


class Outage(NamedTuple):
    """What was seen of hexiao before, while and after the database was away."""

    ready: list[bool]
    live: list[bool]
    log: str


@pytest.fixture(scope="module")
def outage(server: PostgresServer, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Outage:
    hexiao = Server(databases.migrated(), tmp_path_factory.mktemp("outage"))
    seen = Outage([], [], "")

    def look() -> None:
        seen.ready.append(is_ready(hexiao.port))
        seen.live.append(is_live(hexiao.port))

    hexiao.start()
    try:
        hexiao.wait_until_ready()
        look()
        server.kill()
        look()
        server.start()
        look()
        return seen._replace(log=hexiao.log())
    finally:
        hexiao.stop()


def is_live(port: int) -> bool:
    with urlopen(f"http://127.0.0.1:{port}/live", timeout=5) as answer:
        return bool(answer.status == 200)


def test_while_the_database_is_away_the_server_lives_and_is_not_ready(outage: Outage) -> None:
    assert outage.ready == [True, False, True]
    assert outage.live == [True, True, True]


def test_nor_is_its_log_filled_with_stack_traces(outage: Outage) -> None:
    assert "Traceback" not in outage.log


def test_a_server_killed_under_load_has_every_acknowledged_redemption_exactly_once(
    a_shop: Callable[[], PostgresShop], tmp_path: Path, kills: int, seed: int
) -> None:
    print(f"SEED={seed}")
    shop = a_shop()
    server, load = Server(shop.database, tmp_path, workers=2), Load(tmp_path)
    trial = Ordeal(shop, server, load, kills, random.Random(f"{seed} postgres"))
    carried_out = asked_again = 0
    try:
        trial.start()
        for _ in range(kills):
            trial.work_until_killed()
            trial.start()
            tables = trial.tables()
            assert trial.book.lost_or_doubled(tables) == []
            assert trial.changed_answers() == []
            asked_again += len(trial.book.unknown())
            carried_out += trial.ask_again(tables)
            assert trial.book.differences(trial.tables()) == []
            assert shop.broken() == []
    finally:
        server.stop()
        load.close()
    verdict = verify(shop.database)
    acknowledged = len(trial.book.acknowledged())
    print(f"{kills} kills: {acknowledged} acknowledged, 0 lost; {asked_again} unknown, {carried_out} of them done")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert acknowledged > kills, "hardly anything happened between the kills"
    assert asked_again > 0, "no kill met a request on its way"


def test_a_database_killed_under_load_has_every_acknowledged_redemption_exactly_once(
    server: PostgresServer, a_shop: Callable[[], PostgresShop], tmp_path: Path, kills: int, seed: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} postmaster")
    shop = a_shop()
    unknown = carried_out = 0
    with serving(shop.database, tmp_path) as (port,):
        open_every_line(port)
        shifts = Shifts(shop, [port], tmp_path, rng)
        for _ in range(kills):
            with shifts.at_work():
                time.sleep(rng.uniform(0.1, 0.6))
                server.kill()
                server.start()
                assert shifts.wait_until_served() < RECOVERY_SECONDS_MAX
                time.sleep(0.3)
            asked, done = shifts.settle()
            unknown += asked
            carried_out += done
    verdict = verify(shop.database)
    acknowledged = len(shifts.book.acknowledged())
    print(f"{kills} kills: {acknowledged} acknowledged, 0 lost; {unknown} unknown, {carried_out} of them done")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert acknowledged > kills, "hardly anything happened between the kills"
    assert unknown > 0, "no kill met a request on its way"


@pytest.mark.parametrize("victim", ["hexiao", "postgres"])
def test_a_server_that_answers_before_commit_is_found_out_within_five_kills(
    server: PostgresServer, a_shop: Callable[[], PostgresShop], tmp_path: Path, seed: int, victim: str
) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} hasty {victim}")
    shop = a_shop()
    lost: list[str] = []
    hexiao = Server(shop.database, tmp_path, program="faults.postgres.hasty")
    shifts = Shifts(shop, [hexiao.port], tmp_path, rng)
    try:
        for _ in range(5):
            hexiao.start()
            hexiao.wait_until_ready()
            with shifts.at_work():
                time.sleep(rng.uniform(0.3, 0.6))
                if victim == "hexiao":
                    hexiao.kill()
                else:
                    server.kill()
                    server.start()
            if lost := shifts.book.lost_or_doubled(Tables(shop)):
                break
            hexiao.stop()
    finally:
        hexiao.stop()
    assert len(shifts.book.acknowledged()) > 2 * TILLS, "the server goes on after its first batch no more"
    if victim == "hexiao":  # whose database was always there
        assert shifts.book.odd_answers() == [], "the server fails by itself: what is missing tells nothing of the kill"
    assert any("the table has []" in one for one in lost), "nothing was missed: the kill test has no power"
