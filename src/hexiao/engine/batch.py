"""load → decide → save: turns everything that is waiting into one transaction, or finds out which command cannot be.

Nothing is answered here before the save returned. A missed guard means somebody was faster: load and decide anew.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from hexiao.domain.chain import Chain
from hexiao.domain.errors import Code, Unavailable
from hexiao.engine.commands import Answer, AnyCommand, Assessed, Each, Failed, Lapse, Outcome, Put
from hexiao.engine.decide import answer
from hexiao.engine.mint import Mint
from hexiao.engine.names import collect
from hexiao.engine.outage import Outage
from hexiao.engine.unfit import refusals
from hexiao.logs import Log
from hexiao.storage.base import ConnectionLost, Damaged, GuardMissed, LaneTaken, Storage, StorageDown
from hexiao.storage.snapshot import Changes, Names, Snapshot

ATTEMPTS_MAX = 12
"""For a command that stands alone."""
ATTEMPTS_TOGETHER_MAX = 4
"""For several, before they are tried in halves."""
MISSES_MAX = 128
"""For all parts of a batch together; then each part is tried once. Others wait behind."""
RECONNECTS_MAX = 4
LAPSES_MAX = (500, 5_000, 50_000)
"""So many holds that are over are written down for a budget; more of them when the fewer did not free enough."""
PAUSE_SECONDS_MAX = 0.02
RECONNECT_PAUSE_SECONDS = (0.05, 0.2)
"""At least and at most, between two attempts to reach a database that is away."""

log = Log("hexiao.engine")

Result = Answer | Unavailable
"""What a caller gets: an answer, or the exception that says try again with the same request id."""


def commit(
    storage: Storage,
    commands: Sequence[AnyCommand],
    clock: Callable[[], int],
    mint: Mint,
    chain: Chain,
    outage: Outage | None = None,
) -> list[Result]:
    """The answers to all the commands, in order, after they were saved in one transaction."""
    misses, line = count(1), outage or Outage()
    return _run_sound(commands, lambda part: _commit(storage, part, clock, mint, chain, misses, line), line)


def look(
    storage: Storage,
    commands: Sequence[AnyCommand],
    clock: Callable[[], int],
    mint: Mint,
    outage: Outage | None = None,
) -> list[Result]:
    """The same load and decide without save, for what only reads."""

    def work(part: Sequence[AnyCommand]) -> list[Answer]:
        try:
            return _try(storage, part, clock, mint)[2]
        except ConnectionLost:  # a look may simply be taken again, on a new connection
            return _try(storage, part, clock, mint)[2]

    return _run_sound(commands, work, outage or Outage())


def _run_sound(
    commands: Sequence[AnyCommand], work: Callable[[Sequence[AnyCommand]], list[Answer]], outage: Outage
) -> list[Result]:
    refused = refusals(commands)
    if not refused:
        return _run(commands, work, outage)
    sound = [command for place, command in enumerate(commands) if place not in refused]
    results = iter(_run(sound, work, outage) if sound else [])
    return [refused[place] if place in refused else next(results) for place in range(len(commands))]


def _run(
    commands: Sequence[AnyCommand], work: Callable[[Sequence[AnyCommand]], list[Answer]], outage: Outage
) -> list[Result]:
    """Do the work on all at once; when that fails, on halves, until the command that makes it fail stands alone."""
    try:
        answers = work(commands)
        outage.over()
        return list(answers)
    except StorageDown as down:
        outage.down(down)
        return [Unavailable(Code.STORAGE_UNAVAILABLE) for _ in commands]  # one each: raising makes it longer
    except Exception as unexpected:
        if len(commands) > 1:
            middle = len(commands) // 2
            return _run(commands[:middle], work, outage) + _run(commands[middle:], work, outage)
        if isinstance(unexpected, GuardMissed):
            log.warning("too_contended", command=type(commands[0]).__name__, reason=str(unexpected))
            return [Unavailable(Code.BUSY)]
        error_id = secrets.token_hex(6)
        kind = type(commands[0]).__name__
        log.error("command_failed", error_id=error_id, command=kind, exc_info=unexpected)
        return [Answer(Failed(code=Code.INTERNAL_ERROR, facts={"error_id": error_id}))]


def _commit(
    storage: Storage,
    commands: Sequence[AnyCommand],
    clock: Callable[[], int],
    mint: Mint,
    chain: Chain,
    misses: Iterator[int],
    outage: Outage,
) -> list[Answer]:
    """Try until it is saved. After a lost connection the next load finds what had been committed, and replays it."""
    attempts, reconnects = ATTEMPTS_MAX if len(commands) == 1 else ATTEMPTS_TOGETHER_MAX, 0
    for attempt in range(1, attempts + 1):
        saving = False
        try:
            now, snapshot, answers = _try(storage, commands, clock, mint)
            if not snapshot.changes.empty:
                saving = True
                save(storage, snapshot.changes, now, mint, chain)
            elif any(one.replayed for one in answers):
                storage.confirm()  # what was found may be there, and not yet where its COMMIT had to get to
            return answers
        except GuardMissed as missed:
            log.debug("guard_missed", attempt=attempt, commands=len(commands), reason=str(missed))
            if attempt == attempts or next(misses) >= MISSES_MAX:
                raise
        except ConnectionLost as lost:
            news = outage.lost(lost)
            chain.lose()  # perhaps another server answers next, which never heard of this lane
            reconnects += 1
            # Without a request id nobody can tell whether it was carried out: the caller has to look.
            if reconnects == RECONNECTS_MAX or attempt == attempts or (saving and not all(map(_repeatable, commands))):
                raise
            if not news:  # the first time at once: perhaps only this line broke
                time.sleep(random.uniform(*RECONNECT_PAUSE_SECONDS))  # noqa: S311 - not a secret
            continue
        if attempt > 1:  # the first time at once; then out of step with the others
            time.sleep(random.uniform(0, PAUSE_SECONDS_MAX * attempt / ATTEMPTS_MAX))  # noqa: S311 - not a secret
    raise AssertionError("every attempt returns or raises")


def save(storage: Storage, changes: Changes, now: int, mint: Mint, chain: Chain) -> None:
    """As the next block of the chain, which goes on only from a block that is known to be there."""
    if chain.lost:
        chain.begin(storage.take_lane())
    changes.journal, changes.block = chain.seal(changes.journal, now)
    try:
        storage.save(changes, now, mint.node)
    except Exception as failed:
        # Only the database itself can say that nothing was committed.
        if isinstance(failed, (ConnectionLost, LaneTaken)) or not isinstance(failed, (GuardMissed, StorageDown)):
            chain.lose()
        raise
    chain.advance(changes.block)


def _try(
    storage: Storage, commands: Sequence[AnyCommand], clock: Callable[[], int], mint: Mint
) -> tuple[int, Snapshot, list[Answer]]:
    """Load and decide. When a budget says no, holds that are over and nobody wrote down give theirs back first."""
    snapshot = _load(storage, commands, clock())
    now = clock()
    answers = _decide(snapshot, commands, now, mint)
    for most in LAPSES_MAX:
        if not any(_blocked_by_budget(one.outcome) for one in answers):
            break
        due = storage.due_holds(now, most)
        if due:
            lapses = [Lapse(merchant_id=hold.merchant_id, redemption_id=hold.id, actor="budget") for hold in due]
            together = [*lapses, *commands]
            try:
                snapshot = _load(storage, together, now)
            except Damaged:  # of a hold that is another's; the sweeper, which takes each by itself, tells of it
                break
            answers = _decide(snapshot, together, now, mint)[len(lapses) :]
        if len(due) < most:
            break
    return now, snapshot, answers


def _blocked_by_budget(outcome: Outcome) -> bool:
    if isinstance(outcome, Each):
        return any(map(_blocked_by_budget, outcome.outcomes))
    if not isinstance(outcome, (Failed, Assessed)):
        return False
    verdicts = (verdict for one in outcome.assessments if not one.ok for verdict in one.verdicts)
    return any(verdict.code is Code.BUDGET_EXHAUSTED and not verdict.ok for verdict in verdicts)


def _repeatable(command: AnyCommand) -> bool:
    """Whether doing it twice is doing it once."""
    return (
        bool(command.request_id) or isinstance(command, Lapse) or (isinstance(command, Put) and command.record.id > 0)
    )


def _load(storage: Storage, commands: Sequence[AnyCommand], at: int) -> Snapshot:
    names = Names(at=at)
    for command in commands:
        collect(names, command)
    return storage.load(names)


def _decide(snapshot: Snapshot, commands: Sequence[AnyCommand], now: int, mint: Mint) -> list[Answer]:
    return [answer(snapshot, command, now, mint) for command in commands]
