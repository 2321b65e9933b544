"""The slow hexiao, which tells whoever would wait too long. Run as `python -m faults.slow_and_strict serve …`."""

from __future__ import annotations

from faults.slow import WAITING_SECONDS_MAX, slow_down

slow_down(WAITING_SECONDS_MAX)  # at import, so that worker processes have it too, however they are started

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
