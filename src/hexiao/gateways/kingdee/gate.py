"""Who is calling: the gateway's checks in the vendor's order, and the app-token of business calls.

The order is part of the wire: clients and their support read the first code that applies. Nothing of the body is
looked at here, because nothing of it is signed.
"""

from __future__ import annotations

import hmac
from typing import Final

import falcon.asgi
import msgspec

from hexiao.domain.party import Credential
from hexiao.engine.committer import Engine
from hexiao.gateways.kingdee import signing, tokens
from hexiao.gateways.kingdee.account import (
    ACCOUNT_DOOR,
    APPLICATION_DOOR,
    AccountSet,
    Application,
    open_account_set,
    open_application,
)
from hexiao.gateways.kingdee.errors import (
    GatewayCode,
    gateway_refusal,
    key_refused,
    token_expired,
    token_invalid,
    token_missing,
)
from hexiao.vault import Vault, place_of

AUTH_VERSION: Final = "2.0"
PUBLIC_ID_MAX: Final = 64

_SIGNED_ALWAYS: Final = {signing.NONCE_HEADER.lower(), signing.TIMESTAMP_HEADER.lower()}


class Caller(msgspec.Struct, frozen=True):
    """An application whose signature was good."""

    client_id: str
    merchant_id: int
    application: Application


class Gate:
    """Checks requests against the credentials of the engine, which remembers them for seconds; keeps none itself."""

    def __init__(self, engine: Engine, vault: Vault, window_seconds: int) -> None:
        self._engine = engine
        self._vault = vault
        self._window_ms = window_seconds * 1000
        self._token_key = vault.derive("kingdee-token")
        self._nobody = _nobody(vault)

    async def admit(self, req: falcon.asgi.Request) -> Caller:
        """The caller behind the signature headers; raises Rejected with the first code that applies."""
        client_id = _header(req, "X-Api-ClientID")
        if not client_id:
            raise gateway_refusal(GatewayCode.CLIENT_ID_EMPTY)
        version = _header(req, "X-Api-Auth-Version")
        if version != AUTH_VERSION:
            raise gateway_refusal(GatewayCode.AUTH_TYPE_NOT_SUPPORTED, version)
        timestamp = _header(req, signing.TIMESTAMP_HEADER)
        at = signing.parse_timestamp(timestamp)
        if at is None or (self._window_ms and abs(self._engine.clock() - at) > self._window_ms):
            raise gateway_refusal(GatewayCode.TIMESTAMP_INVALID, timestamp)

        # Everything is worked out before anything is answered, so that a client id that does not exist takes as
        # long as a wrong signature.
        known = await self._credential(APPLICATION_DOOR, client_id)
        credential = known or self._nobody
        application = open_application(self._vault, credential)
        nonce = _header(req, signing.NONCE_HEADER)
        extra = _extra_signed_headers(req)
        form = signing.verify(
            application.client_secret,
            req.method,
            req.path,
            req.query_string,
            nonce,
            timestamp,
            extra,
            _header(req, "X-Api-Signature"),
        )
        if known is None:
            raise gateway_refusal(GatewayCode.CLIENT_ID_INVALID, client_id)
        if not nonce or extra is None:
            raise gateway_refusal(GatewayCode.SIGN_HEADERS_INVALID, _sign_headers(req))
        if form is None:
            raise gateway_refusal(GatewayCode.SIGNATURE_INVALID)
        return Caller(client_id, credential.merchant_id, application)

    async def mint_token(
        self, caller: Caller, app_key: str, app_signature: str, uid: int | None
    ) -> tuple[int, str, int]:
        """(uid, app-token, when it expires in UTC ms) for the account set of `app_key`; raises Rejected."""
        known = await self._credential(ACCOUNT_DOOR, app_key)
        account = None if known is None else open_account_set(self._vault, known)
        secret = self._token_key.hex() if account is None else account.app_secret
        expected = signing.app_signature(app_key, secret)
        good = hmac.compare_digest(expected.encode(), app_signature.encode())
        if known is None or account is None or not good or not _belongs(known, account, caller):
            raise key_refused()
        now_s = self._engine.clock() // 1000
        user = account.uid if uid is None else uid
        token = tokens.mint(self._token_key, account.account_id, caller.client_id, user, now_s)
        return user, token, (now_s + tokens.LIFETIME_SECONDS) * 1000

    async def check_token(self, caller: Caller, token: str | None) -> None:
        """Raises Rejected unless the token speaks for an account set that the caller may still use."""
        if not token:
            raise token_missing()
        try:
            claims = tokens.read(self._token_key, token, self._engine.clock() // 1000)
        except tokens.TokenExpired:
            raise token_expired() from None
        except tokens.TokenInvalid:
            raise token_invalid() from None
        if claims.client_id != caller.client_id or not await self._may_use(caller, claims.account_id):
            raise token_invalid()

    async def _may_use(self, caller: Caller, account_id: str) -> bool:
        """By what is remembered; else by what the database says now, for it may have been added since."""
        remembered = self._opened(await self._engine.credentials(caller.merchant_id, ACCOUNT_DOOR), caller)
        return any(account.account_id == account_id for _, account in remembered) or any(
            account.account_id == account_id for _, account in await self.account_sets(caller)
        )

    async def account_sets(self, caller: Caller) -> list[tuple[str, AccountSet]]:
        """(app key, settings) of every account set that authorised this application and was not revoked."""
        stored = await self._engine.read(lambda reader: reader.credentials(caller.merchant_id, ACCOUNT_DOOR))
        return self._opened(stored, caller)

    def _opened(self, stored: list[Credential], caller: Caller) -> list[tuple[str, AccountSet]]:
        opened = [(c, open_account_set(self._vault, c)) for c in stored if c.revoked_at is None]
        return [(c.public_id, account) for c, account in opened if _belongs(c, account, caller)]

    async def _credential(self, door: str, public_id: str) -> Credential | None:
        if len(public_id) > PUBLIC_ID_MAX:
            return None
        return await self._engine.credential(door, public_id)


def _belongs(credential: Credential, account: AccountSet, caller: Caller) -> bool:
    return account.client_id == caller.client_id and credential.merchant_id == caller.merchant_id


def _header(req: falcon.asgi.Request, name: str) -> str:
    return (req.get_header(name) or "").strip()


def _sign_headers(req: falcon.asgi.Request) -> str:
    """One page of the manual, and so some clients, leave out the last letter of the name."""
    return _header(req, "X-Api-SignHeaders") or _header(req, "X-Api-SignHeader")


def _extra_signed_headers(req: falcon.asgi.Request) -> dict[str, str] | None:
    """Further signed headers by the name the caller spelled; None when the list is not a good one."""
    names = [name.strip() for name in _sign_headers(req).split(",")]
    lowered = {name.lower() for name in names}
    if len(lowered) != len(names) or not lowered >= _SIGNED_ALWAYS:
        return None
    extra: dict[str, str] = {}
    for name in names:
        if name.lower() not in _SIGNED_ALWAYS:
            value = req.get_header(name) if name else None
            if value is None:
                return None
            extra[name] = value
    return extra


def _nobody(vault: Vault) -> Credential:
    """Stands in for a client id that does not exist; nobody knows its secret."""
    settings = Application(client_secret=vault.derive("kingdee-nobody").hex()[:32])
    sealed = vault.seal(msgspec.json.encode(settings), place_of(APPLICATION_DOOR, ""))
    return Credential(id=0, merchant_id=0, door=APPLICATION_DOOR, public_id="", name="", sealed=sealed)
