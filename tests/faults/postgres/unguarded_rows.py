"""A hexiao that saves row by row, as on a Citus cluster, without its guards: to show that the races there would notice.

Run as `python -m faults.postgres.unguarded_rows serve …`. Never imported by a test.
"""

from __future__ import annotations

import faults.postgres.spread  # at import both change the program, and worker processes have it too
import faults.unguarded  # noqa: F401
from hexiao.storage.postgres_row_writer import RowWriter


def demand_nothing(self: RowWriter) -> None:
    """However many rows were changed."""


assert "demand_all" in vars(RowWriter), "the rows are counted otherwise now; follow them"
RowWriter.demand_all = demand_nothing  # type: ignore[method-assign]

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
