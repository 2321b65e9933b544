"""How long a benchmark runs, and where: read from the command line, the same switches for every benchmark."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True, kw_only=True)
class Form:
    """`pairs` rounds of every leg in turn, each leg `seconds` long, on `coupons` coupons."""

    short: bool
    pairs: int
    seconds: float
    coupons: int
    publish: bool
    profile: bool
    folder: Path | None
    minutes: float | None = None
    only: tuple[str, ...] = ()

    @property
    def results(self) -> Path:
        """What was not measured to be published lies apart, and git does not see it."""
        return RESULTS if self.publish else RESULTS / "unpublished"


def read_form(what: str, arguments: list[str] | None = None) -> Form:
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--short", action="store_true", help="2 pairs of 3 s on 100,000 coupons; not published")
    parser.add_argument("--pairs", type=int, help="rounds of all legs in turn (5; short: 2)")
    parser.add_argument("--seconds", type=float, help="length of one leg (10; short: 3)")
    parser.add_argument("--coupons", type=int, help="coupons in the tables (1,000,000; short: 100,000)")
    parser.add_argument("--publish", action=argparse.BooleanOptionalAction, help="write into docs/ (long form: yes)")
    parser.add_argument("--profile", action="store_true", help="run the server under cProfile; not published")
    parser.add_argument("--folder", type=Path, help="where the databases lie; the disk matters (the temporary folder)")
    parser.add_argument(
        "--minutes", type=float, help="of all together: legs are shortened to fit, then the rest is left"
    )
    parser.add_argument("--only", default="", help="of all: these, such as P1,P3")
    given = parser.parse_args(arguments)
    pairs, seconds, coupons = (2, 3.0, 100_000) if given.short else (5, 10.0, 1_000_000)
    publish = not given.short and not given.profile if given.publish is None else given.publish
    return Form(
        short=given.short,
        pairs=given.pairs or pairs,
        seconds=given.seconds or seconds,
        coupons=given.coupons or coupons,
        publish=publish,
        profile=given.profile,
        folder=given.folder,
        minutes=given.minutes,
        only=tuple(name.strip().upper() for name in given.only.split(",") if name.strip()),
    )
