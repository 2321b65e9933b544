"""serve, migrate, verify: the life of a server and its database."""

from __future__ import annotations

import socket
from contextlib import closing
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from hexiao import wiring
from hexiao.cli import chain as chain_of_blocks
from hexiao.cli import show
from hexiao.cli.damage import demand_sound
from hexiao.cli.exits import Exit, Stop, reporting
from hexiao.cli.session import DatabaseOption, JsonOption, examples, shown_database
from hexiao.config import Settings, load_settings
from hexiao.storage.base import Broken

ROWS_SHOWN = 200
HEADS_SHOWN = 10


class Distribution(StrEnum):
    CITUS = "citus"


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            "hexiao serve --demo",
            "hexiao migrate && hexiao serve --host 0.0.0.0 --port 80",
            "HEXIAO_DATABASE=postgresql://host/name hexiao serve --workers 2 --own-cores",
        )
    )(serve)
    app.command(
        epilog=examples(
            "hexiao migrate",
            "hexiao migrate --database sqlite:///srv/hexiao.db",
            "hexiao migrate --distribute citus --database postgresql://host/name",
        )
    )(migrate)
    app.command(
        epilog=examples(
            "hexiao verify", "hexiao verify --json | jq .broken", "hexiao verify --no-sweep", "hexiao verify --chain"
        ),
    )(verify)


def serve(
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option("--host", envvar="HEXIAO_HOST", help="地址 (default 127.0.0.1)")] = None,
    port: Annotated[
        int | None, typer.Option("--port", envvar="HEXIAO_PORT", min=1, max=65535, help="端口 (default 8080)")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", envvar="HEXIAO_WORKERS", min=1, max=64, help="进程数 (default 1)")
    ] = None,
    own_cores: Annotated[
        bool | None,
        typer.Option(
            "--own-cores/--shared-cores",
            envvar="HEXIAO_OWN_CORES",
            help="每个进程固定一个核 · a core for each process, where little else runs (default: shared)",
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="演示 · make the demo data when the database is empty, print keys")
    ] = False,
    anywhere: Annotated[
        bool,
        typer.Option("--demo-anywhere", help="公开的演示密钥也可用于非本机地址 · its keys are public: think twice"),
    ] = False,
) -> None:
    """启动服务 · Serve our API, the Kingdee door and the zvcms door until Ctrl-C."""
    with reporting(False):
        settings = load_settings(
            database=database, host=host, port=port, workers=workers, own_cores=own_cores, demo=demo or None
        )
        wiring.check_cores(settings)
        if settings.demo:
            # Not above: a server that starts without the demo does not wait for it.
            from hexiao.cli import demodata

            _demand_loopback(settings.host, anywhere)
            demodata.make(settings)
        wiring.check_master_key(settings)
        _demand_free_port(settings)
        if settings.demo:
            demodata.introduce(settings)
        show.remark(f"hexiao: {settings.base_url}  (Ctrl-C ends it)")
        wiring.serve(settings)


def migrate(
    database: DatabaseOption = None,
    break_lock: Annotated[
        bool, typer.Option("--break-lock", help="确认没有别的升级在运行时 · when you know that no other migration runs")
    ] = False,
    distribute: Annotated[
        Distribution | None,
        typer.Option("--distribute", help="分布到多台机器 · spread the tables over several machines"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """建库或升级表结构 · Make the database, or bring its tables up to this program."""
    with reporting(as_json):
        settings = load_settings(database=database)
        with show.telling("升级 migrating") as tell:
            applied = wiring.migrate(settings, tell, break_lock=break_lock)
            statements = wiring.distribute(settings) if distribute else []
        if as_json:
            spread = {"distributed": statements} if distribute else {}
            show.json({"database": shown_database(settings), "applied": applied, **spread})
            return
        for statement in statements:
            show.plain(f"{statement};")
        done = bool(applied or statements)
        told = f"已完成 · applied: {show.escape(', '.join(applied) or 'Citus')}"
        show.say(told if done else "已是最新 · nothing to do")


def verify(
    database: DatabaseOption = None,
    sweep: Annotated[
        bool, typer.Option(help="先登记已超时的预核销 · first write down the holds that lapsed while no server ran")
    ] = True,
    chain: Annotated[
        bool,
        typer.Option("--chain", help="并核对流水的链 · also look for journal rows that were changed, removed, added"),
    ] = False,
    heads: Annotated[
        list[Path] | None,
        typer.Option("--heads", help="已签名的链头，可多次 · signed heads that must be in the chain; may be repeated"),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="公钥 · the public key of the signed heads")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """检查不变量 · Check every invariant of the books; exit code 1 and the rows when one is broken."""
    with reporting(as_json):
        settings = load_settings(database=database)
        if sweep:
            engine = wiring.open_engine(settings)
            try:
                engine.sweeper.sweep()
            finally:
                engine.close()
        broken: list[Broken] = []
        # Opened to be read: a backup stays, byte by byte, what it was, and may be write-protected.
        with closing(wiring.open_side(settings)) as side, show.progress("检查 verifying", None) as bar:
            demand_sound(side, side.name)
            # A hold that lapsed after a backup was made waits there for a sweeper for ever; nothing is wrong with it.
            for row in side.broken(wiring.system_clock(), swept=sweep):
                broken.append(row)
                bar.update(bar.task_ids[0], completed=len(broken))
        checked = chain_of_blocks.check(settings, heads or [], public_key) if chain or heads or public_key else None
        tampered = bool(checked and checked[1])
        if as_json:
            told = {"chain": chain_of_blocks.told(*checked)} if checked else {}
            show.json({"ok": not (broken or tampered), "broken": broken, **told})
            checked = None
        elif broken:
            rows = [(show.escape(one.invariant), show.escape(_keys(one))) for one in broken[:ROWS_SHOWN]]
            show.table(f"不变量被破坏 · broken: {len(broken)}", ("invariant", "row"), rows)
        else:
            show.say("[green]✓[/] 全部不变量成立 · every invariant holds")
        if checked:
            chain_of_blocks.show_check(*checked, HEADS_SHOWN)
        if broken or tampered:
            raise typer.Exit(Exit.REFUSED)


def _demand_loopback(host: str, anywhere: bool) -> None:
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not (loopback or anywhere):
        raise Stop(
            Exit.USAGE,
            "演示密钥是公开的，只能监听本机；确需如此请加 --demo-anywhere",
            f"the demo's keys are public, so it listens on this machine only, not on {host};"
            " --demo-anywhere overrides that",
        )


def _demand_free_port(settings: Settings) -> None:
    """Said in a sentence here, rather than by a dying worker."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as taken:
            raise Stop(
                Exit.UNAVAILABLE,
                f"不能监听 {settings.host}:{settings.port}，可用 --port 换一个端口",
                f"cannot listen on {settings.host}:{settings.port} ({taken.strerror}); another port: --port",
            ) from taken


def _keys(broken: Broken) -> str:
    return ", ".join(f"{name}={value}" for name, value in broken.row.items())
