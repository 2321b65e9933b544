"""A hexiao that replays what it reads without asking where else it is: to show that the test of an ended one notices.

Run as `python -m faults.postgres.credulous serve …`. Never imported by a test.
"""

from __future__ import annotations

from hexiao.storage.postgres_storage import PostgresStorage


def confirm_nothing(self: PostgresStorage) -> None:
    """What can be read on the primary may not be on the standby."""


assert "confirm" in vars(PostgresStorage), "it is confirmed otherwise now; leave that out"
PostgresStorage.confirm = confirm_nothing  # type: ignore[method-assign]  # at import: worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
