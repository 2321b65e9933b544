"""Members (会员): create or replace, get, list. Mobile numbers are masked for everybody but admin."""

from __future__ import annotations

import msgspec

from hexiao.domain.errors import Code
from hexiao.domain.party import Member
from hexiao.engine.commands import Put, Saved
from hexiao.storage.base import Cursor
from hexiao.storage.snapshot import Names
from hexiao.web.operation import Call, Empty, operation
from hexiao.web.paging import NextCursor, PageIn, page
from hexiao.web.render import show_member
from hexiao.web.views import MemberOut
from hexiao.web.wire import Id, Name, Text, value_or_none


class MemberIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """With the `id` of a member that exists, that member is replaced."""

    id: Id | None = None
    name: Name
    mobile: Text = ""
    card_id: Text = ""
    card_number: Text = ""


class MemberListOut(msgspec.Struct, kw_only=True):
    """In the order of their ids."""

    members: list[MemberOut]
    next_cursor: NextCursor


@operation(
    "POST",
    "/v1/members",
    zh="新建或替换会员",
    en="Create or replace a member",
    status=201,
    changes=True,
    codes=(Code.ID_TAKEN,),
)
async def put(call: Call[MemberIn, Empty]) -> MemberOut:
    """Give an `id` to replace a member, or to keep an id of an older system."""
    body = call.body
    member = Member(
        id=value_or_none(body.id) or 0,
        merchant_id=call.merchant_id,
        name=body.name,
        mobile=body.mobile,
        card_id=body.card_id,
        card_number=body.card_number,
    )
    member.id = (await call.ask(Put(record=member, **call.envelope), Saved)).id
    return show_member(member, mobiles=call.sees_mobiles)


@operation("GET", "/v1/members/{member_id}", zh="查一位会员", en="Get a member", missing=Code.UNKNOWN_MEMBER)
async def get(call: Call[Empty, Empty]) -> MemberOut:
    """One member by its id."""
    member_id = call.named_id()
    snapshot = await call.engine.read(lambda reader: reader.load(Names(members={member_id})))
    member = snapshot.members.get(member_id)
    if member is None or member.merchant_id != call.merchant_id:
        raise call.missing()
    return show_member(member, mobiles=call.sees_mobiles)


@operation("GET", "/v1/members", zh="会员列表", en="List members")
async def list_(call: Call[Empty, PageIn]) -> MemberListOut:
    """In the order of their ids. Not for tills."""
    rows, next_cursor = await page(
        call,
        lambda reader, after, limit: reader.members(call.merchant_id, after.id if after else 0, limit),
        lambda member: Cursor(0, member.id),
    )
    shown = [show_member(member, mobiles=call.sees_mobiles) for member in rows]
    return MemberListOut(members=shown, next_cursor=next_cursor)


OPERATIONS = (put, get, list_)
