"""P10: two server processes against one, P1 on a database of its own for each. What is gained depends on the cores."""

from __future__ import annotations

import os

from benchmarks import load
from benchmarks.p1 import MOST_A_SECOND
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import Session, run_one

CLIENTS = 64
GOAL = 1.6


def run(session: Session) -> Result:
    form = session.form
    with (
        session.on_postgres("p10_one", form.coupons) as (one, _),
        session.on_postgres("p10_two", form.coupons, workers=2) as (two, _),
    ):
        coupons_of_one, coupons_of_two = load.plain(form.coupons), load.plain(form.coupons)

        def redeem(clients: load.Load, coupons: load.Coupons, seconds: float) -> Measure:
            return clients.redeem("redeem", coupons, CLIENTS, seconds, MOST_A_SECOND)

        legs = [
            Leg("1 process", lambda seconds: redeem(one, coupons_of_one, seconds)),
            Leg("2 processes", lambda seconds: redeem(two, coupons_of_two, seconds)),
        ]
        measured = in_turn("P10", legs, form.pairs, form.seconds)
    cores = len(os.sched_getaffinity(0))
    return session.result(
        "p10", "Two server processes", f"P1 with {CLIENTS} clients, hexiao serve --workers 2 ÷ --workers 1",
        [ratio(measured, "2 processes", "1 process", GOAL)], measured,
        [f"{cores} cores for server processes, PostgreSQL and clients together; the goal is for five or more."],
    )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
