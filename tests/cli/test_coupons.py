"""coupon: issue, show, void, list, and import with everything wrong shown before anything is written."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hexiao.cli.session import Session

from .conftest import Type, Typed


def coupons_in(database: Path) -> int:
    with closing(sqlite3.connect(database)) as db:
        return int(db.execute("SELECT count(*) FROM coupon").fetchone()[0])


class TestIssue:
    def test_many_thousands_at_a_time(self, hexiao: Type, demo: Path) -> None:
        before = coupons_in(demo)
        codes = hexiao("coupon", "issue", "002", "--quantity", "2300", "--plain").out.split()
        assert len(set(codes)) == 2300
        assert coupons_in(demo) == before + 2300

    def test_the_same_request_id_issues_once(self, hexiao: Type, demo: Path) -> None:
        before = coupons_in(demo)
        typed = ("coupon", "issue", "002", "--quantity", "1500", "--request-id", "r7", "--json")
        assert hexiao(*typed).json == hexiao(*typed).json
        assert coupons_in(demo) == before + 1500

    def test_a_repeated_one_is_told_as_such_once(self, hexiao: Type) -> None:
        issue = ("coupon", "issue", "001", "--quantity", "2500", "--request-id", "twice", "--plain")
        first, again = hexiao(*issue), hexiao(*issue)
        assert again.out == first.out
        assert (first.err.count("same request id"), again.err.count("same request id")) == (0, 1)

    def test_an_interrupted_one_names_the_request_id_that_goes_on(
        self, hexiao: Type, demo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = coupons_in(demo)
        with monkeypatch.context() as patched:
            ask = Session.ask
            asked: list[tuple[Any, ...]] = []

            def until_ctrl_c(*arguments: Any) -> Any:
                if asked:
                    raise KeyboardInterrupt
                asked.append(arguments)
                return ask(*arguments)

            patched.setattr(Session, "ask", until_ctrl_c)
            typed = hexiao("coupon", "issue", "002", "--quantity", "1500")
        assert typed.code == 130
        assert coupons_in(demo) == before + 1000
        [request_id] = re.findall(r"--request-id (\S+)", typed.err)
        again = hexiao("coupon", "issue", "002", "--quantity", "1500", "--request-id", request_id, "--plain")
        assert len(set(again.out.split())) == 1500
        assert coupons_in(demo) == before + 1500

    def test_to_a_member(self, hexiao: Type) -> None:
        (coupon,) = hexiao("coupon", "issue", "003", "--member", "1333333333", "--json").json["coupons"]
        assert coupon["member_id"] == "1333333333"

    @pytest.mark.parametrize(
        ("arguments", "exit_code", "code"),
        [
            (("003",), 1, "member_needed"),
            (("002", "--member", "42"), 3, "unknown_member"),
            (("nothing",), 3, "unknown_scheme"),
            (("20001497", "--member", "1333333333"), 1, "stock_exhausted"),
            (("010",), 1, "scheme_paused"),
        ],
    )
    def test_a_refusal_says_why(self, hexiao: Type, arguments: tuple[str, ...], exit_code: int, code: str) -> None:
        typed = hexiao("coupon", "issue", *arguments, "--json")
        assert (typed.code, typed.json["code"]) == (exit_code, code)

    @pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "many"])
    def test_a_quantity_that_is_none_is_wrong_usage(self, hexiao: Type, quantity: str) -> None:
        assert hexiao("coupon", "issue", "002", "--quantity", quantity).code == 2


class TestShowListVoid:
    def test_a_code_is_taken_as_typed(self, hexiao: Type) -> None:
        for typed in ("DEMOMONEY3", " demo-money 3", "ＤＥＭＯＭＯＮＥＹ３"):
            assert hexiao("coupon", "show", typed, "--json").json["code"] == "DEMOMONEY3"

    def test_the_printed_coupon_is_there(self, hexiao: Type) -> None:
        coupon = hexiao("coupon", "show", "20191031966176899187", "--json").json
        assert (coupon["id"], coupon["scheme"]["id"], coupon["face"]) == ("20074550", "20001497", "expired")

    def test_an_unknown_code_is_unknown(self, hexiao: Type) -> None:
        typed = hexiao("coupon", "show", "NEVER-MADE", "--json")
        assert (typed.code, typed.json["code"]) == (3, "unknown_coupon")

    def test_a_person_sees_the_journal(self, hexiao: Type) -> None:
        typed = hexiao("coupon", "show", "001")
        assert "capture" in typed.out
        assert "M0033202311180001" in typed.out

    def test_a_voided_coupon_is_voided_for_good(self, hexiao: Type) -> None:
        assert hexiao("coupon", "void", "DEMOMONEY3", "--reason", "误发", "--json").json["face"] == "voided"
        assert hexiao("coupon", "void", "DEMOMONEY3").code == 1
        assert "误发" in hexiao("coupon", "show", "DEMOMONEY3").out

    def test_the_list_is_filtered_and_paged(self, hexiao: Type) -> None:
        listed = hexiao("coupon", "list", "--scheme", "20001497", "--limit", "15", "--json").json
        rest = hexiao("coupon", "list", "--scheme", "20001497", "--cursor", listed["next_cursor"], "--json").json
        assert (len(listed["coupons"]), len(rest["coupons"]), rest["next_cursor"]) == (15, 5, None)
        of_member = hexiao("coupon", "list", "--scheme", "20001497", "--member", "100001138", "--json").json
        assert [coupon["code"] for coupon in of_member["coupons"]] == ["20191031966176899187"]

    def test_a_page_may_be_longer_than_one_query(self, hexiao: Type) -> None:
        listed = hexiao("coupon", "list", "--limit", "700", "--json").json
        assert len({coupon["id"] for coupon in listed["coupons"]}) == 700


class TestImport:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "old.csv"

    def run(self, hexiao: Type, file: Path, text: str | bytes, *more: str, scheme: str = "002") -> Typed:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return hexiao("coupon", "import", scheme, str(file), "--json", *more)

    def test_codes_keep_their_old_life(self, hexiao: Type, file: Path) -> None:
        text = "code,member_id,received_at,face_yuan,id\n"
        text += "88 88-01,1333333333,2026-01-02 10:00:00,4.50,777\n８８８８０２,,,,\n"
        typed = self.run(hexiao, file, text)
        assert (typed.code, typed.json["imported"]) == (0, 2), typed.out
        coupon = hexiao("coupon", "show", "888801", "--json").json
        assert (coupon["id"], coupon["face_fen"], coupon["member_id"]) == ("777", 450, "1333333333")
        assert coupon["issued_at"] == "2026-01-02T02:00:00.000Z"
        assert hexiao("coupon", "show", "888802").code == 0

    def test_a_file_from_a_spreadsheet_with_its_mark_is_read(self, hexiao: Type, file: Path) -> None:
        assert self.run(hexiao, file, "\ufeffcode\r\nA1\r\nA2\r\n").json["imported"] == 2

    def test_every_wrong_row_is_shown_and_none_is_written(self, hexiao: Type, file: Path, demo: Path) -> None:
        before = coupons_in(demo)
        text = (
            "code,member_id,received_at,face_yuan,channel,id\n"
            "GOOD1,,,,,\n"  # 2
            ",,,,,\n"  # 3
            "GOOD1,,,,,\n"  # 4
            "DEMOMONEY1,,,,,\n"  # 5
            "A,me,,,,\n"  # 6
            "B,42,,,,\n"  # 7
            "C,,yesterday,,,\n"  # 8
            "D,,,-5,,\n"  # 9
            "E,,,10.01,,\n"  # 10: the scheme gives 10.00
            "F,,,,theft,\n"  # 11
            "G,,,,,100\n"  # 12: the printed coupon's id
            "H,,,,,5\n"
            "I,,,,,5\n"  # 14
            f"{'J' * 65},,,,,\n"  # 15
            "K,,,,,,too,many\n"  # 16
        )
        typed = self.run(hexiao, file, text)
        assert typed.code == 2
        assert [wrong["line"] for wrong in typed.json["wrong"]] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16]
        assert coupons_in(demo) == before

    def test_a_person_sees_the_wrong_rows_as_a_table(self, hexiao: Type, file: Path) -> None:
        file.write_text("code\nDEMOMONEY1\n")
        typed = hexiao("coupon", "import", "002", str(file))
        assert typed.code == 2
        assert "DEMOMONEY1" in typed.out

    @pytest.mark.parametrize(
        "content", [b"", b"number\nA\n", b"code,code\nA,B\n", b"code,colour\nA,red\n", b"\xff\xfe"]
    )
    def test_what_is_no_such_file_is_refused(self, hexiao: Type, file: Path, content: bytes) -> None:
        assert self.run(hexiao, file, content).code == 2

    def test_a_dry_run_writes_nothing(self, hexiao: Type, file: Path, demo: Path) -> None:
        before = coupons_in(demo)
        typed = self.run(hexiao, file, "code\nA1\n", "--dry-run")
        assert (typed.code, typed.json["rows"], typed.json["imported"]) == (0, 1, 0)
        assert coupons_in(demo) == before

    def test_the_same_file_again_changes_nothing(self, hexiao: Type, file: Path, demo: Path) -> None:
        text = "code\n" + "".join(f"OLD{n}\n" for n in range(1200))
        assert self.run(hexiao, file, text).json["imported"] == 1200
        before = coupons_in(demo)
        assert self.run(hexiao, file, text).code == 0
        assert coupons_in(demo) == before

    def test_limits_of_the_scheme_count_over_the_whole_file(self, hexiao: Type, file: Path) -> None:
        hexiao(
            "scheme", "create", "--number", "L1", "--name", "限", "--kind", "money_off", "--amount", "1", "--days", "9",
            "--per-member", "1", "--total", "2",
        )  # fmt: skip
        twice = self.run(hexiao, file, "code,member_id\nL1,1333333333\nL2,1333333333\nL3,\n", scheme="L1")
        assert [wrong["line"] for wrong in twice.json["wrong"]] == [3, 4]
        text = "code,member_id\nL1,1333333333\nL2,100001138\nL3,100002002\n"
        assert self.run(hexiao, file, text, scheme="L1").json["code"] == "stock_exhausted"

    def test_a_file_that_is_not_there_is_wrong_usage(self, hexiao: Type, file: Path) -> None:
        assert hexiao("coupon", "import", "002", str(file)).code == 2
