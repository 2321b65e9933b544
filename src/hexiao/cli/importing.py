"""coupon import: take over codes made elsewhere from a CSV file. Everything wrong is shown before anything is written.

A run that was cut short is repeated with the same file: parts that were written are known by their content.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from hexiao.cli import show
from hexiao.cli.csvfile import COLUMNS, Row, Wrong, read_rows
from hexiao.cli.exits import Exit, Stop
from hexiao.cli.session import ACTOR, DatabaseOption, JsonOption, MerchantOption, Session, examples, session
from hexiao.domain.scheme import Scheme
from hexiao.engine.commands import BATCH_ITEMS_MAX, Import, Issued
from hexiao.storage.snapshot import Names

WRONG_SHOWN = 50


def add_to(app: typer.Typer) -> None:
    app.command(
        "import",
        epilog=examples(
            "hexiao coupon import 002 old-codes.csv --dry-run",
            "hexiao coupon import 002 old-codes.csv",
        )
        + "\n\n[bold]CSV[/]\n\n  code,member_id,received_at,face_yuan\n\n  8888 0001,1333333333,2026-11-01 10:00:00,50.00",
    )(import_)


def import_(
    scheme: Annotated[str, typer.Argument(metavar="SCHEME", help="方案编号或 ID")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help=f"列 columns: {', '.join(COLUMNS)}")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查 · look, write nothing")] = False,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """导入别处的券号 · Take over coupons made elsewhere. Only the column `code` is needed."""
    with session(database, merchant, as_json) as run:
        found = run.scheme(scheme)
        rows, wrong = read_rows(file.read_bytes(), run.zone)
        parts = [Part(found, rows[start : start + BATCH_ITEMS_MAX]) for start in range(0, len(rows), BATCH_ITEMS_MAX)]
        for part in parts:
            wrong += part.check(run)
        wrong.sort(key=lambda one: one.line)
        if wrong:
            _refuse(as_json, rows, wrong)
        written = 0
        with show.progress("导入 importing", len(rows)) as bar:
            for part in () if dry_run else parts:
                written += len(run.ask(part.command(run), Issued).coupons)
                bar.update(bar.task_ids[0], completed=written)
        if as_json:
            show.json({"rows": len(rows), "imported": written, "wrong": []})
        else:
            show.say(f"可导入 {len(rows)} 行，未写入 · {len(rows)} rows are right, none was written" if dry_run
                     else f"已导入 {written} 张 · imported {written}")  # fmt: skip


class Part:
    """Up to BATCH_ITEMS_MAX rows that are written together. Its request id says what is in it."""

    def __init__(self, scheme: Scheme, rows: list[Row]) -> None:
        self._scheme = scheme
        self._rows = rows
        content = repr((scheme.merchant_id, scheme.id, [row.imported for row in rows]))
        self._request_id = f"{ACTOR}/import/{hashlib.sha256(content.encode()).hexdigest()}"

    def command(self, run: Session) -> Import:
        return Import(
            merchant_id=run.merchant_id, request_id=self._request_id, actor=ACTOR,
            scheme_id=self._scheme.id, coupons=tuple(row.imported for row in self._rows),
        )  # fmt: skip

    def check(self, run: Session) -> list[Wrong]:
        """What the database says: taken codes and ids, unknown members. A part that was written before is right."""
        names = Names()
        names.requests.add(self._request_id)
        for row in self._rows:
            names.codes.add((run.merchant_id, row.imported.code))
            if row.imported.member_id is not None:
                names.members.add(row.imported.member_id)
            if row.imported.id is not None:
                names.coupons.add(row.imported.id)
        known = run.storage.load(names)
        if self._request_id in known.requests:
            return []
        wrong = []
        for row in self._rows:
            item = row.imported
            if (run.merchant_id, item.code) in known.coupon_ids:
                wrong.append(Wrong(row.line, "code", item.code, "券号已存在 · exists already"))
            if item.id is not None and item.id in known.coupons:
                wrong.append(Wrong(row.line, "id", str(item.id), "ID 已存在 · exists already"))
            if item.member_id is not None:
                member = known.members.get(item.member_id)
                if member is None or member.merchant_id != run.merchant_id:
                    wrong.append(Wrong(row.line, "member_id", str(item.member_id), "没有这位会员 · no such member"))
            elif self._scheme.terms.holder == "member" or self._scheme.terms.per_member:
                wrong.append(Wrong(row.line, "member_id", "", "此方案须有会员 · this scheme needs a member"))
        return wrong


def _refuse(as_json: bool, rows: list[Row], wrong: list[Wrong]) -> None:
    if as_json:
        show.json({"rows": len(rows), "imported": 0, "wrong": [one._asdict() for one in wrong]})
        raise typer.Exit(Exit.USAGE)
    cells = [(str(one.line), one.column, escape(one.value), one.reason) for one in wrong[:WRONG_SHOWN]]
    show.table("有误的行 wrong rows", ("line>", "column", "value", "why"), cells)
    raise Stop(
        Exit.USAGE,
        f"{len(wrong)} 处有误，没有写入任何一行；改好后重新导入",
        f"{len(wrong)} mistakes; nothing was written. Mend the file and import it again",
    )
