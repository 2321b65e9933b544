"""What is shown when a terminal or a pipe cannot show everything: the work and its exit code stay the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEXIAO = f"{sys.executable} -m hexiao"


def typed(
    line: str, database: Path, encoding: str = "utf-8", unbuffered: str = ""
) -> subprocess.CompletedProcess[bytes]:
    environment = {
        **os.environ, "HEXIAO_DATABASE": f"sqlite:///{database}", "PYTHONIOENCODING": encoding,
        "PYTHONUNBUFFERED": unbuffered,
    }  # fmt: skip
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


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
class TestAnAnswerThatCannotBeWritten:
    """1 would say that the books are broken."""

    @pytest.mark.parametrize("command", ["verify --no-sweep", "verify --no-sweep --json"])
    @pytest.mark.parametrize("where", ["> /dev/full", "| true"])
    def test_is_an_output_that_is_not_available(self, command: str, where: str, unbuffered: str, demo: Path) -> None:
        line = f"--version; (sleep 0.3; {HEXIAO} {command}; echo $? >&2) {where}"
        heard = typed(line, demo, unbuffered=unbuffered)
        assert heard.stderr.split()[-1] == b"4", heard.stderr
        assert b"Traceback" not in heard.stderr
        assert b"Exception" not in heard.stderr

    @pytest.mark.parametrize("command", ["restore none.db", "restore none.db --json"])
    @pytest.mark.parametrize("where", ["> /dev/full", "2> /dev/full", "2>&-"])
    def test_leaves_an_error_its_exit_code(self, command: str, where: str, unbuffered: str, demo: Path) -> None:
        done = typed(f"{command} {where}", demo, unbuffered=unbuffered)
        assert done.returncode == 2, done.stderr
        assert b"Traceback" not in done.stderr
