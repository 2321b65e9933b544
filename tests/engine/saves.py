"""What stands between a process and its storage in the tests of batches, and what spoils a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.desk import MERCHANT, Desk
from engine.process import Process
from hexiao.domain.errors import Code, Unavailable
from hexiao.engine import batch
from hexiao.engine.commands import PauseScheme


class Saves:
    """Stands between a process and its storage: counts, and lets a test do something before or after a save."""

    def __init__(self, process: Process) -> None:
        self.count = 0
        self.before: Callable[[Any], None] = lambda changes: None
        self.after: Callable[[], None] = lambda: None
        self._save = process.storage.save
        process.storage.save = self  # type: ignore[method-assign]

    def __call__(self, changes: Any, now: int, node: int) -> None:
        self.count += 1
        self.before(changes)
        self._save(changes, now, node)
        self.after()


def poison(desk: Desk, request_id: str = "poison") -> PauseScheme:
    """No database has an integer of 64 bits, and no rule asks whether a yes or no is one."""
    paused: Any = 2**63
    return PauseScheme(merchant_id=MERCHANT, request_id=request_id, scheme_id=desk.scheme().id, paused=paused)


def codes_of(results: list[batch.Result]) -> list[Code | None]:
    outcomes = [one.code if isinstance(one, Unavailable) else one.outcome for one in results]
    return [one if isinstance(one, Code) else getattr(one, "code", None) for one in outcomes]
