"""backup, restore, copy: the books into one file, back into a database, and from one engine to the other.

Never writes over anything: a backup needs a new file, restore and copy need an empty database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hexiao import wiring
from hexiao.cli import show
from hexiao.cli.damage import damaged, demand_sound
from hexiao.cli.exits import Exit, Stop, reporting
from hexiao.cli.newfile import demand_new, published
from hexiao.cli.session import DatabaseOption, JsonOption, examples
from hexiao.config import Settings, load_settings
from hexiao.storage.base import Broken, StorageError
from hexiao.storage.moving import NODES_SKIPPED, Compared, Moved, SamePlace, Sums, WholeAlready, move
from hexiao.storage.side import NotEmpty, OtherCopy, Side

HASH_SHOWN = 16
REFUSALS: dict[type[StorageError], str] = {
    NotEmpty: "目标数据库不是空的，请另给一个空库",
    OtherCopy: "目标里有另一次未完成的复制，请另给一个空库",
    SamePlace: "来源和目标是同一个数据库",
    WholeAlready: "目标已由另一次运行完成，请用 hexiao verify 检查",
}


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            "hexiao backup books-2025-11-22.db",
            "hexiao backup books.db --database postgresql://hexiao@db/hexiao",
        )
    )(backup)
    app.command(
        epilog=examples(
            "hexiao restore books.db --database sqlite:///srv/new.db",
            "hexiao restore books.db --database postgresql://hexiao@db/new",
        )
    )(restore)
    app.command(
        epilog=examples(
            "hexiao copy --from sqlite:///data/hexiao.db --to postgresql://hexiao@db/new",
            "hexiao copy --from postgresql://hexiao@db/hexiao --to sqlite:///new.db",
        )
    )(copy)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="新文件 · a new file; it becomes a SQLite database")],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """在线备份 · Back everything up into one file while servers run; the master key is not in it."""
    with reporting(as_json), _refusals():
        settings = load_settings(database=database)
        demand_new(file)
        with closing(wiring.open_side(settings)) as source, published(file) as unfinished:
            _save(source, unfinished)
            with closing(wiring.open_side(_file_settings(unfinished))) as made:
                if found := made.damage():
                    demand_sound(source, source.name)  # whose pages it has
                    raise damaged(str(file), found)
                rows = {table.name: made.count(table) for table in made.tables()}
                broken, ends_at = _broken(made), made.last_entry_at()
        if as_json:
            show.json(
                {"file": str(file), "bytes": file.stat().st_size, "rows": rows, "last_entry_at": _instant(ends_at),
                 "broken": broken}
            )  # fmt: skip
        else:
            show.say(
                f"[green]✓[/] 已备份 · backed up {sum(rows.values()):,} rows, {file.stat().st_size:,} bytes,"
                f" {_books_end(ends_at)}: {show.escape(str(file))}"
            )
            show.note("主密钥不在其中，请另行保管 · the master key is not in it: keep that in another place")
        _demand_unbroken(broken, as_json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="备份文件 · made by hexiao backup")],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """恢复备份 · Fill an empty or missing database from a backup, compare, and check every invariant."""
    with reporting(as_json), _refusals():
        settings = load_settings(database=database)
        if not file.is_file():
            raise Stop(Exit.USAGE, f"没有文件 {file}", f"there is no file {file}: give one made by hexiao backup")
        with closing(wiring.open_side(_file_settings(file))) as source:
            demand_sound(source, str(file))
            with closing(wiring.open_side(settings, written=True)) as target:
                moved = _moved(source, target, skip_nodes=NODES_SKIPPED)
                broken, ends_at = _checked(target, moved), target.last_entry_at()
                where = target.name
        _report(moved, str(file), where, as_json, {"last_entry_at": _instant(ends_at), "broken": broken})
        if not as_json:
            show.say(f"[green]✓[/] 已恢复 · restored, {_books_end(ends_at)}: {show.escape(where)}")
        _demand_unbroken(broken, as_json)


def copy(
    source_url: Annotated[str, typer.Option("--from", metavar="URL", help="来源 · where the books are")],
    target_url: Annotated[str, typer.Option("--to", metavar="URL", help="目标 · an empty or missing database")],
    as_json: JsonOption = False,
) -> None:
    """复制到另一个数据库 · Copy everything, SQLite or PostgreSQL on either side, and compare; no server may run."""
    with reporting(as_json), _refusals():
        from_settings, to_settings = _known_kind(source_url), _known_kind(target_url)
        with (
            closing(wiring.open_side(from_settings)) as source,
            closing(wiring.open_side(to_settings, written=True)) as target,
        ):
            moved = _moved(source, target)
            names = source.name, target.name
        _report(moved, *names, as_json, {})
        if not as_json:
            show.say(
                f"[green]✓[/] 两边一致 · the same on both sides: {show.escape(names[0])} → {show.escape(names[1])}"
            )


# Steps.


def _save(source: Side, unfinished: Path) -> None:
    with show.telling("备份 backing up") as tell:
        if source.duplicate(unfinished, tell):
            return
        with closing(wiring.open_side(_file_settings(unfinished), written=True)) as target:
            moved = move(source, target, tell, live=True)
    if not moved.whole:
        raise Stop(Exit.REFUSED, "备份与数据库不一致，未保留", f"the backup differs and was not kept: {_named(moved)}")


def _moved(source: Side, target: Side, *, skip_nodes: int = 0) -> Moved:
    try:
        with show.telling("复制 copying") as tell:
            return move(source, target, tell, skip_nodes=skip_nodes)
    except KeyboardInterrupt:
        show.note("已中断，重复同一命令即可继续 · interrupted: the same command goes on where it stopped")
        raise


def _checked(target: Side, moved: Moved) -> list[Broken]:
    try:
        return _broken(target)
    except KeyboardInterrupt:
        if moved.whole:
            show.note(
                "已全部恢复，只有检查被中断，请运行 hexiao verify · everything was restored, only its check was"
                " interrupted: run hexiao verify"
            )
        raise


def _file_settings(file: Path) -> Settings:
    return Settings(database=f"sqlite:///{file.resolve()}")


# What is demanded.


def _known_kind(url: str) -> Settings:
    """Raises BadRequest before any database is opened or made."""
    settings = load_settings(database=url)
    assert settings.on_postgres or settings.sqlite_path
    return settings


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except tuple(REFUSALS) as refused:
        raise Stop(Exit.REFUSED, REFUSALS[type(refused)], str(refused)) from refused


def _broken(side: Side) -> list[Broken]:
    with show.progress("检查 verifying", None):
        return list(side.broken(wiring.system_clock()))


def _demand_unbroken(broken: list[Broken], as_json: bool) -> None:
    """The books were broken before they were moved: the rows are all there, and somebody must look at them."""
    if not broken:
        return
    if not as_json:
        names = sorted({one.invariant for one in broken})
        show.complain(
            f"数据已全部写入，但有 {len(broken)} 行违反不变量，请用 hexiao verify 查看",
            f"every row is there, but {len(broken)} break an invariant ({'; '.join(names)}): see hexiao verify",
        )
    raise typer.Exit(Exit.REFUSED)


# What is shown.


def _report(moved: Moved, source: str, target: str, as_json: bool, more: dict[str, object]) -> None:
    """The comparison, table by table. Ends the command with 1 unless it found the same on both sides."""
    if as_json:
        tables = [
            {"table": one.table, "equal": one.equal, "first_difference": one.first_difference, "source": one.source,
             "target": one.target}
            for one in moved.tables
        ]  # fmt: skip
        show.json(
            {"source": source, "target": target, "resumed": moved.resumed, "whole": moved.whole,
             "source_changed": moved.source_changed, "tables": tables, **more}
        )  # fmt: skip
    else:
        if moved.resumed:
            show.note("继续上次未完成的复制 · went on with the copy that was interrupted")
        rows = [line for one in moved.tables for line in _lines(one)]
        show.table("比较 Compared", ("table", "rows>", "sums, fen", "sha256", ""), rows)
    if moved.whole:
        return
    if not as_json:
        zh, en = _sentences(moved)
        show.complain(zh, f"{en}; {target} stays marked as unfinished: drop it, and copy into an empty one")
    raise typer.Exit(Exit.REFUSED)


def _lines(one: Compared) -> list[tuple[str, str, str, str, str]]:
    mark = "[green]✓[/]" if one.equal else f"[bold red]✗[/] {show.escape(one.first_difference)}"
    lines = [(one.table, *_cells(one.source), mark)]
    return lines if one.equal else [*lines, ("≠", *_cells(one.target), "")]


def _cells(sums: Sums) -> tuple[str, str, str]:
    money = " ".join(f"{name.removesuffix('_fen')} {fen}" for name, fen in sums.sums.items())
    return f"{sums.rows:,}", money, sums.sha256[:HASH_SHOWN]


def _sentences(moved: Moved) -> tuple[str, str]:
    if moved.source_changed:
        return (
            "复制期间来源有变化，请停止所有服务后重新复制",
            "the source changed while it was copied: stop every server on it",
        )
    return f"两边不一致：{_named(moved)}", f"the two sides differ: {_named(moved)}"


def _named(moved: Moved) -> str:
    return ", ".join(f"{one.table} ({one.first_difference})" for one in moved.tables if not one.equal)


def _books_end(at: int | None) -> str:
    return "流水没有时间 no entry with a time" if at is None else f"流水至 up to {_instant(at)}"


def _instant(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
