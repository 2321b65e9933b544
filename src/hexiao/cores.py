"""How the threads of a worker process share the machine's cores; Linux only, elsewhere they share as they may.

They take turns. A worker may have a core of its own: it finds the offer however it was started, and the kernel takes
the core back when it ends.
"""

from __future__ import annotations

import contextlib
import os
import sys

from hexiao.domain.errors import BadRequest, Code


def demand_cores(workers: int) -> None:
    """Raises BadRequest where so many workers cannot have a core each."""
    if sys.platform != "linux":
        raise BadRequest(Code.MALFORMED_REQUEST, reason="own_cores_elsewhere")
    there = len(os.sched_getaffinity(0))
    if workers > there:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="too_few_cores", workers=workers, cores=there)


def offer_cores() -> str:
    """The path of a file in memory with a byte for each core, which the worker locks that has it."""
    return f"/proc/{os.getpid()}/fd/{os.memfd_create('hexiao-cores')}"


def take_core(offer: str) -> int | None:
    """Run on a core that no other worker has; None when all are taken, or where the kernel shows the offer to nobody,
    as of a program that was given a right of its own. Threads that are made later follow."""
    import fcntl  # which not every system has

    try:
        taken = os.open(offer, os.O_RDWR)  # never closed: that would give the core back
    except OSError:
        return None
    for core in sorted(os.sched_getaffinity(0)):
        try:
            fcntl.lockf(taken, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, core)
        except OSError:
            continue
        os.sched_setaffinity(0, {core})
        return core
    return None


def take_turns() -> None:
    """Have a thread that is woken wait until the one that runs is done, or was at it long enough: so they hand each
    other many requests at once instead of stopping for each one.

    Threads that are made later follow; a policy that was chosen for this process stays.
    """
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):  # where that is forbidden, only speed is lost
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
