"""What is shown when a terminal or a pipe cannot show everything: the work and its exit code stay the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEXIAO = f"{sys.executable} -m hexiao"


def typed(line: str, database: Path, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "HEXIAO_DATABASE": f"sqlite:///{database}", "PYTHONIOENCODING": encoding}
    return subprocess.run(["sh", "-c", f"{HEXIAO} {line}"], env=environment, capture_output=True, timeout=60)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
@pytest.mark.parametrize("command", ["verify --no-sweep", "redemptions list --limit 2", "--help", "keys list --json"])
def test_a_terminal_without_our_characters_gets_the_others(command: str, encoding: str, demo: Path) -> None:
    done = typed(command, demo, encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert b"Error" not in done.stderr


def test_a_closed_standard_output_is_no_error(demo: Path) -> None:
    done = typed("verify --no-sweep >&-", demo)
    assert (done.returncode, done.stderr) == (0, b"")
