"""Puts load on a server from a process of its own, and turns the report into a Measure. A wrong answer ends it all."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from benchmarks import listing, shop
from benchmarks.calls import BATCH
from benchmarks.form import ROOT
from benchmarks.postgres import Cluster
from benchmarks.result import Measure
from benchmarks.server import Server
from hexiao.gateways.kingdee import tokens
from hexiao.vault import Vault

PREPARE_SECONDS_MAX = 120
REPEATED = 5_000
"""Requests that may come twice are made this many, and asked again and again."""


class Coupons:
    """The coupons of one scheme that were not used yet. Each place is given out once."""

    def __init__(self, run: str, scheme: int, quantity: int) -> None:
        self.run = run
        self.scheme = scheme
        self.quantity = quantity
        self.used = 0

    def take(self, count: int) -> dict[str, Any]:
        count = min(count, self.quantity - self.used)
        if count < BATCH:
            raise SystemExit(f"all {self.quantity:,} coupons are used: more --coupons, or less --pairs or --seconds")
        what = {"run": self.run, "scheme": self.scheme, "coupons": self.quantity, "first": self.used, "count": count}
        self.used += count
        return what

    def give_back(self, count: int) -> None:
        """The last `count` places were not used after all."""
        self.used -= count

    def any(self) -> dict[str, Any]:
        """Requests that change nothing may name the same coupons again and again."""
        count = min(REPEATED, self.quantity)
        return {"run": self.run, "scheme": self.scheme, "coupons": self.quantity, "first": 0, "count": count}


class Load:
    """Drives one server."""

    def __init__(self, server: Server, cluster: Cluster | None) -> None:
        self._server = server
        self._cluster = cluster
        self.redeemed = 0
        """Acknowledged, all of them."""

    def redeem(self, kind: str, coupons: Coupons, connections: int, seconds: float, most_a_second: float) -> Measure:
        """`kind` redeem or redeem_batch; never more than `most_a_second`, for that many requests are made ready."""
        what = coupons.take(round(most_a_second * seconds))
        measure = self._drive(kind, what, connections, seconds, again=False)
        coupons.give_back(what["count"] - measure.count)
        self.redeemed += measure.count
        return measure

    def ask(self, kind: str, coupons: Coupons, connections: int, seconds: float) -> Measure:
        """What changes nothing."""
        return self._drive(kind, coupons.any(), connections, seconds, again=True)

    def write_offs(self, query: dict[str, str], seconds: float) -> Measure:
        """One page of the Kingdee list, by one caller again and again."""
        key = Vault(bytes.fromhex(shop.MASTER_KEY)).derive("kingdee-token")
        token = tokens.mint(key, "1", listing.CLIENT_ID, 1, int(time.time()))
        return self._drive("write_offs", {"query": query, "token": token, "count": 200}, 1, seconds, again=True)

    def _drive(self, kind: str, what: dict[str, Any], connections: int, seconds: float, *, again: bool) -> Measure:
        job = {
            "port": self._server.port, "connections": connections, "seconds": seconds, "kind": kind, "what": what,
            "again": again,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.driver"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            if process.stdout.readline() != "ready\n":
                raise SystemExit("the driver could not make its requests")
            before = self._cpu()
            try:
                told, _ = process.communicate("go\n", timeout=seconds + PREPARE_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                raise SystemExit("the driver did not come back") from None
            after = self._cpu()
        report = json.loads(told)
        if "broken" in report:
            raise SystemExit(f"{kind}: {report['broken']}\n{self._server.log()}")
        if report["bad"]:
            shown = "\n".join(report["shown"])
            raise SystemExit(f"{kind}: {report['bad']} of {report['sent']} answers are wrong, such as\n{shown}")
        works = report["sent"] * report["works"]
        cpu = {who: (after[who] - before[who]) / works * 1e6 for who in before}
        return Measure(
            count=works,
            seconds=report["seconds"],
            mean_ms=report["mean_ms"],
            p50_ms=report["p50_ms"],
            p99_ms=report["p99_ms"],
            max_ms=report["max_ms"],
            cpu_us={**cpu, "clients": report["cpu_seconds"] / works * 1e6},
            memory_mib=self._server.memory_mib(),
        )

    def _cpu(self) -> dict[str, float]:
        found = {"hexiao": self._server.cpu_seconds()}
        if self._cluster is not None and (seconds := self._cluster.cpu_seconds()):
            found["PostgreSQL"] = seconds
        return found


def plain(quantity: int, run: str = "b") -> Coupons:
    return Coupons(run, shop.PLAIN, quantity)


def counted(quantity: int, run: str = "c") -> Coupons:
    return Coupons(run, shop.COUNTED, quantity)
