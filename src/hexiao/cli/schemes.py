"""scheme: create from a JSON file or from simple options, list, show, pause, resume."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from hexiao.cli import show
from hexiao.cli.schemeoptions import Limits, body_of
from hexiao.cli.session import (
    ACTOR,
    CursorOption,
    DatabaseOption,
    JsonOption,
    LimitOption,
    MerchantOption,
    RequestIdOption,
    Session,
    collect,
    examples,
    session,
)
from hexiao.domain.scheme import Scheme
from hexiao.engine.commands import CreateScheme, PauseScheme, SchemeSaved
from hexiao.storage.base import Cursor
from hexiao.storage.snapshot import Count
from hexiao.web.api.schemes import SchemeIn
from hexiao.web.parsing import parse_body
from hexiao.web.render import show_scheme
from hexiao.web.wire import KindName

app = typer.Typer(
    no_args_is_help=True,
    help="优惠券方案 · Schemes: what a coupon gives, and who may use it where and when.",
    epilog=examples("hexiao scheme list", "hexiao scheme create --help", "hexiao scheme pause 002"),
)

SchemeArgument = Annotated[str, typer.Argument(metavar="SCHEME", help="方案编号或 ID · its number or id")]


@app.command(
    epilog=examples(
        "hexiao scheme create --number A1 --name 满50减10 --kind money_off \\",
        "    --amount 10 --minimum 50 --days 30",
        "hexiao scheme create --number A2 --name 八五折 --kind rate_off \\",
        "    --off 15 --cap 30 --from 2026-12-01 --to 2026-12-31 --member-only",
        "hexiao scheme create --number A3 --name 泡菜一份 --kind goods_off \\",
        "    --quantity 1 --goods 12345678 --days 60",
        "hexiao scheme create --number A4 --name 储值卡 --kind balance \\",
        "    --amount 100 --days 365",
        "hexiao scheme create --number A5 --name 九折五次 --kind rate_uses \\",
        "    --off 10 --uses 5 --next-days 90",
        "hexiao scheme create --file scheme.json  # the body of POST /v1/schemes",
    )
)
def create(
    file: Annotated[
        Path | None, typer.Option("--file", exists=True, dir_okay=False, help="JSON，同 POST /v1/schemes")
    ] = None,
    number: Annotated[str | None, typer.Option("--number", help="编号 · how people know it")] = None,
    name: Annotated[str | None, typer.Option("--name", help="名称")] = None,
    kind: Annotated[KindName | None, typer.Option("--kind", help="种类 · the kind of benefit")] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="面额（元） · yuan: money_off, balance, goods_off")
    ] = None,
    off: Annotated[str | None, typer.Option("--off", help="减免百分比，八五折 = 15 · percent off")] = None,
    cap: Annotated[str | None, typer.Option("--cap", help="最高优惠（元） · yuan at most")] = None,
    quantity: Annotated[int | None, typer.Option("--quantity", help="抵扣件数 · units covered: goods_off")] = None,
    uses: Annotated[int | None, typer.Option("--uses", help="可用次数 · rate_uses")] = None,
    days: Annotated[int | None, typer.Option("--days", help="领券当日起 N 天 · from the day of receipt")] = None,
    next_days: Annotated[int | None, typer.Option("--next-days", help="领券次日起 N 天 · from the next day")] = None,
    first_day: Annotated[str | None, typer.Option("--from", metavar="DATE", help="固定日期：首日 · first day")] = None,
    last_day: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="固定日期：末日（含） · last day")
    ] = None,
    minimum: Annotated[str | None, typer.Option("--minimum", help="最低消费（元） · minimum spend")] = None,
    goods: Annotated[list[str] | None, typer.Option("--goods", help="适用商品编码，可重复 · sku; repeat")] = None,
    category: Annotated[list[str] | None, typer.Option("--category", help="适用分类，可重复 · repeat")] = None,
    shop: Annotated[list[str] | None, typer.Option("--shop", help="适用门店 ID，可重复 · repeat")] = None,
    scene: Annotated[str, typer.Option("--scene", help="both · shop · online")] = "both",
    member_only: Annotated[bool, typer.Option("--member-only", help="限领券会员本人 · bound to its member")] = False,
    shareable: Annotated[bool, typer.Option("--shareable", help="可与其他可叠加的券同用 · combinable")] = False,
    total: Annotated[int, typer.Option("--total", min=0, help="发行总量，0 不限 · 0 = no limit")] = 0,
    per_member: Annotated[int, typer.Option("--per-member", min=0, help="每人限领，0 不限 · 0 = no limit")] = 0,
    budget: Annotated[str | None, typer.Option("--budget", help="预算（元） · yuan it may give away")] = None,
    hold_seconds: Annotated[int, typer.Option("--hold-seconds", min=1, help="预核销时限")] = 900,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """新建方案 · Create a scheme, from a file or from options. What the options cannot say, the file can."""
    with session(database, merchant, as_json) as run:
        if file is not None:
            text = file.read_bytes()
        else:
            limits = Limits(
                amount=amount, off=off, cap=cap, quantity=quantity, uses=uses, days=days, next_days=next_days,
                first_day=first_day, last_day=last_day, minimum=minimum, goods=goods or [], categories=category or [],
                shops=shop or [], scene=scene, member_only=member_only, shareable=shareable, total=total,
                per_member=per_member, budget=budget, hold_seconds=hold_seconds,
            )  # fmt: skip
            text = msgspec.json.encode(body_of(number, name, kind, limits))
        body = parse_body(text, SchemeIn)
        saved = run.ask(
            CreateScheme(
                merchant_id=merchant, request_id=run.request_id(given_request_id), actor=ACTOR,
                number=body.number, name=body.name, terms=body.terms, benefit=body.benefit,
                description=body.description, shown_in_list=body.shown_in_list, shown_on_goods=body.shown_on_goods,
                id=body.id.value if body.id else None,
            ),
            SchemeSaved,
        )  # fmt: skip
        _show_one(run, saved.scheme)


@app.command("list", epilog=examples("hexiao scheme list", "hexiao scheme list --json | jq '.schemes[].number'"))
def list_(
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """方案列表 · Latest versions, newest first."""
    with session(database, merchant, as_json) as run:
        zone, storage = run.zone, run.storage
        found, next_cursor = collect(
            lambda after, count: storage.schemes(merchant, after, count),
            lambda scheme: Cursor(scheme.created_at, scheme.id),
            cursor,
            limit,
            "schemes",
            merchant,
        )
        if as_json:
            show.json({"schemes": [show_scheme(scheme) for scheme in found], "next_cursor": next_cursor})
            return
        rows = []
        for scheme in found:
            count = storage.scheme_count(scheme.id)
            rows.append(
                (
                    show.escape(scheme.number), show.escape(scheme.name), show.KIND_WORDS[scheme.kind],
                    str(scheme.version),
                    "[yellow]暂停 paused[/]" if scheme.paused else "", str(count.issued), str(count.captured_uses),
                    show.yuan(count.captured_fen), show.when(scheme.created_at, zone),
                )
            )  # fmt: skip
        columns = ("number", "name", "kind", "version>", "", "issued>", "used>", "given yuan>", "created")
        show.table("方案 schemes", columns, rows, empty="hexiao scheme create --help")
        show.more(next_cursor)


@app.command("show", epilog=examples("hexiao scheme show 002", "hexiao scheme show 002 --json > scheme.json"))
def show_(
    scheme: SchemeArgument,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """查一个方案 · One scheme with its terms, its benefit and its counts."""
    with session(database, merchant, as_json) as run:
        run.demand_merchant()
        _show_one(run, run.scheme(scheme))


@app.command(epilog=examples("hexiao scheme pause 002"))
def pause(
    scheme: SchemeArgument,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """暂停：其券一律不可用 · Its coupons are refused and none is issued, until it is resumed."""
    with session(database, merchant, as_json) as run:
        _set_paused(run, scheme, True, given_request_id)


@app.command(epilog=examples("hexiao scheme resume 002"))
def resume(
    scheme: SchemeArgument,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """恢复 · Let its coupons work again."""
    with session(database, merchant, as_json) as run:
        _set_paused(run, scheme, False, given_request_id)


def _set_paused(run: Session, name: str, paused: bool, given: str | None) -> None:
    run.demand_merchant()
    command = PauseScheme(
        merchant_id=run.merchant_id, request_id=run.request_id(given), actor=ACTOR,
        scheme_id=run.scheme(name).id, paused=paused,
    )  # fmt: skip
    _show_one(run, run.ask(command, SchemeSaved).scheme)


def _show_one(run: Session, scheme: Scheme) -> None:
    count = run.storage.scheme_count(scheme.id)
    if run.as_json:
        show.json(msgspec.to_builtins(show_scheme(scheme)) | {"count": msgspec.to_builtins(count)})
        return
    terms, benefit = (msgspec.to_builtins(part) for part in (scheme.terms, scheme.benefit))
    terms["windows"] = ", ".join(str(window) for window in scheme.terms.windows)
    show.fields(
        f"{scheme.number} {scheme.name}",
        [
            ("id", str(scheme.id)),
            ("kind", show.KIND_WORDS[scheme.kind]),
            ("version", f"{scheme.version}"),
            ("state", "[yellow]暂停 paused[/]" if scheme.paused else "启用 active"),
            ("created", show.when(scheme.created_at, run.zone)),
            ("counts", _counts(count)),
            *((name, show.escape(show.value(name, value))) for name, value in benefit.items() if name != "kind"),
            *((name, show.escape(show.value(name, value))) for name, value in terms.items()),
            ("description", show.escape(scheme.description)),
        ],
    )


def _counts(count: Count) -> str:
    return (
        f"issued {count.issued}, used {count.captured_uses}, given {show.yuan(count.captured_fen)} yuan,"
        f" held {show.yuan(count.held_fen)}"
    )
