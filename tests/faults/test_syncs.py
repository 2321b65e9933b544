"""The real server seen from the kernel: between a request's last write to the WAL and its 2xx stands an fdatasync.

One request at a time, so that every write before an answer belongs to that answer or to an earlier one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from faults.client import Connection
from faults.server import serving
from faults.shop import SINGLE, FaultShop, move, redeem

CALLS = "write,writev,pwrite64,pwritev,pwritev2,fdatasync,fsync,sendto,sendmsg"
WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}
SYNCS = {"fdatasync", "fsync"}
SUCCESS = '"HTTP/1.1 20'
WAL = "-wal>"

_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>")


def can_trace() -> bool:
    program = shutil.which("strace")
    return program is not None and subprocess.run([program, "-qq", "true"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(
    not can_trace(), reason="strace is not installed, or may not trace here: apt-get install strace"
)


class Seen(NamedTuple):
    """What the kernel was asked, in order."""

    answers: int
    """2xx that were sent."""
    writes: int
    """Writes to the WAL."""
    unsynced: list[int]
    """Numbers of the answers that left while something written to the WAL was not synced."""


def read_trace(lines: Iterable[str]) -> Seen:
    """A write counts from its beginning; a sync covers what was written before it began, and counts from its end."""
    answers = writes = dirty = 0
    unsynced: list[int] = []
    covered: dict[str, int] = {}  # pid → what was written when its unfinished sync began
    synced = 0
    for line in lines:
        if resumed := _RESUMED.match(line):
            if resumed["name"] in SYNCS:
                synced = max(synced, covered.pop(resumed["pid"], 0))
            continue
        call = _CALL.match(line)
        if call is None:  # a signal or an exit
            continue
        if SUCCESS in call["rest"]:
            answers += 1
            if dirty > synced:
                unsynced.append(answers)
        elif WAL in call["rest"].partition(",")[0].partition(")")[0]:
            if call["name"] in WRITES:
                writes += 1
                dirty = writes
            elif call["name"] in SYNCS:
                if call["rest"].endswith("<unfinished ...>"):
                    covered[call["pid"]] = dirty
                else:
                    synced = dirty
    return Seen(answers, writes, unsynced)


def traced_day(shop: FaultShop, folder: Path, rounds: int, program: str = "hexiao") -> Seen:
    """Redemptions, holds and captures one after the other, on a server that is traced; what was seen of them."""
    trace = folder / "trace"
    under = [
        "strace",
        "-D",
        "-f",
        "-y",
        "-qq",
        "-s",
        "24",
        "-e",
        f"trace={CALLS}",
        "-e",
        "signal=none",
        "-o",
        f"{trace}",
    ]
    codes = shop.issue(SINGLE, 2 * rounds)
    with serving(shop.database, folder, program=program, under=under) as (port,):
        before = read_trace(trace.read_text(errors="replace").splitlines())
        connection = Connection(port)
        for bought, kept in zip(codes[::2], codes[1::2], strict=True):
            assert connection.ask(redeem(port, bought, key=bought, bill=bought)).status == 201
            held = connection.ask(redeem(port, kept, key=kept, bill=kept, mode="hold"))
            (redemption,) = held.body["redemptions"]
            assert connection.ask(move(port, redemption["id"], "capture", key=f"c{kept}")).status == 200
        connection.close()
    seen = read_trace(trace.read_text(errors="replace").splitlines())
    print(f"{seen.answers - before.answers} answers, {seen.writes - before.writes} writes to the WAL")
    assert seen.answers - before.answers >= 3 * rounds, "the answers were not seen"
    assert seen.writes - before.writes >= 3 * rounds, "the writes were not seen"
    return seen


def test_no_success_leaves_before_its_changes_were_synced(shop: FaultShop, tmp_path: Path, rounds: int) -> None:
    assert traced_day(shop, tmp_path, rounds).unsynced == []


def test_a_server_that_does_not_sync_is_seen(shop: FaultShop, tmp_path: Path) -> None:
    """The control: a test that cannot fail proves nothing."""
    seen = traced_day(shop, tmp_path, 5, program="faults.relaxed")
    assert len(seen.unsynced) >= 15


WRITTEN = "1 pwrite64(9</x.db-wal>, 1) = 1"
SYNCED = "1 fdatasync(9</x.db-wal>) = 0"
SYNCED_ELSEWHERE = "1 fdatasync(8</x.db>) = 0"
SYNCING, SYNC_OVER = "1 fdatasync(9</x.db-wal> <unfinished ...>", "1 <... fdatasync resumed>) = 0"
ANSWERED = '2 writev(5<socket:[7]>, "HTTP/1.1 201 Cr") = 9'


@pytest.mark.parametrize(
    ("lines", "unsynced"),
    [
        ([WRITTEN, SYNCED, ANSWERED], []),
        ([WRITTEN, SYNCED_ELSEWHERE, ANSWERED], [1]),
        ([SYNCED, WRITTEN, ANSWERED], [1]),
        ([WRITTEN, SYNCING, ANSWERED, SYNC_OVER, ANSWERED], [1]),
        ([SYNCING, WRITTEN, SYNC_OVER, ANSWERED], [1]),
    ],
    ids=["synced", "another_file_synced", "synced_before", "sync_not_yet_over", "written_while_syncing"],
)
def test_the_reader_of_traces_knows_a_sync_that_came_too_late(lines: list[str], unsynced: list[int]) -> None:
    assert read_trace(lines).unsynced == unsynced
