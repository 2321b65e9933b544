"""redemptions export: every redemption of a filter into a CSV or XLSX file, which is there whole or not at all."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from hexiao.cli import show
from hexiao.cli.newfile import demand_new, published
from hexiao.cli.redemptionfilter import (
    BillOption,
    CardOption,
    ChangedFromOption,
    ChangedToOption,
    CodeOption,
    FromOption,
    KindOption,
    MemberOption,
    SchemeOption,
    ShopOption,
    StateOption,
    ToOption,
    filter_of,
)
from hexiao.cli.redemptionsheet import HEAD, shown_as
from hexiao.cli.session import DatabaseOption, JsonOption, MerchantOption, examples, session
from hexiao.cli.sheetfile import csv_file, xlsx_file
from hexiao.domain.money import format_yuan


def add_to(app: typer.Typer) -> None:
    app.command(
        "export",
        epilog=examples(
            "hexiao redemptions export nov.csv --from 2026-11-01 --to 2026-11-30 --bom",
            "hexiao redemptions export shop-284.xlsx --shop 284 --state captured",
        ),
    )(export)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="新文件，.csv 或 .xlsx · a new file")],
    bom: Annotated[bool, typer.Option("--bom", help="CSV 带 BOM，供 Excel 打开 · for Excel")] = False,
    mobiles: Annotated[bool, typer.Option("--mobiles", help="手机号不打码 · mobile numbers in full")] = False,
    shop: ShopOption = None,
    bill: BillOption = None,
    code: CodeOption = None,
    member: MemberOption = None,
    card: CardOption = None,
    scheme: SchemeOption = None,
    kind: KindOption = None,
    state: StateOption = None,
    created_from: FromOption = None,
    created_to: ToOption = None,
    changed_from: ChangedFromOption = None,
    changed_to: ChangedToOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """导出核销单，旧的在前 · Redemptions into a CSV or XLSX file, oldest first, with the filters of the list."""
    if file.suffix.lower() not in (".csv", ".xlsx"):
        raise typer.BadParameter(f"a name that ends in .csv or .xlsx, not {file.name}", param_hint="FILE")
    with session(database, merchant, as_json) as run:
        zone, storage = run.zone, run.storage
        wanted = filter_of(
            merchant, zone, run.now, shop=shop, bill=bill, code=code, member=member, card=card, scheme=scheme,
            kind=kind, state=state, created_from=created_from, created_to=created_to, changed_from=changed_from,
            changed_to=changed_to,
        )  # fmt: skip
        demand_new(file)
        as_csv = file.suffix.lower() == ".csv"
        row_of = shown_as(zone, run.now, mobiles=mobiles, yuan=format_yuan if as_csv else _as_number)
        total = storage.redemption_page(wanted, 1, 1)[0] if show.watched() else None
        written = 0
        with (
            published(file) as unfinished,
            csv_file(unfinished, HEAD, bom=bom) if as_csv else xlsx_file(unfinished, HEAD) as write,
            closing(storage.exported(wanted)) as blocks,
            show.progress("导出 exporting", total) as bar,
        ):
            for block in blocks:
                write(map(row_of, block))
                written += len(block)
                bar.update(bar.task_ids[0], completed=written)
        if as_json:
            show.json({"file": str(file), "rows": written, "bytes": file.stat().st_size})
        else:
            show.say(
                f"[green]✓[/] 已导出 · exported {written:,} rows, {file.stat().st_size:,} bytes: "
                f"{show.escape(str(file))}"
            )


def _as_number(fen: int) -> float:
    """For a cell that is added up in a spreadsheet, where numbers are floats anyway."""
    return fen / 100
