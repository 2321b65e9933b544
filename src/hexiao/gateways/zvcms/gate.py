"""What stands between a body and its action: members, open id, grant code, timestamp, token, replay, in this order.

Only reads; knows no action and no Params. The first thing that is wrong is the answer (Rejected).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

import msgspec

from hexiao.domain.party import Credential
from hexiao.engine.committer import Engine
from hexiao.gateways.zvcms.account import DOOR, Account, open_account
from hexiao.gateways.zvcms.errors import Fault, Rejected
from hexiao.gateways.zvcms.signing import is_valid_identifier, verify
from hexiao.logs import Log
from hexiao.vault import Vault

REPLAYS_REMEMBERED: Final = 65_536
OPEN_ID_MAX: Final = 64

MEMBERS: Final = ("OpenId", "GrantCode", "Token", "Timestamp", "Nonce", "Action", "Params")

_NOTHING: Final = (b"null", b'""')
_WHOLE_NUMBER: Final = re.compile(rb"[0-9]{1,64}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")

log = Log("hexiao.zvcms")

Members = dict[str, msgspec.Raw]
"""A JSON object whose values were not looked at yet: a number keeps the very digits it was printed with."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The common members as text, exactly as they were printed, and Params untouched."""

    open_id: str
    grant_code: str
    token: str
    timestamp: str
    nonce: str
    action: str
    params: msgspec.Raw


class Caller(msgspec.Struct, frozen=True):
    credential: Credential
    account: Account


def read_object(body: bytes) -> Members:
    """Raises Rejected unless the body is one JSON object in UTF-8. Of a member given twice the last one counts."""
    try:
        return msgspec.json.decode(body.decode("utf-8"), type=Members)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise Rejected(Fault.UNREADABLE) from None


def read_params(params: msgspec.Raw) -> Members:
    """Params as an object; an empty list is what PHP makes of no parameters."""
    try:
        sent = msgspec.json.decode(params, type=Members | list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        raise Rejected(Fault.PARAMETER_FORMAT, member="Params") from None
    if isinstance(sent, dict):
        return sent
    if sent:
        raise Rejected(Fault.PARAMETER_FORMAT, member="Params")
    return {}


def text_of(sent: msgspec.Raw, member: str) -> str:
    """A string as it is, a whole number as its decimal digits, however long; anything else is refused."""
    printed = bytes(sent)
    if printed.startswith(b'"'):
        return msgspec.json.decode(printed, type=str)
    if _WHOLE_NUMBER.fullmatch(printed):
        return printed.decode("ascii")
    raise Rejected(Fault.PARAMETER_FORMAT, member=member)


class Gate:
    """Lets a request through to its action, or says why not."""

    def __init__(self, engine: Engine, vault: Vault, window_seconds: int) -> None:
        self._engine = engine
        self._vault = vault
        self._window_seconds = window_seconds
        self._seen = Seen()

    async def open(self, sent: Members) -> Envelope:
        """The seven members, under their own names or, for an account that wants it, in lower camel case."""
        sent = await self._respelled(sent)
        for member in MEMBERS:
            if member not in sent or (member != "Params" and bytes(sent[member]) in _NOTHING):
                raise Rejected(Fault.MEMBER_MISSING, member=member)
        return Envelope(
            open_id=text_of(sent["OpenId"], "OpenId"),
            grant_code=text_of(sent["GrantCode"], "GrantCode"),
            token=text_of(sent["Token"], "Token"),
            timestamp=text_of(sent["Timestamp"], "Timestamp"),
            nonce=text_of(sent["Nonce"], "Nonce"),
            action=text_of(sent["Action"], "Action"),
            params=sent["Params"],
        )

    async def identify(self, envelope: Envelope) -> Caller:
        """Open id and grant code."""
        caller = await self._caller(envelope.open_id)
        if caller is None:
            raise Rejected(Fault.UNKNOWN_OPEN_ID)
        if not hmac.compare_digest(caller.account.grant_code.encode(), envelope.grant_code.encode()):
            raise Rejected(Fault.WRONG_GRANT_CODE)
        return caller

    def admit(self, envelope: Envelope, caller: Caller) -> None:
        """Timestamp, token and replay."""
        self._check_window(envelope.timestamp)
        account = caller.account
        profile = verify(
            account.open_key,
            envelope.token,
            envelope.open_id,
            envelope.grant_code,
            envelope.nonce,
            envelope.timestamp,
            envelope.action,
            account.profiles,
        )
        if profile is None:
            raise Rejected(Fault.WRONG_TOKEN)
        log.debug("token matched", caller=caller.credential.name, profile=profile)
        if account.replay_check and not self._seen.is_new(envelope):
            raise Rejected(Fault.REPLAYED)

    async def _respelled(self, sent: Members) -> Members:
        if all(member in sent for member in MEMBERS):
            return sent
        lowered = {member: sent.get(member, sent.get(_lower_camel(member))) for member in MEMBERS}
        open_id = lowered["OpenId"]
        if open_id is None or bytes(open_id) in _NOTHING:
            return sent
        caller = await self._caller(text_of(open_id, "OpenId"))
        if caller is None or not caller.account.lenient_names:
            return sent
        return {member: value for member, value in lowered.items() if value is not None}

    async def _caller(self, open_id: str) -> Caller | None:
        if len(open_id) > OPEN_ID_MAX or not is_valid_identifier(open_id):
            return None
        credential = await self._engine.credential(DOOR, open_id)
        return None if credential is None else Caller(credential, open_account(self._vault, credential))

    def _check_window(self, timestamp: str) -> None:
        window = self._window_seconds
        if not window:
            return
        now = self._engine.clock() // 1000
        if not _SECONDS.fullmatch(timestamp) or abs(now - int(timestamp)) > window:
            raise Rejected(Fault.OUTSIDE_WINDOW, window_seconds=window)


class Seen:
    """The latest requests that were let through, of this process only; the oldest is forgotten first."""

    def __init__(self, remembered: int = REPLAYS_REMEMBERED) -> None:
        self._remembered = remembered
        self._digests: dict[bytes, None] = {}

    def is_new(self, envelope: Envelope) -> bool:
        """Whether (open id, nonce, timestamp) was not seen before; from now on it was."""
        key = msgspec.json.encode((envelope.open_id, envelope.nonce, envelope.timestamp))
        digest = hashlib.sha256(key).digest()
        if digest in self._digests:
            return False
        self._digests[digest] = None
        if len(self._digests) > self._remembered:
            del self._digests[next(iter(self._digests))]
        return True


def _lower_camel(member: str) -> str:
    return member[0].lower() + member[1:]
