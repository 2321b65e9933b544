"""Schemes (优惠券方案): create, make a new version, pause and resume, get and list."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hexiao.domain.errors import Code
from hexiao.domain.scheme import Benefit, Scheme, Terms
from hexiao.engine.commands import CreateScheme, PauseScheme, ReviseScheme, SchemeSaved
from hexiao.storage.base import Cursor, Reader
from hexiao.storage.snapshot import Count
from hexiao.web.operation import Call, Empty, operation
from hexiao.web.paging import NextCursor, PageIn, page
from hexiao.web.parsing import check_bounds
from hexiao.web.render import show_scheme
from hexiao.web.views import SchemeOut
from hexiao.web.wire import Id, Name, Text, value_or_none


class SchemeIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`number` is how people and other systems know it; its kind stays with it for good."""

    number: Name
    name: Name
    benefit: Benefit
    terms: Terms
    description: Text = ""
    shown_in_list: bool = True
    shown_on_goods: bool = False
    id: Annotated[Id | None, msgspec.Meta(description="沿用旧系统的 ID · to keep an id of an older system")] = None


class SchemeVersionIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it was. `terms` and `benefit` are replaced whole."""

    name: Name | None = None
    benefit: Benefit | None = None
    terms: Terms | None = None
    description: Text | None = None


class SchemeQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which version; the latest when left out."""

    version: Annotated[int, msgspec.Meta(ge=1, le=10**9)] | None = None


class SchemesQuery(PageIn, kw_only=True, forbid_unknown_fields=True):
    """`number` leaves the one that has it, or none."""

    number: Name | None = None


class CountOut(msgspec.Struct, kw_only=True):
    """发放与核销统计 · what the scheme has given out, over all its versions."""

    issued: int
    captured_uses: Annotated[int, msgspec.Meta(description="已核销的次数 · uses that are captured")]
    held_fen: Annotated[int, msgspec.Meta(description="预核销中 · what is held now")]
    captured_fen: Annotated[int, msgspec.Meta(description="已核销减已撤销 · what was captured, less what was reversed")]


class SchemeDetail(SchemeOut, kw_only=True):
    """方案与统计 · a scheme with its counts."""

    count: CountOut


class SchemeListOut(msgspec.Struct, kw_only=True):
    """Latest versions, newest first."""

    schemes: list[SchemeOut]
    next_cursor: NextCursor


@operation(
    "POST", "/v1/schemes", zh="新建方案", en="Create a scheme",
    status=201, changes=True, codes=(Code.BAD_SCHEME, Code.NUMBER_TAKEN, Code.ID_TAKEN),
)  # fmt: skip
async def create(call: Call[SchemeIn, Empty]) -> SchemeOut:
    """Settings that cannot work, or that nobody could explain, are refused with the reason."""
    body = call.body
    check_bounds(body.terms, "$.terms")
    check_bounds(body.benefit, "$.benefit")
    command = CreateScheme(
        number=body.number,
        name=body.name,
        terms=body.terms,
        benefit=body.benefit,
        description=body.description,
        shown_in_list=body.shown_in_list,
        shown_on_goods=body.shown_on_goods,
        id=value_or_none(body.id),
        **call.envelope,
    )
    return show_scheme((await call.ask(command, SchemeSaved)).scheme)


@operation(
    "POST", "/v1/schemes/{scheme}/versions", zh="方案改版", en="Make a new version of a scheme",
    status=201, changes=True, missing=Code.UNKNOWN_SCHEME, codes=(Code.BAD_SCHEME,),
)  # fmt: skip
async def revise(call: Call[SchemeVersionIn, Empty]) -> SchemeOut:
    """Coupons that are already issued keep their version; new ones get this one. The kind cannot change."""
    body = call.body
    check_bounds(body.terms, "$.terms")
    check_bounds(body.benefit, "$.benefit")
    command = ReviseScheme(
        scheme_id=call.named_id(),
        name=body.name,
        terms=body.terms,
        benefit=body.benefit,
        description=body.description,
        **call.envelope,
    )
    return show_scheme((await call.ask(command, SchemeSaved)).scheme)


@operation(
    "POST", "/v1/schemes/{scheme}/pause", zh="暂停方案", en="Pause a scheme",
    changes=True, missing=Code.UNKNOWN_SCHEME,
)  # fmt: skip
async def pause(call: Call[Empty, Empty]) -> SchemeOut:
    """Its coupons are refused until it is resumed; none is issued. Holds that stand may still be captured."""
    return await _set_paused(call, True)


@operation(
    "POST", "/v1/schemes/{scheme}/resume", zh="恢复方案", en="Resume a paused scheme",
    changes=True, missing=Code.UNKNOWN_SCHEME,
)  # fmt: skip
async def resume(call: Call[Empty, Empty]) -> SchemeOut:
    """Its coupons work again."""
    return await _set_paused(call, False)


@operation("GET", "/v1/schemes/{scheme}", zh="查一个方案", en="Get a scheme", missing=Code.UNKNOWN_SCHEME)
async def get(call: Call[Empty, SchemeQuery]) -> SchemeDetail:
    """The latest version, or the one that `version` asks for, with the counts of all versions."""
    scheme_id = call.named_id()

    def find(reader: Reader) -> tuple[Scheme, Count] | None:
        scheme = reader.scheme(call.merchant_id, scheme_id, call.query.version)
        return None if scheme is None else (scheme, reader.scheme_count(scheme_id))

    found = await call.engine.read(find)
    if found is None:
        raise call.missing("" if call.query.version is None else f"?version={call.query.version}")
    scheme, count = found
    return SchemeDetail(
        **msgspec.structs.asdict(show_scheme(scheme)),
        count=CountOut(
            issued=count.issued,
            captured_uses=count.captured_uses,
            held_fen=count.held_fen,
            captured_fen=count.captured_fen,
        ),
    )


@operation("GET", "/v1/schemes", zh="方案列表", en="List schemes")
async def list_(call: Call[Empty, SchemesQuery]) -> SchemeListOut:
    """Latest versions, newest first. With `number`: that scheme alone."""
    number = call.query.number

    def find(reader: Reader, after: Cursor | None, limit: int) -> list[Scheme]:
        if number is None:
            return reader.schemes(call.merchant_id, after, limit)
        found = reader.scheme_by_number(call.merchant_id, number)
        return [] if found is None or after is not None else [found]

    rows, next_cursor = await page(call, find, _place)
    return SchemeListOut(schemes=[show_scheme(scheme) for scheme in rows], next_cursor=next_cursor)


async def _set_paused(call: Call[Empty, Empty], paused: bool) -> SchemeOut:
    command = PauseScheme(scheme_id=call.named_id(), paused=paused, **call.envelope)
    return show_scheme((await call.ask(command, SchemeSaved)).scheme)


def _place(scheme: Scheme) -> Cursor:
    return Cursor(scheme.created_at, scheme.id)


OPERATIONS = (create, revise, pause, resume, get, list_)
