"""What a person sees: Rich tables on stdout, remarks and progress on stderr; and plain JSON for scripts.

JSON has the same names and forms as our API: ids are decimal strings, money is fen, instants are ISO 8601.
Rich is imported where it is used: a server that starts, or a script that wants JSON, does not wait for it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from json import dumps
from typing import TYPE_CHECKING, Any, TextIO
from zoneinfo import ZoneInfo

import msgspec

from hexiao.domain.assessment import Assessment
from hexiao.domain.coupon import Coupon, Face
from hexiao.domain.errors import local_time
from hexiao.domain.money import format_yuan
from hexiao.domain.redemption import State
from hexiao.domain.scheme import Kind

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

PIPE_WIDTH = 200

STATE_WORDS: dict[State, str] = {
    State.HELD: "[yellow]预核销中 held[/]",
    State.CAPTURED: "[green]已核销 captured[/]",
    State.RELEASED: "已取消 released",
    State.LAPSED: "已超时 lapsed",
    State.REVERSED: "[red]已撤销 reversed[/]",
}

FACE_WORDS: dict[Face, str] = {
    Face.USABLE: "[green]可用 usable[/]",
    Face.PENDING: "未到有效期 pending",
    Face.HELD: "[yellow]已预核销 held[/]",
    Face.USED: "已核销 used",
    Face.EXPIRED: "[red]已过期 expired[/]",
    Face.VOIDED: "[red]已作废 voided[/]",
}

KIND_WORDS: dict[Kind, str] = {
    Kind.MONEY_OFF: "代金券 money_off",
    Kind.RATE_OFF: "折扣券 rate_off",
    Kind.GOODS_OFF: "抵扣券 goods_off",
    Kind.BALANCE: "多次核销代金券 balance",
    Kind.RATE_USES: "多次核销折扣券 rate_uses",
}


def stdout() -> Console:
    from rich.console import Console

    # Made anew each time: what stdout is may change, and a pipe has no width to wrap at.
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True, width=None if sys.stderr.isatty() else PIPE_WIDTH, highlight=False)


@contextmanager
def _answering() -> Iterator[None]:
    """Raises OSError when the answer cannot be written: a pipe that nobody reads, a full disk."""
    try:
        yield
        sys.stdout.flush()
    except (OSError, SystemExit) as unheard:  # Rich ends the program when a pipe is closed
        _discard(sys.stdout)
        raise unheard if isinstance(unheard, OSError) else OSError(errno.EPIPE, os.strerror(errno.EPIPE)) from None


@contextmanager
def _remarking() -> Iterator[None]:
    """A remark that cannot be written changes nothing: the exit code says what there is to say."""
    try:
        yield
        sys.stderr.flush()
    except (OSError, SystemExit):
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """What still waits in the stream would fail once more when the program ends, and take its exit code."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def json(value: Any) -> None:
    """The only thing on stdout when --json is given."""
    try:
        plain(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    except UnicodeEncodeError:  # the name of a file that is no text
        plain(dumps(msgspec.to_builtins(value), indent=2))


def plain(text: str) -> None:
    """Text to be used as it is: codes, headers, commands."""
    with _answering():
        sys.stdout.write(text + "\n")


def _print(shown: str | Table) -> None:
    with _answering():
        stdout().print(shown)


def say(markup: str) -> None:
    _print(markup)


def note(markup: str) -> None:
    """A remark for a person; it never gets into a pipe."""
    with _remarking():
        stderr().print(markup)


def remark(text: str) -> None:
    """A note without markup: for who has no time for Rich."""
    with _remarking():
        sys.stderr.write(text + "\n")


def escape(text: str) -> str:
    """Text as markup that shows it as it is."""
    from rich.markup import escape

    return escape(text)


def complain(zh: str, en: str) -> None:
    with _remarking():
        stderr().print(f"[bold red]✗[/] {escape(zh)}\n  {escape(en)}", soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "") -> None:
    """Cells are markup; a column whose name ends in `>` stands at the right. `empty` is said when there is no row."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    found = list(rows)
    if not found and empty:
        say(f"{escape(title)}: {empty}")
        return
    shown = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        shown.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", overflow="fold")
    for row in found:
        shown.add_row(*row)
    _print(shown)


def fields(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """One thing with its fields; values are markup, and empty ones are left out."""
    from rich.table import Table

    shown = Table(title=escape(title), title_justify="left", box=None, show_header=False, pad_edge=False)
    shown.add_column(style="cyan", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            shown.add_row(name, value)
    _print(shown)


def verdicts(assessments: Iterable[Assessment], zone: ZoneInfo) -> None:
    """Every check of every coupon: what is not ok, and what else was looked at."""
    for one in assessments:
        rows = []
        for verdict in one.verdicts:
            zh, en = verdict.sentences(zone)
            mark = "[green]✓[/]" if verdict.ok else "[bold red]✗[/]"
            rows.append((mark, verdict.code.value, escape(zh), escape(en)))
        table(f"{one.code}", ("", "check", "说明", "in words"), rows)


def yuan(fen: int | None) -> str:
    return "" if fen is None else format_yuan(fen)


def when(at: int | None, zone: ZoneInfo) -> str:
    return "" if at is None else local_time(at, zone)


def watched() -> bool:
    """Whether a person sees the progress."""
    return sys.stderr.isatty()


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Progress]:
    """A bar on stderr, gone when done; without a terminal there is none. Advance `bar.task_ids[0]`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr(), transient=True, disable=not watched()) as bar:
        bar.add_task(what, total=total)
        yield bar


@contextmanager
def telling(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """tell(part, done, total) moves a bar."""
    with progress(what, None) as bar:

        def tell(part: str, done: int, total: int) -> None:
            bar.update(bar.task_ids[0], description=f"{what} {part}", completed=done, total=total)

        yield tell


def more(next_cursor: str | None) -> None:
    """How to see the rest of a list."""
    if next_cursor is not None:
        note(f"[dim]还有更多 · more: --cursor {next_cursor}[/]")


def left(coupon: Coupon) -> str:
    """What the holder still owns of it: yuan, uses, or nothing to count."""
    if coupon.left_fen is not None:
        return yuan(coupon.left_fen)
    return "" if coupon.uses_max is None else f"{coupon.uses_max - coupon.captured_uses}×"


def until(coupon: Coupon, zone: ZoneInfo) -> str:
    return when(coupon.valid_until_at, zone)


def value(name: str, found: Any) -> str:
    """A setting of a scheme as a person reads it; what does not limit anything is empty."""
    if not found or (isinstance(found, dict) and found.get("mode") == "all"):
        return ""
    if name.endswith("_fen"):
        return f"{format_yuan(found)} yuan"
    if name.endswith("_bp"):
        return f"{found / 100:g} %"
    if isinstance(found, dict):
        return ", ".join(f"{key} {' '.join(part) if isinstance(part, tuple) else part}" for key, part in found.items())
    return str(found)
