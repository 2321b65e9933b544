"""A hexiao on PostgreSQL whose guards were taken out: to show that the race tests would notice.

Run as `python -m faults.postgres.unguarded serve …`. Never imported by a test.
"""

from __future__ import annotations

import re
from typing import Any

from hexiao.storage import saving_at_once
from hexiao.storage.snapshot import Changes

GUARD = " AND c.seq = v.read_seq"
COUNT = re.compile(r"\(SELECT count\(\*\) FROM \w+_\) = (\$\d+)")


def remove_guards() -> None:
    parts = saving_at_once._PARTS
    assert parts["coupon"].endswith(GUARD), "the guard has another form now; take out that one"
    parts["coupon"] = parts["coupon"].removesuffix(GUARD)
    parts["journal"] += " ON CONFLICT DO NOTHING"  # its key guards the coupon a second time
    sample, _ = saving_at_once._text((("coupon", parts["coupon"]),))
    assert COUNT.search(sample), "the rows are counted otherwise now; follow them"
    honest = saving_at_once.statement

    def statement(changes: Changes, now: int, node: int) -> tuple[str, list[Any]]:
        """Nobody counts what was changed."""
        sql, parameters = honest(changes, now, node)
        return COUNT.sub(r"(\1::bigint IS NOT NULL)", sql), parameters

    saving_at_once.statement = statement


remove_guards()  # at import, so that worker processes have it too, however they are started

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
