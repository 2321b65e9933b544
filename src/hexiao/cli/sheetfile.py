"""Rows → a CSV or XLSX file, one after the other in flat memory. Knows nothing of redemptions.

A text that a spreadsheet would run as a formula gets a single quote before it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

RISKY = frozenset("=+-@\t\r\n\0＝＋－＠")
XLSX_ROWS_MAX = 1_048_575
"""Below the head of a sheet; what is more goes on in a further one."""
XLSX_TEXT_MAX = 32_767

Row = Sequence[str | float]
"""Texts that are harmless already, and numbers."""
Write = Callable[[Iterable[Row]], None]


def harmless(text: str | None) -> str:
    """The text of a cell that no spreadsheet takes for a formula."""
    if not text:
        return ""
    return "'" + text if text[0] in RISKY else text


@contextmanager
def csv_file(path: Path, head: Sequence[str], *, bom: bool) -> Iterator[Write]:
    """UTF-8; `bom` tells Excel so."""
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        yield writer.writerows


@contextmanager
def xlsx_file(path: Path, head: Sequence[str]) -> Iterator[Write]:
    """As many sheets as are needed; a number shows two places."""
    # Not above: nobody else needs it.
    from xlsxwriter import Workbook

    with TemporaryDirectory(prefix="hexiao-", dir=path.parent) as folder:  # a sheet is packed when it is whole
        book = Workbook(str(path), {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False})
        bold, yuan = book.add_format({"bold": True}), book.add_format({"num_format": "0.00"})

        def sheets() -> Iterator[tuple[Any, int]]:
            """(a sheet, a row of it) for each row that comes."""
            while True:
                sheet = book.add_worksheet()
                sheet.freeze_panes(1, 0)
                sheet.set_column(0, len(head) - 1, 20)
                for column, name in enumerate(head):
                    sheet.write_string(0, column, name, bold)
                for number in range(1, XLSX_ROWS_MAX + 1):
                    yield sheet, number

        places = sheets()

        def write(rows: Iterable[Row]) -> None:
            for row in rows:
                sheet, number = next(places)
                for column, value in enumerate(row):
                    if not isinstance(value, str):
                        sheet.write_number(number, column, value, yuan)
                    elif value:
                        sheet.write_string(number, column, value[:XLSX_TEXT_MAX])

        yield write
        if not book.worksheets():
            next(places)
        book.close()
