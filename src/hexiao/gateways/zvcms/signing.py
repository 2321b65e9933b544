"""How a zvcms v2 request is signed and verified, in the three profiles that are possible for V2.

Pure functions of their arguments: no window for the timestamp, no replay check, no look-up of an open key.
Params are not signed by this protocol, so nothing here vouches for them.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

PROFILES: Final[Mapping[str, str]] = {
    "lower4": "grantCode={grant_code}&nonce={nonce}&openId={open_id}&timestamp={timestamp}",
    "caps4": "GrantCode={grant_code}&Nonce={nonce}&OpenId={open_id}&Timestamp={timestamp}",
    "caps5": "Action={action}&GrantCode={grant_code}&Nonce={nonce}&OpenId={open_id}&Timestamp={timestamp}",
}
"""Profile name → string to sign (zvcms v2 §2.2); only `lower4` is proved, and that for V3."""

DEFAULT_PROFILES: Final = ("lower4", "caps4")
"""What a server accepts unless told otherwise (zvcms v2 §2.2)."""

_IDENTIFIER: Final = re.compile(r"[0-9A-Za-z_-]+")


def is_valid_identifier(text: str) -> bool:
    """Whether `text` may be an open id or a grant code; clients disagree on escaping the rest (zvcms v2 §2.3)."""
    return _IDENTIFIER.fullmatch(text) is not None


def string_to_sign(profile: str, open_id: str, grant_code: str, nonce: str, timestamp: str, action: str) -> str:
    """The joined pairs, values exactly as printed in the body; only `caps5` holds the action (zvcms v2 §2.2)."""
    if profile not in PROFILES:
        raise ValueError(f"no sign profile {profile!r}; there are {', '.join(PROFILES)}")
    return PROFILES[profile].format(
        open_id=open_id, grant_code=grant_code, nonce=nonce, timestamp=timestamp, action=action
    )


def token(open_key: str, string: str) -> str:
    """base64 of the HMAC-SHA1, percent-encoded as it goes into the body (zvcms v2 §2.1)."""
    return quote(_base64_hmac(open_key, string), safe="")


def verify(
    open_key: str,
    sent_token: str,
    open_id: str,
    grant_code: str,
    nonce: str,
    timestamp: str,
    action: str,
    profiles: Iterable[str] = DEFAULT_PROFILES,
) -> str | None:
    """The first profile whose token was sent, or None (zvcms v2 §2.2, §2.3).

    The token is form-decoded once, whatever it looks like. Every allowed profile is compared every time.
    """
    sent = unquote_to_bytes(_octets(sent_token.replace("+", " ")))
    matching = [
        profile
        for profile in profiles
        if hmac.compare_digest(
            _base64_hmac(open_key, string_to_sign(profile, open_id, grant_code, nonce, timestamp, action)),
            sent,
        )
    ]
    return matching[0] if matching else None


def sign_body(
    open_id: str,
    grant_code: str,
    open_key: str,
    action: str,
    params: Mapping[str, object],
    nonce: str,
    timestamp: str,
    profile: str = "lower4",
) -> dict[str, object]:
    """The seven members of a request body (zvcms v2 §3)."""
    string = string_to_sign(profile, open_id, grant_code, nonce, timestamp, action)
    return {
        "OpenId": open_id,
        "GrantCode": grant_code,
        "Token": token(open_key, string),
        "Timestamp": timestamp,
        "Nonce": nonce,
        "Action": action,
        "Params": dict(params),
    }


def _base64_hmac(open_key: str, string: str) -> bytes:
    return b64encode(hmac.digest(_octets(open_key), _octets(string), "sha1"))


def _octets(text: str) -> bytes:
    # surrogatepass makes this total: JSON text may hold lone surrogates.
    return text.encode("utf-8", "surrogatepass")
