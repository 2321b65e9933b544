"""The app-token our stand-in hands out: a JWT of a day, signed HS256.

Time is an argument; nothing is remembered, so a token cannot be revoked here. It refuses every other algorithm
and keys shorter than the digest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

LIFETIME_SECONDS: Final = 86_400

_ALGORITHM: Final = "HS256"
_KEY_BYTES: Final = 32  # RFC 7518 §3.2: a key at least as long as the digest


class TokenInvalid(Exception):
    """Not a token of ours: malformed, forged, or signed with another key or algorithm."""


class TokenExpired(Exception):
    """A token of ours whose day is over; the client asks for a new one."""


class Claims(msgspec.Struct, frozen=True):
    """Who the token speaks for; the instants are UTC seconds, as in every JWT (Kingdee JDY v2 §2.2)."""

    account_id: str
    client_id: str
    uid: int
    issued_at_s: int
    expires_at_s: int


class _Ext(msgspec.Struct, rename="camel"):
    client_id: str
    uid: int


class _Payload(msgspec.Struct):
    ext: _Ext
    aid: str
    iat: int
    exp: int
    grp: str = ""  # its meaning is not public; clients treat the token as opaque


def mint(key: bytes, account_id: str, client_id: str, uid: int, now_s: int) -> str:
    """An app-token for one account set, good for 24 hours from `now_s` (Kingdee JDY v2 §2.2)."""
    payload = _Payload(ext=_Ext(client_id=client_id, uid=uid), aid=account_id, iat=now_s, exp=now_s + LIFETIME_SECONDS)
    # Not above: a server that starts does not wait for it.
    import jwt

    return jwt.encode(msgspec.to_builtins(payload), _long_enough(key), algorithm=_ALGORITHM)


def read(key: bytes, token: str, now_s: int) -> Claims:
    """The claims of a token of ours, or TokenInvalid, or from its `exp` on TokenExpired (Kingdee JDY v2 §2.2)."""
    claims = _verified(key, token)
    if claims.expires_at_s <= now_s:
        raise TokenExpired(f"the app-token expired at {claims.expires_at_s}, it is {now_s}")
    return claims


@lru_cache(1024)
def _verified(key: bytes, token: str) -> Claims:
    """A client shows the same token for a day; only good ones are remembered, which are short."""
    import jwt

    try:
        decoded = jwt.decode(
            token,
            _long_enough(key),
            algorithms=[_ALGORITHM],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},  # these read the clock
        )
        payload = msgspec.convert(decoded, _Payload)
    # Older PyJWT lets the RecursionError of a deeply nested header through.
    except (jwt.PyJWTError, msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise TokenInvalid("not an app-token of this gateway") from error
    return Claims(
        account_id=payload.aid,
        client_id=payload.ext.client_id,
        uid=payload.ext.uid,
        issued_at_s=payload.iat,
        expires_at_s=payload.exp,
    )


def _long_enough(key: bytes) -> bytes:
    if len(key) < _KEY_BYTES:
        raise ValueError(f"an app-token key needs at least {_KEY_BYTES} bytes, this one has {len(key)}")
    return key
