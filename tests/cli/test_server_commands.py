"""migrate, verify, demo and serve: what they do, and what they refuse to do."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hexiao.cli.exits import Exit
from hexiao.cli.session import shown_database
from hexiao.config import Settings

from .conftest import Type, Typed, type_command
from .database_files import damage_an_index, quote_no_text


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path / "new" / "hexiao.db"


def change(database: Path, sql: str) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        assert db.execute(sql).rowcount == 1


class TestMigrate:
    def test_makes_the_file_and_says_what_was_applied(self, empty: Path) -> None:
        first = type_command("migrate", "--json", database=empty)
        assert first.code == 0
        assert first.json["applied"]
        assert empty.exists()

    def test_makes_a_file_that_only_its_owner_can_read(self, empty: Path) -> None:
        assert type_command("migrate", database=empty).code == 0
        with closing(sqlite3.connect(empty)) as db:
            db.execute("INSERT INTO merchant VALUES (1, 'm', 'Asia/Shanghai', 'CNY')")
            made = [empty, *empty.parent.glob("*-wal"), *empty.parent.glob("*-shm")]
            assert {file.stat().st_mode & 0o777 for file in made} == {0o600}

    def test_keeps_the_mode_of_a_file_that_is_there(self, demo: Path) -> None:
        demo.chmod(0o640)
        assert type_command("migrate", database=demo).code == 0
        assert demo.stat().st_mode & 0o777 == 0o640

    def test_has_nothing_to_do_the_second_time(self, empty: Path) -> None:
        type_command("migrate", database=empty)
        again = type_command("migrate", "--json", database=empty)
        assert (again.code, again.json["applied"]) == (0, [])

    def test_takes_the_database_from_the_option(self, empty: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.db"
        assert type_command("migrate", "--database", f"sqlite:///{other}", database=empty).code == 0
        assert other.exists()
        assert not empty.exists()

    def test_refuses_a_url_it_cannot_read_as_wrong_usage(self, empty: Path) -> None:
        typed = type_command("migrate", "--database", "mysql://root:secret@host/db", "--json")
        assert (typed.code, typed.json["code"]) == (2, "malformed_request")
        assert "secret" not in typed.out + typed.err

    def test_a_file_that_is_no_database_is_unavailable_without_a_traceback(self, tmp_path: Path) -> None:
        file = tmp_path / "letter.db"
        file.write_text("Dear Sir, this is no database at all.\n" * 200)
        for command in ("migrate", "verify"):
            typed = type_command(command, database=file)
            assert typed.code == 4
            assert "Traceback" not in typed.out + typed.err

    def test_leaves_the_tables_of_another_program_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "shop.db"
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("CREATE TABLE customer (name)")
        before = file.read_bytes()
        for command in ("migrate", "demo"):
            typed = type_command(command, database=file)
            assert typed.code == 4
            assert "holds tables of another program (customer)" in typed.err
        assert file.read_bytes() == before

    def test_does_not_call_a_newer_database_up_to_date(self, hexiao: Type, demo: Path) -> None:
        change(demo, "INSERT INTO _yoyo_migration VALUES ('x', '0999.to-come', '2025-11-22')")
        typed = hexiao("migrate")
        assert typed.code == 4
        assert "newer than this program" in typed.err

    def test_a_folder_is_no_database(self, tmp_path: Path) -> None:
        typed = type_command("migrate", database=tmp_path)
        assert typed.code == 4
        assert "internal" not in typed.err.lower() and "内部错误" not in typed.err


class TestVerify:
    def test_a_sound_database_is_ok(self, hexiao: Type) -> None:
        typed = hexiao("verify", "--json")
        assert (typed.code, typed.json) == (0, {"ok": True, "broken": []})

    def test_a_damaged_page_is_found_even_when_every_row_can_be_read(self, hexiao: Type, demo: Path) -> None:
        damage_an_index(demo)
        typed = hexiao("verify", "--no-sweep", "--json")
        assert (typed.code, typed.json["code"]) == (1, "refused")

    @pytest.mark.parametrize("command", ["verify", "migrate", "redemptions list", "backup new.db"])
    def test_a_file_of_which_sqlite_can_only_tell_in_bytes_that_are_no_text_is_damaged(
        self, command: str, hexiao: Type, demo: Path
    ) -> None:
        quote_no_text(demo)
        typed = hexiao(*command.split())
        assert typed.code == 4
        assert "damaged" in typed.err

    def test_a_broken_one_exits_with_1_and_shows_the_row(self, hexiao: Type, demo: Path) -> None:
        change(demo, "UPDATE redemption SET captured_fen = 99 WHERE bill_number = 'M0033202311180001'")
        typed = hexiao("verify", "--json")
        assert (typed.code, typed.json["ok"]) == (1, False)
        assert {"coupon_id": 100} in [{"coupon_id": row["row"].get("coupon_id")} for row in typed.json["broken"]]
        assert hexiao("verify").code == 1
        assert "coupon_id=100" in hexiao("verify").out

    def test_a_missing_database_is_unavailable_and_the_cure_is_named(self, empty: Path) -> None:
        typed = type_command("verify", database=empty)
        assert typed.code == 4
        assert "hexiao migrate" in typed.err

    @pytest.mark.parametrize("command", ["verify", "serve", "migrate"])
    def test_sound_books_that_cannot_be_opened_are_not_called_no_database(
        self, command: str, hexiao: Type, demo: Path
    ) -> None:
        """As on a full disk, or in a folder that takes no file beside the database."""
        demo.with_name(f"{demo.name}-wal").mkdir()
        typed = hexiao(command)
        assert typed.code == 4
        assert "unable to open database file; see to the rights of the file and its folder" in typed.err
        assert "is not a database" not in typed.err

    def test_a_locked_database_is_unavailable(self, hexiao: Type, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hexiao.storage.sqlite.WAIT_FOR_LOCK_MS", 50)
        with closing(sqlite3.connect(demo, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            typed = hexiao("coupon", "issue", "002", "--json")
            assert (typed.code, typed.json["code"]) == (4, "storage_unavailable")

    def test_sweep_writes_down_what_lapsed_without_a_server(
        self, hexiao: Type, demo: Path, redeem: Callable[..., dict[str, Any]]
    ) -> None:
        held = redeem("DEMOMONEY1", "--hold")
        change(demo, f"UPDATE redemption SET held_until_at = created_at + 1 WHERE id = {held['id']}")
        assert hexiao("verify", "--sweep").code == 0
        assert hexiao("redemptions", "show", held["id"], "--json").json["state"] == "lapsed"


class TestDemo:
    def test_refuses_a_database_that_is_not_empty(self, hexiao: Type) -> None:
        typed = hexiao("demo", "--json")
        assert (typed.code, typed.json["code"]) == (1, "refused")

    def test_that_was_broken_off_says_how_to_start_again(self, hexiao: Type, demo: Path) -> None:
        change(demo, "DELETE FROM credential WHERE role = 'admin'")
        typed = hexiao("serve", "--demo")
        assert typed.code == Exit.REFUSED
        assert "start again" in typed.err

    @pytest.mark.parametrize("command", [["demo"], ["serve", "--demo"]])
    def test_upgrades_no_database_that_is_there(self, command: list[str], hexiao: Type, demo: Path) -> None:
        """It may be a real one, with an older server on it."""
        change(demo, "DELETE FROM _yoyo_migration WHERE migration_id = '0009.holds-of-a-coupon'")
        typed = hexiao(*command)
        assert typed.code == 4
        assert "older than this program; run: hexiao migrate" in typed.err

    def test_prints_a_request_for_each_door(self, tmp_path: Path) -> None:
        typed = type_command("demo", database=tmp_path / "d.db")
        assert typed.code == 0
        assert [path in typed.out for path in ("/v1/redemptions", "/jdy/v2/ls/coupons_write_off", "/api/v2")] == [
            True
        ] * 3


class TestServeRefuses:
    def test_an_unmigrated_database_and_names_the_cure(self, empty: Path) -> None:
        typed = type_command("serve", database=empty)
        assert typed.code == 4
        assert "hexiao migrate" in typed.err

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.org"])  # noqa: S104
    def test_the_demo_on_an_address_that_others_reach(self, empty: Path, host: str) -> None:
        typed = type_command("serve", "--demo", "--host", host, database=empty)
        assert typed.code == 2
        assert "--demo-anywhere" in typed.err
        assert not empty.exists()

    def test_the_demo_on_real_data(self, hexiao: Type, demo: Path) -> None:
        change(demo, "DELETE FROM credential WHERE name = 'demo-admin'")
        assert hexiao("serve", "--demo").code == 1

    def test_a_port_that_is_taken(self, hexiao: Type) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            typed = hexiao("serve", "--port", str(taken.getsockname()[1]))
        assert typed.code == 4
        assert "--port" in typed.err


@pytest.fixture(scope="module")
def served(finished_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """`hexiao serve --demo` as a person starts it: (all that it printed, the port)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("served")
    for file in finished_demo.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    environment = {**os.environ, "HEXIAO_DATABASE": f"sqlite:///{folder / 'hexiao.db'}", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "hexiao", "serve", "--demo", "--port", str(port)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    printed, ready = [], threading.Event()

    def listen() -> None:
        for line in process.stdout or ():
            printed.append(line)
            if "Started worker-1" in line:
                ready.set()
        ready.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert ready.wait(60)
    listening = time.monotonic() + 60
    while time.monotonic() < listening:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                break
        time.sleep(0.05)
    yield "".join(printed), port
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)
    listener.join(10)
    process.stdout.close()


class TestThePrintedRequests:
    """Each works when pasted into a shell that stands at the root of the repository."""

    def paste(self, served: tuple[str, int], title: str) -> Any:
        printed, port = served
        request = re.search(rf"^# {re.escape(title)}[^\n]*\n(.*?)(\n\n|\Z)", printed, re.MULTILINE | re.DOTALL)
        assert request is not None, printed
        assert f"http://127.0.0.1:{port}" in request[1]
        root = Path(__file__).parents[2]
        done = subprocess.run(["sh", "-c", request[1]], cwd=root, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def test_ours_redeems_and_repeats_its_answer(self, served: tuple[str, int]) -> None:
        first = self.paste(served, "Our API")
        assert first["redemptions"][0]["state"] == "captured"
        assert self.paste(served, "Our API") == first

    def test_kingdee_s_shows_the_page_of_its_document(self, served: tuple[str, int]) -> None:
        data = self.paste(served, "Kingdee")["data"]
        assert (data["count"], data["total_page"], data["page_size"]) == (30, 3, 10)
        assert data["rows"][0]["bill_no"] == "M0033202311180001"

    def test_zvcms_s_shows_the_coupon_of_its_document(self, served: tuple[str, int]) -> None:
        data = self.paste(served, "zvcms")["data"]
        assert (data["id"], data["verify_code"]) == (20074550, "20191031966176899187")

    def test_all_keys_are_printed(self, served: tuple[str, int]) -> None:
        keys = ("demo-admin-key", "demo-till-key", "205022", "demoKey1", "173053163000000001", "782c281f62")
        assert [key for key in keys if key not in served[0]] == []

    def test_a_request_signed_with_curl_is_complete(self, served: tuple[str, int], hexiao: Type) -> None:
        port = served[1]
        url = (
            f"http://127.0.0.1:{port}/jdy/v2/ls/coupons_write_off?store_id=283&create_start_time=2024-01-01%2012:00:00"
        )
        typed = hexiao("keys", "sign", "kingdee", url, "--curl")
        assert typed.code == 0, typed.err
        done = subprocess.run(["sh", "-c", typed.out], capture_output=True, text=True, timeout=60)
        assert json.loads(done.stdout)["errcode"] == 0

    def test_a_wrong_secret_is_told_in_a_sentence(self, served: tuple[str, int], hexiao: Type) -> None:
        added = hexiao("keys", "add-kingdee", "--name", "other", "--client-id", "777", "--app-key", "k7")
        assert added.code == 0
        base = f"http://127.0.0.1:{served[1]}"
        typed: Typed = hexiao("keys", "sign", "kingdee", base, "--client-id", "777", "--app-key", "k7")
        assert typed.code == 1  # the server does not know what was added to a copy of its database
        assert "Traceback" not in typed.err


class TestAReverseProxyThatSpeaksHttp10:
    """As nginx does with what is behind it, unless told otherwise."""

    @pytest.mark.parametrize("path", ["/live", "/v1/shops", "/jdy/v2/ls/coupons_write_off", "/api/v2"])
    def test_gets_the_answer_that_everybody_gets(self, served: tuple[str, int], path: str) -> None:
        answers = [self.ask(served[1], path, version) for version in ("1.0", "1.1")]
        assert answers[0] == answers[1]
        assert answers[0][1].startswith(b"{")

    def ask(self, port: int, path: str, version: str) -> tuple[int, bytes]:
        return exchange(port, f"GET {path} HTTP/{version}\r\nHost: proxied\r\nConnection: close\r\n\r\n".encode())


class TestABodyInBrokenChunks:
    """Each door refuses it in its own form, and takes nothing of it."""

    CHUNKS: ClassVar = [
        b"zz\r\n",
        b"-1\r\n",
        b"ffffffffffffffffff\r\n",
        b'1b\r\n{"number":"009","name":"x"}\r\nzz\r\n',
        b'1b\r\n{"number":"009","name":"x"}??',
    ]

    @pytest.mark.parametrize("chunks", CHUNKS)
    def test_ours_says_problem_400(self, served: tuple[str, int], chunks: bytes) -> None:
        status, body = self.send(served[1], "/v1/shops", chunks)
        assert (status, json.loads(body)["code"]) == (400, "malformed_request")
        assert json.loads(body)["facts"] == {"reason": "broken_off"}
        _, shops = self.send(served[1], "/v1/shops", b"", "GET")
        assert "009" not in [shop["number"] for shop in json.loads(shops)["shops"]]

    @pytest.mark.parametrize("chunks", CHUNKS)
    def test_zvcms_says_unreadable(self, served: tuple[str, int], chunks: bytes) -> None:
        status, body = self.send(served[1], "/api/v2", chunks)
        assert (status, json.loads(body)["code"]) == (200, 100001)

    @pytest.mark.parametrize("chunks", CHUNKS)
    def test_kingdee_and_unknown_addresses_say_what_they_always_say(
        self, served: tuple[str, int], chunks: bytes
    ) -> None:
        _, body = self.send(served[1], "/jdy/v2/ls/coupons_write_off", chunks, "GET")
        assert json.loads(body)["errcode"] == 4002
        _, body = self.send(served[1], "/v1/nothing", chunks)
        assert json.loads(body)["code"] == "not_found"

    def test_whole_chunks_are_taken(self, served: tuple[str, int]) -> None:
        chunks = b'c\r\n{"number":"0\r\nf\r\n10","name":"x"}\r\n0\r\n\r\n'
        assert self.send(served[1], "/v1/shops", chunks)[0] == 201

    def send(self, port: int, path: str, chunks: bytes, method: str = "POST") -> tuple[int, bytes]:
        framing = "Transfer-Encoding: chunked\r\n" if chunks else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-admin-key\r\n"
            f"Idempotency-Key: {path}\r\nContent-Type: application/json\r\n{framing}\r\n"
        )
        return exchange(port, head.encode() + chunks)


@pytest.mark.parametrize("path", ["/live", "/v1/shops", "/v1/nothing", "/jdy/v2", "/api/v2"])
def test_who_wants_a_websocket_gets_the_answer_to_a_get(served: tuple[str, int], path: str) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\n"
    handshake = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    plain = exchange(served[1], f"{asked}\r\n".encode())
    assert exchange(served[1], f"{asked}{handshake}\r\n".encode()) == plain
    assert plain[1].startswith(b"{")


def exchange(port: int, raw: bytes) -> tuple[int, bytes]:
    """Status and body."""
    with socket.create_connection(("127.0.0.1", port), 10) as wire, HTTPResponse(wire) as answer:
        wire.sendall(raw)
        answer.begin()
        return answer.status, answer.read()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://till:hidden@db:5433/books?sslmode=require", "postgresql://db:5433/books?sslmode=require"),
        ("postgresql://db/books?user=till&password=hidden", "postgresql://db/books?user=till&password=…"),
        ("postgresql://db/books?user=till&password=half@hidden", "postgresql://…"),
        ("postgresql://till:half@half?hidden@db/books", "postgresql://…"),
        ("postgresql://till:half@hidden@db/books", "postgresql://db/books"),
        ("sqlite:////srv/till@home.db", "sqlite:////srv/till@home.db"),
    ],
)
def test_a_database_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown_database(Settings(database=url)) == shown
