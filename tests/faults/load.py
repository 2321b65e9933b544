"""Tills that work until the server is gone: redeem, hold, capture, release, reverse, each with its own key.

Each till writes down what it is about to ask, and the answer after it has read all of it: paper, not memory. It
never retries; what the broken line left open is for the test to find out.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from faults.client import Answer, Broken, Connection, Request
from faults.processes import ClientProcess, say
from faults.shop import move, redeem

PROCESSES = 3
THREADS = 4
TILLS = PROCESSES * THREADS


class Work(NamedTuple):
    """What one till has in front of it in one round."""

    port: int
    name: str
    seed: str
    own: list[str]
    """Single-use coupons that no other till has."""
    shared: list[str]
    """Single-use coupons that every till tries."""
    purses: list[str]
    """Balance coupons that every till takes parts of."""
    held: list[str]
    """Redemptions that were held before the server was killed."""


class Load:
    """Starts the till processes once, for many rounds; close it. Papers are written into `folder`."""

    def __init__(self, folder: Path) -> None:
        self.papers = [folder / f"till-{index}.jsonl" for index in range(TILLS)]
        for paper in self.papers:
            paper.touch()
        self._processes = [
            ClientProcess("faults.load", *map(str, self.papers[start : start + THREADS]))
            for start in range(0, TILLS, THREADS)
        ]

    def begin(self, work: Sequence[Work]) -> None:
        for index, process in enumerate(self._processes):
            process.tell(work[index * THREADS : (index + 1) * THREADS])

    def wait_until_all_stopped(self) -> None:
        """Returns when every till has found the line broken."""
        for process in self._processes:
            assert process.hear() == [], "a till went home by itself"

    def close(self) -> None:
        for process in self._processes:
            process.close()


# Below runs in the till processes.


class Till(threading.Thread):
    def __init__(self, work: Work, paper: Path) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._rng = random.Random(work.seed)
        self._held = list(work.held)
        self._captured: list[str] = []
        self._count = 0
        self._paper = paper
        self.failed = ""
        """Why the till went home before its line broke."""

    def run(self) -> None:
        try:
            self._work_until_broken()
        except Exception as unexpected:
            self.failed = f"{type(unexpected).__name__}: {unexpected}"
            raise

    def _work_until_broken(self) -> None:
        with self._paper.open("ab", buffering=0) as paper:
            try:
                connection = Connection(self._work.port)
                try:
                    while True:
                        self._serve_a_customer(connection, paper)
                finally:
                    connection.close()
            except Broken:
                return

    def _serve_a_customer(self, connection: Connection, paper: Any) -> None:
        dice = self._rng.random()
        if self._held and dice < 0.4:
            redemption_id = self._held.pop(0)
            how = self._rng.choice(("capture", "capture", "release"))
            answer = self._ask(connection, paper, move(self._work.port, redemption_id, how, key=self._key()))
            if how == "capture" and answer.status == 200:
                self._captured.append(redemption_id)
        elif self._captured and dice < 0.5:
            redemption_id = self._captured.pop(0)
            self._ask(connection, paper, move(self._work.port, redemption_id, "reverse", key=self._key()))
        else:
            self._use_a_coupon(connection, paper)

    def _use_a_coupon(self, connection: Connection, paper: Any) -> None:
        work, amount_fen = self._work, None
        dice = self._rng.random()
        mode = self._rng.choice(("redeem", "hold"))
        if dice < 0.6 and work.own:
            code = work.own.pop()
        elif dice < 0.8 and work.shared:
            code = self._rng.choice(work.shared)
        else:
            code, amount_fen = self._rng.choice(work.purses), self._rng.randint(1, 500)
        key = self._key()
        asked = redeem(work.port, code, key=key, bill=key, mode=mode, amount_fen=amount_fen)
        answer = self._ask(connection, paper, asked)
        if answer.status == 201:
            (redemption,) = answer.body["redemptions"]
            (self._held if mode == "hold" else self._captured).append(redemption["id"])

    def _ask(self, connection: Connection, paper: Any, request: Request) -> Answer:
        paper.write(json.dumps({"asked": request}).encode() + b"\n")
        answer = connection.ask(request)
        paper.write(json.dumps({"answered": request.key, "answer": answer}).encode() + b"\n")
        return answer

    def _key(self) -> str:
        self._count += 1
        return f"{self._work.name}-{self._count}"


def main() -> None:
    papers = [Path(name) for name in sys.argv[1:]]
    for line in sys.stdin:
        tills = [Till(Work(*one), paper) for one, paper in zip(json.loads(line), papers, strict=True)]
        for till in tills:
            till.start()
        for till in tills:
            till.join()
        say([till.failed for till in tills if till.failed])


if __name__ == "__main__":
    main()
