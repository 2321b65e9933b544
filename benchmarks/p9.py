"""P9: P1 in a small, a middling and a large database: how much slower it gets as the tables grow.

Single-use coupons of the small one are soon used up, so every leg is as many requests as it has left after warming up,
and each of its legs has a new one.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks import load
from benchmarks.calls import BATCH
from benchmarks.result import Measure, Result
from benchmarks.rounds import Leg, in_turn, ratio
from benchmarks.session import Session, run_one

CLIENTS = 32
WARM_UP = 5
"""One in so many of the small database's coupons warms its server up."""
SECONDS_MAX = 60.0
GOAL = 0.8


def run(session: Session) -> Result:
    form = session.form
    small, middle, large = sizes(form.coupons, short=form.short)
    most = small - small // WARM_UP
    if small // WARM_UP < BATCH:
        raise SystemExit(f"P9 needs {100 * WARM_UP * BATCH:,} coupons at the least: more --coupons")

    def redeem(clients: load.Load, coupons: load.Coupons, count: int) -> Measure:
        return clients.redeem("redeem", coupons, CLIENTS, SECONDS_MAX, count / SECONDS_MAX)

    def redeem_in_a_new_one() -> Measure:
        with session.on_postgres("p9_small", small) as (clients, _):
            coupons = load.plain(small)
            redeem(clients, coupons, small // WARM_UP)
            return redeem(clients, coupons, most)

    with ExitStack() as open_ones:
        legs = [Leg(f"{small:,} coupons", lambda _: redeem_in_a_new_one(), False)]
        for name, size in (("p9_middle", middle), ("p9_large", large)):
            clients, _ = open_ones.enter_context(session.on_postgres(name, size))
            coupons = load.plain(size)
            legs.append(
                Leg(f"{size:,} coupons", lambda _, c=clients, of=coupons: redeem(c, of, most))  # type: ignore[misc]
            )
        measured = in_turn("P9", legs, form.pairs, form.seconds)
    first, second, third = (leg.name for leg in legs)
    return session.result(
        "p9", "Growth", f"P1 with {CLIENTS} clients in larger databases ÷ in the smallest",
        [ratio(measured, second, first), ratio(measured, third, first, GOAL)],
        measured, [f"Every leg is {most:,} redemptions, however long they take."],
    )  # fmt: skip


def sizes(coupons: int, *, short: bool) -> tuple[int, int, int]:
    """10 k, 1 M and 10 M in the long form; 1 k, 10 k and 100 k in the short one."""
    return (coupons // 100, coupons // 10, coupons) if short else (coupons // 100, coupons, 10 * coupons)


if __name__ == "__main__":
    run_one(__doc__ or "", run)
