"""The filters of the redemption lists as options: what `redemptions list` and `redemptions export` share."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from hexiao.cli.session import identity
from hexiao.domain.coupon import normalise_code
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Kind
from hexiao.storage.base import RedemptionFilter
from hexiao.web.views import KINDS, STATES
from hexiao.web.wire import KindName, StateName

TIME_HELP = "DATE | 'DATE HH:MM:SS'"

ShopOption = Annotated[str | None, typer.Option("--shop", help="门店 ID")]
BillOption = Annotated[str | None, typer.Option("--bill", help="单据编号 · bill number")]
CodeOption = Annotated[str | None, typer.Option("--code", help="券号 · coupon code")]
MemberOption = Annotated[str | None, typer.Option("--member", help="会员 ID")]
CardOption = Annotated[str | None, typer.Option("--card", help="会员卡 ID · member card id")]
SchemeOption = Annotated[str | None, typer.Option("--scheme", help="方案编号 · scheme number")]
KindOption = Annotated[KindName | None, typer.Option("--kind", help="方案种类")]
StateOption = Annotated[
    str | None, typer.Option("--state", help=f"状态，逗号分隔 · of {', '.join(STATES)}; comma between")
]
FromOption = Annotated[str | None, typer.Option("--from", metavar="TIME", help=f"创建起 · {TIME_HELP}")]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="创建止（日期含当天） · a date includes its day")
]
ChangedFromOption = Annotated[str | None, typer.Option("--changed-from", metavar="TIME", help="更新起")]
ChangedToOption = Annotated[str | None, typer.Option("--changed-to", metavar="TIME", help="更新止")]


def filter_of(
    merchant: int, zone: ZoneInfo, now: int, *, shop: str | None, bill: str | None, code: str | None,
    member: str | None, card: str | None, scheme: str | None, kind: KindName | None, state: str | None,
    created_from: str | None, created_to: str | None, changed_from: str | None, changed_to: str | None,
) -> RedemptionFilter:  # fmt: skip
    """As typed → as the storage wants it. Raises a usage error that names the option."""
    return RedemptionFilter(
        merchant_id=merchant,
        shop_id=None if shop is None else identity(shop, "--shop"),
        bill_number=bill,
        code=None if code is None else normalise_code(code),
        member_id=None if member is None else identity(member, "--member"),
        member_card_id=card,
        scheme_number=scheme,
        kind=None if kind is None else Kind(KINDS.index(kind) + 1),
        states=_states(state),
        now=now,
        created_from_at=_instant(created_from, "--from", zone),
        created_until_at=_instant(created_to, "--to", zone, end=True),
        changed_from_at=_instant(changed_from, "--changed-from", zone),
        changed_until_at=_instant(changed_to, "--changed-to", zone, end=True),
    )


def _states(text: str | None) -> tuple[State, ...]:
    names: list[StateName] = [name for name in STATES if text is not None and name in text.split(",")]
    if text is not None and len(names) != len(set(text.split(","))):
        raise typer.BadParameter(f"of {', '.join(STATES)}: {text}", param_hint="--state")
    return tuple(State(STATES.index(name) + 1) for name in names)


def _instant(text: str | None, option: str, zone: ZoneInfo, *, end: bool = False) -> int | None:
    """Local time as typed → UTC ms. The filters end before `until`, so an end takes in its whole day or second.

    A time in an hour that comes twice, or never, means two: the one that leaves nothing out is taken.
    """
    if text is None:
        return None
    folds: tuple[int, ...] = (0, 1)
    try:
        typed = datetime.combine(date.fromisoformat(text), time(23, 59, 59) if end else time.min)
        folds = (1,) if end else (0,)  # a day goes from its first midnight to its last second, and no hour further
    except ValueError:
        try:
            typed = datetime.fromisoformat(text)
        except ValueError:
            raise typer.BadParameter(
                f"a time such as 2026-11-01 or '2026-11-01 18:30:00', not {text!r}", param_hint=option
            ) from None
    meant = [typed] if typed.tzinfo else [typed.replace(tzinfo=zone, fold=fold) for fold in folds]
    at = (max if end else min)(reading.timestamp() for reading in meant)
    return int(at * 1000) + (1000 if end else 0)
