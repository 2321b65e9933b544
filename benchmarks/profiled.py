"""hexiao with cProfile on its event loop and on its committer: `python -m benchmarks.profiled serve …`.

Writes a table of functions for each of the two threads when the server ends. Slows the server: measure without it.
"""

from __future__ import annotations

import cProfile
import os
import pstats
from pathlib import Path
from typing import Any

from hexiao import wiring
from hexiao.engine.command_queue import CommandQueue

FUNCTIONS_SHOWN = 60


class Profiled(wiring.Application):
    """The application, with the thread of its event loop profiled while it serves."""

    async def _live(self, receive: wiring.Receive, send: wiring.Send) -> None:
        profile = cProfile.Profile()

        async def enable_after_start(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                profile.enable()

        await super()._live(receive, enable_after_start)
        profile.disable()
        write(profile, "loop")


def write(profile: cProfile.Profile, name: str) -> None:
    folder = Path(os.environ["BENCHMARKS_PROFILE_INTO"])
    profile.dump_stats(folder / f"{name}.prof")
    with (folder / f"{name}.txt").open("w") as file:
        for order in ("tottime", "cumulative"):
            pstats.Stats(profile, stream=file).sort_stats(order).print_stats(FUNCTIONS_SHOWN)


def install() -> None:
    work = CommandQueue._work

    def profiled_work(self: CommandQueue) -> None:
        profile = cProfile.Profile()
        profile.enable()
        try:
            work(self)
        finally:
            profile.disable()
            write(profile, self._thread.name)

    CommandQueue._work = profiled_work  # type: ignore[method-assign]
    app = wiring.app

    def profiled_app() -> wiring.Application:
        made = app()
        made.__class__ = Profiled
        return made

    wiring.app = profiled_app


install()  # at import, so that worker processes have it too, however they are started

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
