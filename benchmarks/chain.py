"""What the journal's chain costs: P1 on a server that seals every batch and on one that does not, in turn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import load, seeding
from benchmarks.audit import audit
from benchmarks.load import Load
from benchmarks.p1 import CLIENTS, MOST_A_SECOND
from benchmarks.result import Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.server import Server
from benchmarks.session import Session, run_one

GOAL = 0.9
UNCHAINED = [sys.executable, "-m", "benchmarks.unchained", "serve", "--port", "{port}"]


@contextmanager
def serving(session: Session, name: str, command: list[str] | None = None) -> Iterator[Load]:
    """A server with a database of its own; only sealed books can be audited."""
    database = session.cluster.create(name)
    try:
        seeding.fill(database, session.form.coupons)
        session.cluster.settle(name)
        server = Server(database, command=command)
        try:
            clients = Load(server, session.cluster)
            yield clients
        finally:
            server.stop()
        if command is None:
            audit(database, clients.redeemed)
    finally:
        session.cluster.drop(name)


def run(session: Session) -> Result:
    form = session.form
    with serving(session, "bench_chain") as sealed, serving(session, "bench_unchained", UNCHAINED) as unsealed:
        legs = []
        for name, clients in (("with the chain", sealed), ("without", unsealed)):
            coupons = load.plain(form.coupons)
            for count in CLIENTS:
                legs.append(
                    Leg(
                        f"{name}, {count} clients",
                        lambda seconds, clients=clients, coupons=coupons, count=count: clients.redeem(  # type: ignore[misc]
                            "redeem", coupons, count, seconds, MOST_A_SECOND
                        ),
                    )
                )
        legs.sort(key=lambda leg: int(leg.name.split()[-2]))  # those that are compared, one right after the other
        measured = in_turn("chain", legs, form.pairs, form.seconds)
        findings = [
            ratio(measured, f"with the chain, {count} clients", f"without, {count} clients", GOAL) for count in CLIENTS
        ]
        return session.result(
            "chain", "The journal's chain",
            "P1 on a server that seals every batch into a block ÷ P1 on one that does not", findings, measured,
        )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
