"""A `hexiao serve` in a process group of its own, started as an operator would. Ends only what it started."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import cpu, shop
from benchmarks.form import ROOT

START_SECONDS_MAX = 60.0
POLL_SECONDS = 0.002


class Server:
    """`command` is what runs, with `{port}` in it; by default hexiao itself on `database`."""

    def __init__(
        self, database: str, *, workers: int = 1, profile_into: Path | None = None, command: list[str] | None = None
    ) -> None:
        self.port = _free_port()
        program = "hexiao" if profile_into is None else "benchmarks.profiled"
        several = ["--workers", str(workers), "--own-cores"] if workers > 1 else []
        command = command or [sys.executable, "-m", program, "serve", "--port", "{port}", *several]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEXIAO_")}
        environment = {
            **kept,
            "HEXIAO_DATABASE": database,
            "HEXIAO_MASTER_KEY": shop.MASTER_KEY,
            "HEXIAO_LOG_LEVEL": "warning",
            "BENCHMARKS_PROFILE_INTO": str(profile_into or ""),
        }
        with tempfile.NamedTemporaryFile(prefix="hexiao-bench-", suffix=".log", delete=False) as log:
            self._log = Path(log.name)
            started = time.perf_counter()
            self._process = subprocess.Popen(  # noqa: S603
                [part.format(port=self.port) for part in command],
                env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait(started)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.perf_counter() - started
        """From the start of the process to its first answer."""

    def cpu_seconds(self) -> float:
        return cpu.group_seconds(self._process.pid)

    def memory_mib(self) -> float:
        """Of the worker and its parent, which has forked it."""
        return cpu.group_memory_mib(self._process.pid)

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.unlink(missing_ok=True)

    def _wait(self, started: float) -> None:
        while not _answers(self.port):
            if self._process.poll() is not None:
                raise SystemExit(f"the server ended by itself:\n{self.log()}")
            if time.perf_counter() - started > START_SECONDS_MAX:
                raise SystemExit(f"the server does not answer after {START_SECONDS_MAX:g} s:\n{self.log()}")
            time.sleep(POLL_SECONDS)


def _answers(port: int) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        asking.request("GET", "/ready")
        return asking.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
