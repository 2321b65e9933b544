"""Tills at work while their server stays up and its database does not: they note everything, and retry nothing.

When the shift is over, whatever they do not know is asked again, and the book must agree with the tables.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults.book import Book, Tables
from faults.client import Answer, Broken, Connection, Request, ask, is_ready
from faults.load import TILLS, Till, Work
from faults.shop import PURSE, SINGLE, FaultShop, redeem, request_id

OWN, SHARED, PURSES = 30, 12, 3
"""Coupons for each till and shift; for all tills in a shift; for all tills and shifts."""
UNAVAILABLE_PAUSE_SECONDS = 0.2
SETTLE_SECONDS_MAX = 30.0


class PatientTill(Till):
    """Stays at its place when the server says 503, and goes home when the shift is over."""

    def __init__(self, work: Work, paper: Path, over: threading.Event) -> None:
        super().__init__(work, paper)
        self._over = over

    def _ask(self, connection: Connection, paper: Any, request: Request) -> Answer:
        if self._over.is_set():
            raise Broken("the shift is over")
        answer = super()._ask(connection, paper, request)
        if answer.status == 503:
            self._over.wait(UNAVAILABLE_PAUSE_SECONDS)
        return answer


class Shifts:
    """A shop on the servers that listen on `ports`, and the book of all its shifts."""

    def __init__(self, shop: FaultShop, ports: Sequence[int], folder: Path, rng: random.Random) -> None:
        self.book = Book()
        self.ports = ports
        self._shop, self._rng = shop, rng
        self._papers = [folder / f"patient-{index}.jsonl" for index in range(TILLS)]
        for paper in self._papers:
            paper.touch()
        self._purses = shop.issue(PURSE, PURSES)
        self._count = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Twelve tills work until the end of the block; all their requests are answered or broken then."""
        self._count += 1
        own = self._shop.issue(SINGLE, OWN * TILLS)
        shared = self._shop.issue(SINGLE, SHARED)
        over = threading.Event()
        tills = [
            PatientTill(
                Work(
                    port=self.ports[till % len(self.ports)],
                    name=f"s{self._count}-{till}",
                    seed=f"{self._rng.random()}",
                    own=own[till::TILLS],
                    shared=shared,
                    purses=self._purses,
                    held=[],
                ),
                paper,
                over,
            )
            for till, paper in enumerate(self._papers)
        ]
        for one in tills:
            one.start()
        try:
            yield
        finally:
            over.set()
            for one in tills:
                one.join()
            self.book.read(self._papers)

    def wait_until_served(self) -> float:
        """One redemption, asked until it is answered; how long that took, in seconds."""
        began = time.monotonic()
        (code,) = self._shop.issue(SINGLE, 1)
        request = redeem(self.ports[0], code, key=f"first-{code}", bill=f"first-{code}")
        self.book.asked[request.key] = request
        self.book.hear(request.key, ask_until_answered(request))
        return time.monotonic() - began

    def settle(self) -> tuple[int, int]:
        """(how many requests had no answer, how many of them had been carried out); then nothing is open any more."""
        tables = Tables(self._shop)
        assert self.book.lost_or_doubled(tables) == []
        unknown = self.book.unknown()
        done = 0
        for request in unknown:
            answer = ask_until_answered(request._replace(port=self.ports[0]))  # whoever stands there now
            assert answer.replayed == (request_id(request.key) in tables.remembered), request.key
            self.book.hear(request.key, answer)
            done += answer.replayed
        differences = self.book.differences(Tables(self._shop))
        assert differences == []
        assert self._shop.broken() == []
        return len(unknown), done


def open_every_line(port: int) -> None:
    """So many questions at once that every thread of the server has its line to the database."""
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(is_ready, [port] * 64))


def ask_until_answered(request: Request) -> Answer:
    """With the same key, as a till does that was told to."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while (answer := ask(request)).status == 503:
        assert time.monotonic() < deadline, f"{request.key} is never answered"
        time.sleep(0.05)
    return answer
