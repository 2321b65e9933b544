"""docs/operate/backup.md: typed as it stands, with databases of the test in the place of those it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys import served, shell
from journeys.pages import ROOT, Page
from postgres_server import Databases, databases

PAGE = Page(ROOT / "docs" / "operate" / "backup.md")
BLOCKS = [block for block in PAGE.blocks if block.under in ("Back up", "Restore", "Move to another engine")]
SCHEDULED = re.compile(r"^\d+ \d+ \* \* \* +", re.MULTILINE)
PRINTED_URL = re.compile(r"postgresql://[\w@/]+")


@pytest.fixture(scope="module")
def server() -> Iterator[Databases]:
    with databases() as fresh:
        yield fresh


def test_its_commands_do_what_it_says(demo_data: Path, tmp_path: Path, server: Databases) -> None:
    served.copy_data(demo_data, tmp_path)
    typed = [step for step in shell.steps(BLOCKS) if not SCHEDULED.search(step.commands)]
    assert len(typed) == 4
    page = "\n".join(step.commands for step in typed)
    assert len(PRINTED_URL.findall(page)) == 4

    def line_of_ours(line: str) -> str:
        fresh = server.migrated if line.startswith("hexiao backup") else server.empty
        return PRINTED_URL.sub(lambda _: fresh(), line).replace("cp books-2024.db", "cp books-2025-11-22.db")

    def ours(step: shell.Step) -> shell.Step:
        return step._replace(commands="\n".join(["set -e", *map(line_of_ours, step.commands.splitlines())]))

    for outcome in shell.typed([ours(step) for step in typed], served.Served(tmp_path, 8080)):
        shell.check(outcome)


def test_its_crontab_sends_away_what_can_be_checked_where_it_arrives(demo_data: Path, tmp_path: Path) -> None:
    """cron gives a command no variables but those of the crontab, and starts it in the home of its user."""
    served.copy_data(demo_data, tmp_path)
    for folder in ("home", "bin", "backup", "vault"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "rsync").write_text('#!/bin/sh\ncp -r "$2"/. "$3"\n')
    (tmp_path / "bin" / "rsync").chmod(0o755)
    [crontab] = [step.commands for step in shell.steps(PAGE.under("Back up")) if SCHEDULED.search(step.commands)]
    for printed, ours in {
        "/opt/hexiao/bin": f"{tmp_path}/bin:{sys.prefix}/bin",
        "/srv/hexiao/hexiao.db": f"{tmp_path}/data/hexiao.db",
        "/srv/hexiao": str(tmp_path),
        "vault:hexiao/": f"{tmp_path}/vault",
        r"\%": "%",
    }.items():
        crontab = crontab.replace(printed, ours)
    variables, command = SCHEDULED.split(crontab)
    environment = dict(line.split("=", 1) for line in variables.splitlines())
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")  # the program that is tested, wherever it lies
    for line, folder in ((command, "home"), ("sha256sum -c *.sha256", "vault")):
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path / folder, env=environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
