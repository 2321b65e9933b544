"""hexiao without the chain, to measure what the chain costs: `python -m benchmarks.unchained serve …`.

Leaves rows that belong to no block, so `hexiao verify` calls its books broken. The product has no such switch.
"""

from __future__ import annotations

from collections.abc import Sequence

from hexiao.domain.chain import Chain
from hexiao.domain.redemption import JournalEntry


def seal_nothing(self: Chain, entries: Sequence[JournalEntry], at: int) -> tuple[list[JournalEntry], None]:
    return list(entries), None


Chain.seal = seal_nothing  # type: ignore[method-assign]  # at import, so that worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
