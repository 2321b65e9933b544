"""redemptions export: the rows of the list as a file, whole or not at all, and nothing in it that a sheet would run."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hexiao.cli import sheetfile
from hexiao.cli.redemptionsheet import HEAD
from hexiao.cli.sheetfile import RISKY, csv_file, harmless, xlsx_file

from .conftest import Type

NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
NAMES = [name.split()[-1] for name in HEAD]
AMOUNTS = range(NAMES.index("held_yuan"), NAMES.index("net_yuan") + 1)


def read_csv(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    head, *rows = csv.reader(io.StringIO(path.read_bytes().decode(encoding), newline=""))
    assert head == list(HEAD)
    return [dict(zip(NAMES, row, strict=True)) for row in rows]


def cells_of(path: Path) -> list[list[list[tuple[str, str]]]]:
    """Each sheet, row and cell of an XLSX file as (type, content); a formula is of type `f`."""
    with zipfile.ZipFile(path) as packed:
        names = sorted(name for name in packed.namelist() if name.startswith("xl/worksheets/sheet"))
        sheets = [ElementTree.fromstring(packed.read(name)) for name in names]  # noqa: S314 (our own)
    return [[[_cell(cell) for cell in row] for row in sheet.iter(f"{{{NS['m']}}}row")] for sheet in sheets]


def _cell(cell: Any) -> tuple[str, str]:
    if cell.find("m:f", NS) is not None:
        return "f", ""
    text = "".join(part.text or "" for part in cell.iter(f"{{{NS['m']}}}t"))
    number = cell.findtext("m:v", "", NS)
    return cell.get("t", "n"), text or number


class TestTheRows:
    def test_are_those_of_the_list_from_the_other_end(self, hexiao: Type, tmp_path: Path) -> None:
        listed = hexiao("redemptions", "list", "--limit", "10000", "--json").json["redemptions"]
        done = hexiao("redemptions", "export", str(tmp_path / "all.csv"), "--json")
        rows = read_csv(tmp_path / "all.csv")
        assert done.json["rows"] == len(rows) == len(listed) > 100
        assert [row["id"] for row in rows] == [one["id"] for one in reversed(listed)]
        for row, one in zip(rows, reversed(listed), strict=True):
            same = ("state", "code", "kind", "bill_number", "shop_id", "scheme_number", "scheme_name", "shop_name")
            assert [row[name] for name in same] == [one[name] for name in same]
            assert row["member_id"] == (one["member_id"] or "")
            assert round(100 * float(row["captured_yuan"])) == one["captured_fen"]
            assert round(100 * float(row["net_yuan"])) == one["captured_fen"] - one["reversed_fen"]

    def test_are_narrowed_by_the_filters_of_the_list(self, hexiao: Type, tmp_path: Path) -> None:
        narrow = ("--state", "reversed", "--shop", "286")
        listed = hexiao("redemptions", "list", "--limit", "10000", "--json", *narrow).json["redemptions"]
        hexiao("redemptions", "export", str(tmp_path / "some.csv"), *narrow)
        assert [row["id"] for row in read_csv(tmp_path / "some.csv")] == [one["id"] for one in reversed(listed)]

    def test_tell_local_time_and_yuan(self, hexiao: Type, tmp_path: Path) -> None:
        hexiao("redemptions", "export", str(tmp_path / "one.csv"), "--bill", "M0033202311180001")
        (row,) = read_csv(tmp_path / "one.csv")
        assert (row["captured_yuan"], row["created_at"]) == ("1.00", "2023-11-18 16:06:44")

    def test_show_mobiles_only_when_told_to(self, hexiao: Type, tmp_path: Path) -> None:
        hexiao("redemptions", "export", str(tmp_path / "masked.csv"))
        hexiao("redemptions", "export", str(tmp_path / "plain.csv"), "--mobiles")
        masked, plain = (
            [row["mobile"] for row in read_csv(tmp_path / f"{name}.csv") if row["mobile"]]
            for name in ("masked", "plain")
        )
        assert all("****" in mobile for mobile in masked)
        assert len(masked) == len(plain) > 0
        assert all(mobile.isdigit() for mobile in plain)

    def test_are_the_same_in_excel(self, hexiao: Type, tmp_path: Path) -> None:
        hexiao("redemptions", "export", str(tmp_path / "a.csv"), "--bom")
        hexiao("redemptions", "export", str(tmp_path / "a.xlsx"))
        (sheet,) = cells_of(tmp_path / "a.xlsx")
        rows = read_csv(tmp_path / "a.csv", "utf-8-sig")
        assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
        assert len(sheet) == len(rows) + 1
        for cells, row in zip(sheet[1:], rows, strict=True):
            texts = [text for kind, text in cells if kind != "n"]
            amounts = [f"{float(text):.2f}" for kind, text in cells if kind == "n"]
            values = list(row.values())
            assert amounts == values[AMOUNTS.start : AMOUNTS.stop]
            assert texts == [text for place, text in enumerate(values) if text and place not in AMOUNTS]


class TestAFormula:
    @pytest.mark.parametrize("first", sorted(RISKY), ids=ascii)
    def test_is_a_text(self, first: str, tmp_path: Path) -> None:
        text = f"{first}HYPERLINK(1)"
        assert harmless(text) == f"'{text}"
        with csv_file(tmp_path / "a.csv", ["x"], bom=False) as write:
            write([[harmless(text)]])
        with xlsx_file(tmp_path / "a.xlsx", ["x"]) as write:
            write([[harmless(text)]])
        _, (cell,) = csv.reader(io.StringIO((tmp_path / "a.csv").read_bytes().decode(), newline=""))
        assert cell == f"'{text}"
        [[_, [(kind, _)]]] = cells_of(tmp_path / "a.xlsx")
        assert kind == "inlineStr"

    def test_would_be_one_without_the_care(self, tmp_path: Path) -> None:
        """The control: the reader of these tests does see formulas."""
        from xlsxwriter import Workbook

        book = Workbook(str(tmp_path / "f.xlsx"))
        book.add_worksheet().write_formula(0, 0, "=1+1")
        book.close()
        assert cells_of(tmp_path / "f.xlsx")[0][0][0][0] == "f"

    @pytest.mark.parametrize("text", ["", "a=b", "19900001234", "满 20 减 10"])
    def test_is_not_seen_where_there_is_none(self, text: str) -> None:
        assert harmless(text) == text

    def test_is_quoted_on_its_way_out(self, redeem: Any, hexiao: Type, tmp_path: Path) -> None:
        redeem("DEMOMONEY2", bill="=cmd|'/C calc'!A0")
        hexiao("redemptions", "export", str(tmp_path / "a.csv"))
        assert [row["bill_number"] for row in read_csv(tmp_path / "a.csv")][-1] == "'=cmd|'/C calc'!A0"


class TestTheFile:
    def test_goes_on_in_a_further_sheet(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sheetfile, "XLSX_ROWS_MAX", 3)
        with xlsx_file(tmp_path / "a.xlsx", ["x"]) as write:
            write([f"row {number}"] for number in range(7))
        sheets = cells_of(tmp_path / "a.xlsx")
        assert [len(sheet) for sheet in sheets] == [4, 4, 2]
        assert [sheet[0][0][1] for sheet in sheets] == ["x", "x", "x"]

    @pytest.mark.parametrize("name", ["empty.csv", "empty.xlsx"])
    def test_has_its_head_without_any_row(self, hexiao: Type, tmp_path: Path, name: str) -> None:
        assert hexiao("redemptions", "export", str(tmp_path / name), "--bill", "none").code == 0
        found = cells_of(tmp_path / name)[0] if name.endswith("xlsx") else read_csv(tmp_path / name)
        assert len(found) == (1 if name.endswith("xlsx") else 0)

    def test_is_not_written_over_another(self, hexiao: Type, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("mine")
        assert hexiao("redemptions", "export", str(tmp_path / "a.csv")).code == 1
        assert (tmp_path / "a.csv").read_text() == "mine"

    def test_has_one_of_two_forms(self, hexiao: Type, tmp_path: Path) -> None:
        assert hexiao("redemptions", "export", str(tmp_path / "a.pdf")).code == 2

    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_leaves_nothing_when_it_is_interrupted(self, demo: Path, tmp_path: Path, form: str) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        # Slowed down, so that there is a middle to be interrupted in.
        slow = (
            "import time, hexiao.cli.exporting as e; one = e.shown_as\n"
            "e.shown_as = lambda *a, **k: (lambda row, f=one(*a, **k): (time.sleep(0.05), f(row))[1])\n"
            "from hexiao.__main__ import main; main()"
        )
        command = [sys.executable, "-c", slow, "redemptions", "export", str(folder / f"a.{form}")]
        command += ["--database", f"sqlite:///{demo}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            if list(folder.iterdir()):
                break
            time.sleep(0.05)
        assert [path.name for path in folder.iterdir() if path.name == f"a.{form}"] == []
        assert list(folder.iterdir()) != []
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0
        assert list(folder.iterdir()) == []
