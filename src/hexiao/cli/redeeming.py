"""redeem: use coupons on a bill, or hold them; with --dry-run only say what would happen."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from hexiao.cli import show
from hexiao.cli.exits import Exit
from hexiao.cli.session import (
    ACTOR,
    DatabaseOption,
    JsonOption,
    MerchantOption,
    RequestIdOption,
    Session,
    amount,
    examples,
    session,
)
from hexiao.domain.money import parse_yuan
from hexiao.engine.commands import Assess, Assessed, Redeem, Redeemed, RedemptionView
from hexiao.web.api.bills import to_bill, to_takes
from hexiao.web.api.redemptions import RedemptionsIn
from hexiao.web.parsing import parse_body
from hexiao.web.render import show_redemption, show_verdicts


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            "hexiao redeem DEMOMONEY2 --bill B1 --shop 284 --line 12345678:6:9.80",
            "hexiao redeem DEMOCARD1 --amount 30 --bill B2 --shop 284 --line RICE:1:45.90",
            "hexiao redeem DEMOMONEY3 DEMOCARD2 --bill B3 --shop 284 --line RICE:2:45.90",
            "hexiao redeem DEMORATE1 --bill B4 --shop 285 --member 1333333333 \\",
            "    --line 12345688:1:39.90 --hold",
            "hexiao redeem DEMOGOODS1 --bill B5 --shop 284 --line RICE:1:45.90 --dry-run",
        )
    )(redeem)


def redeem(
    codes: Annotated[list[str], typer.Argument(metavar="CODE...", help="券号，可多张 · one or more, all or none")],
    bill: Annotated[str, typer.Option("--bill", help="单据编号 · the bill's number")],
    shop: Annotated[str, typer.Option("--shop", help="门店 ID")],
    line: Annotated[
        list[str], typer.Option("--line", metavar="SKU:QTY:YUAN", help="明细：编码:数量:单价，可重复 · repeat")
    ],
    hold: Annotated[bool, typer.Option("--hold", help="只预核销 · reserve, capture later")] = False,
    amount_yuan: Annotated[
        str | None, typer.Option("--amount", help="核销金额（元），仅一张券时 · less than possible, for one coupon")
    ] = None,
    member: Annotated[str | None, typer.Option("--member", help="会员 ID")] = None,
    cashier: Annotated[str | None, typer.Option("--cashier", help="收银员 ID")] = None,
    online: Annotated[bool, typer.Option("--online", help="线上单据 · an online bill")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只判定，不核销 · say what would happen")] = False,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """核销 · Use coupons on a bill. A refusal shows every check of every coupon, and exits with 1."""
    with session(database, merchant, as_json) as run:
        if amount_yuan is not None and len(codes) > 1:
            raise typer.BadParameter("goes with one coupon only", param_hint="--amount")
        # Through the API's own request type: what the API refuses is refused here, in the same words.
        body = {
            "mode": "hold" if hold else "redeem",
            "coupons": [_without_none({"code": code, "amount_fen": amount(amount_yuan, "--amount")}) for code in codes],
            "bill": _without_none(
                {
                    "number": bill, "shop_id": shop, "cashier_id": cashier, "member_id": member,
                    "scene": "online" if online else "shop", "lines": [_line(text) for text in line],
                }
            ),
        }  # fmt: skip
        wanted = parse_body(msgspec.json.encode(body), RedemptionsIn)
        coupons, checked_bill = to_takes(wanted.coupons), to_bill(wanted.bill)
        if dry_run:
            _assess(run, Assess(merchant_id=merchant, actor=ACTOR, coupons=coupons, bill=checked_bill))
            return
        command = Redeem(
            merchant_id=merchant, request_id=run.request_id(given_request_id), actor=ACTOR,
            mode=wanted.mode, coupons=coupons, bill=checked_bill,
        )  # fmt: skip
        show_outcome(run, run.ask(command, Redeemed).redemptions)


def show_outcome(run: Session, views: list[RedemptionView]) -> None:
    """What became of the redemptions, and what may be done with them next."""
    if run.as_json:
        show.json({"redemptions": [show_redemption(view) for view in views]})
        return
    rows = []
    for view in views:
        one = view.redemption
        left = show.yuan(view.coupon_left_fen)
        if view.coupon_left_fen is None and view.coupon_left_uses is not None:
            left = f"{view.coupon_left_uses}×"
        rows.append(
            (
                str(one.id), show.escape(view.code), show.escape(view.scheme_name), show.STATE_WORDS[one.state],
                show.yuan(one.live_fen), left, show.when(one.held_until_at, run.zone),
                ", ".join(move.value for move in view.allowed),
            )
        )  # fmt: skip
    columns = ("redemption", "code", "scheme", "state", "yuan off>", "coupon left>", "held until", "next")
    show.table(f"单据 bill {views[0].redemption.bill_number}", columns, rows)


def _assess(run: Session, command: Assess) -> None:
    assessments = run.ask(command, Assessed).assessments
    usable = all(one.ok for one in assessments)
    if run.as_json:
        coupons = [
            {"code": one.code, "ok": one.ok, "amount_fen": one.amount_fen, "lines": one.lines} for one in assessments
        ]
        show.json({"ok": usable, "coupons": coupons, "verdicts": show_verdicts(assessments, run.zone)})
    else:
        show.verdicts(assessments, run.zone)
        for one in assessments:
            mark = (
                f"[green]可用 usable[/], {show.yuan(one.amount_fen)} yuan off"
                if one.ok
                else "[red]不可用 not usable[/]"
            )
            show.say(f"{show.escape(one.code)}: {mark}")
    if not usable:
        raise typer.Exit(Exit.REFUSED)


def _line(text: str) -> dict[str, object]:
    """ "12345678:6:9.80" → six of them at 9.80 yuan."""
    try:
        sku, quantity, price = text.rsplit(":", 2)
        return {"sku": sku, "quantity": int(quantity), "unit_price_fen": parse_yuan(price)}
    except ValueError:
        raise typer.BadParameter(f"SKU:QTY:YUAN, such as 12345678:6:9.80, not {text!r}", param_hint="--line") from None


def _without_none(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
