"""P3: each redemption counted against one scheme's stock and budget, against the same without and the hot yardstick."""

from __future__ import annotations

from benchmarks import load
from benchmarks.p1 import MOST_A_SECOND
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import CORES, Session, run_one

CLIENTS = 32


def run(session: Session) -> Result:
    form = session.form
    half = form.coupons // 2
    with session.yardstick() as yardstick, session.on_postgres("p3", half, half, workers=CORES) as (clients, _):
        plain, counted = load.plain(half), load.counted(half)

        def redeem(coupons: load.Coupons, seconds: float) -> Measure:
            return clients.redeem("redeem", coupons, CLIENTS, seconds, MOST_A_SECOND)

        legs = [
            Leg("hot yardstick", yardstick.hot),
            Leg("without limits", lambda seconds: redeem(plain, seconds)),
            Leg("stock and budget", lambda seconds: redeem(counted, seconds)),
        ]
        measured = in_turn("P3", legs, form.pairs, form.seconds)
        return session.result(
            "p3", "Redemptions against one scheme's stock and budget",
            f"P1 with {CLIENTS} clients on one limited scheme ÷ the same without limits, ÷ pgbench with a shared row",
            [
                ratio(measured, "stock and budget", "without limits", 0.9),
                ratio(measured, "stock and budget", "hot yardstick", 3.0),
            ],
            measured,
            [f"hexiao serve --workers {CORES} --own-cores: a process for each core."],
        )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
