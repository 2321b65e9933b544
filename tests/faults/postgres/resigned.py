"""A hexiao that gives up with the first line that breaks: to show that the test of lost connections would notice.

Run as `python -m faults.postgres.resigned serve …`. Never imported by a test.
"""

from __future__ import annotations

from hexiao.engine import batch

assert "RECONNECTS_MAX" in vars(batch), "lines are made anew otherwise now; give up there"
batch.RECONNECTS_MAX = 1  # at import: worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
