"""Processor time and memory of other processes, read from /proc: whose work a redemption is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    pid: int
    parent: int
    group: int
    seconds: float
    """Its own processor time, and that of its children that have ended."""


def processes() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                _, _, rest = (entry / "stat").read_text().rpartition(")")
            except OSError:  # it ended while we looked
                continue
            fields = rest.split()
            seconds = sum(map(int, fields[11:15])) / TICKS
            yield Process(int(entry.name), int(fields[1]), int(fields[2]), seconds)


def group_seconds(group: int) -> float:
    """Of every process of a process group."""
    return sum(one.seconds for one in processes() if one.group == group)


def family_seconds(parent: int) -> float:
    """Of a process and its children, those that have ended included."""
    return sum(one.seconds for one in processes() if parent in (one.pid, one.parent))


def memory_mib(pid: int | str = "self") -> float:
    """What the process holds in memory now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def group_memory_mib(group: int) -> float:
    return sum(memory_mib(one.pid) for one in processes() if one.group == group)
