"""The only file that knows everybody: Settings → storage, engine, doors, one ASGI application on Granian."""

from __future__ import annotations

import gc
import os
import secrets
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from hexiao.config import DEFAULT_DATABASE, Settings, load_settings, to_environment
from hexiao.cores import demand_cores, offer_cores, take_core, take_turns
from hexiao.engine.committer import Engine
from hexiao.logs import Log, configure_logs
from hexiao.storage import sqlite
from hexiao.storage.base import Storage, StorageError
from hexiao.storage.chain_side import seal_old_rows
from hexiao.storage.side import Side, Tell
from hexiao.vault import SealBroken, Vault, load_key, load_or_make_key, place_of

__all__ = [
    "DEFAULT_DATABASE",
    "Settings",
    "StorageError",
    "app",
    "build_app",
    "distribute",
    "load_settings",
    "migrate",
    "open_engine",
    "open_side",
    "open_storage",
    "open_vault",
    "serve",
]

log = Log("hexiao")

CONNECTIONS_MAX = 10_000
"""Of each worker, whether somebody asks there just now or not; who comes then is not listened to before another leaves.
As many commands may wait."""

Clock = Callable[[], int]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

CORES = "HEXIAO_CORES"
"""Tells a worker where the cores are offered."""


def system_clock() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def since_boot() -> int:
    """Milliseconds, those asleep too where the system counts them; nobody can set it."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


def migrate(settings: Settings, tell: Tell = lambda *_: None, *, break_lock: bool = False) -> list[str]:
    """Bring the schema up to this program's; the names of what was applied. Makes a SQLite file when there is none.

    `break_lock` when nobody else migrates, whatever a killed migration left behind.
    """
    if settings.on_postgres or settings.sqlite_path.exists():
        with closing(_side(settings, written=True)) as before:
            before.demand_migratable()
    if settings.on_postgres:
        from hexiao.storage import postgres

        applied = postgres.migrate(settings.database, break_lock=break_lock)
    else:
        applied = sqlite.migrate(settings.sqlite_path, break_lock=break_lock)
    with closing(_side(settings, written=True)) as side:
        seal_old_rows(side, system_clock(), tell)
    return applied


def distribute(settings: Settings) -> list[str]:
    """Spread the tables over the machines of a Citus cluster; the statements that were run. Raises StorageError."""
    if not settings.on_postgres:
        raise StorageError("only a PostgreSQL database with Citus can be spread over several machines")
    from hexiao.storage import distributing

    return distributing.distribute(settings.database)


def open_storage(settings: Settings) -> Storage:
    """The database, as it is. Raises StorageError when it is missing, or older or newer than this program."""
    if settings.on_postgres:
        from hexiao.storage import postgres

        return postgres.open_storage(settings.database)
    return sqlite.open_storage(settings.sqlite_path)


def lacks_tables(settings: Settings) -> bool:
    """True for a database that is missing, or where there is nothing yet. Raises StorageError when it is not ours."""
    if not settings.on_postgres and not settings.sqlite_path.exists():
        return True
    with closing(_side(settings, written=True)) as side:
        return side.lacks_tables()


def open_side(settings: Settings, *, written: bool = False) -> Side:
    """The database as rows to be moved; a target, `written`, gets the tables that it lacks. Raises StorageError."""
    if written and lacks_tables(settings):
        migrate(settings)
    side = _side(settings, written)
    try:
        side.demand_schema(unfinished=written)
    except BaseException:
        side.close()
        raise
    return side


def _side(settings: Settings, written: bool) -> Side:
    if settings.on_postgres:
        from hexiao.storage.postgres_side import PostgresSide

        return PostgresSide(settings.database)
    from hexiao.storage.sqlite_side import SqliteSide

    return SqliteSide(settings.sqlite_path, written=written)


def open_engine(settings: Settings, *, clock: Clock | None = None, sweep_seconds: float = 0) -> Engine:
    """A running engine; close it. Without `sweep_seconds` holds lapse when they are met, not by themselves."""
    storage = open_storage(settings)
    try:
        passed = since_boot if clock is None else None  # a clock that was handed in is not doubted
        return Engine(storage, clock or system_clock, secrets.randbelow, sweep_seconds=sweep_seconds, passed=passed)
    except BaseException:
        storage.close()
        raise


def open_vault(settings: Settings, *, may_make: bool = True) -> Vault:
    """Raises StorageError when the key cannot be used, or is not there and may not be made."""
    if settings.master_key:
        try:
            return Vault(bytes.fromhex(settings.master_key))
        except ValueError as wrong:
            raise StorageError("HEXIAO_MASTER_KEY must be the 64 hexadecimal digits of the master key") from wrong
    try:
        return Vault((load_or_make_key if may_make else load_key)(settings.key_file))
    except (ValueError, OSError) as wrong:
        raise StorageError(f"the master key file {settings.key_file} cannot be used: {wrong}") from wrong


def check_master_key(settings: Settings) -> None:
    """Raises StorageError when the database cannot be used, or when its secrets were sealed under another key."""
    with closing(open_storage(settings)) as storage:
        sealed = storage.one_sealed_credential()
    vault = open_vault(settings, may_make=sealed is None)
    if sealed is not None:
        try:
            vault.open(sealed.sealed, place_of(sealed.door, sealed.public_id))
        except SealBroken as broken:
            raise StorageError(
                "the master key does not fit this database: its secrets were sealed under another one;"
                f" give the right key by HEXIAO_MASTER_KEY or HEXIAO_MASTER_KEY_FILE (now: {settings.key_file})"
            ) from broken


def check_cores(settings: Settings) -> None:
    """Raises BadRequest when each worker is to have a core of its own, and there are too few."""
    if settings.own_cores:
        demand_cores(settings.workers)


def build_app(engine: Engine, vault: Vault, settings: Settings) -> AsgiApp:
    """One ASGI application with every door mounted at its paths; a door answers everything below them itself."""
    from hexiao.gateways.kingdee import server as kingdee
    from hexiao.gateways.zvcms import server as zvcms
    from hexiao.web import app as web

    requests: tuple[tuple[str, str], ...] = ()
    if settings.demo:
        from hexiao.demo import demo_requests

        requests = demo_requests(settings.base_url)
    kingdee_app = kingdee.build(engine, vault, window_seconds=settings.window_seconds)
    zvcms_app = zvcms.build(engine, vault, window_seconds=settings.window_seconds)
    web_app = web.build(engine, demo_requests=requests)
    mounts = (("/jdyconnector/", kingdee_app), ("/jdy/", kingdee_app), ("/api/v2/", zvcms_app))

    def dispatch(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope.get("http_version") == "1":  # so Granian calls 1.0, which nginx speaks to what is behind it
            scope["http_version"] = "1.0"
        path = f"/{scope['path'].lstrip('/')}/"  # a slash too many is that door's wrong address, not another's
        for prefix, door in mounts:
            if path.startswith(prefix):
                return door(scope, receive, send)
        return web_app(scope, receive, send)

    return dispatch


class Application:
    """What a Granian worker runs: opens the engine at start-up, closes it at shut-down, dispatches between."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._engine: Engine | None = None
        self._dispatch: AsgiApp | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._live(receive, send)
        assert self._dispatch is not None
        return self._dispatch(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    self._engine = open_engine(self._settings, clock=self._clock, sweep_seconds=5.0)
                    self._dispatch = build_app(self._engine, open_vault(self._settings), self._settings)
                    _settle_interpreter()
                except Exception as failed:
                    log.error("cannot_start", reason=str(failed))
                    await send({"type": "lifespan.startup.failed", "message": str(failed)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._engine is not None:
                    self._engine.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _settle_interpreter() -> None:
    """Set for one busy event loop and one committer that each wait for the other's turn."""
    gc.collect()
    gc.freeze()  # what stands after the start stays: no use looking through it again and again
    gc.set_threshold(50_000, 20, 100)  # commands and rows make no cycles; counting references frees them
    sys.setswitchinterval(0.001)  # else the committer waits 5 ms for its turn after each answer of the database


def app() -> Application:
    """The factory that Granian calls in each worker process."""
    settings = load_settings()
    configure_logs(settings.log_level)
    offer = os.environ.get(CORES) if settings.own_cores else None
    if offer and take_core(offer) is None:
        log.warning("no_core_left")
    take_turns()
    return Application(settings)


def _allow_open_files() -> None:
    """As many as the system lets us: each client's connection is one, and a shell gives 1,024. Whoever came after that
    would wait without an answer, and no connection to the database could be made anew."""
    with suppress(ImportError, OSError, ValueError):  # macOS calls its limit endless, and does not mean it
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve(settings: Settings) -> None:
    """Run the server until a signal ends it. The caller has checked the database and the key."""
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    configure_logs(settings.log_level)
    _allow_open_files()
    os.environ.update(to_environment(settings))
    if settings.own_cores:
        os.environ[CORES] = offer_cores()
    Server(
        "hexiao.wiring:app",
        factory=True,
        interface=Interfaces.ASGI,
        # Granian takes numbers only; the port was probed at this very one of the name's addresses.
        address=settings.host if ":" in settings.host else socket.gethostbyname(settings.host),
        port=settings.port,
        workers=settings.workers,
        respawn_failed_workers=True,  # the others go on meanwhile; who dies again at once ends the server
        loop=Loops.auto,
        log_access=False,
        log_enabled=True,
        backlog=2048,
        backpressure=CONNECTIONS_MAX,
        websockets=False,  # there are none; who asks for one gets the door's answer to a GET
        workers_kill_timeout=10,
        static_path_mount=None,
        working_dir=Path.cwd(),
    ).serve()
