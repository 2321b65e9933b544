"""A hexiao that looks a coupon up once and tells the same for a while: to show that the search would notice.

Run as `python -m faults.histories.stale serve …`. Never imported by a test.
"""

from __future__ import annotations

import time

from hexiao.engine.commands import Answer, AnyCommand, LookUp
from hexiao.engine.committer import Engine

TOLD_AGAIN_SECONDS = 0.1


async def ask(self: Engine, command: AnyCommand) -> Answer:
    """Right when it was read, and not any more when it is told."""
    if not isinstance(command, LookUp):
        return await honest(self, command)
    read_at, answer = remembered.get(command.code, (0.0, None))
    if answer is None or time.monotonic() > read_at + TOLD_AGAIN_SECONDS:
        answer = await honest(self, command)
        remembered[command.code] = time.monotonic(), answer
    return answer


remembered: dict[str, tuple[float, Answer | None]] = {}
honest = Engine.ask
Engine.ask = ask  # type: ignore[method-assign]  # at import, so that worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
