"""kill -9 of one worker of two: the other answers meanwhile, a new one takes its place, nothing is lost or doubled.

The tills ask again with the same key when their line breaks, as the page on retries tells them to.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from faults.client import Answer, Broken, ask
from faults.server import Server, running, verify
from faults.shop import SINGLE, FaultShop, redeem

WORKERS, TILLS, EACH = 2, 6, 100
PATIENCE_SECONDS = 20.0


class Trial(NamedTuple):
    """What became of the tills of a server of which one worker was killed while they worked."""

    codes: list[str]
    answers: list[Answer]
    before: int
    """How many of the answers there were when the worker was killed."""
    whole: bool
    """Whether the server has all its workers again."""
    gone: bool
    """Whether no process of the server was left."""


@contextmanager
def serving(shop: FaultShop, logs: Path, program: str) -> Iterator[Server]:
    server = Server(shop.database, logs, workers=WORKERS, program=program)
    server.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def workers_of(server: Server) -> list[int]:
    return [process for process in running(server.group) if process != server.group and not tracks(process)]


def tracks(process: int) -> bool:
    """Whether it is what Python starts beside workers that are not forked, to look after what they leave behind."""
    try:
        return b"resource_tracker" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def work(port: int, name: str, codes: list[str], answers: list[Answer], gone: threading.Event) -> None:
    """Redeem each code, asking again until there is an answer. `gone` ends it early."""
    for number, code in enumerate(codes):
        request = redeem(port, code, key=f"{name}-{number}", bill=f"B{name}-{number}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not gone.is_set():
            try:
                answers.append(ask(request))
                break
            except Broken:
                time.sleep(0.02)


def trial(shop: FaultShop, logs: Path, program: str) -> Trial:
    codes = shop.issue(SINGLE, TILLS * EACH)
    gone = threading.Event()
    answers: list[Answer] = []
    with serving(shop, logs, program) as server, ThreadPoolExecutor(TILLS) as tills:
        before = workers_of(server)
        assert len(before) == WORKERS
        works = [
            tills.submit(work, server.port, f"w{place}", codes[place::TILLS], answers, gone) for place in range(TILLS)
        ]
        time.sleep(0.2)
        answered = len(answers)
        os.kill(before[0], signal.SIGKILL)
        whole = successor(server, before, PATIENCE_SECONDS)
        nobody_left = not running(server.group)
        if not whole:
            gone.set()
        for one in works:
            one.result()
    return Trial(codes, answers, answered, whole, nobody_left)


def successor(server: Server, before: list[int], seconds: float) -> bool:
    """Whether within so many seconds there are as many workers as before, with one that is new."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        now = workers_of(server)
        if len(now) == len(before) and set(now) != set(before):
            return True
        if not running(server.group):
            return False
        time.sleep(0.02)
    return False


def test_the_others_go_on_and_a_new_worker_takes_the_place_of_a_killed_one(shop: FaultShop, tmp_path: Path) -> None:
    after = trial(shop, tmp_path, "hexiao")
    print(f"{after.before} of {len(after.codes)} answers before the kill")
    assert after.before < len(after.codes), "the tills had gone home when the worker was killed"
    assert after.whole
    assert [answer.status for answer in after.answers] == [201] * len(after.codes)
    assert [len(shop.redemptions(code)) for code in after.codes] == [1] * len(after.codes)
    verdict = verify(shop.database)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_a_server_that_ends_with_its_worker_is_found_out(shop: FaultShop, tmp_path: Path) -> None:
    """The control: a test that cannot fail proves nothing."""
    after = trial(shop, tmp_path, "faults.lonely")
    assert (after.whole, after.gone) == (False, True)
    assert len(after.answers) < len(after.codes)
