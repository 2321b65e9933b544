"""The yardsticks alone: pgbench's minimal redemption, and the same with one row that everybody shares."""

from __future__ import annotations

from benchmarks.pgbench import CLIENTS
from benchmarks.result import Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import Session, run_one


def run(session: Session) -> Result:
    form = session.form
    with session.yardstick() as yardstick:
        legs = [Leg("yardstick", yardstick.plain), Leg("hot yardstick", yardstick.hot)]
        measured = in_turn("yardstick", legs, form.pairs, form.seconds)
    return session.result(
        "yardstick", "The yardsticks",
        f"pgbench, prepared, {CLIENTS} clients: one minimal redemption a transaction, without and with a shared row",
        [ratio(measured, "hot yardstick", "yardstick")], measured,
    )  # fmt: skip


if __name__ == "__main__":
    run_one(__doc__ or "", run)
