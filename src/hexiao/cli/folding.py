"""A `--help` that is whole on a narrow terminal: what does not fit goes on in the next line.

Rich ends it by an ellipsis: names of options and variables, and, for it counts characters where Chinese takes two
cells each, the last word of a line.
"""

from __future__ import annotations

from typing import Any

import rich.columns
from rich.table import Table
from typer import rich_utils


class FoldingTable(Table):
    """Its columns come into being with its rows."""

    def add_row(self, *cells: Any, **how: Any) -> None:
        super().add_row(*cells, **how)
        for column in self.columns:
            column.overflow = "fold"


def fold_help() -> None:
    """For every help that is printed from now on: its tables, and the cells that are tables themselves."""
    for place in (rich_utils, rich.columns):
        place.Table = FoldingTable  # type: ignore[attr-defined]
