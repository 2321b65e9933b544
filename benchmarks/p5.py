"""P5: look-ups, as our API's assessment and as the signed zvcms call, against the same server answering a constant."""

from __future__ import annotations

from benchmarks import load
from benchmarks.result import Finding, Measure, Result
from benchmarks.rounds import Leg, Measured, in_turn, ratio
from benchmarks.session import Session, run_one

CLIENTS = 32
KINDS = {"assessments": "assess", "zvcms off-coupon": "off_coupon"}
CONSTANT = "GET /live"
GOAL = 0.5


def run(session: Session) -> Result:
    form = session.form
    legs: Measured = {}
    findings: list[Finding] = []
    for store, serving in (("PostgreSQL", session.on_postgres), ("SQLite", session.on_sqlite)):
        with serving("p5", form.coupons) as (clients, _):
            coupons = load.plain(form.coupons)

            def ask(
                kind: str, seconds: float, clients: load.Load = clients, coupons: load.Coupons = coupons
            ) -> Measure:
                return clients.ask(kind, coupons, CLIENTS, seconds)

            asked = [Leg(f"{CONSTANT}, {store}", lambda seconds: ask("live", seconds))]
            for name, kind in KINDS.items():
                asked.append(Leg(f"{name}, {store}", lambda seconds, kind=kind: ask(kind, seconds)))  # type: ignore[misc]
            measured = in_turn(f"P5 on {store}", asked, form.pairs, form.seconds)
            legs |= measured
            constant = f"{CONSTANT}, {store}"
            findings += [
                ratio(measured, f"{name}, {store}", constant, GOAL, what=f"{name} ÷ constant, {store}")
                for name in KINDS
            ]
    return session.result(
        "p5", "Look-ups", f"{CLIENTS} clients, one server process ÷ the same server's {CONSTANT}", findings, legs
    )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
