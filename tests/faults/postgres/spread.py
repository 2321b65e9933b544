"""A hexiao that was told that its tables lie on several machines: it asks and saves as on a Citus cluster.

Run as `python -m faults.postgres.spread serve …`. Never imported by a test.
"""

from __future__ import annotations

from hexiao.storage import postgres

assert hasattr(postgres, "is_spread"), "it finds out otherwise now; tell it there"
postgres.is_spread = lambda db: True  # at import: worker processes have it too

if __name__ == "__main__":
    from hexiao.__main__ import main

    main()
