"""redemptions: list with every filter, show, capture, release, reverse."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from hexiao.cli import show
from hexiao.cli.redeeming import show_outcome
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
from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.redemption import State
from hexiao.engine.commands import Capture, Redeemed, Release, Reverse
from hexiao.storage.base import Cursor
from hexiao.web.render import show_row

app = typer.Typer(
    no_args_is_help=True,
    help="核销单 · Redemptions: list, show, capture, release, reverse.",
    epilog=examples("hexiao redemptions list --shop 284", "hexiao redemptions reverse ID --amount 3.50"),
)

RedemptionArgument = Annotated[str, typer.Argument(metavar="ID", help="核销单 ID")]
CashierOption = Annotated[str | None, typer.Option("--cashier", help="收银员 ID")]


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
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """查询核销单，新的在前 · Redemptions, newest first; filters narrow the list together."""
    with session(database, merchant, as_json) as run:
        zone, storage, now = run.zone, run.storage, run.now
        wanted = filter_of(
            merchant, zone, now, shop=shop, bill=bill, code=code, member=member, card=card, scheme=scheme,
            kind=kind, state=state, created_from=created_from, created_to=created_to, changed_from=changed_from,
            changed_to=changed_to,
        )  # fmt: skip
        found, next_cursor = collect(
            lambda after, count: storage.redemptions(wanted, after, count),
            lambda row: Cursor(row.redemption.created_at, row.redemption.id),
            cursor,
            limit,
            "redemptions",
            msgspec.structs.replace(wanted, now=0),  # the next page is asked for later
        )
        if as_json:
            show.json({"redemptions": [show_row(row, now) for row in found], "next_cursor": next_cursor})
            return
        rows = [
            (
                str(row.redemption.id), show.when(row.redemption.created_at, zone),
                show.STATE_WORDS[State.LAPSED if row.redemption.lapsed(now) else row.redemption.state],
                show.yuan(row.redemption.live_fen), show.escape(row.coupon.code), show.escape(row.scheme.name),
                show.escape(row.redemption.bill_number), show.escape(row.shop.name if row.shop else ""),
                show.escape(row.member.name if row.member else ""),
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
                ("coupon", show.escape(f"{row.coupon.code} ({row.scheme.number} {row.scheme.name})")),
                ("bill", show.escape(one.bill_number)),
                ("shop", show.escape(f"{row.shop.name} ({one.shop_id})" if row.shop else str(one.shop_id))),
                ("cashier", show.escape(row.cashier.name if row.cashier else "")),
                ("member", show.escape(row.member.name if row.member else "")),
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
