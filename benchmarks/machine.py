"""What a result was measured on: nobody can read a figure without it. Measures only how long a sync to disk takes."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.form import ROOT

SYNCS = 100


class Machine(msgspec.Struct, kw_only=True):
    processor: str
    cores: int
    memory_mib: int
    kernel: str
    file_system: str
    sync_ms: float
    """Median of writing 8 KiB and waiting until the disk has it."""
    load_before: float
    """The load average when the benchmark began: above 0.5, somebody else was working here."""
    python: str
    sqlite: str
    postgres: str
    date: str
    commit: str


def look_around(folder: Path, postgres: str, load_before: float) -> Machine:
    return Machine(
        processor=_field("/proc/cpuinfo", "model name") or platform.processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=int((_field("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        kernel=platform.release(),
        file_system=_file_system(folder),
        sync_ms=_sync_ms(folder),
        load_before=round(load_before, 2),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        postgres=postgres,
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        commit=_commit(),
    )


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _file_system(folder: Path) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]))[1]


def _sync_ms(folder: Path) -> float:
    path = folder / "sync-probe"
    block = b"\0" * 8192
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            file.write(block)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    path.unlink()
    return round(statistics.median(took) * 1000, 3)


def _commit() -> str:
    """The commit that was measured; `+` when files of it were changed."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src")
    return (git("rev-parse", "--short", "HEAD") or "no git") + ("+" if changed else "")
