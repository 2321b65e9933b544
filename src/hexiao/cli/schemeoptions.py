"""The options of `scheme create` → the body that POST /v1/schemes takes. Says which option a kind still needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import typer

from hexiao.cli.session import amount
from hexiao.web.wire import KindName


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What was typed; amounts are yuan, `off` is percent."""

    amount: str | None
    off: str | None
    cap: str | None
    quantity: int | None
    uses: int | None
    days: int | None
    next_days: int | None
    first_day: str | None
    last_day: str | None
    minimum: str | None
    goods: list[str]
    categories: list[str]
    shops: list[str]
    scene: str
    member_only: bool
    shareable: bool
    total: int
    per_member: int
    budget: str | None
    hold_seconds: int


def body_of(number: str | None, name: str | None, kind: KindName | None, typed: Limits) -> dict[str, object]:
    """Raises a usage error that names the option."""
    if number is None or name is None or kind is None:
        raise typer.BadParameter("give --file, or --number, --name and --kind with the options of that kind")
    terms: dict[str, object] = {
        "validity": _validity(typed),
        "minimum_spend_fen": amount(typed.minimum, "--minimum") or 0,
        "goods": _goods(typed),
        "shops": {"mode": "listed", "ids": typed.shops} if typed.shops else {"mode": "all"},
        "scene": typed.scene,
        "holder": "member" if typed.member_only else "bearer",
        "shareable": typed.shareable,
        "total": typed.total,
        "per_member": typed.per_member,
        "budget_fen": amount(typed.budget, "--budget") or 0,
        "hold_seconds": typed.hold_seconds,
    }
    benefit, allowed = BENEFITS[kind](typed), OPTIONS[kind]
    for option in ("amount", "off", "cap", "quantity", "uses"):
        if getattr(typed, option) is not None and option not in allowed:
            raise typer.BadParameter(
                f"{kind} takes {', '.join('--' + one for one in allowed)}", param_hint=f"--{option}"
            )
    return {"number": number, "name": name, "terms": terms, "benefit": {"kind": kind, **benefit}}


def _needed(value: int | None, option: str) -> int:
    if value is None:
        raise typer.BadParameter("needed for this kind", param_hint=option)
    return value


def _amount(typed: Limits) -> dict[str, object]:
    return {"amount_fen": _needed(amount(typed.amount, "--amount"), "--amount")}


def _rate(typed: Limits) -> dict[str, object]:
    return {"off_bp": _needed(_basis_points(typed.off), "--off"), "cap_fen": amount(typed.cap, "--cap")}


def _uses(typed: Limits) -> dict[str, object]:
    return {**_rate(typed), "uses": _needed(typed.uses, "--uses")}


def _covered(typed: Limits) -> dict[str, object]:
    if typed.amount is None and typed.quantity is None:
        raise typer.BadParameter("goods_off needs --amount or --quantity", param_hint="--amount")
    return {"up_to_fen": amount(typed.amount, "--amount"), "up_to_quantity": typed.quantity}


BENEFITS: dict[KindName, Callable[[Limits], dict[str, object]]] = {
    "money_off": _amount,
    "rate_off": _rate,
    "goods_off": _covered,
    "balance": _amount,
    "rate_uses": _uses,
}

OPTIONS: dict[KindName, tuple[str, ...]] = {
    "money_off": ("amount",),
    "rate_off": ("off", "cap"),
    "goods_off": ("amount", "quantity"),
    "balance": ("amount",),
    "rate_uses": ("off", "cap", "uses"),
}
"""Which options a kind takes."""


def _basis_points(percent: str | None) -> int | None:
    """ "15" → 1500, "12.5%" → 1250."""
    if percent is None:
        return None
    try:
        points = Decimal(percent.rstrip("%")) * 100
    except InvalidOperation:
        raise typer.BadParameter(f"not a percentage: {percent}", param_hint="--off") from None
    if not points.is_finite() or points != points.to_integral_value() or not 0 < points <= 10_000:
        raise typer.BadParameter(f"0.01 to 100 percent: {percent}", param_hint="--off")
    return int(points)


def _validity(typed: Limits) -> dict[str, object]:
    fixed = typed.first_day is not None or typed.last_day is not None
    if [typed.days is not None, typed.next_days is not None, fixed].count(True) != 1:
        raise typer.BadParameter("give one of --days, --next-days, or --from with --to", param_hint="--days")
    if typed.days is not None:
        return {"type": "from_receipt", "days": typed.days}
    if typed.next_days is not None:
        return {"type": "from_next_day", "days": typed.next_days}
    if typed.first_day is None or typed.last_day is None:
        raise typer.BadParameter("--from and --to go together", param_hint="--from")
    return {"type": "fixed", "first_day": typed.first_day, "last_day": typed.last_day}


def _goods(typed: Limits) -> dict[str, object]:
    if typed.goods and typed.categories:
        raise typer.BadParameter("give --goods or --category, not both", param_hint="--goods")
    if typed.goods:
        return {"mode": "listed", "values": typed.goods}
    return {"mode": "categories", "values": typed.categories} if typed.categories else {"mode": "all"}
