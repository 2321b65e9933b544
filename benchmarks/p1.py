"""P1: one redemption a request on PostgreSQL, with rules, journal, idempotency and API key, against the yardstick."""

from __future__ import annotations

from benchmarks import load
from benchmarks.result import Result
from benchmarks.rounds import Leg, in_turn, ratio, tail
from benchmarks.session import CORES, Session, run_one

CLIENTS = (32, 128)
GOALS = {32: 1.0, 128: 1.5}
MOST_A_SECOND = 12_000


def run(session: Session) -> Result:
    form = session.form
    with session.yardstick() as yardstick, session.on_postgres("p1", form.coupons, workers=CORES) as (clients, _):
        coupons = load.plain(form.coupons)
        legs = [Leg("yardstick", yardstick.plain)]
        legs += [
            Leg(
                f"{count} clients",
                lambda seconds, count=count: clients.redeem("redeem", coupons, count, seconds, MOST_A_SECOND),  # type: ignore[misc]
            )
            for count in CLIENTS
        ]
        measured = in_turn("P1", legs, form.pairs, form.seconds)
        findings = [ratio(measured, f"{count} clients", "yardstick", GOALS[count]) for count in CLIENTS]
        findings.append(tail(measured, "32 clients", 3.0))
        return session.result(
            "p1", "Redemptions on PostgreSQL",
            "POST /v1/redemptions, distinct single-use coupons ÷ pgbench, one minimal transaction for each",
            findings, measured, [f"hexiao serve --workers {CORES} --own-cores: a process for each core."],
        )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
