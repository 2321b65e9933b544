"""A core for each worker: never the same for two, free again when its worker is gone, refused where there are none.

And threads that take turns.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hexiao.cli.app import app
from hexiao.cli.exits import Exit
from hexiao.cores import demand_cores, offer_cores, take_core, take_turns
from hexiao.domain.errors import BadRequest
from journeys.served import served

PATIENCE_SECONDS = 20
MINE = sorted(os.sched_getaffinity(0))


def work(offer: str, allowed: set[int], line: Connection) -> None:
    os.sched_setaffinity(0, allowed)
    line.send((take_core(offer), os.sched_getaffinity(0)))
    line.recv()


@contextmanager
def worker(offer: str, allowed: Sequence[int] = MINE) -> Iterator[tuple[int | None, set[int]]]:
    """A worker while the block runs: the core that it took, and those that it may run on then."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(offer, set(allowed), there))
    process.start()
    try:
        assert here.poll(PATIENCE_SECONDS)
        yield here.recv()
    finally:
        here.send("end")
        process.join(PATIENCE_SECONDS)


def test_two_workers_never_have_the_same_core() -> None:
    cores = offer_cores()
    with worker(cores) as (first, allowed):
        assert (first, allowed) == (MINE[0], {MINE[0]})
        with worker(cores) as (second, _):
            assert second == (MINE[1] if len(MINE) > 1 else None)


def test_who_comes_when_all_are_taken_runs_where_it_may() -> None:
    cores, one = offer_cores(), MINE[:1]
    with worker(cores, one) as (first, _), worker(cores, one) as (second, allowed):
        assert (first, second, sorted(allowed)) == (MINE[0], None, one)


def test_the_core_of_a_worker_that_ended_is_given_again() -> None:
    cores = offer_cores()
    with worker(cores) as (first, _):
        pass
    with worker(cores) as (second, _):
        assert second == first


def test_who_may_not_see_the_offer_runs_where_it_may(tmp_path: Path) -> None:
    with worker(str(tmp_path / "not there")) as (core, allowed):
        assert (core, sorted(allowed)) == (None, MINE)


def test_more_workers_than_cores_are_refused() -> None:
    with pytest.raises(BadRequest, match="--own-cores"):
        demand_cores(len(MINE) + 1)


def test_the_server_says_so_before_it_says_where_it_serves(tmp_path: Path) -> None:
    file = f"sqlite:///{tmp_path}/hexiao.db"
    ended = CliRunner().invoke(app, ["serve", "--own-cores", "--workers", "64", "--database", file])
    assert ended.exit_code == Exit.USAGE
    assert "--own-cores" in ended.stderr
    assert "http://" not in ended.output


@pytest.mark.parametrize(("option", "alone"), [("--own-cores", True), ("--shared-cores", False)])
def test_each_process_of_the_server_stays_on_one_core(tmp_path: Path, option: str, alone: bool) -> None:
    workers = min(2, len(MINE))
    with served(tmp_path / "here", "--demo", "--workers", str(workers), option):
        processes = [int(one.name) for one in Path("/proc").glob("[1-9]*") if runs_in(one, tmp_path / "here")]
        allowed = [tuple(sorted(os.sched_getaffinity(process))) for process in processes]
    singles = [cores for cores in allowed if len(cores) == 1]
    if len(MINE) > 1:
        assert len(allowed) > workers
        assert len(set(singles)) == len(singles) == (workers if alone else 0)


def policy_of_a_later_thread(first: int, line: Connection) -> None:
    os.sched_setscheduler(0, first, os.sched_param(0))
    take_turns()
    later = threading.Thread(target=lambda: line.send(os.sched_getscheduler(0)))
    later.start()
    later.join()


@pytest.mark.parametrize(
    ("chosen", "then"),
    [(os.SCHED_OTHER, os.SCHED_BATCH), (os.SCHED_BATCH, os.SCHED_BATCH), (os.SCHED_IDLE, os.SCHED_IDLE)],
)
def test_threads_take_turns_unless_another_policy_was_chosen(chosen: int, then: int) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=policy_of_a_later_thread, args=(chosen, there))
    process.start()
    try:
        assert here.poll(PATIENCE_SECONDS)
        assert here.recv() == then
    finally:
        process.join(PATIENCE_SECONDS)


def test_who_may_not_choose_goes_on_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    take_turns()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_all_threads_of_a_worker_take_turns(tmp_path: Path) -> None:
    with served(tmp_path / "here", "--demo"):
        processes = [one for one in Path("/proc").glob("[1-9]*") if runs_in(one, tmp_path / "here")]
        policies = [{os.sched_getscheduler(int(one.name)) for one in (it / "task").iterdir()} for it in processes]
    assert {os.SCHED_BATCH} in policies


def runs_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").resolve() == folder.resolve()
    except OSError:
        return False
