"""redemptions: list with every filter, show, capture, release, reverse."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from hexiao.cli import show
from hexiao.cli.redeeming import show_outcome
from hexiao.cli.session import (
    ACTOR,
    CursorOption,
    DatabaseOption,
    JsonOption,
    LimitOption,
    MerchantOption,
    RequestIdOption,
    amount,
    collect,
    examples,
    identity,
    session,
)
from hexiao.domain.coupon import normalise_code
from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Kind
from hexiao.engine.commands import Capture, Redeemed, Release, Reverse
from hexiao.storage.base import Cursor, RedemptionFilter
from hexiao.web.paging import decode_cursor
from hexiao.web.render import show_row
from hexiao.web.views import KINDS, STATES
from hexiao.web.wire import KindName, StateName

app = typer.Typer(
    no_args_is_help=True,
    help="核销单 · Redemptions: list, show, capture, release, reverse.",
    epilog=examples("hexiao redemptions list --shop 284", "hexiao redemptions reverse ID --amount 3.50"),
)

RedemptionArgument = Annotated[str, typer.Argument(metavar="ID", help="核销单 ID")]
CashierOption = Annotated[str | None, typer.Option("--cashier", help="收银员 ID")]
TimeHelp = "DATE | 'DATE HH:MM:SS'"


@app.command(
    "list",
    epilog=examples(
        "hexiao redemptions list --shop 1333333333 --limit 5",
        "hexiao redemptions list --bill M0033202311180001",
        "hexiao redemptions list --state captured,reversed --kind money_off",
        "hexiao redemptions list --from 2026-11-01 --to 2026-11-30 --json > nov.json",
    ),
)
def list_(
    shop: Annotated[str | None, typer.Option("--shop", help="门店 ID")] = None,
    bill: Annotated[str | None, typer.Option("--bill", help="单据编号 · bill number")] = None,
    code: Annotated[str | None, typer.Option("--code", help="券号 · coupon code")] = None,
    member: Annotated[str | None, typer.Option("--member", help="会员 ID")] = None,
    card: Annotated[str | None, typer.Option("--card", help="会员卡 ID · member card id")] = None,
    scheme: Annotated[str | None, typer.Option("--scheme", help="方案编号 · scheme number")] = None,
    kind: Annotated[KindName | None, typer.Option("--kind", help="方案种类")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help=f"状态，逗号分隔 · of {', '.join(STATES)}; comma between")
    ] = None,
    created_from: Annotated[str | None, typer.Option("--from", metavar="TIME", help=f"创建起 · {TimeHelp}")] = None,
    created_to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="创建止（日期含当天） · a date includes its day")
    ] = None,
    changed_from: Annotated[str | None, typer.Option("--changed-from", metavar="TIME", help="更新起")] = None,
    changed_to: Annotated[str | None, typer.Option("--changed-to", metavar="TIME", help="更新止")] = None,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """查询核销单，新的在前 · Redemptions, newest first; filters narrow the list together."""
    with session(database, merchant, as_json) as run:
        zone, storage, now = run.zone, run.storage, run.now
        wanted = RedemptionFilter(
            merchant_id=merchant,
            shop_id=None if shop is None else identity(shop, "--shop"),
            bill_number=bill,
            code=None if code is None else normalise_code(code),
            member_id=None if member is None else identity(member, "--member"),
            member_card_id=card,
            scheme_number=scheme,
            kind=None if kind is None else Kind(KINDS.index(kind) + 1),
            states=_states(state),
            created_from_at=_instant(created_from, "--from", zone),
            created_until_at=_instant(created_to, "--to", zone, end=True),
            changed_from_at=_instant(changed_from, "--changed-from", zone),
            changed_until_at=_instant(changed_to, "--changed-to", zone, end=True),
        )
        found, next_cursor = collect(
            lambda after, count: storage.redemptions(wanted, after, count),
            lambda row: Cursor(row.redemption.created_at, row.redemption.id),
            decode_cursor(cursor) if cursor else None,
            limit,
        )
        if as_json:
            show.json({"redemptions": [show_row(row, now) for row in found], "next_cursor": next_cursor})
            return
        rows = [
            (
                str(row.redemption.id), show.when(row.redemption.created_at, zone),
                show.STATE_WORDS[State.LAPSED if row.redemption.lapsed(now) else row.redemption.state],
                show.yuan(row.redemption.live_fen), escape(row.coupon.code), escape(row.scheme.name),
                escape(row.redemption.bill_number), escape(row.shop.name if row.shop else ""),
                escape(row.member.name if row.member else ""),
            )
            for row in found
        ]  # fmt: skip
        columns = ("id", "created", "state", "yuan>", "code", "scheme", "bill", "shop", "member")
        show.table("核销单 redemptions", columns, rows, empty="无 none · hexiao redeem --help")
        show.more(next_cursor)


@app.command("show", epilog=examples("hexiao redemptions show 236918244311425024"))
def show_(
    redemption: RedemptionArgument,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """查一张核销单 · One redemption with its lines, its amounts and its next moves."""
    with session(database, merchant, as_json) as run:
        row = run.storage.redemption(merchant, identity(redemption, "ID"))
        if row is None:
            raise BadRequest(Code.UNKNOWN_REDEMPTION, redemption_id=redemption)
        one, zone, now = row.redemption, run.zone, run.now
        if as_json:
            show.json(show_row(row, now))
            return
        show.fields(
            f"核销单 {one.id}",
            [
                ("state", show.STATE_WORDS[State.LAPSED if one.lapsed(now) else one.state]),
                ("next", ", ".join(one.allowed(now, row.scheme.terms.reverse_within_seconds))),
                ("coupon", escape(f"{row.coupon.code} ({row.scheme.number} {row.scheme.name})")),
                ("bill", escape(one.bill_number)),
                ("shop", escape(f"{row.shop.name} ({one.shop_id})" if row.shop else str(one.shop_id))),
                ("cashier", escape(row.cashier.name if row.cashier else "")),
                ("member", escape(row.member.name if row.member else "")),
                ("held", f"{show.yuan(one.held_fen)} yuan"),
                ("captured", f"{show.yuan(one.captured_fen)} yuan" if one.captured_fen else ""),
                ("reversed", f"{show.yuan(one.reversed_fen)} yuan" if one.reversed_fen else ""),
                ("by line", " + ".join(show.yuan(part) for part in one.lines)),
                ("given back", " + ".join(show.yuan(part) for part in one.returned) if one.reversed_fen else ""),
                ("created", show.when(one.created_at, zone)),
                ("held until", show.when(one.held_until_at, zone)),
                ("captured at", show.when(one.captured_at, zone)),
                ("settled at", show.when(one.settled_at, zone)),
            ],
        )


@app.command(epilog=examples("hexiao redemptions capture ID", "hexiao redemptions capture ID --amount 5"))
def capture(
    redemption: RedemptionArgument,
    amount_yuan: Annotated[
        str | None, typer.Option("--amount", help="实核金额（元），其余退回 · less than held; the rest goes back")
    ] = None,
    cashier: CashierOption = None,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """核销已预核销的券 · Take what was held."""
    with session(database, merchant, as_json) as run:
        command = Capture(
            merchant_id=merchant, request_id=run.request_id(given_request_id), actor=ACTOR,
            redemption_id=identity(redemption, "ID"), amount_fen=amount(amount_yuan, "--amount"),
            cashier_id=None if cashier is None else identity(cashier, "--cashier"),
        )  # fmt: skip
        show_outcome(run, run.ask(command, Redeemed).redemptions)


@app.command(epilog=examples("hexiao redemptions release ID"))
def release(
    redemption: RedemptionArgument,
    cashier: CashierOption = None,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """取消预核销 · Give a hold back."""
    with session(database, merchant, as_json) as run:
        command = Release(
            merchant_id=merchant, request_id=run.request_id(given_request_id), actor=ACTOR,
            redemption_id=identity(redemption, "ID"),
            cashier_id=None if cashier is None else identity(cashier, "--cashier"),
        )  # fmt: skip
        show_outcome(run, run.ask(command, Redeemed).redemptions)


@app.command(
    epilog=examples("hexiao redemptions reverse ID --reason 退货", "hexiao redemptions reverse ID --amount 3.50")
)
def reverse(
    redemption: RedemptionArgument,
    amount_yuan: Annotated[str | None, typer.Option("--amount", help="撤销金额（元），默认全部 · default: all")] = None,
    reason: Annotated[str, typer.Option("--reason", help="原因，写入流水 · written to the journal")] = "",
    cashier: CashierOption = None,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """撤销核销，可部分 · Give a captured amount back, in part or in full."""
    with session(database, merchant, as_json) as run:
        command = Reverse(
            merchant_id=merchant, request_id=run.request_id(given_request_id), actor=ACTOR,
            redemption_id=identity(redemption, "ID"), amount_fen=amount(amount_yuan, "--amount"), reason=reason,
            cashier_id=None if cashier is None else identity(cashier, "--cashier"),
        )  # fmt: skip
        show_outcome(run, run.ask(command, Redeemed).redemptions)


def _states(text: str | None) -> tuple[State, ...]:
    names: list[StateName] = [name for name in STATES if text is not None and name in text.split(",")]
    if text is not None and len(names) != len(set(text.split(","))):
        raise typer.BadParameter(f"of {', '.join(STATES)}: {text}", param_hint="--state")
    return tuple(State(STATES.index(name) + 1) for name in names)


def _instant(text: str | None, option: str, zone: ZoneInfo, *, end: bool = False) -> int | None:
    """Local time as typed → UTC ms. The filters end before `until`, so an end takes in its whole day or second."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
        at = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1 if end else 0)
    except ValueError:
        try:
            typed = datetime.fromisoformat(text)
        except ValueError:
            raise typer.BadParameter(
                f"a time such as 2026-11-01 or '2026-11-01 18:30:00', not {text!r}", param_hint=option
            ) from None
        at = (typed if typed.tzinfo else typed.replace(tzinfo=zone)) + timedelta(seconds=1 if end else 0)
    return int(at.timestamp() * 1000)
