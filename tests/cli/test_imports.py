"""What a command does not need it does not import: counted in a process of its own, not timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hexiao.config import Settings
from hexiao.wiring import migrate

HEAVY = {
    "barcode", "cryptography", "falcon", "granian", "httpx", "jwt", "openpyxl", "psycopg", "rich", "segno",
    "sqlite3", "structlog", "xlsxwriter", "yoyo", "hexiao.cli.coupons", "hexiao.cli.moving", "hexiao.cli.redemptions",
    "hexiao.demo", "hexiao.engine", "hexiao.gateways", "hexiao.storage", "hexiao.web.openapi",
}  # fmt: skip
OF_A_SERVER = {
    "cryptography", "granian", "sqlite3", "hexiao.engine", "hexiao.storage",
    "falcon",  # the worker, which is forked, has it from its parent
}  # fmt: skip
TELL = """
import atexit, sys
from granian.server import Server
from hexiao.__main__ import main
Server.serve = lambda self: None  # what the parent has before it makes its workers
atexit.register(lambda: print("\\n".join(sys.modules)))
main()
"""


def heavy_modules(*arguments: str, tell: str = TELL) -> set[str]:
    done = subprocess.run([sys.executable, "-c", tell, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(done.stdout.splitlines())


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/hexiao.db"
    migrate(Settings(database=url))
    return url


def test_the_version_needs_nothing() -> None:
    assert heavy_modules("--version") == {"granian"}  # which this test has put there


def test_a_server_needs_the_engine_and_nothing_of_the_other_commands(database: str) -> None:
    assert heavy_modules("serve", "--database", database, "--port", "18273") <= OF_A_SERVER


def test_what_is_imported_is_seen(database: str) -> None:
    """The control: a demo is made with it all."""
    assert {"yoyo", "hexiao.demo", "rich"} <= heavy_modules("demo", "--database", f"{database}2")
