"""The settings of one caller of the zvcms door, kept sealed beside its open id.

Refuses settings that no client could use: ids that clients escape in two ways, profiles that do not exist.
"""

from __future__ import annotations

import msgspec

from hexiao.domain.party import Credential
from hexiao.gateways.zvcms.signing import DEFAULT_PROFILES, PROFILES, is_valid_identifier
from hexiao.vault import Vault, place_of

DOOR = "zvcms"


class Account(msgspec.Struct, kw_only=True, frozen=True):
    """`open_key` is the secret of the signature. The switches are explained in docs/reference/zvcms.md."""

    open_key: str
    grant_code: str
    doc_literal: bool = False
    lenient_names: bool = False
    images: bool = False
    profiles: tuple[str, ...] = DEFAULT_PROFILES
    replay_check: bool = False

    def __post_init__(self) -> None:
        if not self.open_key:
            raise ValueError("open_key must not be empty")
        if not is_valid_identifier(self.grant_code):
            raise ValueError("grant_code must be letters, digits, _ and -")
        if not self.profiles or not set(self.profiles) <= set(PROFILES):
            raise ValueError(f"profiles must be some of {', '.join(PROFILES)}")


def seal_account(vault: Vault, open_id: str, account: Account) -> bytes:
    """What `Credential.sealed` holds. Raises ValueError for an open id that clients would escape in two ways."""
    if not is_valid_identifier(open_id):
        raise ValueError("the open id must be letters, digits, _ and -")
    return vault.seal(msgspec.json.encode(account), place_of(DOOR, open_id))


def open_account(vault: Vault, credential: Credential) -> Account:
    """Raises SealBroken when the master key is not the one that sealed it."""
    return msgspec.json.decode(vault.open(credential.sealed, place_of(DOOR, credential.public_id)), type=Account)
