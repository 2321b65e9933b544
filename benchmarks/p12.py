"""P12: from the start of `hexiao serve` to its first answer, on an empty database and with all the coupons."""

from __future__ import annotations

import sys

from benchmarks import seeding, shop
from benchmarks.result import Finding, Measure, Result
from benchmarks.rounds import Leg, finding, in_turn
from benchmarks.server import Server
from benchmarks.session import Session, run_one
from hexiao.wiring import migrate

CONSTANT = "Granian alone"
GOAL_SECONDS = 1.0


def run(session: Session) -> Result:
    form = session.form
    databases: dict[str, str] = {}
    for store in ("SQLite", "PostgreSQL"):
        for name, coupons in (("empty", 0), (f"{form.coupons:,} coupons", form.coupons)):
            databases[f"{store}, {name}"] = url = _database(session, store, coupons)
            if coupons:
                seeding.fill(url, coupons)
            else:
                migrate(shop.settings(url))
    session.cluster.settle()
    alone = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", "{port}"]
    alone += ["--log-level", "critical", "benchmarks.constant:app"]
    legs = [Leg(CONSTANT, lambda _: _start("sqlite:///none", alone))]
    legs += [Leg(name, lambda _, url=url: _start(url, None)) for name, url in databases.items()]  # type: ignore[misc]
    measured = in_turn("P12", legs, form.pairs, form.seconds)
    for name in ("bench_p12_empty", "bench_p12_full"):
        session.cluster.drop(name)
    findings: list[Finding] = [
        finding(name, [one.seconds for one in measured[name]], GOAL_SECONDS, unit="s", at_most=True)
        for name in databases
    ]
    findings.append(finding(CONSTANT, [one.seconds for one in measured[CONSTANT]], unit="s"))
    return session.result(
        "p12", "Start", "hexiao serve, from the start of its process to the first answer of /ready", findings, measured
    )


def _database(session: Session, store: str, coupons: int) -> str:
    name = "full" if coupons else "empty"
    if store == "SQLite":
        return f"sqlite:///{session.folder / name}.db"
    return session.cluster.create(f"bench_p12_{name}")


def _start(database: str, command: list[str] | None) -> Measure:
    server = Server(database, command=command)
    memory = server.memory_mib()
    server.stop()
    return Measure(count=1, seconds=server.start_seconds, memory_mib=memory)


if __name__ == "__main__":
    run_one(__doc__ or "", run)
