"""A hexiao that ends with any of its workers, for one purpose: to show that the test of a dead worker would notice.

Run as `python -m faults.lonely serve …`. Never imported by a test.
"""

from __future__ import annotations

from typing import Any

from granian.server import Server

if __name__ == "__main__":
    from hexiao.__main__ import main

    begin = Server.__init__

    def without_successors(self: Any, *arguments: Any, **options: Any) -> None:
        assert options["respawn_failed_workers"], "workers get their successors otherwise now; follow them"
        begin(self, *arguments, **{**options, "respawn_failed_workers": False})

    Server.__init__ = without_successors  # type: ignore[method-assign]
    main()
