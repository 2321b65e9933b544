"""A real `hexiao serve` in a folder of its own, as a person starts it there, and a shell beside it.

Ends only the process that it started.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

HEXIAO = [sys.executable, "-m", "hexiao"]
START_SECONDS_MAX = 60


class Served(NamedTuple):
    """`folder` is where the server was started: its data lie in ./data, the program in ./.venv."""

    folder: Path
    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.port)


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    """`hexiao serve` with these arguments while the block runs."""
    prepare(folder)
    port = free_port()
    log = folder / "server.log"
    with log.open("ab") as written:
        process = subprocess.Popen(
            [*HEXIAO, "serve", *arguments],
            cwd=folder, env=environment(port), stdin=subprocess.DEVNULL, stdout=written, stderr=written,
        )  # fmt: skip
    try:
        _wait_until_ready(process, port, log)
        yield Served(folder, port)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def prepare(folder: Path) -> None:
    """What the commands of the pages expect in the folder: ./.venv, as in a clone after `make`."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of hexiao in the folder, without a server."""
    prepare(folder)
    return subprocess.run(
        [*HEXIAO, *arguments],
        cwd=folder, env=environment(8080), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def copy_data(source: Path, folder: Path) -> None:
    shutil.copytree(source / "data", folder / "data")


def environment(port: int) -> dict[str, str]:
    """Ours without any setting of hexiao but the port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEXIAO_")}
    path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "NO_PROXY": "127.0.0.1", "NO_COLOR": "1", "HEXIAO_PORT": str(port)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    direct = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        assert process.poll() is None, f"the server ended by itself:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"not ready:\n{log.read_text()}"
        try:
            with direct.open(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.05)
