"""A CSV file of coupons made elsewhere → rows, and everything that is wrong with them by itself. Asks no database."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hexiao.cli.exits import Exit, Stop
from hexiao.domain.coupon import CODE_MAX, Channel, normalise_code
from hexiao.domain.money import parse_yuan
from hexiao.engine.commands import Imported
from hexiao.web.views import CHANNELS
from hexiao.web.wire import ID_MAX

COLUMNS = ("code", "member_id", "received_at", "face_yuan", "channel", "id", "record_id")
VALUE_SHOWN = 80


class Row(NamedTuple):
    line: int
    imported: Imported


class Wrong(NamedTuple):
    """One mistake: where it stands, and why it is one."""

    line: int
    column: str
    value: str
    reason: str


def read_rows(content: bytes, zone: ZoneInfo) -> tuple[list[Row], list[Wrong]]:
    """The good rows and the mistakes. Raises Stop when it is no CSV file with a column `code` at all."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Stop(Exit.USAGE, "文件不是 UTF-8 编码", "the file is not UTF-8; save it as CSV UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as broken:
        raise Stop(Exit.USAGE, "不是 CSV 文件", f"not a CSV file: {broken}") from None
    unknown = [name for name in names if name not in COLUMNS]
    if "code" not in names or unknown or len(set(names)) != len(names):
        raise Stop(
            Exit.USAGE,
            f"首行应为列名：{','.join(COLUMNS)}（code 必填）",
            f"the first line must name the columns, each once: {','.join(COLUMNS)} (only code is needed)"
            + (f"; not known: {', '.join(unknown)}"[:200] if unknown else ""),
        )
    reader.fieldnames = names
    rows: list[Row] = []
    wrong: list[Wrong] = []
    seen: dict[str, int] = {}
    try:
        for cells in reader:
            line = reader.line_num
            imported = _row(cells, line, zone, wrong)
            if imported is None:
                continue
            if imported.code in seen:
                wrong.append(
                    Wrong(line, "code", imported.code, f"与第 {seen[imported.code]} 行相同 · the same as there")
                )
                continue
            seen[imported.code] = line
            rows.append(Row(line, imported))
    except csv.Error as broken:
        wrong.append(Wrong(reader.line_num, "", "", f"CSV: {broken}"))
    return rows, wrong


def _row(cells: dict[str, str | None], line: int, zone: ZoneInfo, wrong: list[Wrong]) -> Imported | None:
    before = len(wrong)
    if None in cells:  # what csv calls the cells beyond the last column
        wrong.append(Wrong(line, "", "", "列数过多 · more cells than columns"))
        return None
    found: dict[str, object] = {}
    for column, read in _READERS.items():
        text = (cells.get(column) or "").strip()
        if not text and column != "code":
            continue
        try:
            found[column] = read(text, zone)
        except ValueError as reason:
            wrong.append(Wrong(line, column, text[:VALUE_SHOWN], str(reason)))
    if len(wrong) > before:
        return None
    face_fen = found.pop("face_yuan", None)
    return Imported(face_fen=face_fen, **found)  # type: ignore[arg-type]


def _code(text: str, _zone: ZoneInfo) -> str:
    code = normalise_code(text)
    if not 0 < len(code) <= CODE_MAX:
        raise ValueError(f"券号须为 1–{CODE_MAX} 个字符 · a code has 1 to {CODE_MAX} characters")
    return code


def _id(text: str, _zone: ZoneInfo) -> int:
    if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= ID_MAX:
        return int(text)
    raise ValueError("须为十进制数字 · a decimal number")


def _time(text: str, zone: ZoneInfo) -> int:
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("须为 2026-11-01 10:00:00 · not a time like that") from None
    at = local if local.tzinfo else local.replace(tzinfo=zone)
    if not 1970 < at.year < 9000:
        raise ValueError("年份超出范围 · the year is out of range")
    return int(at.timestamp() * 1000)


def _yuan(text: str, _zone: ZoneInfo) -> int:
    try:
        fen = parse_yuan(text)
    except ValueError:
        fen = 0
    if fen <= 0:
        raise ValueError("须为大于 0 的金额 · an amount above 0")
    return fen


def _channel(text: str, _zone: ZoneInfo) -> Channel:
    if text not in CHANNELS:
        raise ValueError(f"须为 {'、'.join(CHANNELS)} · one of these")
    return Channel(CHANNELS.index(text))


_READERS: dict[str, Callable[[str, ZoneInfo], object]] = {
    "code": _code,
    "member_id": _id,
    "received_at": _time,
    "face_yuan": _yuan,
    "channel": _channel,
    "id": _id,
    "record_id": _id,
}
