"""Who takes part: the merchant, its shops, cashiers and members, its goods, and the credentials of its callers."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Merchant(msgspec.Struct, kw_only=True):
    """商户、账套: owns everything else."""

    id: int
    name: str
    time_zone: str = "Asia/Shanghai"
    currency: str = "CNY"


class Shop(msgspec.Struct, kw_only=True):
    """门店"""

    id: int
    merchant_id: int
    number: str
    name: str
    address: str = ""
    work_state: str = ""


class Cashier(msgspec.Struct, kw_only=True):
    """收银员; with a `shop_id` when he works in one shop only."""

    id: int
    merchant_id: int
    name: str
    shop_id: int | None = None


class Member(msgspec.Struct, kw_only=True):
    """会员; `mobile` is personal data and never goes to a log."""

    id: int
    merchant_id: int
    name: str
    mobile: str = ""
    card_id: str = ""
    card_number: str = ""


class Item(msgspec.Struct, kw_only=True):
    """商品: one article that the merchant sells."""

    id: int
    merchant_id: int
    sku: str
    name: str
    category: str = ""


class Role(StrEnum):
    """What a key may do: read; till = look up, redeem and undo; admin = everything."""

    ADMIN = "admin"
    TILL = "till"
    READ = "read"


class Credential(msgspec.Struct, kw_only=True):
    """A caller of one door. `public_id` finds it: the hash of an API key, or the id a vendor's client sends.

    `sealed` holds the door's own secrets and settings, encrypted; empty for API keys, which are only hashed.
    """

    id: int
    merchant_id: int
    door: str
    public_id: str
    name: str
    role: Role = Role.READ
    sealed: bytes = b""
    revoked_at: int | None = None


def mask_mobile(mobile: str) -> str:
    """ "13222113311" → "132****3311": the only form that leaves through logs and lists."""
    return "*" * len(mobile) if len(mobile) < 11 else f"{mobile[:3]}****{mobile[-4:]}"
