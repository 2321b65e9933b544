"""What stands at the end of a `--help`: examples to type, and the exit codes. Imports nothing but the enum."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    REFUSED = 1
    USAGE = 2
    UNKNOWN = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "done · 成功",
    Exit.REFUSED: "refused, or an invariant is broken · 被拒绝，或不变量被破坏",
    Exit.USAGE: "wrong usage or a bad request · 用法或参数有误",
    Exit.UNKNOWN: "no such coupon, scheme, shop, member, redemption … · 没有这张券、这个方案……",
    Exit.UNAVAILABLE: "storage or server not available: try again · 数据库或服务暂不可用，可重试",
    Exit.INTERRUPTED: "interrupted by Ctrl-C: what was committed stays · 被 Ctrl-C 中断，已提交的保留",
}


def examples(*commands: str) -> str:
    """The epilog of a command: what to type, one a line."""
    # Only brackets: rich's `escape` would also double the backslash at the end of a line.
    return "[bold]例 Examples[/]\n" + "\n".join(f"  {command}".replace("[", "\\[") for command in commands)
