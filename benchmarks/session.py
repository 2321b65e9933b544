"""One run of one or more benchmarks: the form, a folder for the databases, and a PostgreSQL that they share."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from benchmarks import seeding
from benchmarks.audit import audit
from benchmarks.form import Form, read_form
from benchmarks.load import Load
from benchmarks.machine import look_around
from benchmarks.pgbench import Yardstick
from benchmarks.postgres import Cluster
from benchmarks.report import tell
from benchmarks.result import Finding, Measure, Result
from benchmarks.rounds import Measured
from benchmarks.server import Server

CORES = len(os.sched_getaffinity(0))
"""So many server processes are what an operator would run; P10 tells what the second one gives."""


class Session:
    """Use it as a context; everything that it made is gone afterwards, but for the results."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.folder = Path(tempfile.mkdtemp(prefix="hexiao-bench-", dir=form.folder))
        self._cluster: Cluster | None = None
        self._load_before = os.getloadavg()[0]

    def __enter__(self) -> Session:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that what was started is stopped
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._cluster is not None:
            self._cluster.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster(self.form.folder)
        return self._cluster

    @contextmanager
    def yardstick(self) -> Iterator[Yardstick]:
        yardstick = Yardstick(self.cluster, self.form.coupons)
        try:
            yield yardstick
        finally:
            yardstick.close()

    @contextmanager
    def on_postgres(self, id: str, plain: int, counted: int = 0, *, workers: int = 1) -> Iterator[tuple[Load, Server]]:
        """A server on PostgreSQL with so many coupons, and the load for it."""
        name = f"bench_{id}"
        database = self.cluster.create(name)
        try:
            seeding.fill(database, plain, counted)
            self.cluster.settle(name)
            with self._serving(id, database, workers) as server:
                load = Load(server, self.cluster)
                yield load, server
            audit(database, load.redeemed)
        finally:
            self.cluster.drop(name)

    @contextmanager
    def on_sqlite(self, id: str, plain: int, *, workers: int = 1) -> Iterator[tuple[Load, Server]]:
        path = self.folder / id / "hexiao.db"
        try:
            database = f"sqlite:///{path}"
            seeding.fill(database, plain)
            with self._serving(id, database, workers) as server:
                load = Load(server, None)
                yield load, server
            audit(database, load.redeemed)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)

    @contextmanager
    def serving(self, id: str, database: str) -> Iterator[Load]:
        """The load for a server on a database that the benchmark has filled itself."""
        with self._serving(id, database) as server:
            yield Load(server, self.cluster)

    def result(
        self,
        id: str,
        title: str,
        how: str,
        findings: Sequence[Finding],
        legs: Measured | dict[str, list[Measure]],
        notes: Sequence[str] = (),
    ) -> Result:
        form = self.form
        return Result(
            id=id,
            title=title,
            how=how,
            short=form.short,
            pairs=form.pairs,
            seconds=form.seconds,
            coupons=form.coupons,
            machine=look_around(self.folder, self._cluster.version if self._cluster else "", self._load_before),
            findings=list(findings),
            legs=legs,
            notes=list(notes),
        )

    @contextmanager
    def _serving(self, id: str, database: str, workers: int = 1) -> Iterator[Server]:
        profile = None
        if self.form.profile:
            profile = self.form.results / f"profile-{id}"
            profile.mkdir(parents=True, exist_ok=True)
        server = Server(database, workers=workers, profile_into=profile)
        try:
            yield server
        finally:
            server.stop()


Benchmark = Callable[[Session], Result]


def run_one(what: str, benchmark: Benchmark) -> None:
    """The main function of a benchmark's own command."""
    form = read_form(what)
    with Session(form) as session:
        tell(benchmark(session), form)
