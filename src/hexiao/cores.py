"""A core of its own for each worker process, whose threads take turns anyway: they wake no other core for it.

Made before the workers are forked; the kernel gives the core of a worker back when the worker ends. Linux only.
"""

from __future__ import annotations

import os
import sys

from hexiao.domain.errors import BadRequest, Code


class Cores:
    """The cores that this process may run on. Raises BadRequest when there are fewer than `workers`."""

    def __init__(self, workers: int) -> None:
        if sys.platform != "linux":
            raise BadRequest(
                Code.MALFORMED_REQUEST, reason="only Linux gives a process a core of its own (--own-cores)"
            )
        self._cores = sorted(os.sched_getaffinity(0))
        if workers > len(self._cores):
            raise BadRequest(
                Code.MALFORMED_REQUEST,
                reason=f"{workers} workers need as many cores of their own, and there are {len(self._cores)}: fewer"
                " --workers, or without --own-cores",
            )
        self._taken = os.memfd_create("hexiao-cores")  # a byte for each core, locked by the worker that has it

    def take(self) -> int | None:
        """Run on a core that no other worker has; None when all are taken. Threads that are made later follow."""
        import fcntl  # which not every system has

        for place, core in enumerate(self._cores):
            try:
                fcntl.lockf(self._taken, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError:
                continue
            os.sched_setaffinity(0, {core})
            return core
        return None
