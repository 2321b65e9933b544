"""load → decide → save: turns everything that is waiting into one transaction, or finds out which command cannot be.

Nothing is answered here before the save returned. A missed guard means somebody was faster: load and decide anew.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence

import structlog

from hexiao.domain.errors import Code, Unavailable
from hexiao.engine.commands import Answer, AnyCommand, Failed
from hexiao.engine.decide import answer
from hexiao.engine.mint import Mint
from hexiao.engine.names import collect
from hexiao.storage.base import ConnectionLost, GuardMissed, Storage, StorageDown
from hexiao.storage.snapshot import Names, Snapshot

ATTEMPTS_MAX = 12
RECONNECTS_MAX = 4
PAUSE_SECONDS_MAX = 0.02

log = structlog.get_logger("hexiao.engine")

Result = Answer | Unavailable
"""What a caller gets: an answer, or the exception that says try again with the same request id."""


def commit(storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint) -> list[Result]:
    """The answers to all the commands, in order, after they were saved in one transaction."""
    return _run(commands, lambda part: _commit(storage, part, clock, mint))


def look(storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint) -> list[Result]:
    """The same load and decide without save, for what only reads."""
    return _run(commands, lambda part: _decide(_load(storage, part), part, clock(), mint))


def _run(commands: Sequence[AnyCommand], work: Callable[[Sequence[AnyCommand]], list[Answer]]) -> list[Result]:
    """Do the work on all at once; when that fails, on halves, until the command that makes it fail stands alone."""
    try:
        return list(work(commands))
    except StorageDown as down:
        log.warning("storage_down", reason=str(down), commands=len(commands))
        return [Unavailable(Code.STORAGE_UNAVAILABLE)] * len(commands)
    except GuardMissed:
        log.warning("too_contended", commands=len(commands))
        return [Unavailable(Code.BUSY)] * len(commands)
    except Exception as unexpected:
        if len(commands) > 1:
            middle = len(commands) // 2
            return _run(commands[:middle], work) + _run(commands[middle:], work)
        error_id = secrets.token_hex(6)
        kind = type(commands[0]).__name__
        log.error("command_failed", error_id=error_id, command=kind, exc_info=unexpected)
        return [Answer(Failed(code=Code.INTERNAL_ERROR, facts={"error_id": error_id}))]


def _commit(storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint) -> list[Answer]:
    """Try until it is saved. After a lost connection the next load finds what had been committed, and replays it."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            snapshot = _load(storage, commands)
            now = clock()
            answers = _decide(snapshot, commands, now, mint)
            if not snapshot.changes.empty:
                storage.save(snapshot.changes, now, mint.node)
            return answers
        except GuardMissed as missed:
            log.debug("guard_missed", attempt=attempt, commands=len(commands), reason=str(missed))
            if attempt == ATTEMPTS_MAX:
                raise
        except ConnectionLost as lost:
            log.warning("connection_lost", attempt=attempt, commands=len(commands), reason=str(lost))
            if attempt == RECONNECTS_MAX:
                raise
        if attempt > 1:  # the first time at once; then out of step with the others
            time.sleep(random.uniform(0, PAUSE_SECONDS_MAX * attempt / ATTEMPTS_MAX))  # noqa: S311 - not a secret
    raise AssertionError("every attempt returns or raises")


def _load(storage: Storage, commands: Sequence[AnyCommand]) -> Snapshot:
    names = Names()
    for command in commands:
        collect(names, command)
    return storage.load(names)


def _decide(snapshot: Snapshot, commands: Sequence[AnyCommand], now: int, mint: Mint) -> list[Answer]:
    return [answer(snapshot, command, now, mint) for command in commands]
