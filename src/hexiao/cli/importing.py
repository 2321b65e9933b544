"""coupon import: take over codes made elsewhere from a CSV file. Everything wrong is shown before anything is written.

A run that was cut short is repeated with the same file: parts that were written are known by their content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hexiao.cli import show
from hexiao.cli.csvfile import COLUMNS, Row, Wrong, read_rows
from hexiao.cli.exits import Exit, Stop
from hexiao.cli.session import ACTOR, DatabaseOption, JsonOption, MerchantOption, Session, examples, session
from hexiao.domain.errors import Code, Refused
from hexiao.domain.scheme import Scheme, face_of
from hexiao.engine.commands import BATCH_ITEMS_MAX, Import, Imported, Issued
from hexiao.storage.snapshot import Names, Snapshot

WRONG_SHOWN = 50


def add_to(app: typer.Typer) -> None:
    app.command(
        "import",
        epilog=examples(
            "hexiao coupon import 002 old-codes.csv --dry-run",
            "hexiao coupon import 002 old-codes.csv",
        )
        + "\n\n[bold]CSV[/]\n  code,member_id,received_at,face_yuan"
        + "\n  8888 0001,1333333333,2026-11-01 10:00:00,50.00",
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
        checker = Checker(run, found)
        with show.progress("检查 checking", len(parts)) as bar:
            for part in parts:
                wrong += checker.check(part)
                bar.advance(bar.task_ids[0])
        if wrong:
            _refuse(as_json, rows, sorted(wrong, key=lambda one: one.line))
        checker.check_stock()
        written = 0
        with show.progress("导入 importing", len(rows)) as bar:
            for part in () if dry_run else parts:
                written += len(run.ask(part.command, Issued).coupons)
                bar.update(bar.task_ids[0], completed=written)
        if as_json:
            show.json({"rows": len(rows), "imported": written, "wrong": []})
        else:
            show.say(f"可导入 {len(rows)} 行，未写入 · {len(rows)} rows are right, none was written" if dry_run
                     else f"已导入 {written} 张 · imported {written}")  # fmt: skip


class Part:
    """Up to BATCH_ITEMS_MAX rows that are written together. Its request id says what is in it."""

    def __init__(self, scheme: Scheme, rows: list[Row]) -> None:
        self.rows = rows
        self._scheme = scheme
        content = repr((scheme.merchant_id, scheme.id, [row.imported for row in rows]))
        self.request_id = f"{ACTOR}/import/{hashlib.sha256(content.encode()).hexdigest()}"

    @property
    def command(self) -> Import:
        return Import(
            merchant_id=self._scheme.merchant_id, request_id=self.request_id, actor=ACTOR,
            scheme_id=self._scheme.id, coupons=tuple(row.imported for row in self.rows),
        )  # fmt: skip

    @property
    def names(self) -> Names:
        """What must be known to judge its rows."""
        merchant_id, scheme_id = self._scheme.merchant_id, self._scheme.id
        items = [row.imported for row in self.rows]
        member_ids = {item.member_id for item in items if item.member_id is not None}
        return Names(
            requests={self.request_id},
            codes={(merchant_id, item.code) for item in items},
            coupons={item.id for item in items if item.id is not None},
            members=member_ids,
            receipts={(scheme_id, member_id) for member_id in member_ids},
        )


class Checker:
    """What the database and the scheme say about the rows; a part that was written before is right."""

    def __init__(self, run: Session, scheme: Scheme) -> None:
        self._run = run
        self._scheme = scheme
        self._face_fen, _ = face_of(scheme.benefit)
        self._new_for_member: dict[int, int] = {}
        self._ids: set[int] = set()
        self.new_rows = 0

    def check(self, part: Part) -> Iterator[Wrong]:
        known = self._run.storage.load(part.names)
        if part.request_id in known.requests:
            return
        self.new_rows += len(part.rows)
        for line, item in part.rows:
            if (self._run.merchant_id, item.code) in known.coupon_ids:
                yield Wrong(line, "code", item.code, "券号已存在 · exists already")
            if item.id is not None:
                if item.id in known.coupons or item.id in self._ids:
                    yield Wrong(line, "id", str(item.id), "ID 已存在 · exists already")
                self._ids.add(item.id)
            if item.face_fen is not None and item.face_fen > (self._face_fen or 0):
                yield Wrong(line, "face_yuan", show.yuan(item.face_fen), "超过方案面额 · more than the scheme gives")
            yield from self._member(line, item, known)

    def _member(self, line: int, item: Imported, known: Snapshot) -> Iterator[Wrong]:
        terms = self._scheme.terms
        if item.member_id is None:
            if terms.holder == "member" or terms.per_member:
                yield Wrong(line, "member_id", "", "此方案须有会员 · this scheme needs a member")
            return
        member = known.members.get(item.member_id)
        if member is None or member.merchant_id != self._run.merchant_id:
            yield Wrong(line, "member_id", str(item.member_id), "没有这位会员 · no such member")
        if terms.per_member:
            new = self._new_for_member[item.member_id] = self._new_for_member.get(item.member_id, 0) + 1
            if known.received.get((self._scheme.id, item.member_id), 0) + new > terms.per_member:
                why = f"每人限领 {terms.per_member} 张 · at most {terms.per_member} for a member"
                yield Wrong(line, "member_id", str(item.member_id), why)

    def check_stock(self) -> None:
        """Raises Refused(STOCK_EXHAUSTED) before the first row rather than in the middle."""
        total, issued = self._scheme.terms.total, self._run.storage.scheme_count(self._scheme.id).issued
        if total and issued + self.new_rows > total:
            raise Refused(Code.STOCK_EXHAUSTED, needed=total, actual=total - issued)


def _refuse(as_json: bool, rows: list[Row], wrong: list[Wrong]) -> None:
    if as_json:
        show.json({"rows": len(rows), "imported": 0, "wrong": [one._asdict() for one in wrong]})
        raise typer.Exit(Exit.USAGE)
    cells = [(str(one.line), one.column, show.escape(one.value), one.reason) for one in wrong[:WRONG_SHOWN]]
    show.table("有误的行 wrong rows", ("line>", "column", "value", "why"), cells)
    raise Stop(
        Exit.USAGE,
        f"{len(wrong)} 处有误，没有写入任何一行；改好后重新导入",
        f"{len(wrong)} mistakes; nothing was written. Mend the file and import it again",
    )
