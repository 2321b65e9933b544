"""The slow hexiao, which lets everybody wait: to show that the overload test would notice. Never imported by a test."""

from __future__ import annotations

from faults.slow import slow_down

slow_down(float("inf"))  # at import, so that worker processes have it too, however they are started

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
