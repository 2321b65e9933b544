"""A real `hexiao serve` in a process group of its own, to be killed as a power cut would end it.

It ends only the group that it started, and it knows that the group is gone before it starts another.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from faults.client import is_ready
from faults.processes import search_path

START_SECONDS_MAX = 60.0
MASTER_KEY = "11" * 32


class Server:
    """One server process group on one loopback port.

    `program` is the module to run instead of hexiao itself; `under` is the command that watches it.
    """

    def __init__(
        self, database: str, logs: Path, *, workers: int = 1, program: str = "hexiao", under: Sequence[str] = ()
    ) -> None:
        self.port = free_port()
        self._logs = logs / f"server-{self.port}.log"
        serve = [sys.executable, "-m", program, "serve", "--port", str(self.port), "--workers", str(workers)]
        self._command = [*under, *serve]
        self._environment = environment(database)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self._process is None
        with self._logs.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._logs.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS_MAX
        while not is_ready(self.port):
            assert self._process.poll() is None, f"the server ended by itself:\n{self.log()}"
            assert time.monotonic() < deadline, f"not ready after {START_SECONDS_MAX} s:\n{self.log()}"
            time.sleep(0.01)

    @property
    def group(self) -> int:
        """The process that has started all the others, and their group."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL to every process of the group; returns when none of them runs any more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """An orderly end; does nothing when the server does not run."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        self._end(signal.SIGKILL)

    def log(self) -> str:
        return self._logs.read_text(errors="replace")[-4000:]

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        group = self._process.pid
        if running(group):
            os.killpg(group, how)
        self._process.wait()
        deadline = time.monotonic() + 10
        while running(group):
            assert time.monotonic() < deadline, f"process group {group} outlived {how.name}"
            time.sleep(0.005)
        self._process = None


@contextmanager
def serving(
    database: str, logs: Path, count: int = 1, *, program: str = "hexiao", under: Sequence[str] = ()
) -> Iterator[list[int]]:
    """The ports of `count` servers on one database, until the end of the block."""
    servers = [Server(database, logs, program=program, under=under) for _ in range(count)]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        yield [server.port for server in servers]
    finally:
        for server in servers:
            server.stop()
    for server in servers:
        assert "Traceback" not in server.log(), server.log()


def environment(database: str) -> dict[str, str]:
    """Ours without any HEXIAO_ setting of the shell, and with this folder's programs to be found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEXIAO_")}
    return {
        **kept,
        "PYTHONPATH": search_path(),
        "HEXIAO_DATABASE": database,
        "HEXIAO_MASTER_KEY": MASTER_KEY,
        "HEXIAO_LOG_LEVEL": "warning",
    }


def running(group: int) -> list[int]:
    """The processes of the group that still run. Those that nobody has buried yet do not count."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                _, _, rest = (entry / "stat").read_text().rpartition(")")
            except OSError:  # it ended while we looked
                continue
            state, _, process_group, *_ = rest.split()
            if int(process_group) == group and state not in "ZX":
                found.append(int(entry.name))
    return found


def free_port() -> int:
    """Below the range that outgoing connections take theirs from, so that it is still free after a kill."""
    choose = random.SystemRandom()
    while True:
        port = choose.randrange(18_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def verify(database: str) -> subprocess.CompletedProcess[str]:
    """`hexiao verify`, as an operator runs it."""
    command = [sys.executable, "-m", "hexiao", "verify", "--chain", "--json"]
    return subprocess.run(command, env=environment(database), capture_output=True, text=True, timeout=120, check=False)
