"""Every benchmark, one after the other, on one PostgreSQL. One that fails is told, and the others still run."""

from __future__ import annotations

import sys

from benchmarks import p1, p2, p3, p4, p5, p6, p7, p12
from benchmarks.form import read_form
from benchmarks.report import console, tell
from benchmarks.session import Benchmark, Session

BENCHMARKS: dict[str, Benchmark] = {
    "P1": p1.run,
    "P2": p2.run,
    "P3": p3.run,
    "P4": p4.run,
    "P5": p5.run,
    "P6": p6.run,
    "P7": p7.run,
    "P12": p12.run,
}


def main() -> int:
    form = read_form(__doc__ or "")
    failed = []
    with Session(form) as session:
        for name, benchmark in BENCHMARKS.items():
            try:
                tell(benchmark(session), form)
            except SystemExit as told:
                failed.append(name)
                console.print(f"{name} failed: {told}", markup=False, style="bold red")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
