"""Lines between hexiao and PostgreSQL that break all the time: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from faults.client import ask, is_ready
from faults.postgres.proxy import EARLY, LATE, NEVER, Proxy
from faults.postgres.shift import Shifts
from faults.postgres.shop import PostgresShop
from faults.server import serving, verify
from faults.shop import SINGLE, redeem
from postgres_server import PostgresServer

SERVERS = 2
LINES_OF_A_SERVER_MAX = 4
"""Committer, reader, and two threads that read lists."""
ENDED_EVERY_SECONDS = 0.1
ENDED_A_SECOND_MIN = 5
"""On average; a machine that is busy takes longer."""
CUT_SHARE = 0.1
CUTS_OF_EACH_KIND_MIN = 5


def test_sessions_that_are_ended_ten_times_a_second_cost_nothing_but_time(
    server: PostgresServer, a_shop: Callable[[], PostgresShop], tmp_path: Path, seconds: float, seed: int
) -> None:
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} sessions")
    shop = a_shop()
    ended = 0
    with serving(shop.database, tmp_path, SERVERS) as ports:
        shifts = Shifts(shop, ports, tmp_path, rng)
        with shifts.at_work():
            began = time.monotonic()
            while time.monotonic() < began + seconds or ended <= ENDED_A_SECOND_MIN * seconds:
                assert time.monotonic() < began + 8 * seconds, f"hardly anything was ended: {ended}"
                time.sleep(ENDED_EVERY_SECONDS)
                if sessions := hexiao_sessions(server, shop):
                    server.execute(f"SELECT pg_terminate_backend({rng.choice(sessions)})")
                    ended += 1
        unknown, done = shifts.settle()
        assert all(map(is_ready, ports))
        left = hexiao_sessions(server, shop)
    verdict = verify(shop.database)
    acknowledged = len(shifts.book.acknowledged())
    print(f"{ended} sessions ended: {acknowledged} acknowledged, 0 lost; {unknown} unknown, {done} of them done")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert len(left) <= SERVERS * LINES_OF_A_SERVER_MAX, "connections were left behind"
    assert acknowledged > 20 * seconds
    assert hexiao_sessions(server, shop) == []


def hexiao_sessions(server: PostgresServer, shop: PostgresShop) -> list[int]:
    name = shop.database.rpartition("/")[2]
    return [
        pid
        for (pid,) in server.execute(
            f"SELECT pid FROM pg_stat_activity WHERE application_name = 'hexiao' AND datname = '{name}' ORDER BY pid"
        )
    ]


def through(proxy: Proxy, shop: PostgresShop) -> str:
    name = shop.database.rpartition("/")[2]
    return f"postgresql://hexiao@127.0.0.1:{proxy.port}/{name}?sslmode=disable&gssencmode=disable"


def test_a_change_whose_answer_was_lost_on_the_line_is_done_once_and_answered_once(
    server: PostgresServer, a_shop: Callable[[], PostgresShop], tmp_path: Path, seconds: float, seed: int
) -> None:
    print(f"SEED={seed}")
    shop = a_shop()
    cuts, acknowledged, unknown = work_while_lines_are_cut(server, shop, tmp_path, seconds, seed)
    assert acknowledged > 20 * seconds
    assert unknown < cuts / 2, "the server asks nothing again, and leaves it to the tills"
    assert hexiao_sessions(server, shop) == []


def test_a_server_that_leaves_it_to_the_tills_is_found_out(
    server: PostgresServer, a_shop: Callable[[], PostgresShop], tmp_path: Path, seconds: float, seed: int
) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    cuts, _, unknown = work_while_lines_are_cut(
        server, a_shop(), tmp_path, seconds / 4, seed, program="faults.postgres.resigned"
    )
    assert unknown >= cuts / 2, "a cut line costs nobody anything: the line has no power"


def work_while_lines_are_cut(
    server: PostgresServer, shop: PostgresShop, folder: Path, seconds: float, seed: int, program: str = "hexiao"
) -> tuple[int, int, int]:
    """(cuts, acknowledged changes, changes that the tills had to ask for again); in the end the book is in order."""
    rng = random.Random(f"{seed} proxy")
    proxy = Proxy(server.port, rng, 0.0)
    try:
        with serving(through(proxy, shop), folder, SERVERS, program=program) as ports:
            shifts = Shifts(shop, ports, folder, rng)
            with shifts.at_work():
                proxy.cut_share = CUT_SHARE
                began = time.monotonic()
                while time.monotonic() < began + seconds / 2 or fewest(proxy) < CUTS_OF_EACH_KIND_MIN:
                    assert time.monotonic() < began + 8 * seconds, f"hardly anything was cut: {proxy.cuts}"
                    time.sleep(0.05)
                proxy.cut_share = 0.0
            unknown, done = shifts.settle()
    finally:
        proxy.close()
    acknowledged = len(shifts.book.acknowledged())
    print(f"{dict(proxy.cuts)}: {acknowledged} acknowledged, 0 lost; {unknown} unknown, {done} of them done")
    return proxy.cuts.total(), acknowledged, unknown


def fewest(proxy: Proxy) -> int:
    """How often the rarest kind of cut was made."""
    return min(proxy.cuts[how] for how in (LATE, EARLY, NEVER))


def test_without_remembered_answers_the_same_line_is_found_out(
    server: PostgresServer, a_shop: Callable[[], PostgresShop], tmp_path: Path, seed: int
) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    shop = a_shop()
    proxy = Proxy(server.port, random.Random(f"{seed} forgetful"), 0.0)
    refused = 0
    try:
        with serving(through(proxy, shop), tmp_path, program="faults.forgetful") as (port,):
            codes = shop.issue(SINGLE, 40)
            proxy.cut_share = 0.3
            answers = {code: ask(redeem(port, code, key=code, bill=code)) for code in codes}
            proxy.cut_share = 0.0
        for code, answer in answers.items():
            assert len(shop.redemptions(code)) <= 1
            refused += answer.status == 409 and len(shop.redemptions(code)) == 1
    finally:
        proxy.close()
    assert refused > 0, "nobody was refused what he had got: the line has no power"
