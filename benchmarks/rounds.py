"""Legs run in turn, A B C A B C …, and the ratios between them: machines are shared, and absolute numbers say nothing.

A ratio is always of two legs of the same round; what is told is the median over the rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.report import console
from benchmarks.result import Finding, Measure

WARM_UP = 0.3  # of a leg's length


@dataclass(frozen=True)
class Leg:
    name: str
    run: Callable[[float], Measure]
    """run(seconds)"""
    warm_up: bool = True


Measured = dict[str, list[Measure]]


def in_turn(title: str, legs: Sequence[Leg], pairs: int, seconds: float) -> Measured:
    measured: Measured = {leg.name: [] for leg in legs}
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    warming = [leg for leg in legs if leg.warm_up]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=len(warming) + pairs * len(legs))
        for leg in warming:
            bar.update(task, description=f"{title}: warming up {leg.name}")
            leg.run(seconds * WARM_UP)
            bar.advance(task)
        for number in range(1, pairs + 1):
            for leg in legs:
                bar.update(task, description=f"{title}: {leg.name}")
                one = leg.run(seconds)
                measured[leg.name].append(one)
                bar.advance(task)
                console.print(f"[dim]{title} {number}/{pairs}  {leg.name}: {one.rate:,.0f}/s in {one.seconds:.1f} s[/]")
    return measured


def ratio(measured: Measured, name: str, to: str, goal: float | None = None, *, what: str = "") -> Finding:
    """How many times as many a second as the other leg of the same round."""
    pairs = zip(measured[name], measured[to], strict=True)
    return finding(what or f"{name} ÷ {to}", [one.rate / other.rate for one, other in pairs], goal, unit="×")


def tail(measured: Measured, name: str, goal: float) -> Finding:
    """How much longer the slowest hundredth waits than the mean."""
    values = [(one.p99_ms or 0) / one.mean_ms for one in measured[name] if one.mean_ms]
    return finding(f"{name}: p99 ÷ mean", values, goal, unit="×", at_most=True)


def finding(
    what: str, values: Sequence[float], goal: float | None = None, *, unit: str, at_most: bool = False
) -> Finding:
    return Finding(
        what=what, unit=unit, median=statistics.median(values), low=min(values), high=max(values), goal=goal,
        at_most=at_most,
    )  # fmt: skip
