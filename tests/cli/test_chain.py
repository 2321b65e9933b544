"""verify --chain, heads and proof as a person types them; proofs checked by the script that knows nothing of hexiao."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Type, type_command
from cli.database_files import rows
from hexiao.cli import chain
from hexiao.cli.exits import Exit
from hexiao.config import Settings
from hexiao.domain.tampering import Audit
from hexiao.storage.texts import COLUMNS
from storage.chains import plant

SCRIPT = Path(__file__).parents[2] / "examples" / "check_proof.py"
SCRIPT_LINES_MAX = 30
ROW = "(coupon_id, seq) = (SELECT coupon_id, seq FROM journal WHERE entry = 'reverse' ORDER BY coupon_id, seq LIMIT 1)"


def tamper(database: Path, sql: str) -> None:
    assert plant(Settings(database=f"sqlite:///{database}"), sql) > 0


@pytest.fixture
def signed(hexiao: Type, tmp_path: Path) -> tuple[str, str]:
    """(exported heads, public key)"""
    key, heads = tmp_path / "heads.pem", tmp_path / "heads.json"
    assert hexiao("heads", "key", str(key)).code == Exit.OK
    assert hexiao("heads", "export", str(heads), "--key", str(key)).code == Exit.OK
    return str(heads), f"{key}.pub"


class TestVerifyChain:
    def test_of_an_untouched_database_tells_its_size_and_its_heads(self, hexiao: Type, demo: Path) -> None:
        found = hexiao("verify", "--chain", "--json").json
        entries, blocks = (
            rows(demo, "SELECT count(*) FROM journal")[0][0],
            rows(demo, "SELECT count(*) FROM block")[0][0],
        )
        assert found["ok"]
        assert (found["chain"]["entries"], found["chain"]["blocks"], found["chain"]["problems"]) == (
            entries,
            blocks,
            [],
        )
        assert len(found["chain"]["heads"]) == found["chain"]["lanes"] > 0
        typed = hexiao("verify", "--chain")
        assert typed.code == Exit.OK
        assert found["chain"]["heads"][-1]["hash"] in typed.out

    def test_of_a_changed_row_ends_with_1_and_names_it(self, hexiao: Type, demo: Path) -> None:
        [(coupon_id, seq)] = rows(demo, f"SELECT coupon_id, seq FROM journal WHERE {ROW}")
        tamper(demo, f"UPDATE journal SET reason = 'because' WHERE {ROW}")
        assert hexiao("verify").code == Exit.OK  # no invariant knows a reason
        typed = hexiao("verify", "--chain")
        assert typed.code == Exit.REFUSED
        assert str(coupon_id) in typed.out
        [problem] = hexiao("verify", "--chain", "--json").json["chain"]["problems"]
        assert (problem["sign"], problem["coupon_id"], problem["seq"]) == ("row_changed", str(coupon_id), seq)

    @pytest.mark.parametrize(("kept", "told"), [(2, "with: 2+"), (3, "with: 2 ")])
    def test_of_more_rows_than_are_kept_says_that_there_are_more(
        self, kept: int, told: str, hexiao: Type, demo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        two = "(coupon_id, seq) IN (SELECT coupon_id, seq FROM journal ORDER BY coupon_id, seq LIMIT 2)"
        tamper(demo, f"UPDATE journal SET reason = 'because' WHERE {two}")
        monkeypatch.setattr(chain, "PROBLEMS_KEPT", kept)
        assert told in hexiao("verify", "--chain").out

    def test_shows_the_heads_of_the_youngest_lanes(self, capsys: pytest.CaptureFixture[str]) -> None:
        audit = Audit()
        audit.heads = {lane: (lane, f"hash of {lane}") for lane in (3, 1, 2)}
        chain.show_check(audit, [], 2)
        assert re.findall(r"hash of (\d)", capsys.readouterr().out) == ["3", "2"]


class TestHeads:
    def test_that_were_signed_are_still_there_after_more_was_sold(self, hexiao: Type, signed: tuple[str, str]) -> None:
        heads, public_key = signed
        assert (
            hexiao("redeem", "DEMOMONEY2", "--bill", "B1", "--shop", "284", "--line", "12345678:6:9.80").code == Exit.OK
        )
        typed = hexiao("verify", "--chain", "--heads", heads, "--public-key", public_key)
        assert typed.code == Exit.OK, typed.out

    def test_that_are_gone_are_named(self, hexiao: Type, demo: Path, signed: tuple[str, str]) -> None:
        heads, public_key = signed
        lane, height = rows(demo, "SELECT lane, height FROM block ORDER BY lane DESC, height DESC LIMIT 1")[0]
        for table in ("block", "journal"):
            tamper(demo, f"DELETE FROM {table} WHERE lane = {lane} AND height = {height}")
        assert hexiao("verify", "--chain", "--json").json["chain"]["problems"] == []
        typed = hexiao("verify", "--chain", "--heads", heads, "--public-key", public_key, "--json")
        assert typed.code == Exit.REFUSED
        [problem] = typed.json["chain"]["problems"]
        assert (problem["sign"], problem["lane"], problem["height"]) == ("head_gone", lane, height)

    def test_need_a_good_signature(self, hexiao: Type, signed: tuple[str, str]) -> None:
        heads, public_key = signed
        path = Path(heads)
        path.write_text(path.read_text("utf-8").replace('"height": ', '"height": 1'), "utf-8")
        typed = hexiao("verify", "--chain", "--heads", heads, "--public-key", public_key)
        assert typed.code == Exit.REFUSED
        assert "was not signed with this key" in typed.err

    def test_need_a_public_key(self, hexiao: Type, signed: tuple[str, str]) -> None:
        assert hexiao("verify", "--chain", "--heads", signed[0]).code == Exit.USAGE

    @pytest.mark.parametrize("more", [[], ["--chain"]])
    def test_are_not_taken_as_checked_when_only_their_key_is_given(
        self, more: list[str], hexiao: Type, signed: tuple[str, str]
    ) -> None:
        assert hexiao("verify", *more, "--public-key", signed[1]).code == Exit.USAGE

    @pytest.mark.parametrize("wrong", ["heads", "private"])
    def test_refuse_what_is_no_public_key(self, wrong: str, hexiao: Type, signed: tuple[str, str]) -> None:
        heads, public_key = signed
        given = heads if wrong == "heads" else public_key.removesuffix(".pub")
        assert hexiao("verify", "--chain", "--heads", heads, "--public-key", given).code == Exit.REFUSED

    def test_are_never_written_over_others(self, hexiao: Type, signed: tuple[str, str]) -> None:
        heads, public_key = signed
        key = public_key.removesuffix(".pub")
        before = Path(heads).read_bytes(), Path(key).read_bytes()
        assert hexiao("heads", "export", heads, "--key", key).code == Exit.REFUSED
        assert hexiao("heads", "key", key).code == Exit.REFUSED
        assert (Path(heads).read_bytes(), Path(key).read_bytes()) == before

    def test_leave_alone_what_stands_beside_a_file_that_was_taken_away(
        self, hexiao: Type, tmp_path: Path, signed: tuple[str, str]
    ) -> None:
        """The public key of earlier heads, where the private one went to another machine."""
        heads, public = Path(signed[0]), Path(signed[1])
        signature = Path(f"{heads}.sig")
        before = public.read_bytes(), signature.read_bytes()
        key = public.with_suffix("").rename(tmp_path / "away.pem")
        heads.rename(tmp_path / "away.json")
        assert hexiao("heads", "key", str(public.with_suffix(""))).code == Exit.REFUSED
        assert hexiao("heads", "export", str(heads), "--key", str(key)).code == Exit.REFUSED
        assert (public.read_bytes(), signature.read_bytes()) == before
        assert not public.with_suffix("").exists()
        assert not heads.exists()

    def test_are_not_written_without_a_key(self, hexiao: Type, tmp_path: Path, signed: tuple[str, str]) -> None:
        made = tmp_path / "other.json"
        for key, code in ((signed[1], Exit.REFUSED), (str(tmp_path / "none.pem"), Exit.USAGE)):
            assert hexiao("heads", "export", str(made), "--key", key).code == code
            assert not made.exists()

    @pytest.mark.parametrize("gone", ["heads.json", "heads.json.sig", "heads.pem.pub"])
    def test_are_not_checked_without_each_of_their_files(
        self, gone: str, hexiao: Type, tmp_path: Path, signed: tuple[str, str]
    ) -> None:
        (tmp_path / gone).unlink()
        typed = hexiao("verify", "--chain", "--heads", signed[0], "--public-key", signed[1])
        assert typed.code == Exit.USAGE
        assert f"there is no file {tmp_path / gone}: " in typed.err

    @pytest.mark.parametrize("heads", [".", "/", "{folder}"])
    def test_are_no_folder(self, heads: str, hexiao: Type, tmp_path: Path, signed: tuple[str, str]) -> None:
        folder = heads.format(folder=tmp_path)
        assert hexiao("verify", "--chain", "--heads", folder, "--public-key", signed[1]).code == Exit.USAGE
        assert hexiao("verify", "--chain", "--heads", signed[0], "--public-key", folder).code == Exit.USAGE
        assert hexiao("heads", "export", str(tmp_path / "more.json"), "--key", folder).code == Exit.USAGE
        assert hexiao("proof", "1", "--heads", folder).code == Exit.USAGE

    def test_need_a_folder_that_is_there(self, hexiao: Type, tmp_path: Path, signed: tuple[str, str]) -> None:
        key = signed[1].removesuffix(".pub")
        assert hexiao("heads", "export", str(tmp_path / "none" / "heads.json"), "--key", key).code == Exit.USAGE
        assert hexiao("heads", "key", str(tmp_path / "none" / "key.pem")).code == Exit.USAGE

    def test_leave_no_half_on_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as disk:
            disk.setattr(Path, "write_bytes", full)
            typed = type_command("heads", "key", str(tmp_path / "k.pem"))
        assert typed.code == Exit.UNAVAILABLE
        assert os.strerror(errno.ENOSPC) in typed.err
        assert list(tmp_path.iterdir()) == []
        assert type_command("heads", "key", str(tmp_path / "k.pem")).code == 0

    def test_have_a_key_that_others_cannot_read(self, signed: tuple[str, str]) -> None:
        assert Path(signed[1].removesuffix(".pub")).stat().st_mode & 0o777 == 0o600

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
    def test_can_be_checked_with_openssl(self, signed: tuple[str, str]) -> None:
        heads, public_key = signed
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public_key, "-rawin", "-in", heads]
        assert subprocess.run([*command, "-sigfile", f"{heads}.sig"], capture_output=True, check=False).returncode == 0


class TestProof:
    @pytest.fixture
    def proof(self, hexiao: Type, demo: Path) -> Any:
        """Of a redemption that was held, captured and reversed in part."""
        typed = hexiao("proof", a_redemption(demo))
        assert typed.code == Exit.OK, typed.err
        return typed.json

    def test_has_every_entry_of_the_redemption(self, proof: Any, demo: Path) -> None:
        texts = [json.loads(entry["text"]) for entry in proof["entries"]]
        found = rows(demo, f"SELECT * FROM journal WHERE redemption_id = {proof['redemption_id']} ORDER BY seq")
        assert [tuple(text) for text in texts] == found
        assert len(found) > 1

    def test_is_accepted_by_the_script(self, proof: Any, tmp_path: Path) -> None:
        assert len(SCRIPT.read_text("utf-8").splitlines()) <= SCRIPT_LINES_MAX
        done = checked(proof, tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(proof["entries"])

    @pytest.mark.parametrize(
        "field", ["text", "index", "path", "root", "count", "lane", "entry of another", "extra step", "columns"]
    )
    def test_is_refused_when_anything_is_changed(self, field: str, proof: Any, tmp_path: Path) -> None:
        entry = proof["entries"][0]
        block = entry["blocks"][0]
        if field == "text":
            entry["text"] = entry["text"].replace(",0,", ",1,", 1)
        elif field == "index":
            entry["index"] += 1
        elif field == "path":
            entry["path"] = entry["path"][1:] if entry["path"] else ["00" * 32]
        elif field == "extra step":
            entry["path"].append("00" * 32)
        elif field == "root":
            block[4] = "0" * 64
        elif field == "count":
            block[3] += 2**20
        elif field == "lane":
            block[0] += 1
        elif field == "columns":  # what a cashier typed as the reason would be read as the kind of entry
            names = {"entry": "reason", "reason": "entry"}
            proof["columns"] = [names.get(name, name) for name in proof["columns"]]
        else:
            proof["redemption_id"] = "1"
        done = checked(proof, tmp_path)
        assert done.returncode == 1
        assert "REFUSED" in done.stderr

    def test_without_any_entry_is_refused(self, proof: Any, tmp_path: Path, signed: tuple[str, str]) -> None:
        proof["entries"] = []
        for heads in ([], [Path(signed[0])]):
            done = checked(proof, tmp_path, *heads)
            assert done.returncode == 1
            assert "REFUSED" in done.stderr

    def test_leads_to_the_signed_heads_of_later(
        self, hexiao: Type, demo: Path, signed: tuple[str, str], tmp_path: Path
    ) -> None:
        heads = Path(signed[0])
        proof = hexiao("proof", a_redemption(demo), "--heads", str(heads)).json
        assert len(proof["entries"][0]["blocks"]) > 1
        done = checked(proof, tmp_path, heads)
        assert done.returncode == 0, done.stderr
        lane, height = proof["entries"][0]["blocks"][-1][:2]
        assert f"{lane}/{height}" in done.stdout
        shorter = json.loads(json.dumps(proof))
        shorter["entries"][0]["blocks"].pop()
        assert checked(shorter, tmp_path, heads).returncode == 1
        gap = json.loads(json.dumps(proof))
        gap["entries"][0]["blocks"][1][4] = "0" * 64
        assert checked(gap, tmp_path, heads).returncode == 1

    @pytest.mark.parametrize("change", ["at = at + 1", "previous = root"])
    def test_that_leads_to_the_heads_over_a_changed_block_is_refused(
        self, change: str, hexiao: Type, demo: Path, signed: tuple[str, str]
    ) -> None:
        redemption = a_redemption(demo)
        own, *_ = hexiao("proof", redemption).json["entries"][0]["blocks"]
        tamper(demo, f"UPDATE block SET {change} WHERE lane = {own[0]} AND height = {own[1] + 1}")
        typed = hexiao("proof", redemption, "--heads", signed[0])
        assert typed.code == Exit.REFUSED
        assert "hexiao verify --chain" in typed.err

    @pytest.mark.parametrize(
        "heads",
        [
            [],
            [{"lane": 1, "height": 0, "hash": "0" * 64}],
            [{"lane": 1, "height": 2**62, "hash": "0" * 64}],
            [{"lane": 1, "height": 2**80, "hash": "0" * 64}],
            [{"lane": 2**62, "height": 2**62, "hash": "0" * 64}],
        ],
        ids=["none", "older", "of another database", "no height", "another lane"],
    )
    def test_that_leads_to_none_of_the_heads_is_refused(
        self, heads: list[Any], hexiao: Type, demo: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "heads.json").write_text(json.dumps({"at": "", "heads": heads}))
        typed = hexiao("proof", a_redemption(demo), "--heads", str(tmp_path / "heads.json"))
        assert typed.code == Exit.REFUSED
        assert typed.json["code"] == "refused"

    def test_needs_a_file_of_heads_that_is_there(self, hexiao: Type, demo: Path, tmp_path: Path) -> None:
        assert hexiao("proof", a_redemption(demo), "--heads", str(tmp_path / "none.json")).code == Exit.USAGE

    def test_of_an_unknown_redemption_says_so(self, hexiao: Type) -> None:
        assert hexiao("proof", "1").code == Exit.UNKNOWN
        assert hexiao("proof", "x").code == Exit.USAGE

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM journal",
            "UPDATE journal SET lane = 99",
            "UPDATE journal SET reason = 'x'",
            "UPDATE block SET leaves = x''",
            "UPDATE block SET leaves = x'00'",
            "UPDATE block SET leaves = zeroblob(44)",
        ],
    )
    def test_of_a_row_that_lies_in_no_block_says_so(self, sql: str, hexiao: Type, demo: Path) -> None:
        redemption = a_redemption(demo)
        tamper(demo, sql)
        typed = hexiao("proof", redemption)
        assert typed.code == Exit.REFUSED
        assert "hexiao verify --chain" in typed.err

    @pytest.mark.parametrize("value", ["'x'", "-5", "x'ff'", "0.5", "CAST(x'ff' AS text)"])
    @pytest.mark.parametrize("table", ["journal", "block"])
    def test_of_what_another_hand_changed_is_refused(self, table: str, value: str, demo: Path) -> None:
        """No proof is printed that would not be accepted."""
        redemption = a_redemption(demo)
        its_own = f"redemption_id = {redemption}"
        if table == "block":
            its_own = f"(lane, height) IN (SELECT lane, height FROM journal WHERE {its_own})"
        refused = 0
        for column in COLUMNS[table]:
            changed = Path(shutil.copy(demo, demo.with_name(f"{column}.db")))
            sql = f"UPDATE OR IGNORE {table} SET {column} = {value} WHERE {its_own}"
            if plant(Settings(database=f"sqlite:///{changed}"), sql):
                typed = type_command("proof", redemption, database=changed)
                assert (column, typed.code) == (column, Exit.REFUSED)
                assert "internal" not in typed.err, column
                refused += 1
        assert refused > len(COLUMNS[table]) // 2


def a_redemption(database: Path) -> str:
    [(id,)] = rows(
        database,
        "SELECT redemption_id FROM journal WHERE redemption_id IS NOT NULL GROUP BY redemption_id"
        " HAVING count(*) > 1 ORDER BY redemption_id LIMIT 1",
    )
    return str(id)


def checked(proof: Any, folder: Path, *heads: Path) -> subprocess.CompletedProcess[str]:
    """Isolated: nothing but the standard library can be imported."""
    file = folder / "proof.json"
    file.write_text(json.dumps(proof), "utf-8")
    command = [sys.executable, "-I", str(SCRIPT), str(file), *map(str, heads)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
