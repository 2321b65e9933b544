"""Refuses a SQLite file whose pages are damaged, before anybody believes its rows. Mends nothing."""

from __future__ import annotations

from hexiao.cli.exits import Exit, Stop
from hexiao.storage.side import Side


def demand_sound(side: Side, name: str) -> None:
    if found := side.damage():
        raise damaged(name, found)


def damaged(name: str, found: str) -> Stop:
    return Stop(
        Exit.REFUSED, f"文件 {name} 已损坏：请原样保留，改用完好的备份",
        f"{name} is damaged ({found}): keep it as it is, and go on with a backup that is whole",
    )  # fmt: skip
