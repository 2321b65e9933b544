"""A shop that goes on and on: the same mix of requests again and again, and what the server's processes hold meanwhile.

Asks for less than the server can take. Judges only what grows; whether the books hold is for the test to ask.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from faults.client import Request, ask_plainly
from faults.flood import Flood, Reply
from faults.server import Server, running
from faults.shop import PURSE, SINGLE, FaultShop, move, redeem

SPAN_SECONDS = 2.0
PEAK_REQUESTS, RATE_MAX = 600, 600.0
CONNECTIONS = 32
PURSES = 40
MIB = 2**20
MEMORY_MAX, LOG_MAX = 5 * MIB, 64 * MIB
SETTLING_SECONDS_MAX = 5.0


class Sample(NamedTuple):
    """At the end of a span, when its lines are closed; by process."""

    memory: dict[int, int]
    """Bytes."""
    files: dict[int, int]
    log: int
    """Bytes of SQLite's write-ahead log; 0 on PostgreSQL."""
    p99: float
    """Seconds, of all answers of the span."""


class Soak:
    def __init__(self, shop: FaultShop, server: Server, flood: Flood, rng: random.Random) -> None:
        self.answered = 0
        self._shop, self._server, self._flood, self._rng = shop, server, flood, rng
        self._purses = shop.issue(PURSE, PURSES)
        self._name, self._span = self._purses[0], 0  # nobody else has it
        self._old: list[Request] = []
        self._held: list[str] = []
        self._captured: list[str] = []
        codes = shop.issue(SINGLE, PEAK_REQUESTS)
        replies = flood.run([redeem(server.port, code, key=code, bill=code) for code in codes], CONNECTIONS)
        self.rate = min(RATE_MAX, PEAK_REQUESTS / max(one.after for one in replies) / 2)

    def span(self) -> Sample:
        """Some seconds of work at half of what the server can take."""
        wanted, expected = self._requests(int(self.rate * SPAN_SECONDS))
        self._rng.shuffle(wanted)
        replies = self._flood.run(wanted, CONNECTIONS, self.rate)
        assert [one for one in replies if one.status != expected[one.key]] == []
        listed = ask_plainly(self._server.port, "GET", "/v1/redemptions?limit=100")
        assert (listed.status, len(listed.body["redemptions"])) == (200, 100)
        self._remember(wanted, replies)
        self._span += 1
        self.answered += len(replies)
        return self._sample(replies)

    def _requests(self, count: int) -> tuple[list[Request], dict[str, int]]:
        """And the status that each key is to be answered with."""
        port, rng, name = self._server.port, self._rng, f"{self._name}-{self._span}"
        codes = self._shop.issue(SINGLE, count // 2)
        new = [redeem(port, code, key=code, bill=code) for code in codes]
        holds = [
            redeem(port, rng.choice(self._purses), key=f"{name}-h{i}", bill=f"{name}-h{i}", mode="hold", amount_fen=100)
            for i in range(count // 8)
        ]
        moves = [move(port, one, rng.choice(("capture", "release")), key=f"{name}-m{one}") for one in self._held]
        moves += [move(port, one, "reverse", key=f"{name}-r{one}") for one in self._captured]
        used = [one._replace(key=f"{name}-u{i}") for i, one in enumerate(self._old[: count // 16])]
        bill = new[0].body["bill"]
        looks = [
            Request(port, "/v1/assessments", {"code": code, "bill": bill}, f"{name}-a{code}")
            for code in codes[: count // 8]
        ]
        again = self._old[-count // 16 :]
        expected = {one.key: status for some, status in (
            (new, 201), (holds, 201), (moves, 200), (used, 409), (looks, 200), (again, 201)
        ) for one in some}  # fmt: skip
        return [*new, *holds, *moves, *used, *looks, *again], expected

    def _remember(self, wanted: list[Request], replies: list[Reply]) -> None:
        of_key = {one.key: one for one in replies}
        self._captured = [one.path.split("/")[-2] for one in wanted if one.path.endswith("/capture")]
        self._held = [id for one in wanted if one.body.get("mode") == "hold" for id in of_key[one.key].redemptions]
        self._old = [one for one in wanted if one.body.get("mode") == "redeem" and of_key[one.key].status == 201]

    def _sample(self, replies: Sequence[Reply]) -> Sample:
        files = self._files()
        deadline = time.monotonic() + SETTLING_SECONDS_MAX
        while sum(files.values()) != sum((files := self._files()).values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        log = self._shop.path.with_name(self._shop.path.name + "-wal")
        return Sample(
            memory={pid: _resident(pid) for pid in files},
            files=files,
            log=log.stat().st_size if log.exists() else 0,
            p99=quantiles([one.took for one in replies], n=100)[98],
        )

    def _files(self) -> dict[int, int]:
        time.sleep(0.1)
        return {pid: len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in running(self._server.group)}


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown(samples: Sequence[Sample]) -> set[str]:
    """What did not stay as it was, from the end of the first third to the end; printed as it is found."""
    first, last = samples[len(samples) // 3], samples[-1]
    memory = {pid: last.memory[pid] - first.memory.get(pid, 0) for pid in last.memory}
    files = {pid: last.files[pid] - first.files.get(pid, 0) for pid in last.files}
    log = max(one.log for one in samples)
    print(
        f"memory {', '.join(f'{one / MIB:+.1f}' for one in memory.values())} MiB of"
        f" {', '.join(f'{one / MIB:.0f}' for one in last.memory.values())}; open files"
        f" {', '.join(f'{one:+d}' for one in files.values())}; log at most {log / MIB:.1f} MiB;"
        f" p99 {drift(samples):+.0%} to {last.p99 * 1000:.1f} ms"
    )
    found = {
        "processes": first.memory.keys() != last.memory.keys(),
        "memory": max(memory.values()) > MEMORY_MAX,
        "files": max(files.values()) > 0,
        "log": log > LOG_MAX,
    }
    return {what for what, is_so in found.items() if is_so}


def drift(samples: Sequence[Sample]) -> float:
    """How much longer the slowest answers take in the last third than in the second one."""
    third = len(samples) // 3
    return median(one.p99 for one in samples[-third:]) / median(one.p99 for one in samples[third : 2 * third]) - 1
