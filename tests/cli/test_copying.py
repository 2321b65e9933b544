"""copy as typed: what it leaves behind, what it refuses, and how it says it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from .conftest import type_command
from .database_files import change, path_of, rows

NOWHERE = "postgresql://till:secret@127.0.0.1:1/books"


class TestCopy:
    def test_compares_counts_sums_and_hashes(self, demo: Path, new: str) -> None:
        typed = type_command("copy", "--from", f"sqlite:///{demo}", "--to", new, "--json")
        assert (typed.code, typed.json["whole"], typed.json["resumed"]) == (0, True, False)
        assert all(one["source"] == one["target"] for one in typed.json["tables"])
        [coupons] = [one["source"] for one in typed.json["tables"] if one["table"] == "coupon"]
        [expected] = rows(demo, "SELECT count(*), sum(face_fen), sum(held_fen), sum(captured_fen) FROM coupon")
        assert (coupons["rows"], *coupons["sums"].values()) == expected
        assert type_command("verify", "--no-sweep", "--database", new).code == 0

    def test_refuses_a_target_that_holds_something(self, demo: Path, new: str) -> None:
        assert type_command("copy", "--from", f"sqlite:///{demo}", "--to", new).code == 0
        assert type_command("copy", "--from", f"sqlite:///{demo}", "--to", new).code == 1

    def test_refuses_one_database_as_both(self, demo: Path) -> None:
        assert type_command("copy", "--from", f"sqlite:///{demo}", "--to", f"sqlite:///{demo}").code == 1

    def test_a_url_that_cannot_be_read_is_wrong_usage(self, demo: Path, new: str) -> None:
        for wrong in (("--from", "mysql://root:secret@host/db", "--to", new), ("--from", new, "--to", "oracle:x")):
            typed = type_command("copy", *wrong)
            assert typed.code == 2
            assert "secret" not in typed.err

    @pytest.mark.parametrize(
        "url",
        [
            NOWHERE,
            "postgresql://till:secret@[::1/books",
            "postgresql://till:secret@x:y/z",
            "postgresql://till:%ZZsecret@127.0.0.1:1/books",
            "postgresql://till:a@secret@127.0.0.1:1/books",
            "postgresql://127.0.0.1:1/books?user=till&password=secret%ZZ",
        ],
    )
    def test_an_unreachable_server_is_told_without_the_password(self, url: str, demo: Path) -> None:
        for ends in (("--from", f"sqlite:///{demo}", "--to", url), ("--from", url, "--to", f"sqlite:///{demo}")):
            typed = type_command("copy", *ends)
            assert typed.code == 4
            assert "secret" not in typed.out + typed.err
            assert "Traceback" not in typed.err

    def test_an_interrupted_one_is_refused_by_every_command_until_it_is_done(self, demo: Path, new: str) -> None:
        source = f"sqlite:///{demo}"
        assert type_command("copy", "--from", source, "--to", new).code == 0
        unfinish(path_of(new), source)
        for command in ("verify", "verify --no-sweep", "serve", "migrate", "demo"):
            typed = type_command(*command.split(), "--database", new)
            assert typed.code == 4
            assert "an unfinished copy: run the same hexiao copy" in typed.err
            assert "newer" not in typed.err
        again = type_command("copy", "--from", source, "--to", new, "--json")
        assert (again.code, again.json["resumed"], again.json["whole"]) == (0, True, True)
        assert type_command("verify", "--no-sweep", "--database", new).code == 0

    def test_a_row_that_differs_is_named_and_ends_with_1(self, demo: Path, new: str) -> None:
        source = f"sqlite:///{demo}"
        assert type_command("copy", "--from", source, "--to", new).code == 0
        unfinish(path_of(new), source)
        change(path_of(new), "UPDATE redemption SET captured_fen = 1 WHERE coupon_id = 100")
        typed = type_command("copy", "--from", source, "--to", new)
        assert typed.code == 1
        assert "redemption" in typed.err
        assert "coupon_id=100" in typed.err
        assert type_command("verify", "--database", new).code == 4


def unfinish(target: Path, source: str) -> None:
    """As if the copy had been killed before its last rows and its comparison."""
    from hexiao.config import Settings
    from hexiao.storage.migrating import UNFINISHED
    from hexiao.wiring import open_side

    with closing(open_side(Settings(database=source))) as side:
        mark = side.fingerprint(side.tables())
    change(target, f"INSERT INTO _yoyo_migration VALUES ('{mark}', '{UNFINISHED}', '2025-11-22')")
    change(target, "DELETE FROM shop")
    change(target, "DELETE FROM scheme_version WHERE scheme_id = (SELECT max(scheme_id) FROM scheme_version)")
