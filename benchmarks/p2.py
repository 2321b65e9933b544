"""P2: a hundred redemptions a call through the batch endpoint on PostgreSQL, against the yardstick."""

from __future__ import annotations

from benchmarks import load
from benchmarks.calls import BATCH
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import CORES, Session, run_one

CLIENTS = 8
MOST_A_SECOND = 30_000


def run(session: Session) -> Result:
    form = session.form
    with session.yardstick() as yardstick, session.on_postgres("p2", 2 * form.coupons, workers=CORES) as (clients, _):
        coupons = load.plain(2 * form.coupons)

        def batches(seconds: float) -> Measure:
            return clients.redeem("redeem_batch", coupons, CLIENTS, seconds, MOST_A_SECOND)

        measured = in_turn("P2", [Leg("yardstick", yardstick.plain), Leg("batches", batches)], form.pairs, form.seconds)
        return session.result(
            "p2", "Redemptions in batches on PostgreSQL",
            f"POST /v1/redemptions/batch, {BATCH} items a call, {CLIENTS} clients ÷ pgbench, one minimal transaction",
            [ratio(measured, "batches", "yardstick", 4.0)], measured,
            [
                "Latencies are of a whole call; rates and CPU are of one redemption.",
                f"hexiao serve --workers {CORES} --own-cores: a process for each core.",
            ],
        )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
