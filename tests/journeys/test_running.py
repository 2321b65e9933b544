"""docs/operate/running.md: its settings are those of the program, and its backup is one."""

from __future__ import annotations

import re
import resource
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from hexiao.config import Settings
from journeys import served, shell
from journeys.doors import Doors
from journeys.pages import ROOT, Block, Page

PAGE = Page(ROOT / "docs" / "operate" / "running.md")


def test_the_table_of_settings_has_every_setting_and_its_default() -> None:
    defaults = {name: getattr(Settings(), name) for name in Settings.__struct_fields__}
    shown = {False: "`false`", "": "empty"}
    assert {row[0]: row[1] for row in PAGE.table("setting")} == {
        f"`HEXIAO_{name.upper()}`": shown.get(value, f"`{value}`") for name, value in defaults.items()
    }


def test_the_table_of_events_has_everything_that_is_logged_but_for_debugging() -> None:
    logged = {
        event: "error" if level == "exception" else level
        for file in (ROOT / "src").rglob("*.py")
        for level, event in re.findall(r'\blog\.(info|warning|error|exception)\(\s*"([^"]+)"', file.read_text("utf-8"))
    }
    assert len(logged) > 10
    rows = PAGE.table("event")
    assert {event.strip(" `"): row[1] for row in rows for event in row[0].split(",")} == logged


def test_the_backup_beside_a_running_server_is_sound_and_restores(doors: Doors, tmp_path: Path) -> None:
    bill = {"number": "BEFORE", "shop_id": "284", "lines": [{"sku": "1", "quantity": 1, "unit_price_fen": 9000}]}
    body = {"mode": "redeem", "coupons": [{"code": "DEMOMONEY1"}], "bill": bill}
    assert "redemptions" in doors.api("POST", "/v1/redemptions", body, key="before")
    for outcome in shell.typed(shell.steps(PAGE.under("Backup and restore")), doors.server):
        shell.check(outcome)

    served.prepare(tmp_path)
    (tmp_path / "data").mkdir()
    (doors.server.folder / "backup.db").rename(tmp_path / "data" / "hexiao.db")
    key = doors.server.folder / "data" / "master.key"
    (tmp_path / "data" / "master.key").write_bytes(key.read_bytes())
    with served.served(tmp_path) as restored, Doors(restored) as others:
        (row,) = others.api("GET", "/v1/redemptions?bill_number=BEFORE")["redemptions"]
        assert row["state"] == "captured"


@pytest.mark.parametrize("block", [b for b in PAGE.blocks if b.language == "sh" and b.under in ("First start", "Keys")])
def test_its_commands_take_these_options(block: Block, tmp_path: Path) -> None:
    """In order, on a database of their own; all but the server itself."""
    server = served.Served(tmp_path, 8080)
    served.prepare(tmp_path)
    own = re.sub(r"(?m)^(export .*|hexiao serve)$", ":", block.text)
    before = "hexiao migrate\nhexiao keys create --role till --name first" if block.under == "Keys" else ":"
    for outcome in shell.typed([shell.Step(block.line, f"set -e\n{before}\n{own}", [], 0)], server):
        shell.check(outcome)


LINES = 80


@pytest.mark.parametrize(("most", "answered"), [(64, False), (512, True)])
def test_a_shells_own_limit_of_open_files_keeps_no_till_out(
    demo_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, answered: bool
) -> None:
    """The control has no more than that to take: the system's own limit is the same."""
    served.copy_data(demo_data, tmp_path)
    limited = ["sh", "-c", f'ulimit -S -n 64; ulimit -H -n {most}; exec "$@"', "sh", *served.HEXIAO]
    monkeypatch.setattr(served, "HEXIAO", limited)
    with served.served(tmp_path) as server, ExitStack() as lines:
        told = []
        for _ in range(LINES):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            line.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            line.settimeout(20 if answered else 1)
            try:
                told.append(line.recv(1_024)[:15])
            except TimeoutError:
                break
        assert (told == [b"HTTP/1.1 200 OK"] * LINES) is answered


def test_thousands_of_tills_may_stay_connected(demo_data: Path, tmp_path: Path) -> None:
    """The web server by itself listens to as many as may stand in line before it: 2,048, for all workers together."""
    served.copy_data(demo_data, tmp_path)
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    tills = 2_200
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, tills + 1_000), most))
    try:
        with served.served(tmp_path) as server, ExitStack() as lines:
            for _ in range(tills):
                line = lines.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
                line.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
                assert line.recv(1_024).startswith(b"HTTP/1.1 200")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


def test_the_name_of_this_machine_is_an_address_to_listen_on(demo_data: Path, tmp_path: Path) -> None:
    served.copy_data(demo_data, tmp_path)
    with served.served(tmp_path, "--host", "localhost") as server:
        assert server.port  # it was ready there
