"""The primary dies and its standby takes over: with synchronous replication nothing that was acknowledged is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.book import Tables
from faults.client import Answer, ask
from faults.postgres.shift import Shifts, open_every_line
from faults.postgres.shop import PostgresShop
from faults.server import serving
from faults.shop import SINGLE, redeem
from faults.test_races import the_redemption
from postgres_server import Databases, PostgresServer

STANDBY = "b"
TAKE_OVER_SECONDS_MAX = 10.0
PATIENCE_SECONDS = 10.0
ENDED, CANCELLED = "pg_terminate_backend", "pg_cancel_backend"


class Pair:
    """A primary with a shop on it, and a standby that streams from it."""

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self.primary = PostgresServer()
        self.shop = PostgresShop(Databases(self.primary.url("postgres")).migrated(), folder)
        self.standby = PostgresServer.standby_of(self.primary, STANDBY)
        self._name = self.shop.database.rpartition("/")[2]
        if synchronous:
            self.primary.alter(synchronous_standby_names=f"FIRST 1 ({STANDBY})")
        self._wait_for("sync" if synchronous else "async")

    def _wait_for(self, state: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.primary.execute("SELECT sync_state FROM pg_stat_replication") != [(state,)]:
            assert time.monotonic() < deadline, f"the standby never became {state}"
            time.sleep(0.02)

    @property
    def either(self) -> str:
        """Whoever of the two may be written to."""
        places = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://hexiao@{places}/{self._name}?target_session_attrs=read-write"

    def part(self) -> None:
        """The standby hears nothing of the primary any more."""
        self.standby.alter(primary_conninfo="")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.primary.execute("SELECT 1 FROM pg_stat_replication"):
            assert time.monotonic() < deadline, "they still hear each other"
            time.sleep(0.02)

    def meet_again(self) -> None:
        source = f"host=127.0.0.1 port={self.primary.port} user=hexiao application_name={STANDBY}"
        self.standby.alter(primary_conninfo=source)
        self._wait_for("sync")

    def take_over(self) -> None:
        self.primary.kill()
        self.standby.promote()
        self.shop.move_to(self.standby.url(self._name))

    def somebody_waiting(self) -> int:
        """A session of the primary that waits for the standby with a COMMIT."""
        asked = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'hexiao'"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (waiting := self.primary.execute(asked)):
            assert time.monotonic() < deadline, "nobody waits for the standby"
            time.sleep(0.02)
        return int(waiting[0][0])

    def stop(self) -> None:
        for server in (self.primary, self.standby):
            server.stop()


@contextmanager
def a_pair(folder: Path, *, synchronous: bool) -> Iterator[Pair]:
    pair = Pair(folder, synchronous=synchronous)
    try:
        yield pair
    finally:
        pair.stop()


def test_nothing_acknowledged_is_lost_when_the_standby_takes_over(tmp_path: Path, seconds: float, seed: int) -> None:
    """hexiao knows both places, and goes on by itself; started on the new one alone, it finds the same."""
    print(f"SEED={seed}")
    rng = random.Random(f"{seed} standby")
    with a_pair(tmp_path, synchronous=True) as pair:
        with serving(pair.either, tmp_path) as ports:
            open_every_line(ports[0])
            shifts = Shifts(pair.shop, ports, tmp_path, rng)
            with shifts.at_work():
                time.sleep(seconds / 4)
                pair.take_over()
                outage = shifts.wait_until_served()
                assert outage < TAKE_OVER_SECONDS_MAX, "hexiao does not find the new primary"
            before = len(shifts.book.acknowledged())
            assert shifts.book.lost_or_doubled(Tables(pair.shop)) == []
            said = (tmp_path / f"server-{ports[0]}.log").read_text()
        with serving(pair.shop.database, tmp_path) as ports:
            shifts.ports = ports
            unknown, done = shifts.settle()
            with shifts.at_work():
                time.sleep(0.3)
            shifts.settle()
    print(f"{before} acknowledged, 0 lost; {unknown} unknown, {done} of them done; served again after {outage:.2f} s")
    assert before > 10 * seconds
    assert "connection_lost" in said, "the primary died while nobody wanted anything of it"


def test_a_standby_that_nobody_waits_for_is_found_out(tmp_path: Path, seed: int) -> None:
    """The control: a test that cannot fail proves nothing."""
    print(f"SEED={seed}")
    with a_pair(tmp_path, synchronous=False) as pair, serving(pair.shop.database, tmp_path) as ports:
        shifts = Shifts(pair.shop, ports, tmp_path, random.Random(f"{seed} asynchronous"))
        pair.part()
        with shifts.at_work():
            time.sleep(0.3)
        pair.take_over()
        lost = shifts.book.lost_or_doubled(Tables(pair.shop))
    assert any("the table has []" in one for one in lost), "nothing was missed: the test has no power"


@pytest.mark.parametrize("how", [ENDED, CANCELLED])
def test_a_commit_that_never_reached_the_standby_is_not_acknowledged(tmp_path: Path, how: str) -> None:
    """Somebody ends a session that waits for the standby, or its wait alone, of which PostgreSQL only warns.

    The change stays, and anybody can read it; the standby has not. So neither it nor its replay is acknowledged.
    """
    heard, kept = interrupted_wait(tmp_path, how)
    assert [answer.status for answer in heard] == [503, 503]
    assert kept == 0, "the standby had it: there was nothing to lose"


@pytest.mark.parametrize(
    ("how", "program"),
    [(CANCELLED, "faults.postgres.heedless"), (ENDED, "faults.postgres.credulous")],
    ids=["heedless", "credulous"],
)
def test_a_server_that_believes_such_a_commit_is_found_out(tmp_path: Path, how: str, program: str) -> None:
    """The control: a test that cannot fail proves nothing."""
    heard, kept = interrupted_wait(tmp_path, how, program)
    assert heard[0].status == 201
    assert kept == 0, "nothing was lost: the test has no power"


def test_as_soon_as_the_standby_has_it_the_till_gets_its_one_answer(tmp_path: Path) -> None:
    with a_pair(tmp_path, synchronous=True) as pair, serving(pair.shop.database, tmp_path) as (port,):
        (code,) = pair.shop.issue(SINGLE, 1)
        request = redeem(port, code, key="k1", bill="B1")
        pair.part()
        with ThreadPoolExecutor(1) as tills:
            first = tills.submit(ask, request)
            pair.primary.execute(f"SELECT {CANCELLED}({pair.somebody_waiting()})")
            wait([first], timeout=1.0)
            assert not first.done(), "it did not wait for the standby a second time"
            pair.meet_again()
            assert first.result(PATIENCE_SECONDS).status == 201
        again = ask(request)
        assert (again.replayed, again.body) == (True, first.result().body)
        pair.take_over()
        assert [str(row["id"]) for row in pair.shop.redemptions(code)] == [the_redemption(again)["id"]]


def interrupted_wait(folder: Path, how: str, program: str = "hexiao") -> tuple[list[Answer], int]:
    """What one till and its retry heard of a redemption that the standby never had, and how often that one has it."""
    with a_pair(folder, synchronous=True) as pair, serving(pair.shop.database, folder, program=program) as (port,):
        (code,) = pair.shop.issue(SINGLE, 1)
        pair.part()
        with ThreadPoolExecutor(2) as tills:
            request = redeem(port, code, key="k1", bill="B1")
            first = tills.submit(ask, request)
            pair.primary.execute(f"SELECT {how}({pair.somebody_waiting()})")
            wait([first], timeout=1.0)
            again = tills.submit(ask, request)
            wait([again], timeout=1.0)
            assert len(pair.shop.redemptions(code)) == 1, "nothing was committed: there is nothing to replay"
            pair.take_over()
            heard = [first.result(PATIENCE_SECONDS), again.result(PATIENCE_SECONDS)]
        return heard, len(pair.shop.redemptions(code))
