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

from faults.client import Answer, Broken, ask
from faults.server import Server, running, verify
from faults.shop import SINGLE, FaultShop, redeem

WORKERS, TILLS, EACH = 2, 6, 100
PATIENCE_SECONDS = 20.0


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


def work(port: int, name: str, codes: list[str], gone: threading.Event) -> list[Answer]:
    """Redeem each code, asking again until there is an answer. `gone` ends it early."""
    answers = []
    for number, code in enumerate(codes):
        request = redeem(port, code, key=f"{name}-{number}", bill=f"B{name}-{number}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not gone.is_set():
            try:
                answers.append(ask(request))
                break
            except Broken:
                time.sleep(0.02)
    return answers


def trial(shop: FaultShop, logs: Path, program: str) -> tuple[list[Answer], list[str], bool]:
    """(all answers, the codes, whether the server has all its workers again) after one worker was killed at work."""
    codes = shop.issue(SINGLE, TILLS * EACH)
    gone = threading.Event()
    with serving(shop, logs, program) as server, ThreadPoolExecutor(TILLS) as tills:
        before = workers_of(server)
        assert len(before) == WORKERS
        works = [tills.submit(work, server.port, f"w{place}", codes[place::TILLS], gone) for place in range(TILLS)]
        time.sleep(0.2)
        os.kill(before[0], signal.SIGKILL)
        whole = successor(server, before, PATIENCE_SECONDS)
        if not whole:
            gone.set()
        return [answer for one in works for answer in one.result()], codes, whole


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
    answers, codes, whole = trial(shop, tmp_path, "hexiao")
    assert whole
    assert [answer.status for answer in answers] == [201] * len(codes)
    assert [len(shop.redemptions(code)) for code in codes] == [1] * len(codes)
    verdict = verify(shop.database)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_a_server_that_ends_with_its_worker_is_found_out(shop: FaultShop, tmp_path: Path) -> None:
    """The control: a test that cannot fail proves nothing."""
    answers, codes, whole = trial(shop, tmp_path, "faults.lonely")
    assert not whole
    assert len(answers) < len(codes)
