"""One run of a command: its options, its database, its engine. Opens no more than is needed, and closes it all."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer

from hexiao import wiring
from hexiao.cli import show
from hexiao.cli.epilog import examples as examples
from hexiao.cli.exits import Declined, reporting
from hexiao.config import DEFAULT_DATABASE, Settings, load_settings
from hexiao.domain.errors import BadRequest, Code, Unavailable
from hexiao.domain.money import parse_yuan
from hexiao.domain.party import Merchant
from hexiao.domain.scheme import Scheme
from hexiao.engine.commands import AnyCommand, Failed, Single
from hexiao.engine.committer import Engine
from hexiao.storage.base import Cursor, Storage
from hexiao.web.paging import decode_cursor, encode_cursor, mark_of
from hexiao.web.wire import ID_MAX

T = TypeVar("T")
Wanted = TypeVar("Wanted", bound=Single)

ACTOR = "cli"
PAGE = 500
MERCHANT_MAX = 10**9

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="HEXIAO_DATABASE",
        metavar="URL",
        help=f"数据库 (default {DEFAULT_DATABASE})",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="供脚本使用的 JSON · plain JSON on stdout, for scripts")]
MerchantOption = Annotated[int, typer.Option("--merchant", min=1, max=MERCHANT_MAX, help="商户 · the merchant's id")]
RequestIdOption = Annotated[
    str | None,
    typer.Option(
        "--request-id", metavar="ID", help="请求号，重试时保持不变 · keep it across retries (made when left out)"
    ),
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="最多行数 · rows at most")]
CursorOption = Annotated[str | None, typer.Option("--cursor", help="上一页的 next_cursor · of the page before")]


class Session:
    """What a command works with. The merchant need not exist; whoever needs its zone finds out."""

    def __init__(self, settings: Settings, merchant_id: int, as_json: bool) -> None:
        self.settings = settings
        self.merchant_id = merchant_id
        self.as_json = as_json
        self._storage: Storage | None = None
        self._engine: Engine | None = None
        self._zone: ZoneInfo | None = None
        self._request_id = ""
        self._told_of_replays = False

    @property
    def storage(self) -> Storage:
        if self._storage is None:
            self._storage = wiring.open_storage(self.settings)
        return self._storage

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            self._engine = wiring.open_engine(self.settings)
        return self._engine

    @property
    def now(self) -> int:
        return wiring.system_clock()

    @property
    def zone(self) -> ZoneInfo:
        """Raises BadRequest(UNKNOWN_MERCHANT)."""
        if self._zone is None:
            self._zone = ZoneInfo(self.demand_merchant().time_zone)
        return self._zone

    def demand_merchant(self) -> Merchant:
        """The merchant of this run. Raises BadRequest(UNKNOWN_MERCHANT)."""
        merchant = self.storage.merchant(self.merchant_id)
        if merchant is None:
            raise BadRequest(Code.UNKNOWN_MERCHANT, merchant_id=str(self.merchant_id))
        return merchant

    def ask(self, command: AnyCommand, wanted: type[Wanted]) -> Wanted:
        """The engine's outcome. Raises Declined when it is a refusal."""
        try:
            answer = self.engine.call(command)
        except Unavailable:
            self.tell_request_id()
            raise
        outcome = answer.outcome
        if isinstance(outcome, Failed):
            merchant = self.storage.merchant(self.merchant_id)
            raise Declined(outcome, ZoneInfo(merchant.time_zone if merchant else "Asia/Shanghai"))
        assert isinstance(outcome, wanted), f"{type(command).__name__} was answered by {type(outcome).__name__}"
        if answer.replayed and not self.as_json and not self._told_of_replays:
            self._told_of_replays = True  # many thousands of coupons are many requests
            show.note("[dim]同一请求号，返回原来的答复 · same request id: this is the answer of the first time[/]")
        return outcome

    def request_id(self, given: str | None) -> str:
        """The caller's, or a new one; ours have a prefix of their own, as every caller's have."""
        self._request_id = given or secrets.token_hex(16)
        return f"{ACTOR}/{self._request_id}"

    def tell_request_id(self) -> None:
        """When it is not known how much was done: only the same id makes it safe to go on."""
        if self._request_id:
            show.note(f"重试请加 · to try again, or to go on: --request-id {show.escape(self._request_id)}")

    def scheme(self, name: str) -> Scheme:
        """By number, else by id. Raises BadRequest(UNKNOWN_SCHEME)."""
        found = self.storage.scheme_by_number(self.merchant_id, name)
        if found is None and name.isascii() and name.isdigit() and int(name) <= ID_MAX:
            found = self.storage.scheme(self.merchant_id, int(name))
        if found is None:
            raise BadRequest(Code.UNKNOWN_SCHEME, scheme=name)
        return found

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
        if self._storage is not None:
            self._storage.close()


@contextmanager
def session(database: str | None, merchant_id: int, as_json: bool) -> Iterator[Session]:
    """Errors on the way are told and become exit codes."""
    with reporting(as_json):
        opened = Session(load_settings(database=database), merchant_id, as_json)
        try:
            yield opened
        except (KeyboardInterrupt, OSError):  # Ctrl-C, or an answer that nobody can read
            opened.tell_request_id()
            raise
        finally:
            opened.close()


def shown_database(settings: Settings) -> str:
    """The database's URL without the user and the password in it, wherever it stands."""
    if not settings.on_postgres:
        return settings.database
    scheme, _, rest = settings.database.partition("://")
    place, mark, query = rest.partition("?")
    if "@" in query:  # either may be part of a password
        return f"{scheme}://…"
    return f"{scheme}://{place.rpartition('@')[2]}{mark}" + re.sub(r"(password=)[^&]*", r"\1…", query)


def collect(
    fetch: Callable[[Cursor | None, int], list[T]],
    place: Callable[[T], Cursor],
    cursor: str | None,
    limit: int,
    *of: object,
) -> tuple[list[T], str | None]:
    """Up to `limit` rows, page by page, and the cursor to go on with, None at the end.

    `of` is the name of the list, and its filters.
    """
    mark = mark_of("cli", of)
    after = decode_cursor(cursor, mark) if cursor else None
    rows: list[T] = []
    with show.progress("读取 reading", limit if limit > PAGE else None) as bar:
        while len(rows) <= limit:
            wanted = min(PAGE, limit + 1 - len(rows))
            page = fetch(after, wanted)
            rows += page
            bar.update(bar.task_ids[0], completed=len(rows))
            if len(page) < wanted:
                return rows, None
            after = place(page[-1])
    return rows[:limit], encode_cursor(place(rows[limit - 1]), mark)


def amount(text: str | None, name: str) -> int | None:
    """Yuan as typed → fen. Raises a usage error that names the option."""
    if text is None:
        return None
    try:
        fen = parse_yuan(text)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint=name) from None
    if fen <= 0:
        raise typer.BadParameter(f"must be more than 0: {text}", param_hint=name)
    return fen


def identity(text: str, name: str) -> int:
    """An id as typed. Raises a usage error that names the option."""
    if text.isascii() and text.isdigit() and 0 < int(text) <= ID_MAX:
        return int(text)
    raise typer.BadParameter(f"an id is a decimal number: {text!r}", param_hint=name)
