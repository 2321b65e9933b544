"""A hexiao that does not heed what PostgreSQL warns of: to show that the test of a cancelled COMMIT would notice.

Run as `python -m faults.postgres.heedless serve …`. Never imported by a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hexiao.storage import postgres_storage


@contextmanager
def nothing_heard(db: Any) -> Iterator[list[str]]:
    """As if the server had never warned of anything."""
    yield []


assert "warnings_of" in vars(postgres_storage), "warnings are heard otherwise now; do not listen there"
postgres_storage.warnings_of = nothing_heard  # type: ignore[attr-defined]  # at import: worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
