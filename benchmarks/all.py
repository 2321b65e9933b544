"""Every benchmark, one after the other, on one PostgreSQL, unattended: each writes what it found as soon as it has it.

One that fails, or takes more than twice its time, is told, and the others still run.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from benchmarks import p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p12
from benchmarks.form import Form, read_form
from benchmarks.report import console, tell
from benchmarks.rounds import WARM_UP
from benchmarks.session import Benchmark, Session

SECONDS_A_MILLION = 45.0
"""To make, settle and audit a million coupons: a rule of thumb, hence the allowance."""
SECONDS_EACH = 15.0
ALLOWANCE = 2.0
LEG_SECONDS_MIN = 2.0


class Part(NamedTuple):
    run: Benchmark
    legs: int
    """Those that take the chosen seconds."""
    millions: float
    """Coupons that are made, read or written, when --coupons is a million."""


# P9 is the last: it takes the longest, and so it is what is left out when the time is over.
PARTS: dict[str, Part] = {
    "P1": Part(p1.run, 3, 1.3),
    "P2": Part(p2.run, 2, 2.3),
    "P3": Part(p3.run, 5, 1.3),
    "P4": Part(p4.run, 3, 1.3),
    "P5": Part(p5.run, 6, 2.0),
    "P7": Part(p7.run, 0, 2.0),
    "P6": Part(p6.run, 4, 10.0),
    "P8": Part(p8.run, 0, 4.0),
    "P10": Part(p10.run, 2, 2.0),
    "P12": Part(p12.run, 1, 2.0),
    "P9": Part(p9.run, 1, 11.0),
}


def expected(part: Part, form: Form) -> float:
    """Seconds, by a rule of thumb."""
    made = part.millions * form.coupons / 1e6 * SECONDS_A_MILLION
    return SECONDS_EACH + made + part.legs * form.seconds * (form.pairs + WARM_UP)


def fitted(form: Form, parts: list[Part]) -> Form:
    """The same with shorter legs, so that all of it takes no more than --minutes, if it can be had at all."""
    if form.minutes is None:
        return form
    bare = sum(expected(part, replace(form, seconds=0.0)) for part in parts)
    legs = sum(part.legs for part in parts) * (form.pairs + WARM_UP)
    room = (form.minutes * 60 - bare) / legs if legs else form.seconds
    return replace(form, seconds=round(min(form.seconds, max(LEG_SECONDS_MIN, room)), 1))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """SystemExit when the time is over: what was started is stopped on the way out."""

    def stop(*_: object) -> None:
        raise SystemExit(f"stopped after {seconds:.0f} s, which is more than it may take")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> int:
    form = read_form(__doc__ or "")
    unknown = [name for name in form.only if name not in PARTS]
    if unknown:
        raise SystemExit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    parts = {name: part for name, part in PARTS.items() if not form.only or name in form.only}
    form = fitted(form, list(parts.values()))
    total = sum(expected(part, form) for part in parts.values())
    most = 60 * form.minutes if form.minutes else ALLOWANCE * total
    console.print(
        f"{', '.join(parts)}: {form.pairs} rounds of {form.seconds:g} s a leg, {form.coupons:,} coupons; about"
        f" {total / 60:.0f} minutes, never more than {most / 60:.0f}",
        soft_wrap=True,
    )
    failed: dict[str, str] = {}
    end = time.monotonic() + most
    with Session(form) as session:
        for name, part in parts.items():
            left = end - time.monotonic()
            if left < SECONDS_EACH:
                failed[name] = "not begun: the time is over"
                continue
            started = time.monotonic()
            try:
                with within(min(left, ALLOWANCE * expected(part, form))):
                    result = part.run(session)
                tell(result, form)
                console.print(f"{name} took {time.monotonic() - started:.0f} s", style="dim")
            except (Exception, SystemExit) as told:
                if str(told) == "terminated":
                    raise
                failed[name] = f"{type(told).__name__}: {told}" if isinstance(told, Exception) else str(told)
                console.print(f"{name} failed: {failed[name]}", markup=False, style="bold red", soft_wrap=True)
    for name, why in failed.items():
        console.print(f"{name}: {why.splitlines()[0]}", markup=False, style="bold red", soft_wrap=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
