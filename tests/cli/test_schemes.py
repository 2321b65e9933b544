"""scheme: every kind from simple options, anything from a file; list, show, pause, resume."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Type

BASE = ("scheme", "create", "--number", "N1", "--name", "新方案", "--json")

KINDS = {
    "money_off": (("--amount", "10"), {"kind": "money_off", "amount_fen": 1000}),
    "rate_off": (("--off", "12.5%", "--cap", "30"), {"kind": "rate_off", "off_bp": 1250, "cap_fen": 3000}),
    "goods_off": (
        ("--quantity", "2", "--goods", "12345678"),
        {"kind": "goods_off", "up_to_fen": None, "up_to_quantity": 2},
    ),
    "balance": (("--amount", "100"), {"kind": "balance", "amount_fen": 10000}),
    "rate_uses": (
        ("--off", "10", "--uses", "5"),
        {"kind": "rate_uses", "off_bp": 1000, "uses": 5, "cap_fen": None},
    ),
}


class TestCreate:
    @pytest.mark.parametrize("kind", KINDS)
    def test_each_kind_has_its_options(self, hexiao: Type, kind: str) -> None:
        options, benefit = KINDS[kind]
        typed = hexiao(*BASE, "--kind", kind, "--days", "30", *options)
        assert typed.code == 0, typed.err
        assert typed.json["benefit"] == benefit
        assert typed.json["terms"]["validity"] == {"type": "from_receipt", "days": 30}

    def test_the_terms_have_options_too(self, hexiao: Type) -> None:
        typed = hexiao(
            *BASE, "--kind", "money_off", "--amount", "5", "--from", "2026-12-01", "--to", "2026-12-31",
            "--minimum", "20", "--shop", "284", "--shop", "285", "--category", "饮料", "--scene", "shop",
            "--member-only", "--shareable", "--total", "100", "--per-member", "2", "--budget", "500",
            "--hold-seconds", "60",
        )  # fmt: skip
        terms = typed.json["terms"]
        assert terms["validity"] == {"type": "fixed", "first_day": "2026-12-01", "last_day": "2026-12-31"}
        assert terms["shops"] == {"mode": "listed", "ids": ["284", "285"]}
        assert terms["goods"] == {"mode": "categories", "values": ["饮料"]}
        assert (terms["minimum_spend_fen"], terms["total"], terms["per_member"]) == (2000, 100, 2)
        assert (terms["budget_fen"], terms["hold_seconds"], terms["holder"]) == (50000, 60, "member")

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--kind", "money_off", "--days", "3"),
            ("--kind", "money_off", "--amount", "1", "--off", "5", "--days", "3"),
            ("--kind", "money_off", "--amount", "0", "--days", "3"),
            ("--kind", "money_off", "--amount", "1.234", "--days", "3"),
            ("--kind", "money_off", "--amount", "1"),
            ("--kind", "money_off", "--amount", "1", "--days", "3", "--next-days", "3"),
            ("--kind", "money_off", "--amount", "1", "--from", "2026-01-01"),
            ("--kind", "money_off", "--amount", "1", "--from", "soon", "--to", "later"),
            ("--kind", "money_off", "--amount", "1", "--days", "3", "--shop", "no-id"),
            ("--kind", "money_off", "--amount", "1", "--days", "3", "--scene", "moon"),
            ("--kind", "rate_off", "--off", "101", "--days", "3"),
            ("--kind", "rate_off", "--off", "NaN", "--days", "3"),
            ("--kind", "rate_uses", "--off", "10", "--days", "3"),
            ("--kind", "goods_off", "--days", "3"),
            ("--kind", "goods_off", "--quantity", "1", "--days", "3"),
            ("--kind", "balance", "--amount", "1", "--days", "3", "--goods", "a", "--category", "b"),
            ("--kind", "charity", "--amount", "1", "--days", "3"),
            ("--amount", "1", "--days", "3"),
        ],
        ids=" ".join,
    )
    def test_what_cannot_work_is_wrong_usage(self, hexiao: Type, wrong: tuple[str, ...]) -> None:
        typed = hexiao(*BASE, *wrong)
        assert typed.code == 2
        assert "Traceback" not in typed.err

    def test_a_taken_number_is_named(self, hexiao: Type) -> None:
        typed = hexiao(
            "scheme",
            "create",
            "--number",
            "002",
            "--name",
            "x",
            "--kind",
            "balance",
            "--amount",
            "1",
            "--days",
            "1",
            "--json",
        )
        assert (typed.code, typed.json["code"]) == (2, "number_taken")

    def test_a_file_says_everything(self, hexiao: Type, tmp_path: Path) -> None:
        shown = hexiao("scheme", "show", "008", "--json").json
        body = {name: shown[name] for name in ("name", "benefit", "terms", "description")} | {"number": "F1"}
        file = tmp_path / "scheme.json"
        file.write_text(json.dumps(body), "utf-8")
        made = hexiao("scheme", "create", "--file", str(file), "--json").json
        assert made["terms"] == shown["terms"]
        assert made["terms"]["windows"]

    @pytest.mark.parametrize("text", ["{", "[]", '{"number":"X"}', '{"numero":"X"}', "\xff"])
    def test_a_file_that_is_no_scheme_is_refused(self, hexiao: Type, tmp_path: Path, text: str) -> None:
        file = tmp_path / "scheme.json"
        file.write_bytes(text.encode("latin-1"))
        typed = hexiao("scheme", "create", "--file", str(file), "--json")
        assert (typed.code, typed.json["code"]) == (2, "malformed_request")

    def test_the_same_request_id_makes_it_once(self, hexiao: Type) -> None:
        again = (*BASE, "--kind", "balance", "--amount", "1", "--days", "1", "--request-id", "r1")
        assert hexiao(*again).json["id"] == hexiao(*again).json["id"]


class TestListShowPause:
    def test_the_demo_has_all_five_kinds(self, hexiao: Type) -> None:
        schemes = hexiao("scheme", "list", "--json").json["schemes"]
        assert {scheme["kind"] for scheme in schemes} == set(KINDS)

    def test_the_list_goes_on_from_its_cursor(self, hexiao: Type) -> None:
        whole = [scheme["id"] for scheme in hexiao("scheme", "list", "--json").json["schemes"]]
        first = hexiao("scheme", "list", "--limit", "4", "--json").json
        rest = hexiao("scheme", "list", "--cursor", first["next_cursor"], "--json").json
        assert [scheme["id"] for scheme in first["schemes"] + rest["schemes"]] == whole
        assert rest["next_cursor"] is None

    def test_a_cursor_that_is_none_is_wrong_usage(self, hexiao: Type) -> None:
        assert hexiao("scheme", "list", "--cursor", "nonsense").code == 2

    def test_a_cursor_of_another_list_is_wrong_usage(self, hexiao: Type) -> None:
        cursor = hexiao("scheme", "list", "--limit", "1", "--json").json["next_cursor"]
        assert hexiao("coupon", "list", "--cursor", cursor).code == 2

    def test_a_scheme_is_known_by_number_and_by_id(self, hexiao: Type) -> None:
        by_number = hexiao("scheme", "show", "002", "--json").json
        assert hexiao("scheme", "show", by_number["id"], "--json").json == by_number
        assert by_number["count"]["issued"] > 0

    @pytest.mark.parametrize("name", ["nothing", "9" * 30, "９９９"])
    def test_an_unknown_scheme_is_unknown(self, hexiao: Type, name: str) -> None:
        assert hexiao("scheme", "show", name).code == 3

    def test_a_paused_scheme_refuses_until_it_is_resumed(self, hexiao: Type) -> None:
        bill = ("--bill", "P1", "--shop", "284", "--line", "RICE:2:45.90", "--json")
        assert hexiao("scheme", "pause", "002", "--json").json["paused"] is True
        refused = hexiao("redeem", "DEMOMONEY1", *bill)
        assert (refused.code, refused.json["code"]) == (1, "scheme_paused")
        assert hexiao("scheme", "resume", "002", "--json").json["paused"] is False
        assert hexiao("redeem", "DEMOMONEY1", *bill).code == 0

    def test_a_table_is_what_a_person_gets(self, hexiao: Type) -> None:
        assert "满50减10代金券" in hexiao("scheme", "list").out
        assert "12345678" in hexiao("scheme", "show", "004").out
