"""coupon: issue, show, void, list. Importing has a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from hexiao.cli import show
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
    identity,
    session,
)
from hexiao.domain.coupon import Coupon, normalise_code
from hexiao.domain.scheme import Scheme
from hexiao.engine.commands import BATCH_ITEMS_MAX, CouponView, Found, Issue, Issued, LookUp, Void
from hexiao.storage.base import CouponFilter, Cursor
from hexiao.web.render import show_coupon, show_coupon_view

app = typer.Typer(
    no_args_is_help=True,
    help="优惠券 · Coupons: issue, import, look up, void.",
    epilog=examples("hexiao coupon issue 002 --quantity 10", "hexiao coupon show DEMOMONEY3", "hexiao coupon list"),
)

CodeArgument = Annotated[
    str, typer.Argument(metavar="CODE", help="券号，空格、连字符、大小写均可 · as typed or scanned")
]


@app.command(
    epilog=examples(
        "hexiao coupon issue 002",
        "hexiao coupon issue 003 --member 1333333333",
        "hexiao coupon issue 002 --quantity 5000 --plain > codes.txt",
    )
)
def issue(
    scheme: Annotated[str, typer.Argument(metavar="SCHEME", help="方案编号或 ID")],
    quantity: Annotated[int, typer.Option("--quantity", "-n", min=1, help="张数 · how many")] = 1,
    member: Annotated[str | None, typer.Option("--member", help="领券会员 ID · its holder")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="每行一个券号 · one code a line, nothing else")] = False,
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """发放 · Issue coupons of a scheme, a thousand to a transaction; repeat with the same --request-id to go on."""
    with session(database, merchant, as_json) as run:
        zone, found = run.zone, run.scheme(scheme)
        member_id = None if member is None else identity(member, "--member")
        base = run.request_id(given_request_id)
        coupons: list[Coupon] = []
        with show.progress("发放 issuing", quantity if quantity > BATCH_ITEMS_MAX else None) as bar:
            for part, start in enumerate(range(0, quantity, BATCH_ITEMS_MAX)):
                command = Issue(
                    merchant_id=merchant, request_id=f"{base}/{part}" if part else base, actor=ACTOR,
                    scheme_id=found.id, quantity=min(BATCH_ITEMS_MAX, quantity - start), member_id=member_id,
                )  # fmt: skip
                coupons += run.ask(command, Issued).coupons
                bar.update(bar.task_ids[0], completed=len(coupons))
        if as_json:
            show.json({"coupons": [show_coupon(coupon, coupon.issued_at) for coupon in coupons]})
        elif plain:
            show.plain("\n".join(coupon.code for coupon in coupons))
        else:
            rows = [
                (coupon.code, show.when(coupon.valid_from_at, zone), show.until(coupon, zone)) for coupon in coupons
            ]
            show.table(f"{found.number} {found.name}: {len(coupons)}", ("code", "from", "until"), rows)


@app.command("show", epilog=examples("hexiao coupon show DEMOMONEY3", "hexiao coupon show 2019-1031-9661-7689-9187"))
def show_(
    code: CodeArgument, merchant: MerchantOption = 1, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """查一张券 · One coupon with its scheme, its holder, its balance and its journal."""
    with session(database, merchant, as_json) as run:
        view = run.ask(LookUp(merchant_id=merchant, actor=ACTOR, code=normalise_code(code)), Found).coupon
        _show_view(run, view)


@app.command(epilog=examples("hexiao coupon void DEMOMONEY3 --reason 误发"))
def void(
    code: CodeArgument,
    reason: Annotated[str, typer.Option("--reason", help="原因，写入流水 · written to the journal")] = "",
    given_request_id: RequestIdOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """作废，不可恢复 · Take a coupon out of use for good. What is held must be released first."""
    with session(database, merchant, as_json) as run:
        command = Void(
            merchant_id=merchant, request_id=run.request_id(given_request_id), actor=ACTOR,
            code=normalise_code(code), reason=reason,
        )  # fmt: skip
        _show_view(run, run.ask(command, Found).coupon)


@app.command(
    "list", epilog=examples("hexiao coupon list --scheme 002 --limit 20", "hexiao coupon list --member 100001138")
)
def list_(
    scheme: Annotated[str | None, typer.Option("--scheme", help="方案编号或 ID")] = None,
    member: Annotated[str | None, typer.Option("--member", help="会员 ID")] = None,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """券列表，新的在前 · Coupons, newest first."""
    with session(database, merchant, as_json) as run:
        zone, storage, now = run.zone, run.storage, run.now
        wanted = CouponFilter(
            merchant_id=merchant,
            scheme_id=None if scheme is None else run.scheme(scheme).id,
            member_id=None if member is None else identity(member, "--member"),
        )
        found, next_cursor = collect(
            lambda after, count: storage.coupons(wanted, after, count),
            lambda coupon: Cursor(coupon.issued_at, coupon.id),
            cursor,
            limit,
            "coupons",
            wanted,
        )
        if as_json:
            show.json({"coupons": [show_coupon(coupon, now) for coupon in found], "next_cursor": next_cursor})
            return
        rows = []
        schemes: dict[int, Scheme | None] = {}
        for coupon in found:
            if coupon.scheme_id not in schemes:
                schemes[coupon.scheme_id] = storage.scheme(merchant, coupon.scheme_id)
            its = schemes[coupon.scheme_id]
            rows.append(
                (
                    show.escape(coupon.code), show.FACE_WORDS[coupon.face(now)],
                    show.escape(f"{its.number} {its.name}") if its else "",
                    str(coupon.member_id or ""), show.left(coupon), show.until(coupon, zone), str(coupon.id),
                )
            )  # fmt: skip
        columns = ("code", "face", "scheme", "member", "left>", "until", "id")
        show.table("优惠券 coupons", columns, rows, empty="hexiao coupon issue --help")
        show.more(next_cursor)


def _show_view(run: Session, view: CouponView) -> None:
    coupon, zone = view.coupon, run.zone
    if run.as_json:
        show.json(show_coupon_view(view, run.now, mobiles=True))
        return
    member, use = view.member, view.last_use
    show.fields(
        coupon.code,
        [
            ("face", show.FACE_WORDS[coupon.face(run.now)]),
            ("scheme", show.escape(f"{view.scheme.number} {view.scheme.name}")),
            ("kind", show.KIND_WORDS[view.scheme.kind]),
            ("left", show.left(coupon)),
            ("valid", f"{show.when(coupon.valid_from_at, zone)} → {show.until(coupon, zone)}"),
            ("received", show.when(coupon.issued_at, zone)),
            ("voided", show.when(coupon.voided_at, zone)),
            ("member", show.escape(f"{member.name} ({member.id})") if member else ""),
            ("id", str(coupon.id)),
            (
                "last use",
                f"{show.STATE_WORDS[use.state]} {show.yuan(use.live_fen)} yuan, bill {show.escape(use.bill_number)},"
                f" redemption {use.id}" if use else "",
            ),
        ],
    )  # fmt: skip
    rows = [
        (
            show.when(entry.at, zone), entry.entry.value,
            show.yuan(entry.d_held_fen or None), show.yuan(entry.d_captured_fen or None),
            str(entry.redemption_id or ""), show.escape(entry.actor), show.escape(entry.reason),
        )
        for entry in run.storage.journal(coupon.id)
    ]  # fmt: skip
    columns = ("at", "entry", "held yuan>", "captured yuan>", "redemption", "actor", "reason")
    show.table("流水 journal", columns, rows)
