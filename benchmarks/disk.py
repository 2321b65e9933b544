"""What a slower disk changes: P1, P3 and both yardsticks while every sync of PostgreSQL's log takes longer.

The first in line waits before it syncs and lets nobody else sync meanwhile (`commit_delay`), as on a slower disk.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import load
from benchmarks.load import Load
from benchmarks.p1 import CLIENTS, MOST_A_SECOND
from benchmarks.pgbench import Yardstick
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import CORES, Session, run_one

DISKS = {"as it is": 0.0, "+ 0.5 ms": 0.5, "+ 1 ms": 1.0, "+ 2 ms": 2.0}
"""How much longer a sync takes, in ms."""


def run(session: Session) -> Result:
    form = session.form
    half = form.coupons // 2
    with session.yardstick() as yardstick, session.on_postgres("disk", half, half, workers=CORES) as (clients, _):
        plain, counted = load.plain(half), load.counted(half)
        legs, findings = [], []
        for disk, ms in DISKS.items():
            legs += _legs(session, disk, ms, yardstick, clients, plain, counted)
        measured = in_turn("disk", legs, form.pairs, form.seconds)
        session.cluster.delay_syncs(0.0)
        for disk in DISKS:
            for count in CLIENTS:
                what = f"{disk}: P1, {count} clients ÷ yardstick"
                findings.append(ratio(measured, f"{disk}: {count} clients", f"{disk}: yardstick", what=what))
        for disk in DISKS:
            for count in CLIENTS:
                what = f"{disk}: P3, {count} clients ÷ hot yardstick"
                one_scheme = f"{disk}: one scheme, {count} clients"
                findings.append(ratio(measured, one_scheme, f"{disk}: hot yardstick", what=what))
        return session.result(
            "disk", "A slower disk",
            "P1 ÷ yardstick and P3 ÷ hot yardstick, while each sync of PostgreSQL's log takes so much longer",
            findings, measured,
            [f"hexiao serve --workers {CORES} --own-cores: a process for each core."],
        )  # fmt: skip


def _legs(
    session: Session,
    disk: str,
    ms: float,
    yardstick: Yardstick,
    clients: Load,
    plain: load.Coupons,
    counted: load.Coupons,
) -> list[Leg]:
    def on_it(work: Callable[[float], Measure]) -> Callable[[float], Measure]:
        def leg(seconds: float) -> Measure:
            session.cluster.delay_syncs(ms)
            return work(seconds)

        return leg

    def redeem(coupons: load.Coupons, count: int) -> Callable[[float], Measure]:
        return on_it(lambda seconds: clients.redeem("redeem", coupons, count, seconds, MOST_A_SECOND))

    return [
        Leg(f"{disk}: yardstick", on_it(yardstick.plain)),
        *(Leg(f"{disk}: {count} clients", redeem(plain, count)) for count in CLIENTS),
        Leg(f"{disk}: hot yardstick", on_it(yardstick.hot)),
        *(Leg(f"{disk}: one scheme, {count} clients", redeem(counted, count)) for count in CLIENTS),
    ]


if __name__ == "__main__":
    run_one(__doc__ or "", run)
