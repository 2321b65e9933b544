"""demo: fills an empty database with the demo, and says how to try it. What `serve --demo` begins with."""

from __future__ import annotations

from contextlib import closing

import typer

from hexiao import demo as demo_data
from hexiao import wiring
from hexiao.cli import show
from hexiao.cli.exits import Exit, Stop, reporting
from hexiao.cli.session import DatabaseOption, JsonOption, examples, shown_database
from hexiao.config import Settings, load_settings


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("hexiao demo", "hexiao demo --database sqlite:///tmp/demo.db"))(demo)


def demo(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """生成演示数据 · Fill an empty database with a merchant, 30 days of history and both vendors' samples."""
    with reporting(as_json):
        settings = load_settings(database=database)
        _make_tables(settings)
        if not _is_empty(settings):
            raise Stop(
                Exit.REFUSED,
                "数据库不是空的，演示数据只写入空库",
                f"{shown_database(settings)} is not empty; give another one with --database",
            )
        _fill(settings)
        if as_json:
            credentials = [{"what": what, "value": value} for what, value in demo_data.demo_credentials()]
            show.json({"database": shown_database(settings), "credentials": credentials})
        else:
            introduce(settings)


def make(settings: Settings) -> None:
    """Make the demo when the database is empty. Raises Stop when it holds something else."""
    _make_tables(settings)
    if _is_empty(settings):
        _fill(settings)
        return
    with closing(wiring.open_storage(settings)) as storage:
        complete = demo_data.is_complete(storage)
    if not complete:
        raise Stop(
            Exit.REFUSED,
            "数据库里已有数据，但不是完整的演示数据：若是生成中断所致，请另给一个空库，或删除后重来；否则请去掉 --demo",
            f"{shown_database(settings)} holds data, but not all of the demo; if its making was interrupted, give"
            " another one with --database, or remove it and start again; else serve it without --demo",
        )


def _make_tables(settings: Settings) -> None:
    """Where there are none: what holds rows may be in use, and its upgrade is for its operator to decide."""
    if wiring.lacks_tables(settings):
        wiring.migrate(settings)


def _is_empty(settings: Settings) -> bool:
    with closing(wiring.open_storage(settings)) as storage:
        return demo_data.is_empty(storage)


def _fill(settings: Settings) -> None:
    clock = demo_data.HistoryClock()
    engine = wiring.open_engine(settings, clock=clock)
    try:
        with show.progress("生成演示数据 making the demo, day", demo_data.DAYS) as bar:
            task = bar.task_ids[0]
            demo_data.fill(
                engine, clock, wiring.open_vault(settings), wiring.system_clock(),
                lambda day: bar.update(task, completed=day),
            )  # fmt: skip
    finally:
        engine.close()


def introduce(settings: Settings) -> None:
    """The keys, and one request for each door to paste into another shell."""
    show.fields(
        "演示密钥 Demo keys (public: for this machine only)",
        [(what, show.escape(value)) for what, value in demo_data.demo_credentials()],
    )
    for title, request in demo_data.demo_requests(settings.base_url):
        show.plain(f"\n# {title}\n{request}")
    show.plain("")
