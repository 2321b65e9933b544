"""What every handler of /v1 is: a function from a Call to a reply, declared with its route.

The types of body, query and reply are read off the handler itself, so the description cannot disagree with the code.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypedDict, TypeVar, get_args, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.errors import Code, Fact
from hexiao.domain.party import Credential, Role
from hexiao.engine.commands import AnyCommand, Failed, Single
from hexiao.engine.commands import Each as EachOutcome
from hexiao.engine.committer import Engine
from hexiao.web.wire import parse_id

Body = TypeVar("Body", bound=msgspec.Struct)
Query = TypeVar("Query", bound=msgspec.Struct)
Wanted = TypeVar("Wanted", bound=Single | EachOutcome)


class Empty(msgspec.Struct, forbid_unknown_fields=True):
    """No body, or no query."""


class Envelope(TypedDict):
    """What every command says besides its content."""

    merchant_id: int
    request_id: str
    actor: str


class Declined(Exception):
    """The engine's answer is no. `status` is set where the path itself names what is missing."""

    def __init__(self, failed: Failed, zone: ZoneInfo | None, status: int | None = None, replayed: bool = False):
        super().__init__(failed.code.value)
        self.failed = failed
        self.zone = zone
        self.status = status
        self.replayed = replayed


class Zones:
    """The time zones of the merchants, read once in a while: sentences are told in local time."""

    KEEP_MS = 60_000

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[int, tuple[int, ZoneInfo]] = {}

    async def of(self, merchant_id: int) -> ZoneInfo:
        now = self._engine.clock()
        read_at, zone = self._known.get(merchant_id, (0, None))
        if zone is None or not 0 <= now - read_at < self.KEEP_MS:
            merchant = await self._engine.read(lambda reader: reader.merchant(merchant_id))
            zone = ZoneInfo(merchant.time_zone if merchant else "Asia/Shanghai")
            self._known[merchant_id] = (now, zone)
        return zone


class Call(msgspec.Struct, Generic[Body, Query]):
    """One request, after its sender was let in and its content was understood."""

    engine: Engine
    zones: Zones
    operation: Operation
    caller: Credential
    path: dict[str, str]
    body: Body
    query: Query
    request_id: str
    replayed: bool = False

    @property
    def merchant_id(self) -> int:
        return self.caller.merchant_id

    @property
    def sees_mobiles(self) -> bool:
        return self.caller.role is Role.ADMIN

    @property
    def envelope(self) -> Envelope:
        return Envelope(merchant_id=self.merchant_id, request_id=self.request_id, actor=self.caller.name)

    @property
    def named(self) -> str:
        """What the path names."""
        return self.path[self.operation.names]

    def named_id(self) -> int:
        """The id that the path names; what cannot be an id is not there."""
        try:
            return parse_id(self.named)
        except ValueError:
            raise self.missing() from None

    def missing(self, of_it: str = "") -> Declined:
        """404: what the path names does not exist, or that part `of_it`."""
        assert self.operation.missing is not None
        facts: dict[str, Fact] = {self.operation.names: self.named[:200] + of_it}
        return Declined(Failed(code=self.operation.missing, facts=facts), None, status=404)

    async def zone(self) -> ZoneInfo:
        return await self.zones.of(self.merchant_id)

    async def ask(self, command: AnyCommand, wanted: type[Wanted]) -> Wanted:
        """The engine's outcome. Raises Declined when it is a refusal."""
        answer = await self.engine.ask(command)
        self.replayed = answer.replayed
        outcome = answer.outcome
        if isinstance(outcome, Failed):
            # What the path names and is not there is 404; the same thing named by the body is 422.
            status = 404 if outcome.code is self.operation.missing else None
            raise Declined(outcome, await self.zone(), status, answer.replayed)
        assert isinstance(outcome, wanted), f"{type(command).__name__} was answered by {type(outcome).__name__}"
        return outcome


Handler = Callable[[Call[Any, Any]], Awaitable[msgspec.Struct]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A route with its handler and everything the description tells about it."""

    method: Literal["GET", "POST"]
    path: str
    zh: str
    en: str
    description: str
    handle: Handler
    body: type[msgspec.Struct]
    query: type[msgspec.Struct]
    reply: type[msgspec.Struct]
    status: int
    changes: bool
    missing: Code | None
    codes: tuple[Code, ...]

    @property
    def noun(self) -> str:
        return self.path.split("/")[2]

    @property
    def names(self) -> str:
        """The parameter of the path; empty when there is none."""
        _, _, rest = self.path.partition("{")
        return rest.partition("}")[0]


def operation(
    method: Literal["GET", "POST"],
    path: str,
    *,
    zh: str,
    en: str,
    status: int = 200,
    changes: bool = False,
    missing: Code | None = None,
    codes: tuple[Code, ...] = (),
) -> Callable[[Handler], Operation]:
    """Declare a handler. `changes`: it needs an Idempotency-Key. `missing`: the code for what the path names.

    `codes`: what this operation may be refused for, beyond what every operation may.
    """

    def declare(handle: Handler) -> Operation:
        hints = get_type_hints(handle)
        body, query = get_args(hints["call"])
        return Operation(
            method=method,
            path=path,
            zh=zh,
            en=en,
            description=inspect.getdoc(handle) or "",
            handle=handle,
            body=body,
            query=query,
            reply=hints["return"],
            status=status,
            changes=changes,
            missing=missing,
            codes=codes,
        )

    return declare
