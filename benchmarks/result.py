"""What was measured, as it is written to JSON: measures of legs, findings with their goals, the machine."""

from __future__ import annotations

import msgspec

from benchmarks.machine import Machine


class Measure(msgspec.Struct, kw_only=True):
    """One leg of one round. Latencies are None where they were not looked at."""

    count: int
    seconds: float
    mean_ms: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    cpu_us: dict[str, float] = {}
    """Processor time for each piece of work, by whose process."""
    memory_mib: float | None = None

    @property
    def rate(self) -> float:
        return self.count / self.seconds


class Finding(msgspec.Struct, kw_only=True):
    """One figure with its goal: the median of the rounds, the least and the most."""

    what: str
    unit: str
    median: float
    low: float
    high: float
    goal: float | None = None
    at_most: bool = False
    """Whether less is better."""

    @property
    def reached(self) -> bool | None:
        if self.goal is None:
            return None
        return self.median <= self.goal if self.at_most else self.median >= self.goal


class Result(msgspec.Struct, kw_only=True):
    id: str
    title: str
    how: str
    """One sentence: what was run against what."""
    short: bool
    pairs: int
    seconds: float
    coupons: int
    machine: Machine
    findings: list[Finding]
    legs: dict[str, list[Measure]]
    notes: list[str] = []


def number(value: float, finding: Finding) -> str:
    digits = 3 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f} {finding.unit}"


def goal(finding: Finding) -> str:
    return "" if finding.goal is None else f"{'≤' if finding.at_most else '≥'} {finding.goal:g}"
