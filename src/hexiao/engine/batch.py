"""load → decide → save: turns everything that is waiting into one transaction, or finds out which command cannot be.

Nothing is answered here before the save returned. A missed guard means somebody was faster: load and decide anew.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence

from hexiao.domain.errors import Code, Unavailable
from hexiao.engine.commands import Answer, AnyCommand, Each, Failed, Lapse, Outcome, Put
from hexiao.engine.decide import answer
from hexiao.engine.mint import Mint
from hexiao.engine.names import collect
from hexiao.logs import Log
from hexiao.storage.base import ConnectionLost, GuardMissed, Storage, StorageDown
from hexiao.storage.snapshot import Names, Snapshot

ATTEMPTS_MAX = 12
RECONNECTS_MAX = 4
LAPSES_MAX = 500
PAUSE_SECONDS_MAX = 0.02

log = Log("hexiao.engine")

Result = Answer | Unavailable
"""What a caller gets: an answer, or the exception that says try again with the same request id."""


def commit(storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint) -> list[Result]:
    """The answers to all the commands, in order, after they were saved in one transaction."""
    return _run(commands, lambda part: _commit(storage, part, clock, mint))


def look(storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint) -> list[Result]:
    """The same load and decide without save, for what only reads."""

    def work(part: Sequence[AnyCommand]) -> list[Answer]:
        try:
            return _decide(_load(storage, part), part, clock(), mint)
        except ConnectionLost:  # a look may simply be taken again, on a new connection
            return _decide(_load(storage, part), part, clock(), mint)

    return _run(commands, work)


def _run(commands: Sequence[AnyCommand], work: Callable[[Sequence[AnyCommand]], list[Answer]]) -> list[Result]:
    """Do the work on all at once; when that fails, on halves, until the command that makes it fail stands alone."""
    try:
        return list(work(commands))
    except StorageDown as down:
        log.warning("storage_down", reason=str(down), commands=len(commands))
        return [Unavailable(Code.STORAGE_UNAVAILABLE)] * len(commands)
    except Exception as unexpected:
        if len(commands) > 1:
            middle = len(commands) // 2
            return _run(commands[:middle], work) + _run(commands[middle:], work)
        if isinstance(unexpected, GuardMissed):
            log.warning("too_contended", command=type(commands[0]).__name__, reason=str(unexpected))
            return [Unavailable(Code.BUSY)]
        error_id = secrets.token_hex(6)
        kind = type(commands[0]).__name__
        log.error("command_failed", error_id=error_id, command=kind, exc_info=unexpected)
        return [Answer(Failed(code=Code.INTERNAL_ERROR, facts={"error_id": error_id}))]


def _commit(storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint) -> list[Answer]:
    """Try until it is saved. After a lost connection the next load finds what had been committed, and replays it."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            now, snapshot, answers = _try(storage, commands, clock, mint)
            if not snapshot.changes.empty:
                storage.save(snapshot.changes, now, mint.node)
            return answers
        except GuardMissed as missed:
            log.debug("guard_missed", attempt=attempt, commands=len(commands), reason=str(missed))
            if attempt == ATTEMPTS_MAX:
                raise
        except ConnectionLost as lost:
            log.warning("connection_lost", attempt=attempt, commands=len(commands), reason=str(lost))
            # Without a request id nobody can tell whether it was carried out: the caller has to look.
            if attempt == RECONNECTS_MAX or not all(map(_repeatable, commands)):
                raise
        if attempt > 1:  # the first time at once; then out of step with the others
            time.sleep(random.uniform(0, PAUSE_SECONDS_MAX * attempt / ATTEMPTS_MAX))  # noqa: S311 - not a secret
    raise AssertionError("every attempt returns or raises")


def _try(
    storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint
) -> tuple[int, Snapshot, list[Answer]]:
    """Load and decide. When a budget says no, holds that are over and nobody wrote down give theirs back first."""
    snapshot = _load(storage, commands)
    now = clock()
    answers = _decide(snapshot, commands, now, mint)
    if any(_blocked_by_budget(one.outcome) for one in answers):
        lapses = [
            Lapse(merchant_id=hold.merchant_id, redemption_id=hold.id, actor="budget")
            for hold in storage.due_holds(now, LAPSES_MAX)
        ]
        if lapses:
            together = [*lapses, *commands]
            snapshot = _load(storage, together)
            answers = _decide(snapshot, together, now, mint)[len(lapses) :]
    return now, snapshot, answers


def _blocked_by_budget(outcome: Outcome) -> bool:
    outcomes = outcome.outcomes if isinstance(outcome, Each) else [outcome]
    return any(isinstance(one, Failed) and one.code is Code.BUDGET_EXHAUSTED for one in outcomes)


def _repeatable(command: AnyCommand) -> bool:
    """Whether doing it twice is doing it once."""
    return (
        bool(command.request_id) or isinstance(command, Lapse) or (isinstance(command, Put) and command.record.id > 0)
    )


def _load(storage: Storage, commands: Sequence[AnyCommand]) -> Snapshot:
    names = Names()
    for command in commands:
        collect(names, command)
    return storage.load(names)


def _decide(snapshot: Snapshot, commands: Sequence[AnyCommand], now: int, mint: Mint) -> list[Answer]:
    return [answer(snapshot, command, now, mint) for command in commands]
