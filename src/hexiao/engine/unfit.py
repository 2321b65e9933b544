"""What no database may be asked about: refused before anything is loaded, and so with the same words on every engine.

Knows nothing of coupons and bills; whether a sound command is right is decided later.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hexiao.domain.errors import Code
from hexiao.engine.commands import Answer, AnyCommand, Failed, Import, RedeemEach

ID_MAX = 2**63 - 1

_encode = msgspec.json.Encoder().encode


def refusals(commands: Sequence[AnyCommand]) -> dict[int, Answer]:
    """By their place among the commands, those that cannot be asked; hardly ever any."""
    odd_texts = _may_hold_odd_texts(commands)
    found = {}
    for place, command in enumerate(commands):
        reason = _reason(command) or ("odd_text" if odd_texts and _odd(command) else "")
        if reason:
            found[place] = Answer(Failed(code=Code.MALFORMED_REQUEST, facts={"reason": reason}))
    return found


def _reason(command: AnyCommand) -> str:
    match command:
        case RedeemEach():
            whole = command.merchant_id, command.request_id
            if any((item.merchant_id, item.request_id) != whole for item in command.items):
                return "foreign_item"
        case Import():
            ids = [i for item in command.coupons for i in (item.id, item.record_id, item.member_id) if i is not None]
            if ids and not (min(ids) > 0 and max(ids) <= ID_MAX):
                return "not_an_id"
    return ""


def _may_hold_odd_texts(commands: Sequence[AnyCommand]) -> bool:
    """One look at all of them together. PostgreSQL keeps no NUL in a text, and nobody keeps half a character."""
    try:
        return b"\\u0000" in _encode(commands)
    except UnicodeEncodeError:
        return True


def _odd(command: AnyCommand) -> bool:
    try:
        return _holds_nul(msgspec.json.decode(_encode(command)))
    except UnicodeEncodeError:
        return True


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(map(_holds_nul, value.values()))
        case list():
            return any(map(_holds_nul, value))
    return False
