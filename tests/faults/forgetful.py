"""A hexiao that remembers no answer: to show that the tests of lost connections would notice.

Run as `python -m faults.forgetful serve …`. Never imported by a test.
"""

from __future__ import annotations

from hexiao.storage.snapshot import Remembered, Snapshot


def remember_nothing(self: Snapshot, request_id: str, remembered: Remembered) -> None:
    """As it was before somebody thought of it."""


assert "remember" in vars(Snapshot), "answers are remembered otherwise now; forget those"
Snapshot.remember = remember_nothing  # type: ignore[method-assign]  # at import: worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
