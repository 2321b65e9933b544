"""Client processes of our own: started by module name, spoken to in JSON lines, ended by closing their input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent


class ClientProcess:
    """One `python -m module` with a pipe in and a pipe out; close it."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": search_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "a client process ended before its time"
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except (subprocess.TimeoutExpired, BrokenPipeError):  # stuck in a race that failed
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()


def search_path() -> str:
    """PYTHONPATH with the folder of the tests in front, where `faults` is to be found."""
    return os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))


def say(what: object) -> None:
    """In the client process: one line to whoever started it."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
