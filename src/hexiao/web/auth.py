"""Who calls and what he may do: a Bearer key, looked up by its hash, and one table of roles by route.

A route that is not in the table cannot be built; there is no default.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import falcon.asgi

from hexiao.domain.errors import Code, NotAllowed
from hexiao.domain.party import Credential, Role
from hexiao.engine.committer import Engine

DOOR = "api"
KEY_MAX = 256
CHALLENGE = 'Bearer realm="hexiao"'

ADMIN = frozenset({Role.ADMIN})
TILL = frozenset({Role.ADMIN, Role.TILL})
OFFICE = frozenset({Role.ADMIN, Role.READ})
ALL = frozenset(Role)

ROLES: dict[tuple[str, str], frozenset[Role]] = {
    ("POST", "/v1/schemes"): ADMIN,
    ("GET", "/v1/schemes"): ALL,
    ("GET", "/v1/schemes/{scheme}"): ALL,
    ("POST", "/v1/schemes/{scheme}/versions"): ADMIN,
    ("POST", "/v1/schemes/{scheme}/pause"): ADMIN,
    ("POST", "/v1/schemes/{scheme}/resume"): ADMIN,
    ("POST", "/v1/coupons"): ADMIN,
    ("GET", "/v1/coupons"): OFFICE,  # a till sees the coupon in front of it, never all the codes
    ("POST", "/v1/coupons/batch"): ADMIN,
    ("POST", "/v1/coupons/import"): ADMIN,
    ("GET", "/v1/coupons/{code}"): ALL,
    ("POST", "/v1/coupons/{code}/void"): ADMIN,
    ("POST", "/v1/assessments"): ALL,
    ("POST", "/v1/redemptions"): TILL,
    ("GET", "/v1/redemptions"): ALL,
    ("POST", "/v1/redemptions/batch"): TILL,
    ("GET", "/v1/redemptions/{redemption_id}"): ALL,
    ("POST", "/v1/redemptions/{redemption_id}/capture"): TILL,
    ("POST", "/v1/redemptions/{redemption_id}/release"): TILL,
    ("POST", "/v1/redemptions/{redemption_id}/reverse"): TILL,
    ("POST", "/v1/members"): ADMIN,
    ("GET", "/v1/members"): OFFICE,
    ("GET", "/v1/members/{member_id}"): ALL,
    ("POST", "/v1/shops"): ADMIN,
    ("GET", "/v1/shops"): ALL,
    ("GET", "/v1/shops/{shop_id}"): ALL,
    ("POST", "/v1/cashiers"): ADMIN,
    ("GET", "/v1/cashiers"): ALL,
    ("GET", "/v1/cashiers/{cashier_id}"): ALL,
    ("POST", "/v1/goods"): ADMIN,
    ("GET", "/v1/goods"): ALL,
    ("GET", "/v1/goods/{sku}"): ALL,
}
"""Which roles may call which route."""


@lru_cache(1_024)  # a till shows the same key all day
def hash_key(key: str) -> str:
    """How a key is stored and found: its SHA-256, so that the database never holds a key."""
    return hashlib.sha256(key.encode()).hexdigest()


async def authenticate(req: falcon.asgi.Request, engine: Engine) -> Credential:
    """The caller. Raises NotAllowed(UNAUTHENTICATED) for a missing, malformed, unknown or revoked key."""
    scheme, _, key = (req.auth or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not 0 < len(key) <= KEY_MAX:
        raise NotAllowed(Code.UNAUTHENTICATED)
    caller = await engine.credential(DOOR, hash_key(key))
    if caller is None:
        raise NotAllowed(Code.UNAUTHENTICATED)
    return caller


def authorize(caller: Credential, roles: frozenset[Role]) -> None:
    """Raises NotAllowed(FORBIDDEN) when the caller's role is not among `roles`."""
    if caller.role not in roles:
        raise NotAllowed(Code.FORBIDDEN, role=caller.role.value)
