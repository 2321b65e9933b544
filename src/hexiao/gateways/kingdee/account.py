"""The secrets and settings this door keeps for a caller, as they lie sealed in its two credentials.

An Application is the client id that signs requests; an AccountSet (账套) is what one merchant authorised it for.
Neither is ever logged.
"""

from __future__ import annotations

import msgspec

from hexiao.domain.party import Credential
from hexiao.vault import Vault, place_of

APPLICATION_DOOR = "kingdee"
ACCOUNT_DOOR = "kingdee_account"

CIPHER_SECRET_BYTES = 32


class Application(msgspec.Struct, kw_only=True, frozen=True):
    """The credential found by client id. `client_secret` signs requests and enciphers mobile numbers."""

    client_secret: str
    encrypt_mobile: bool = True

    def __post_init__(self) -> None:
        if not self.client_secret:
            raise ValueError("client_secret must not be empty")
        if self.encrypt_mobile and len(self.client_secret.encode()) != CIPHER_SECRET_BYTES:
            raise ValueError(f"client_secret needs {CIPHER_SECRET_BYTES} bytes to encipher mobile numbers")


class AccountSet(msgspec.Struct, kw_only=True, frozen=True):
    """The credential found by app key. `client_id` says which application may ask for its token."""

    app_secret: str
    client_id: str
    outer_instance_id: str
    account_id: str
    account_name: str
    uid: int
    domain: str = "https://tf.jdy.com"

    def __post_init__(self) -> None:
        if not self.app_secret:
            raise ValueError("app_secret must not be empty")


def open_application(vault: Vault, credential: Credential) -> Application:
    plain = vault.open(credential.sealed, place_of(APPLICATION_DOOR, credential.public_id))
    return msgspec.json.decode(plain, type=Application)


def open_account_set(vault: Vault, credential: Credential) -> AccountSet:
    plain = vault.open(credential.sealed, place_of(ACCOUNT_DOOR, credential.public_id))
    return msgspec.json.decode(plain, type=AccountSet)
