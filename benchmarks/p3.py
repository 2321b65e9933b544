"""P3: each redemption counted against one scheme's stock and budget, against the same without and the hot yardstick."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import load
from benchmarks.p1 import CLIENTS, MOST_A_SECOND
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import CORES, Session, run_one

GOAL, HOT_GOAL = 0.9, 3.0


def run(session: Session) -> Result:
    form = session.form
    half = form.coupons // 2
    with session.yardstick() as yardstick, session.on_postgres("p3", half, half, workers=CORES) as (clients, _):
        plain, counted = load.plain(half), load.counted(half)

        def redeem(coupons: load.Coupons, count: int) -> Callable[[float], Measure]:
            return lambda seconds: clients.redeem("redeem", coupons, count, seconds, MOST_A_SECOND)

        legs, findings = [Leg("hot yardstick", yardstick.hot)], []
        for count in CLIENTS:
            legs.append(Leg(f"without limits, {count} clients", redeem(plain, count)))
            legs.append(Leg(f"stock and budget, {count} clients", redeem(counted, count)))
        measured = in_turn("P3", legs, form.pairs, form.seconds)
        for count in CLIENTS:
            limited = f"stock and budget, {count} clients"
            findings.append(ratio(measured, limited, f"without limits, {count} clients", GOAL))
            findings.append(ratio(measured, limited, "hot yardstick", HOT_GOAL))
        return session.result(
            "p3", "Redemptions against one scheme's stock and budget",
            "P1 on one limited scheme ÷ the same without limits, ÷ pgbench with a shared row",
            findings, measured,
            [f"hexiao serve --workers {CORES} --own-cores: a process for each core."],
        )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
